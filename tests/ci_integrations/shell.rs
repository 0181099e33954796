//! `examples/ci/plan-and-apply.sh` and the hooks of Git, as they are started elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Test;
use crate::lab::{BEFORE, Lab, POLICY};
use crate::runner::ACTION;

pub(crate) const TESTS: &[Test] = tests![
    a_plan_in_one_job_is_applied_in_another,
    what_is_refused_leaves_no_plan_to_apply,
    the_git_hook_looks_at_what_is_committed,
    the_entry_of_the_pre_commit_hook,
];

/// A program of the repository or the machine, in a folder of the lab.
fn start(lab: &Lab, folder: &str, program: impl AsRef<Path>) -> Command {
    let iggyctl = Path::new(env!("CARGO_BIN_EXE_iggyctl")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(program.as_ref());
    command
        .current_dir(lab.sandbox().path().join(folder))
        .env_clear()
        .env("PATH", format!("{}:{path}", iggyctl.display()))
        .env("HOME", lab.sandbox().path().join("home"))
        .env("IGGY_CONNECTION_STRING", &lab.address);
    command
}

/// The exit code and both outputs.
fn ended(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

fn example(name: &str) -> PathBuf {
    Path::new(ACTION).join("examples/ci").join(name)
}

fn a_plan_in_one_job_is_applied_in_another() {
    let lab = Lab::new();
    let job = |argument: &str| ended(start(&lab, ".", example("plan-and-apply.sh")).arg(argument));
    let (code, log) = job("plan");
    assert_eq!(code, 2, "{log}");
    assert!(log.contains("+ topic/orders/new"), "{log}");
    let comment = std::fs::read_to_string(lab.sandbox().path().join("plan.md")).unwrap();
    assert!(comment.starts_with("<!-- iggyctl plan: shop/"), "{comment}");
    assert!(lab.sandbox().path().join("plan.html").is_file());
    let (code, log) = job("apply");
    assert_eq!(code, 0, "{log}");
    assert!(lab.is_as_declared());
    assert_eq!(job("apply").0, 4, "it was applied already");
    assert_eq!(job("plan").0, 0, "nothing is pending");
    assert_eq!(job("aply").0, 64);
}

fn what_is_refused_leaves_no_plan_to_apply() {
    let lab = Lab::new();
    let script = example("plan-and-apply.sh");
    assert_eq!(ended(start(&lab, ".", &script).arg("plan")).0, 2);
    // The plan of before must not be applied in the place of the one that was refused.
    lab.sandbox().write("rules/partitions.yaml", POLICY);
    lab.sandbox()
        .write("manifests/shop.yaml", lab.with("wide", 64));
    let mut refused = start(&lab, ".", &script);
    refused
        .env("POLICIES", "rules")
        .env("MANIFESTS", "manifests");
    let (code, log) = ended(refused.arg("plan"));
    assert_eq!(code, 3, "{log}");
    let (code, log) = ended(start(&lab, ".", &script).arg("apply"));
    assert_eq!(code, 65, "{log}");
}

fn the_git_hook_looks_at_what_is_committed() {
    let lab = Lab::new();
    let folder = lab.repository("work", &[]);
    let folder = Path::new(folder.strip_prefix("file://").unwrap());
    let git = |arguments: &[&str]| ended(start(&lab, "work", "git").args(arguments));
    std::fs::create_dir_all(folder.join(".git/hooks")).unwrap();
    std::fs::copy(example("pre-commit"), folder.join(".git/hooks/pre-commit")).unwrap();
    let wrong = BEFORE.replace("partitions: 4", "partitions: many");

    lab.sandbox().write("work/topology/shop.yaml", &wrong);
    assert_eq!(git(&["add", "-A"]).0, 0);
    let (code, log) = git(&["commit", "-m", "many"]);
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("--> topology/shop.yaml:8:"), "{log}");
    lab.sandbox().write("work/topology/shop.yaml", BEFORE);
    let (code, log) = git(&["commit", "-m", "what is staged is still wrong"]);
    assert_eq!(code, 1, "{log}");
    assert_eq!(git(&["add", "-A"]).0, 0);
    lab.sandbox().write("work/topology/shop.yaml", &wrong);
    let (code, log) = git(&["commit", "-m", "what is staged is good"]);
    assert_eq!(code, 0, "{log}");
    lab.sandbox().write("work/other", "");
    assert_eq!(git(&["add", "other"]).0, 0);
    let (code, log) = git(&["commit", "-m", "no manifest"]);
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("Valid"), "{log}");
}

/// What pre-commit would start, without it.
fn the_entry_of_the_pre_commit_hook() {
    let lab = Lab::new();
    let hooks = std::fs::read_to_string(format!("{ACTION}/.pre-commit-hooks.yaml")).unwrap();
    let hooks: Vec<serde_json::Value> = serde_saphyr::from_str(&hooks).unwrap();
    let [hook] = &hooks[..] else {
        panic!("one hook")
    };
    assert_eq!(hook["id"], "iggyctl-validate");
    assert_eq!(hook["pass_filenames"], false);
    let entry: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').collect();
    let arguments = hook["args"].as_array().unwrap().iter();
    let arguments: Vec<&str> = arguments.map(|it| it.as_str().unwrap()).collect();
    let run = || {
        let mut command = start(&lab, ".", entry[0]);
        command.args(&entry[1..]).args(&arguments);
        ended(command.env_remove("IGGY_CONNECTION_STRING"))
    };
    let (code, log) = run();
    assert_eq!(code, 0, "{log}");
    lab.declare("kind: IggyTopology\n");
    let (code, log) = run();
    assert_eq!(code, 65, "{log}");
}

/// With the real one, where it is.
pub(crate) fn pre_commit_runs_the_hook(pre_commit: &Path) {
    let lab = Lab::new();
    let hooks = lab.repository("hooks", &[".pre-commit-hooks.yaml"]);
    lab.repository("work", &[]);
    let config = std::fs::read_to_string(example("pre-commit-config.yaml")).unwrap();
    let config = config.replace("https://github.com/iggyctl/iggyctl", &hooks);
    assert!(config.contains(&hooks), "{config}");
    lab.sandbox().write("work/.pre-commit-config.yaml", config);
    lab.sandbox().write("work/policies/partitions.yaml", POLICY);
    let in_work =
        |program: &Path, arguments: &[&str]| ended(start(&lab, "work", program).args(arguments));
    let hook = |manifest: &str| {
        lab.sandbox().write("work/topology/shop.yaml", manifest);
        assert_eq!(in_work(Path::new("git"), &["add", "-A"]).0, 0);
        in_work(pre_commit, &["run"])
    };
    let (code, log) = hook(BEFORE);
    assert_eq!(code, 0, "{log}");
    assert!(
        log.contains("iggyctl validate") && log.contains("Passed"),
        "{log}"
    );
    let (code, log) = hook(&lab.with("wide", 64));
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("more than 8 partitions"), "{log}");
    let (code, log) = hook(&BEFORE.replace("partitions: 4", "partitions: many"));
    assert_eq!(code, 1, "{log}");
    let tried = ["try-repo", &hooks, "iggyctl-validate", "--all-files"];
    let (code, log) = in_work(pre_commit, &tried);
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("topology/shop.yaml:8:"), "{log}");
}
