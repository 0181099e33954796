//! `examples/ci/github-workflow.yml`: what its steps give to the action.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::Test;
use crate::lab::{BEFORE, Lab, POLICY};
use crate::runner::{ACTION, Ended, pull_request, push};

pub(crate) const TESTS: &[Test] = tests![
    the_workflow_reviews_and_applies,
    the_workflow_names_this_version_of_the_action,
];

#[derive(Deserialize)]
struct File {
    jobs: BTreeMap<String, Job>,
    permissions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Job {
    steps: Vec<Step>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Step {
    uses: String,
    #[serde(default)]
    with: BTreeMap<String, Value>,
}

impl File {
    fn read() -> Self {
        let path = format!("{ACTION}/examples/ci/github-workflow.yml");
        serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Runs the step of a job that uses the action.
    fn run(&self, job: &str, lab: &Lab, event: &Value) -> Ended {
        let job = &self.jobs[job];
        let mut steps = job.steps.iter();
        let step = steps
            .find(|step| step.uses.starts_with("iggyctl/"))
            .unwrap();
        let inputs: Vec<(&str, &str)> = step
            .with
            .iter()
            .map(|(name, value)| (&**name, value.as_str().unwrap()))
            .collect();
        // The runner gives an address to every job; without `env:` there is none.
        let mut workflow = lab.workflow(event);
        if job.env.is_empty() {
            workflow = workflow.variable("IGGY_CONNECTION_STRING", "");
        }
        workflow.run(&inputs)
    }
}

fn the_workflow_reviews_and_applies() {
    let file = File::read();
    assert_eq!(file.permissions["pull-requests"], "write");
    let lab = Lab::new();
    lab.sandbox().write("policies/partitions.yaml", POLICY);
    let event = pull_request("One more topic", "one-more");
    let planned = file.run("plan", &lab, &event);
    assert_eq!(planned.code, 0, "{}", planned.log);
    assert_eq!(lab.platform.comments().len(), 1);
    let validated = file.run("validate", &lab, &event);
    assert_eq!(validated.code, 0, "{}", validated.log);
    // Merged: the artifact is the file of the run for main, in the same place.
    let planned = file.run("plan", &lab, &push());
    assert_eq!(planned.outputs["has-changes"], "true", "{}", planned.log);
    let applied = file.run("apply", &lab, &push());
    assert_eq!(applied.code, 0, "{}", applied.log);
    assert!(lab.is_as_declared());
    // A plan of the pull request that breaks a rule ends there.
    lab.declare(&lab.with("wide", 64));
    let refused = file.run("plan", &lab, &event);
    assert_eq!(refused.code, 3, "{}", refused.log);
    lab.declare(BEFORE);
    assert_eq!(
        file.run("plan", &lab, &push()).outputs["has-changes"],
        "false"
    );
}

fn the_workflow_names_this_version_of_the_action() {
    let expected = format!("iggyctl/iggyctl@v{}", env!("CARGO_PKG_VERSION"));
    for (name, job) in File::read().jobs {
        let mut used = job.steps.iter().map(|step| &*step.uses);
        assert!(
            used.any(|it| it == expected),
            "{name} does not use {expected}"
        );
        for step in &job.steps {
            let is_ours = step.uses.starts_with("iggyctl/");
            assert!(!is_ours || step.uses == expected, "{}", step.uses);
        }
    }
}
