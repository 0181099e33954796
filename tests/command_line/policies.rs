//! Policies from the command line: they refuse, before anything is done, and
//! nobody switches those of a context off.

use iggyctl_core::api::v1alpha1::PolicyKind;
use iggyctl_core::policy::{FUNCTIONS, Field, change_fields, fields_of, project_fields};
use iggyctl_embedded::EmbeddedServer;

use crate::sandbox::Sandbox;
use crate::served::Served;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics:
        - name: events
          partitions: 3
        - name: audit
          messageExpiry: 7d
";

fn policy(rules: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyPolicy\nmetadata: {{ name: team }}\nspec:\n  rules:\n{rules}"
    )
}

const BOUNDED: &str = "    - name: bounded
      match: { kinds: [topic] }
      expression: has(resource.messageExpiry)
      message: it has no end
      fix: declare messageExpiry
";

const NEW_TOPICS: &str = "    - name: new-topics
      match: { kinds: [change, topic], verbs: [create] }
      expression: \"'messageExpiry' in change.attributes\"
      messageExpression: \"'created with ' + change.changed.join(' and ')\"
      severity: warn
";

struct Lab {
    served: Served,
}

impl Lab {
    fn new(rules: &str) -> Self {
        let served = Served::start(EmbeddedServer::builder(), Sandbox::new());
        served.sandbox.write("topology.yaml", TOPOLOGY);
        served.sandbox.write("policies/team.yaml", policy(rules));
        Self { served }
    }

    fn run(&self, arguments: &[&str]) -> crate::sandbox::Run {
        self.served
            .run(&[arguments, &["-f", "topology.yaml"]].concat())
    }

    /// What the server has, as seen without policies.
    fn is_empty(&self) -> bool {
        let run = self.served.run(&["get", "streams", "-o", "json"]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        !run.stdout.contains("orders")
    }
}

#[test]
fn a_policy_refuses_and_nothing_is_done() {
    let lab = Lab::new(&[BOUNDED, NEW_TOPICS].concat());
    let policies = ["--policy", "policies"];
    let run = lab.run(&[&["plan"], &policies[..]].concat());
    insta::assert_snapshot!("plan", run.transcript());
    assert_eq!(run.code, 3);
    assert_eq!(lab.run(&["plan"]).code, 0);
    for refused in [
        &["plan", "--skip-blocked"][..],
        &["plan", "--detailed-exitcode"],
        &["diff"],
        &["apply", "--yes"],
        &["apply", "--yes", "--skip-blocked"],
        &["apply", "--yes", "-o", "json"],
    ] {
        let run = lab.run(&[refused, &policies[..]].concat());
        assert_eq!(run.code, 3, "{}", run.transcript());
    }
    assert!(lab.is_empty());
    let run = lab.run(&[&["apply", "--yes"], &policies[..]].concat());
    insta::assert_snapshot!("apply", run.stderr);
    // What is left out is not looked at, since it is not done.
    let only = ["apply", "--yes", "--only", "topic/orders/audit"];
    let run = lab.run(&[&only, &policies[..]].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(!lab.is_empty());
}

#[test]
fn a_refusal_is_in_the_json() {
    let lab = Lab::new(BOUNDED);
    let run = lab.run(&["plan", "-o", "json", "--policy", "policies/team.yaml"]);
    assert_eq!(run.code, 3);
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let finding = &plan["findings"].as_array().unwrap().iter();
    let finding = finding
        .clone()
        .find(|finding| finding["code"] == "policy/team/bounded")
        .unwrap();
    assert_eq!(
        *finding,
        serde_json::json!({
            "code": "policy/team/bounded",
            "severity": "error",
            "address": "topic/orders/events",
            "message": "it has no end",
            "fix": "declare messageExpiry",
            "origin": { "file": "topology.yaml", "line": 8, "column": 17 },
        })
    );
    let run = lab.run(&["apply", "--yes", "-o", "json", "--policy", "policies"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let steps = report["steps"].as_array().unwrap();
    assert!(!steps.is_empty());
    assert!(steps.iter().all(|step| step["status"] == "notAttempted"));
}

/// What is removed, by pruning or as a whole, is a change like any other.
#[test]
fn what_is_removed_is_held_to_policies() {
    let lab = Lab::new(
        "    - name: only-empty-topics-go
      match: { kinds: [change, stream, topic], verbs: [delete] }
      expression: has(change.messages) && change.messages == 0
      messageExpression: \"'it holds ' + string(change.messages)\"
",
    );
    let sandbox = &lab.served.sandbox;
    sandbox.write(
        "topology.yaml",
        TOPOLOGY.replace("spec:", "spec:\n  owns: { streams: [orders] }"),
    );
    let run = lab.run(&["apply", "--yes", "--policy", "policies"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let server = lab.served.address();
    let produce = ["produce", "orders/events", "--server", &server];
    let sent = sandbox.run_with_input(&produce, "one\n");
    assert_eq!(sent.code, 0, "{}", sent.transcript());
    let everything = ["destroy", "--yes", "--allow-destroy", "stream/orders"];
    let number = ["--expect-removals", "3"];
    let run = lab.run(&[&everything[..], &number, &["--policy", "policies"]].concat());
    assert_eq!(run.code, 3, "{}", run.transcript());
    assert!(run.stdout.contains("it holds 1"), "{}", run.transcript());
    assert!(!lab.is_empty());
    let run = lab.run(&[&everything[..], &number].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
}

/// Whoever reads a plan sees the refusal, in every format, and the exit code is
/// the same.
#[test]
fn every_format_says_what_is_refused() {
    let lab = Lab::new(BOUNDED);
    for format in ["text", "json", "markdown", "github"] {
        for command in [&["plan"][..], &["diff"], &["apply", "--yes"]] {
            let output = ["--policy", "policies", "-o", format];
            let run = lab.run(&[command, &output].concat());
            assert_eq!(run.code, 3, "{format}: {}", run.transcript());
            let said = match (command, format) {
                // One document about the steps; the plan is for people.
                (["apply", ..], "json") => &run.stderr,
                _ => &run.stdout,
            };
            for part in ["policy/team/bounded", "it has no end"] {
                assert!(said.contains(part), "{format}: {}", run.transcript());
            }
        }
    }
    let run = lab.run(&["plan", "--policy", "policies", "-o", "github"]);
    let line = "::error file=topology.yaml,line=8,";
    assert!(run.stdout.contains(line), "{}", run.stdout);
    assert!(lab.is_empty());
    // So does what is wrong with a policy.
    lab.served.sandbox.write(
        "policies/team.yaml",
        policy(&BOUNDED.replace("has(", "hat(")),
    );
    let run = lab.run(&["plan", "--policy", "policies", "-o", "github"]);
    assert_eq!(run.code, 65);
    let line = "::error file=policies/team.yaml,line=8,col=19,";
    assert!(run.stdout.contains(line), "{}", run.stdout);
}

#[test]
fn the_policies_of_a_context_always_count() {
    let lab = Lab::new(BOUNDED);
    let config = format!(
        "currentContext: shop\ncontexts:\n  shop:\n    server: {}\n    policies: [rules]\n",
        lab.served.address()
    );
    let sandbox = &lab.served.sandbox;
    sandbox.write("home/.config/iggyctl/config.yaml", config);
    let plan = ["plan", "-f", "topology.yaml"];
    let run = sandbox.run(&plan);
    assert_eq!(
        run.code,
        65,
        "a path that is not there: {}",
        run.transcript()
    );
    sandbox.write("home/.config/iggyctl/rules/team.yaml", policy(BOUNDED));
    assert_eq!(sandbox.run(&plan).code, 3);
    assert_eq!(sandbox.run(&["validate", "-f", "topology.yaml"]).code, 3);
    let run = sandbox.run(&["apply", "--yes", "-f", "topology.yaml"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    // Others come on top.
    sandbox.write("more.yaml", policy(NEW_TOPICS).replace("team", "more"));
    let run = sandbox.run(&["plan", "-f", "topology.yaml", "--policy", "more.yaml"]);
    assert!(run.stdout.contains("policy/team/bounded"), "{}", run.stdout);
    assert!(
        run.stdout.contains("policy/more/new-topics"),
        "{}",
        run.stdout
    );
    let shown = sandbox.run(&["context", "show"]);
    assert!(shown.stdout.contains("policy: "), "{}", shown.stdout);
}

#[test]
fn validate_needs_no_server() {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", TOPOLOGY);
    sandbox.write("team.yaml", policy(BOUNDED));
    let run = sandbox.run(&["validate", "-f", "topology.yaml", "--policy", "team.yaml"]);
    insta::assert_snapshot!("validate", run.transcript());
    sandbox.write(
        "team.yaml",
        policy(BOUNDED).replace("fix:", "severity: warn\n      fix:"),
    );
    let run = sandbox.run(&["validate", "-f", "topology.yaml", "--policy", "team.yaml"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn what_is_wrong_with_policies_is_said_at_once() {
    let lab = Lab::new(
        "    - name: one
      match: { kinds: [topic] }
      expression: |
        has(resource.messageExpiry)
          && resource.partitons < 10
    - name: two
      expression: resource.name ==
    - name: three
      expression: resource.name
",
    );
    for command in [&["plan"][..], &["apply", "--yes"], &["validate"]] {
        let sandbox = &lab.served.sandbox;
        let arguments = [command, &["-f", "topology.yaml", "--policy", "policies"]].concat();
        let run = match command {
            ["validate"] => sandbox.run(&arguments),
            _ => lab.served.run(&arguments),
        };
        assert_eq!(run.code, 65);
        insta::assert_snapshot!("wrong", run.stderr);
    }
    // What fails for a resource is no refusal.
    let fails = BOUNDED.replace(
        "has(resource.messageExpiry)",
        "seconds(resource.messageExpiry) > 1",
    );
    lab.served
        .sandbox
        .write("policies/team.yaml", policy(&fails));
    let run = lab.run(&["apply", "--yes", "--policy", "policies"]);
    assert_eq!(run.code, 65);
    insta::assert_snapshot!("fails", run.stderr);
    assert!(lab.is_empty());
}

#[test]
fn what_always_holds_changes_nothing() {
    let lab = Lab::new(
        "    - name: resources
      expression: 'true'
    - name: changes
      match: { kinds: [change] }
      expression: 'true'
",
    );
    for command in [
        &["plan"][..],
        &["plan", "--detailed-exitcode"],
        &["plan", "-o", "json"],
        &["diff"],
        &["validate"],
        &["apply", "--yes"],
        &["diff"],
    ] {
        let run = |arguments: &[&str]| match command {
            ["validate"] => lab
                .served
                .sandbox
                .run(&[arguments, &["-f", "topology.yaml"]].concat()),
            _ => lab.run(arguments),
        };
        // An apply changes what a second one finds, so it runs with policies only.
        let with = run(&[command, &["--policy", "policies"]].concat());
        if !command.contains(&"apply") {
            let without = run(command);
            assert_eq!((with.code, &with.stdout), (without.code, &without.stdout));
        } else {
            assert_eq!(with.code, 0);
        }
    }
}

/// No expression can bring a password out, whatever it prints.
#[test]
fn expressions_see_no_secret() {
    let sandbox = Sandbox::new().variable("SVC_PASSWORD", "s3cret-of-svc");
    let served = Served::start(EmbeddedServer::builder(), sandbox);
    let users = "  users:\n    - name: svc\n      password: { env: SVC_PASSWORD }\n      tokens: [{ name: ci, expiry: 1d, writeTo: { file: out/ci.token } }]\n";
    served
        .sandbox
        .write("topology.yaml", format!("{TOPOLOGY}{users}"));
    let everything = "    - name: everything
      expression: 'false'
      messageExpression: |
        'it is ' + resource.?password.orValue({}).map(key, key + '=' + resource.password[key]).join(' ')
          + resource.?writeTo.orValue({}).map(key, key + '=' + resource.writeTo[key]).join(' ')
      severity: warn
";
    served
        .sandbox
        .write("policies/team.yaml", policy(everything));
    for command in [
        &["plan"][..],
        &["plan", "-o", "json"],
        &["apply", "--yes"],
        &["plan"],
    ] {
        let run = served.run(&[command, &["-f", "topology.yaml", "--policy", "policies"]].concat());
        assert_eq!(run.code, 0, "{}", run.transcript());
        let said = run.transcript();
        assert!(!said.contains("s3cret-of-svc"), "{said}");
        assert!(said.contains("env=SVC_PASSWORD"), "{said}");
        if let Ok(token) = std::fs::read_to_string(served.sandbox.path().join("out/ci.token")) {
            assert!(!said.contains(token.trim()), "{said}");
        }
    }
}

/// The files of docs/policies.md, each under the name in its first line.
fn documented(sandbox: &Sandbox) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/policies.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut names = Vec::new();
    for block in text.split("```yaml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        if let Some(name) = block.lines().next().unwrap().strip_prefix("# ") {
            sandbox.write(name, block);
            names.push(name.to_owned());
        }
    }
    names
}

#[test]
fn the_documented_policies_do_what_their_cases_say() {
    let sandbox = Sandbox::new();
    let names = documented(&sandbox);
    let cases = names.iter().filter(|name| name.contains(".cases."));
    assert_eq!(cases.count(), 5, "{names:?}");
    let run = sandbox.run(&["policy", "test", "policies"]);
    insta::assert_snapshot!("documented", run.transcript());
    assert_eq!(run.code, 0);
    // Cases are left out where policies are read.
    sandbox.write("topology.yaml", TOPOLOGY);
    let run = sandbox.run(&["validate", "-f", "topology.yaml", "--policy", "policies"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
}

#[test]
fn the_documented_fields_are_those_that_there_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/policies.md");
    let text = std::fs::read_to_string(path).unwrap();
    let row = |variable: &str, field: &Field| {
        let mark = if field.always { " ●" } else { "" };
        format!(
            "| `{variable}.{}`{mark} | {} |",
            field.name, field.description
        )
    };
    let kinds = [
        PolicyKind::Stream,
        PolicyKind::Topic,
        PolicyKind::Group,
        PolicyKind::User,
        PolicyKind::Token,
    ];
    let resources = kinds.into_iter().flat_map(fields_of);
    let resources = resources.map(|field| row("resource", &field));
    let changes = change_fields().iter().map(|field| row("change", field));
    let project = project_fields().iter().map(|field| row("project", field));
    for row in resources.chain(changes).chain(project) {
        assert!(text.contains(&row), "docs/policies.md lacks: {row}");
    }
    for (name, description) in FUNCTIONS {
        assert!(
            text.contains(&format!("| `{name}` | {description} |")),
            "{name}"
        );
    }
}

#[test]
fn a_case_that_is_not_as_expected_fails() {
    let sandbox = Sandbox::new();
    documented(&sandbox);
    let cases = "policies: [names.yaml]
cases:
  - name: nothing is wrong here
    files: [../topology.yaml]
    expect:
      - { rule: names/lower-case, address: stream/orders }
  - name: something is wrong here
    files: [../topology.yaml]
    changes: [{ address: topic/orders/events, verb: delete }]
  - name: fine
";
    sandbox.write("policies/own.cases.yaml", cases);
    sandbox.write("topology.yaml", TOPOLOGY.replace("audit", "Audit"));
    let run = sandbox.run(&["policy", "test", "policies/own.cases.yaml"]);
    insta::assert_snapshot!("cases fail", run.transcript());
    assert_eq!(run.code, 7);
    for (wrong, cases) in [
        ("unknown rule", cases.replace("lower-case,", "upper-case,")),
        ("unknown field", cases.replace("expect:", "expects:")),
        ("no policy", cases.replace("[names.yaml]", "[nobody.yaml]")),
        (
            "no address",
            cases.replace("topic/orders/events,", "orders/events,"),
        ),
    ] {
        sandbox.write("policies/own.cases.yaml", cases);
        let run = sandbox.run(&["policy", "test", "policies/own.cases.yaml"]);
        assert_eq!(run.code, 65, "{wrong}: {}", run.transcript());
    }
}
