//! `examples/ci/gitlab-ci.yml`: the lines of its jobs, in one shell each, as GitLab runs them.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::Test;
use crate::lab::{BEFORE, Lab, POLICY};
use crate::platform::TOKEN;
use crate::runner::ACTION;

pub(crate) const TESTS: &[Test] = tests![
    a_merge_request_has_one_note_and_the_plan_of_main_is_applied,
    what_is_blocked_fails_after_the_note,
    a_project_without_a_token_has_no_notes,
    gitlab_builds_iggyctl_where_there_is_none,
];

const ROBOT: &str = "project_42_bot";
const NOTES: &str = "/api/v4/projects/42/merge_requests/7/notes";

/// A pipeline in a project whose folder is that of the lab.
struct Pipeline<'a> {
    lab: &'a Lab,
    variables: BTreeMap<String, String>,
}

/// The exit code of a job and what it printed.
type Job = (i32, String);

impl<'a> Pipeline<'a> {
    /// Of the default branch.
    fn of_main(lab: &'a Lab) -> Self {
        lab.platform.user(ROBOT);
        lab.sandbox().write("policies/partitions.yaml", POLICY);
        let source = lab.repository("iggyctl", &["ci/comment.py"]);
        let folder = lab.sandbox().path().display().to_string();
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_iggyctl"));
        let path = std::env::var("PATH").unwrap();
        let variables = [
            ("CI", "true"),
            ("GITLAB_CI", "true"),
            ("CI_API_V4_URL", &lab.platform.gitlab()),
            ("CI_COMMIT_BRANCH", "main"),
            ("CI_COMMIT_SHA", "6dcb09b5b57875f334f61aebed695e2e4193db5e"),
            ("CI_DEFAULT_BRANCH", "main"),
            (
                "CI_PIPELINE_URL",
                "https://gitlab.example/acme/topology/-/pipelines/4711",
            ),
            ("CI_PROJECT_DIR", &folder),
            ("CI_PROJECT_ID", "42"),
            ("HOME", &format!("{folder}/home")),
            ("IGGYCTL_COMMENT_TOKEN", TOKEN),
            ("IGGY_CONNECTION_STRING", &lab.address),
            (
                "PATH",
                &format!("{path}:{}", program.parent().unwrap().display()),
            ),
        ];
        let mut pipeline = Self {
            lab,
            variables: BTreeMap::new(),
        };
        for (name, value) in file()["variables"].as_object().unwrap() {
            pipeline.set(name, value.as_str().unwrap());
        }
        for (name, value) in variables {
            pipeline.set(name, value);
        }
        pipeline.set("IGGYCTL_REPOSITORY", &source);
        pipeline
    }

    /// Of a merge request whose author means harm.
    fn of_a_merge_request(lab: &'a Lab) -> Self {
        let harm = "$(touch harmed)`touch harmed`";
        let mut pipeline = Self::of_main(lab);
        pipeline.variables.remove("CI_COMMIT_BRANCH");
        pipeline.set("CI_MERGE_REQUEST_IID", "7");
        pipeline.set("CI_MERGE_REQUEST_PROJECT_ID", "42");
        for name in ["TITLE", "DESCRIPTION", "SOURCE_BRANCH_NAME", "LABELS"] {
            pipeline.set(&format!("CI_MERGE_REQUEST_{name}"), harm);
        }
        pipeline
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Runs the lines of a job.
    fn run(&self, job: &str) -> Job {
        let file = file();
        let job = &file[job];
        let template = &file[job["extends"].as_str().unwrap()];
        let lines = |value: &Value| -> Vec<String> {
            let lines = value.as_array().unwrap().iter();
            lines
                .map(|line| line.as_str().unwrap().to_owned())
                .collect()
        };
        let script = [lines(&template["before_script"]), lines(&job["script"])].concat();
        let output = Command::new("bash")
            .args(["-eo", "pipefail", "-c"])
            .arg(format!("exec 2>&1\n{}", script.join("\n")))
            .current_dir(self.lab.sandbox().path())
            .env_clear()
            .envs(&self.variables)
            .output()
            .unwrap();
        assert!(!self.lab.sandbox().path().join("harmed").exists());
        let log = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), log)
    }
}

fn file() -> Value {
    let path = format!("{ACTION}/examples/ci/gitlab-ci.yml");
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn a_merge_request_has_one_note_and_the_plan_of_main_is_applied() {
    let lab = Lab::new();
    for talk in ["Nice.", "Really?", "Yes."] {
        lab.platform.comment("mona", talk);
    }
    let (code, log) = Pipeline::of_a_merge_request(&lab).run("plan");
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("+ topic/orders/new"), "{log}");
    let note = lab.platform.comment_of(ROBOT);
    assert!(note.contains("topic/orders/new"), "{note}");
    assert!(
        note.contains("[this run](https://gitlab.example/"),
        "{note}"
    );
    lab.declare(&lab.with("other", 2));
    let (code, log) = Pipeline::of_a_merge_request(&lab).run("plan");
    assert_eq!(code, 0, "{log}");
    assert!(
        lab.platform
            .comment_of(ROBOT)
            .contains("topic/orders/other")
    );
    let writes = [format!("POST {NOTES}"), format!("PUT {NOTES}/1003")];
    assert_eq!(lab.platform.writes(), writes);
    for artifact in file()["plan"]["artifacts"]["paths"].as_array().unwrap() {
        let path = lab.sandbox().path().join(artifact.as_str().unwrap());
        assert!(path.is_file(), "{} is missing", path.display());
    }

    let (code, log) = Pipeline::of_main(&lab).run("plan");
    assert_eq!(code, 0, "{log}");
    assert_eq!(lab.platform.writes().len(), 2, "main has no merge request");
    let (code, log) = Pipeline::of_main(&lab).run("apply");
    assert_eq!(code, 0, "{log}");
    assert!(lab.is_as_declared());
    let (code, log) = Pipeline::of_main(&lab).run("apply");
    assert_eq!(code, 4, "{log}");
    let (code, log) = Pipeline::of_main(&lab).run("plan");
    assert_eq!(code, 0, "nothing is pending: {log}");
}

fn what_is_blocked_fails_after_the_note() {
    let lab = Lab::new();
    lab.declare(&BEFORE.replace("256MiB", "512MiB"));
    let (code, log) = Pipeline::of_a_merge_request(&lab).run("plan");
    assert_eq!(code, 3, "{log}");
    assert!(lab.platform.comment_of(ROBOT).contains("segmentSize"));
    lab.declare(&lab.with("wide", 64));
    let (code, log) = Pipeline::of_a_merge_request(&lab).run("plan");
    assert_eq!(code, 3, "{log}");
    assert!(
        lab.platform
            .comment_of(ROBOT)
            .contains("more than 8 partitions")
    );
}

fn a_project_without_a_token_has_no_notes() {
    let lab = Lab::new();
    let mut pipeline = Pipeline::of_a_merge_request(&lab);
    pipeline.set("IGGYCTL_COMMENT_TOKEN", "");
    let (code, log) = pipeline.run("plan");
    assert_eq!(code, 0, "{log}");
    // One that may only read is said, and the plan is as good.
    lab.platform.refuse_writes(403);
    let (code, log) = Pipeline::of_a_merge_request(&lab).run("plan");
    assert_eq!(code, 0, "{log}");
    assert!(
        log.contains("warning: no comment, since the token may not write one"),
        "{log}"
    );
    assert!(lab.platform.comments().is_empty());
}

fn gitlab_builds_iggyctl_where_there_is_none() {
    let lab = Lab::new();
    let path = lab.path_with_cargo();
    for _ in 0..2 {
        let mut pipeline = Pipeline::of_main(&lab);
        pipeline.set("PATH", &path);
        let (code, log) = pipeline.run("plan");
        assert_eq!(code, 0, "{log}");
    }
    let asked = "cargo install --locked --path .iggyctl/source --bin iggyctl --root .iggyctl\n";
    assert_eq!(lab.asked_of_cargo(), asked);
}
