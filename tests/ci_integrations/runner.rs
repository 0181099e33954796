//! A runner of GitHub Actions, as far as `action.yml` needs one: its steps in order, with the
//! files and variables that GitHub gives.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::platform::{Platform, TOKEN};
use crate::sandbox::Sandbox;

/// The root of the repository: what GitHub checks out for a workflow that uses the action.
pub(crate) const ACTION: &str = env!("CARGO_MANIFEST_DIR");

/// `action.yml`. Whatever else may be in one is refused: this runner would not do it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be refused when it is not as expected")]
pub(crate) struct Action {
    name: String,
    description: String,
    author: String,
    branding: Value,
    pub(crate) inputs: BTreeMap<String, Input>,
    pub(crate) outputs: BTreeMap<String, Output>,
    pub(crate) runs: Runs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    pub(crate) description: String,
    pub(crate) default: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    pub(crate) description: String,
    pub(crate) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runs {
    using: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) name: String,
    id: Option<String>,
    shell: String,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) run: String,
}

impl Action {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(Path::new(ACTION).join("action.yml")).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    }
}

/// One run of a workflow: what GitHub knows of it.
pub(crate) struct Workflow<'a> {
    sandbox: &'a Sandbox,
    variables: BTreeMap<String, String>,
    path: String,
    token: String,
}

/// How the action ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Of the last step that ran.
    pub(crate) code: i32,
    /// What the runner reads: both streams.
    pub(crate) log: String,
    pub(crate) summary: String,
    pub(crate) outputs: BTreeMap<String, String>,
}

impl<'a> Workflow<'a> {
    /// Of an event, whose platform has comments.
    pub(crate) fn of(sandbox: &'a Sandbox, platform: &Platform, event: &Value) -> Self {
        sandbox.write("event.json", event.to_string());
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let folder = sandbox.path().display().to_string();
        fs::create_dir_all(sandbox.path().join("runner")).unwrap();
        let variables = BTreeMap::from([
            text("CI", "true"),
            text("GITHUB_ACTIONS", "true"),
            text("GITHUB_ACTION_PATH", ACTION),
            text("GITHUB_API_URL", &platform.github()),
            text("GITHUB_EVENT_PATH", &format!("{folder}/event.json")),
            text("GITHUB_REPOSITORY", "acme/topology"),
            text("GITHUB_RUN_ID", "4711"),
            text("GITHUB_SERVER_URL", "https://github.example"),
            text("GITHUB_WORKSPACE", &folder),
            text("HOME", &format!("{folder}/home")),
            text("RUNNER_TEMP", &format!("{folder}/runner")),
        ]);
        let program = Path::new(env!("CARGO_BIN_EXE_iggyctl")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        Self {
            sandbox,
            variables,
            path: format!("{}:{path}", program.display()),
            token: TOKEN.to_owned(),
        }
    }

    /// Sets a variable, as `env:` of the step that uses the action does.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Programs are looked for only there.
    pub(crate) fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Runs the action with these inputs.
    pub(crate) fn run(&self, inputs: &[(&str, &str)]) -> Ended {
        let action = Action::read();
        assert_eq!(action.runs.using, "composite");
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, input) in &action.inputs {
            let value = self.resolve(&input.default, &values, &BTreeMap::new());
            values.insert(name.clone(), value);
        }
        for (name, value) in inputs {
            let known = values.insert((*name).to_owned(), (*value).to_owned());
            assert!(known.is_some(), "the action has no input {name}");
        }
        let mut outputs = BTreeMap::new();
        let mut path = self.path.clone();
        let mut ended = Ended {
            code: 0,
            log: String::new(),
            summary: String::new(),
            outputs: BTreeMap::new(),
        };
        for (number, step) in action.runs.steps.iter().enumerate() {
            assert_eq!(step.shell, "bash");
            let files = self.sandbox.path().join(format!("runner/step-{number}"));
            fs::create_dir_all(&files).unwrap();
            let file = |name: &str| -> PathBuf {
                let path = files.join(name);
                fs::write(&path, "").unwrap();
                path
            };
            let (output, summary, added) = (file("output"), file("summary"), file("path"));
            let script = files.join("script.sh");
            fs::write(&script, &step.run).unwrap();
            let log = file("log");
            let both = fs::File::create(&log).unwrap();
            let mut command = Command::new("bash");
            command
                .args(["--noprofile", "--norc", "-eo", "pipefail"])
                .arg(&script)
                .current_dir(self.sandbox.path())
                .env_clear()
                .envs(&self.variables)
                .env("PATH", &path)
                .env("GITHUB_OUTPUT", &output)
                .env("GITHUB_STEP_SUMMARY", &summary)
                .env("GITHUB_PATH", &added)
                .stdin(Stdio::null())
                .stdout(both.try_clone().unwrap())
                .stderr(both);
            for (name, value) in &step.env {
                command.env(name, self.resolve(value, &values, &outputs));
            }
            ended.code = command.status().unwrap().code().unwrap_or(-1);
            ended.log += &fs::read_to_string(&log).unwrap();
            ended.summary += &fs::read_to_string(&summary).unwrap();
            for line in fs::read_to_string(&output).unwrap().lines() {
                let (name, value) = line.split_once('=').expect("an output");
                let id = step.id.as_deref().expect("a step with outputs has an id");
                outputs.insert(format!("{id}.{name}"), value.to_owned());
            }
            for line in fs::read_to_string(&added).unwrap().lines() {
                path = format!("{line}:{path}");
            }
            if ended.code != 0 {
                break;
            }
        }
        for (name, output) in &action.outputs {
            let value = self.resolve(&output.value, &values, &outputs);
            ended.outputs.insert(name.clone(), value);
        }
        ended
    }

    /// The forms of expressions that the action uses, each of which is a whole value.
    fn resolve(
        &self,
        text: &str,
        inputs: &BTreeMap<String, String>,
        outputs: &BTreeMap<String, String>,
    ) -> String {
        let Some(expression) = text
            .strip_prefix("${{ ")
            .and_then(|it| it.strip_suffix(" }}"))
        else {
            assert!(!text.contains("${{"), "an expression within a text: {text}");
            return text.to_owned();
        };
        match expression.split('.').collect::<Vec<_>>()[..] {
            ["github", "token"] => self.token.clone(),
            ["inputs", name] => inputs
                .get(name)
                .unwrap_or_else(|| panic!("no input {name}"))
                .clone(),
            // GitHub makes an empty text of an output that a step did not set.
            ["steps", id, "outputs", name] => outputs
                .get(&format!("{id}.{name}"))
                .cloned()
                .unwrap_or_default(),
            _ => panic!("an expression that this runner does not know: {expression}"),
        }
    }
}

/// What GitHub writes to `GITHUB_EVENT_PATH` when somebody pushes to a pull request.
pub(crate) fn pull_request(title: &str, branch: &str) -> Value {
    let repository = json!({
        "id": 1296269,
        "full_name": "acme/topology",
        "private": true,
        "fork": false,
        "default_branch": "main",
    });
    json!({
        "action": "synchronize",
        "number": 7,
        "pull_request": {
            "id": 1,
            "number": 7,
            "state": "open",
            "title": title,
            "body": title,
            "user": { "login": "mona", "id": 2, "type": "User" },
            "head": {
                "label": format!("acme:{branch}"),
                "ref": branch,
                "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
                "repo": repository,
            },
            "base": {
                "label": "acme:main",
                "ref": "main",
                "sha": "c2d7ba6c1b6d4d8ecba4d2c4e5d6e1e1a4f2a5b0",
                "repo": repository,
            },
            "draft": false,
            "author_association": "CONTRIBUTOR",
        },
        "repository": repository,
        "sender": { "login": "mona", "id": 2, "type": "User" },
    })
}

/// What it writes when somebody pushes to a branch.
pub(crate) fn push() -> Value {
    json!({
        "ref": "refs/heads/main",
        "before": "c2d7ba6c1b6d4d8ecba4d2c4e5d6e1e1a4f2a5b0",
        "after": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
        "head_commit": { "id": "6dcb09b5b57875f334f61aebed695e2e4193db5e", "message": "$(touch harmed)" },
        "repository": { "full_name": "acme/topology", "default_branch": "main" },
        "sender": { "login": "mona" },
    })
}
