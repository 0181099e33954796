//! `action.yml` and its scripts.

use crate::Test;
use crate::lab::{BEFORE, Lab, POLICY};
use crate::runner::{ACTION, Action, pull_request, push};

pub(crate) const TESTS: &[Test] = tests![
    a_pull_request_has_one_comment,
    comments_of_others_are_left_alone,
    a_token_that_may_not_write_is_a_warning,
    a_platform_that_fails_is_an_error,
    what_an_event_says_is_never_run,
    what_is_blocked_fails_after_the_comment,
    what_a_policy_refuses_has_a_comment_and_no_plan,
    what_is_not_valid_is_annotated,
    a_server_that_is_not_there,
    the_plan_that_was_saved_is_applied_or_nothing,
    apply_without_a_saved_plan,
    validate_and_smoke,
    drift_is_in_the_summary_and_fails_the_job,
    inputs_that_mean_nothing,
    iggyctl_is_found_or_built_once,
    action_yml_holds_together,
];

const BOT: &str = "github-actions[bot]";

fn a_pull_request_has_one_comment() {
    let lab = Lab::new();
    for talk in ["Nice.", "Is this `<!-- iggyctl plan: shop/x -->`?", "Yes."] {
        lab.platform.comment("mona", talk);
    }
    let event = pull_request("One more topic", "one-more");
    let first = lab.workflow(&event).run(&[("plan-file", "shop.plan")]);
    assert_eq!(first.code, 0, "{}", first.log);
    assert_eq!(first.outputs["exit-code"], "2");
    assert_eq!(first.outputs["has-changes"], "true");
    assert_eq!(
        lab.platform.writes(),
        ["POST /api/v3/repos/acme/topology/issues/7/comments"]
    );
    let comment = lab.platform.comment_of(BOT);
    assert!(comment.starts_with("<!-- iggyctl plan: shop/"), "{comment}");
    assert!(comment.contains("topic/orders/new"), "{comment}");
    let of = "<sub>6dcb09b5b578 · [this run](https://github.example/acme/topology/actions/runs/4711)</sub>";
    assert!(comment.contains(of), "{comment}");
    // What the log has for people, as annotations and as the summary is the same plan.
    assert!(first.log.contains("+ topic/orders/new"), "{}", first.log);
    assert!(
        first.log.contains("\n::notice title=iggyctl plan::"),
        "{}",
        first.log
    );
    assert_eq!(first.summary, comment.split("\n<sub>").next().unwrap());
    let report = std::fs::read_to_string(&first.outputs["markdown-file"]).unwrap();
    assert_eq!(report, first.summary);

    lab.declare(&lab.with("other", 2));
    let second = lab.workflow(&event).run(&[]);
    assert_eq!(second.code, 0, "{}", second.log);
    assert_eq!(
        lab.platform.writes()[1..],
        ["PATCH /api/v3/repos/acme/topology/issues/comments/1003"]
    );
    let comment = lab.platform.comment_of(BOT);
    assert!(comment.contains("topic/orders/other"), "{comment}");
    assert!(!comment.contains("topic/orders/new"), "{comment}");

    lab.declare(BEFORE);
    let third = lab.workflow(&event).run(&[]);
    assert_eq!((third.code, &*third.outputs["has-changes"]), (0, "false"));
    assert_eq!(lab.platform.comments().len(), 4);
    // With `comment: false`, and for a push, there is nothing to write.
    let quiet = lab.workflow(&event).run(&[("comment", "false")]);
    let pushed = lab.workflow(&push()).run(&[]);
    assert_eq!((quiet.code, pushed.code), (0, 0));
    assert!(
        pushed.log.contains("this run belongs to no request"),
        "{}",
        pushed.log
    );
    assert_eq!(lab.platform.writes().len(), 3);
}

fn comments_of_others_are_left_alone() {
    let lab = Lab::new();
    let event = pull_request("One more topic", "one-more");
    let planned = lab.workflow(&event).run(&[("comment", "false")]);
    let marker = planned.summary.lines().next().unwrap();
    let forged = format!("{marker}\nNothing will change, trust me.");
    lab.platform.comment("mallory", &forged);
    for _ in 0..2 {
        assert_eq!(lab.workflow(&event).run(&[]).code, 0);
    }
    // A token of somebody's own says who it is.
    lab.platform.user("release-robot");
    for _ in 0..2 {
        assert_eq!(lab.workflow(&event).run(&[]).code, 0);
    }
    assert_eq!(lab.platform.comment_of("mallory"), forged);
    for own in [BOT, "release-robot"] {
        assert!(lab.platform.comment_of(own).starts_with(marker));
    }
    let methods = lab.platform.writes();
    let methods = methods.iter().map(|write| write.split_once(' ').unwrap().0);
    assert_eq!(
        methods.collect::<Vec<_>>(),
        ["POST", "PATCH", "POST", "PATCH"]
    );
    // The token of another app does not: its name is an input.
    let named = [("comment-author", "mallory")];
    assert_eq!(lab.workflow(&event).run(&named).code, 0);
    assert_ne!(lab.platform.comment_of("mallory"), forged);
}

fn a_token_that_may_not_write_is_a_warning() {
    let lab = Lab::new();
    lab.platform.refuse_writes(403);
    let event = pull_request("From a fork", "fork");
    let ended = lab.workflow(&event).run(&[]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let warning = "::warning title=iggyctl::no comment, since the token may not write one: ";
    assert!(ended.log.contains(warning), "{}", ended.log);
    assert!(!ended.log.contains("Traceback"), "{}", ended.log);
    assert!(lab.platform.comments().is_empty());
    assert!(
        ended.summary.contains("topic/orders/new"),
        "the summary has the plan"
    );
}

fn a_platform_that_fails_is_an_error() {
    let lab = Lab::new();
    lab.platform.refuse_writes(500);
    let event = pull_request("One more topic", "one-more");
    let ended = lab.workflow(&event).run(&[]);
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(
        ended
            .log
            .contains("::error title=iggyctl::no comment: POST "),
        "{}",
        ended.log
    );
    // A comment whose answer is lost may be there, so it is not written again.
    assert_eq!(lab.platform.writes().len(), 1);
}

fn what_an_event_says_is_never_run() {
    let harm = "a`touch harmed`$(touch harmed);touch${IFS}harmed\n::error::harmed\n";
    for event in [pull_request(harm, harm), push()] {
        let lab = Lab::new();
        let plan = [
            (
                "args",
                "--set=x=$(touch harmed)\n--only=topic/orders/`touch harmed`",
            ),
            ("plan-file", "$(touch harmed)"),
        ];
        let workflow = lab
            .workflow(&event)
            .variable("GITHUB_HEAD_REF", harm)
            .variable("GITHUB_REF_NAME", harm);
        let ended = workflow.run(&plan);
        assert_ne!(ended.code, 0, "no such topic: {}", ended.log);
        let ended = workflow.run(&[]);
        assert_eq!(ended.code, 0, "{}", ended.log);
        assert!(!lab.sandbox().path().join("harmed").exists());
        assert!(!ended.log.contains("harmed"), "{}", ended.log);
        for comment in lab.platform.comments() {
            assert!(!comment.body.contains("harmed"), "{}", comment.body);
        }
    }
}

fn what_is_blocked_fails_after_the_comment() {
    let lab = Lab::new();
    lab.declare(&BEFORE.replace("256MiB", "512MiB"));
    let event = pull_request("Larger segments", "segments");
    let ended = lab.workflow(&event).run(&[]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert_eq!(ended.outputs["exit-code"], "3");
    assert!(lab.platform.comment_of(BOT).contains("segmentSize"));
    let error = "\n::error file=topology/shop.yaml,line=8,col=19,";
    assert!(ended.log.contains(error), "{}", ended.log);
    assert!(
        ended
            .log
            .contains("::error title=iggyctl::iggyctl plan ended with exit code 3\n")
    );
}

fn what_a_policy_refuses_has_a_comment_and_no_plan() {
    let lab = Lab::new();
    lab.sandbox().write("policies/partitions.yaml", POLICY);
    lab.declare(&lab.with("wide", 64));
    let event = pull_request("A wide topic", "wide");
    let inputs = [("policy", "policies\n"), ("plan-file", "wide.plan")];
    let ended = lab.workflow(&event).run(&inputs);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(
        lab.platform
            .comment_of(BOT)
            .contains("more than 8 partitions")
    );
    assert!(
        ended
            .log
            .contains("\n::error file=topology/shop.yaml,line=9,"),
        "{}",
        ended.log
    );
    assert_eq!(ended.outputs["plan-file"], "");
    assert!(!lab.sandbox().path().join("wide.plan").exists());
}

fn what_is_not_valid_is_annotated() {
    let lab = Lab::new();
    let wrong = BEFORE.replace("partitions: 4", "partitions: many");
    lab.sandbox().write("infra, iggy/topology/shop.yaml", wrong);
    let event = pull_request("Many", "many");
    let inputs = [("working-directory", "infra, iggy")];
    let ended = lab.workflow(&event).run(&inputs);
    assert_eq!(ended.code, 65, "{}", ended.log);
    let error = "\n::error file=infra%2C iggy/topology/shop.yaml,line=8,";
    assert!(ended.log.contains(error), "{}", ended.log);
    assert!(
        ended
            .summary
            .starts_with("### iggyctl plan: exit code 65\n\n    error"),
        "{}",
        ended.summary
    );
    assert!(
        lab.platform.comments().is_empty(),
        "there is nothing to show"
    );
    let validated = lab
        .workflow(&event)
        .run(&[inputs[0], ("command", "validate")]);
    assert_eq!(validated.code, 65, "{}", validated.log);
    assert!(validated.log.contains(error), "{}", validated.log);
}

fn a_server_that_is_not_there() {
    let mut lab = Lab::new();
    lab.served.stop();
    let event = pull_request("One more topic", "one-more");
    for command in ["plan", "apply"] {
        let ended = lab.workflow(&event).run(&[("command", command)]);
        assert_eq!(ended.code, 69, "{}", ended.log);
        assert!(ended.summary.contains("    error: "), "{}", ended.summary);
        assert_eq!(ended.outputs["exit-code"], "69");
        assert_eq!(ended.outputs["has-changes"], "false");
        assert_eq!(ended.outputs["plan-file"], "");
    }
    assert!(lab.platform.writes().is_empty());
}

fn the_plan_that_was_saved_is_applied_or_nothing() {
    let lab = Lab::new();
    let saved = lab.workflow(&push()).run(&[("plan-file", "shop.plan")]);
    assert_eq!(saved.code, 0, "{}", saved.log);
    let plan_file = &*saved.outputs["plan-file"];
    assert!(plan_file.ends_with("/shop.plan"), "{plan_file}");
    // What the manifests say meanwhile is of no importance.
    lab.declare(&lab.with("later", 1));
    let apply = [
        ("command", "apply"),
        ("plan-file", plan_file),
        ("policy", "none"),
    ];
    let applied = lab.workflow(&push()).run(&apply);
    assert_eq!(applied.code, 0, "{}", applied.log);
    assert_eq!(applied.outputs["has-changes"], "true");
    assert!(
        applied.summary.starts_with("<!-- iggyctl apply: "),
        "{}",
        applied.summary
    );
    lab.declare(&lab.with("new", 1));
    assert!(lab.is_as_declared());
    let again = lab.workflow(&push()).run(&apply);
    assert_eq!(
        (again.code, &*again.outputs["exit-code"]),
        (4, "4"),
        "{}",
        again.log
    );
    assert!(again.log.contains("the plan is stale"), "{}", again.log);
}

fn apply_without_a_saved_plan() {
    let lab = Lab::new();
    let apply = [("command", "apply"), ("files", "topology/shop.yaml\n\n")];
    let applied = lab.workflow(&push()).run(&apply);
    assert_eq!(applied.code, 0, "{}", applied.log);
    assert!(lab.is_as_declared());
    assert!(applied.log.contains("::stop-commands::"), "{}", applied.log);
    let again = lab.workflow(&push()).run(&apply);
    assert_eq!((again.code, &*again.outputs["has-changes"]), (0, "false"));
}

fn validate_and_smoke() {
    let lab = Lab::new();
    lab.sandbox().write("policies/partitions.yaml", POLICY);
    let validated = lab
        .workflow(&push())
        .variable("IGGY_CONNECTION_STRING", "")
        .run(&[("command", "validate"), ("policy", "policies")]);
    assert_eq!(validated.code, 0, "{}", validated.log);
    assert!(
        validated.log.contains("Valid: 1 stream, 2 topics"),
        "{}",
        validated.log
    );
    assert!(
        validated
            .log
            .contains("\n::notice title=iggyctl validate::Valid: "),
        "{}",
        validated.log
    );
    lab.declare(&lab.with("wide", 64));
    let refused = lab
        .workflow(&push())
        .run(&[("command", "validate"), ("policy", "policies")]);
    assert_eq!(refused.code, 3, "{}", refused.log);
    let smoke = [
        ("command", "smoke"),
        ("files", ""),
        ("args", "--scenario=basic"),
    ];
    let smoke = lab.workflow(&push()).run(&smoke);
    assert_eq!(smoke.code, 0, "{}", smoke.log);
    assert!(smoke.summary.contains("basic"), "{}", smoke.summary);
}

fn drift_is_in_the_summary_and_fails_the_job() {
    let lab = Lab::new();
    let drift = [("command", "drift")];
    let differs = lab.workflow(&push()).run(&drift);
    assert_eq!(differs.code, 2, "{}", differs.log);
    assert_eq!(differs.outputs["has-changes"], "true");
    assert!(
        differs.summary.contains("topic/orders/new"),
        "{}",
        differs.summary
    );
    lab.declare(BEFORE);
    let same = lab.workflow(&push()).run(&drift);
    assert_eq!((same.code, &*same.outputs["has-changes"]), (0, "false"));
    assert!(lab.platform.writes().is_empty());
}

fn inputs_that_mean_nothing() {
    let lab = Lab::new();
    for inputs in [
        [("command", "destroy")],
        [("command", "plan; touch harmed")],
        [("plan-file", "a\nb")],
        [("iggyctl", "no-such-program")],
        [("args", "--no-such-option")],
    ] {
        let ended = lab.workflow(&push()).run(&inputs);
        assert_eq!(ended.code, 64, "{inputs:?}: {}", ended.log);
        assert!(
            ended.log.contains("::error title=iggyctl::"),
            "{}",
            ended.log
        );
    }
    assert!(!lab.sandbox().path().join("harmed").exists());
}

fn iggyctl_is_found_or_built_once() {
    let lab = Lab::new();
    let program = env!("CARGO_BIN_EXE_iggyctl");
    let inputs = [("command", "validate"), ("install-root", "cached")];
    let path = lab.path_with_cargo();
    for _ in 0..2 {
        let ended = lab.workflow(&push()).path(&path).run(&inputs);
        assert_eq!(ended.code, 0, "{}", ended.log);
        assert!(ended.outputs["iggyctl"].ends_with("/cached/bin/iggyctl"));
    }
    let asked = format!("cargo install --locked --path {ACTION} --bin iggyctl --root cached\n");
    assert_eq!(lab.asked_of_cargo(), asked);
    let given = lab
        .workflow(&push())
        .path(&path)
        .run(&[inputs[0], ("iggyctl", program)]);
    assert_eq!(given.code, 0, "{}", given.log);
    assert_eq!(given.outputs["iggyctl"], program);
}

/// What the other tests could not notice.
fn action_yml_holds_together() {
    let action = Action::read();
    let used: Vec<&str> = action
        .runs
        .steps
        .iter()
        .flat_map(|step| step.env.values())
        .map(String::as_str)
        .collect();
    for (name, input) in &action.inputs {
        assert!(!input.description.is_empty());
        let expression = format!("${{{{ inputs.{name} }}}}");
        assert!(used.contains(&&*expression), "{name} is not used");
    }
    let documentation =
        std::fs::read_to_string(format!("{ACTION}/docs/ci-integrations.md")).unwrap();
    for name in action.inputs.keys().chain(action.outputs.keys()) {
        assert!(
            documentation.contains(&format!("| `{name}` |")),
            "{name} is not documented"
        );
    }
    for output in action.outputs.values() {
        assert!(!output.description.is_empty());
    }
    for step in &action.runs.steps {
        assert!(
            !step.run.contains("${{"),
            "{}: text of a workflow in a script",
            step.name
        );
    }
}
