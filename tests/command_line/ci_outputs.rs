//! Plans, applies and manifests as CI shows them.

use iggyctl_embedded::EmbeddedServer;
use insta::assert_snapshot;

use crate::sandbox::Sandbox;
use crate::served::Served;

const BEFORE: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 4, segmentSize: 256MiB, messageExpiry: 30d }
        - { name: returns, partitions: 1 }
";

/// Something blocked, something risky and something new.
const AFTER: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 4, segmentSize: 512MiB, messageExpiry: 7d }
        - { name: returns, partitions: 3 }
        - { name: new, partitions: 2, consumerGroups: [billing] }
";

fn lab() -> Served {
    let served = Served::start(EmbeddedServer::builder(), Sandbox::new());
    served.sandbox.write("topology.yaml", BEFORE);
    assert_eq!(
        served.run(&["apply", "-f", "topology.yaml", "--yes"]).code,
        0
    );
    served.sandbox.write("topology.yaml", AFTER);
    served
}

#[test]
fn a_plan_as_a_comment() {
    let run = lab().run(&["plan", "-f", "topology.yaml", "-o", "markdown"]);
    assert_eq!(run.code, 3);
    assert_snapshot!(run.transcript());
}

#[test]
fn a_plan_as_annotations() {
    let run = lab().run(&["plan", "-f", "topology.yaml", "-o", "github"]);
    assert_eq!(run.code, 3);
    assert_snapshot!(run.transcript());
}

#[test]
fn a_comment_names_the_context_and_so_finds_itself_again() {
    let served = lab();
    let config = format!(
        "contexts:\n  staging: {{ server: '{}' }}\n",
        served.address()
    );
    served
        .sandbox
        .write("home/.config/iggyctl/config.yaml", config);
    let plan = [
        "plan",
        "-f",
        "topology.yaml",
        "-o",
        "markdown",
        "--context",
        "staging",
    ];
    let run = served.sandbox.run(&plan);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(
        run.stdout
            .starts_with("<!-- iggyctl plan: shop/staging -->\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn an_apply_says_how_it_ended_in_one_document() {
    for (format, start) in [("markdown", "<!-- iggyctl apply: "), ("github", "::error ")] {
        let served = lab();
        let apply = ["apply", "-f", "topology.yaml", "--yes", "-o", format];
        let refused = served.run(&apply);
        assert_eq!(refused.code, 3);
        assert!(refused.stdout.starts_with(start), "{}", refused.stdout);
        assert!(
            refused.stdout.contains("not attempted"),
            "{}",
            refused.stdout
        );
        let applied = served.run(&[&apply[..], &["--skip-blocked"]].concat());
        assert_eq!(applied.code, 0, "{}", applied.stderr);
        assert_snapshot!(format!("an_apply_as_{format}"), applied.transcript());
        let again = served.run(&[&apply[..], &["--skip-blocked"]].concat());
        assert_eq!(again.code, 0);
        assert!(again.stdout.contains("Apply: 0 steps"), "{}", again.stdout);
    }
}

#[test]
fn what_is_wrong_with_manifests_is_annotated() {
    let sandbox = Sandbox::new();
    let file = sandbox.write(
        "topology.yaml",
        AFTER.replace("partitions: 3", "partitons: 3"),
    );
    let run = sandbox.run(&["validate", "-f", "topology.yaml", "-o", "github"]);
    assert_eq!(run.code, 65);
    assert_snapshot!(run.transcript());
    std::fs::write(file, AFTER).unwrap();
    let run = sandbox.run(&["validate", "-f", "topology.yaml", "-o", "github"]);
    assert_eq!(run.code, 0);
    let end = "::notice title=iggyctl validate::Valid: 1 stream, 3 topics, 1 consumer group.\n";
    assert!(run.stdout.ends_with(end), "{}", run.stdout);
    assert!(!run.stdout.contains("::error"), "{}", run.stdout);
    let found = "::notice file=topology.yaml,line=10,col=19,title=iggyctl%3A IGW0025::topic/orders/new: \
                 this and 1 other topic declare neither messageExpiry nor maxTopicSize";
    assert!(run.stdout.starts_with(found), "{}", run.stdout);
}

/// The exit code is about what was found; the format only about how it is said.
#[test]
fn an_exit_code_is_the_same_in_every_format_and_standard_output_is_data_only() {
    let served = lab();
    served.sandbox.write("before.yaml", BEFORE);
    served.sandbox.write(
        "more.yaml",
        BEFORE.replace("partitions: 1 }", "partitions: 2 }"),
    );
    served.sandbox.write(
        "wrong.yaml",
        AFTER.replace("partitions: 3", "partitions: three"),
    );
    let outcomes = [
        ("nothing", "before.yaml", None, 0),
        ("pending", "more.yaml", None, 2),
        ("blocked", "topology.yaml", None, 3),
        ("invalid", "wrong.yaml", None, 65),
        (
            "nobody there",
            "before.yaml",
            Some("iggy://iggy:iggy@127.0.0.1:1?reconnection_retries=0"),
            69,
        ),
    ];
    for (outcome, file, server, code) in outcomes {
        for (format, start) in [
            ("text", ""),
            ("json", "{"),
            ("markdown", "<!-- iggyctl plan: "),
            ("github", "::"),
            ("html", "<!DOCTYPE html>"),
        ] {
            let diff = ["diff", "-f", file, "-o", format];
            let run = match server {
                Some(server) => served
                    .sandbox
                    .run(&[&diff[..], &["--server", server]].concat()),
                None => served.run(&diff),
            };
            assert_eq!(run.code, code, "{outcome} as {format}: {}", run.stderr);
            let is_annotated = format == "github" && outcome == "invalid";
            if code < 64 || is_annotated {
                assert!(
                    !run.stdout.is_empty() && run.stdout.starts_with(start),
                    "{outcome} as {format}"
                );
            } else {
                assert_eq!(run.stdout, "", "{outcome} as {format}");
                assert!(!run.stderr.is_empty(), "{outcome} as {format}");
            }
        }
    }
}

#[test]
fn a_topology_is_drawn_from_manifests_and_from_a_server() {
    let served = lab();
    served.sandbox.write("topology.yaml", BEFORE);
    let declared = served
        .sandbox
        .run(&["graph", "-f", "topology.yaml", "-o", "mermaid"]);
    assert_snapshot!(declared.transcript());
    let live = served.run(&["graph", "-o", "mermaid"]);
    assert_eq!(live.code, 0, "{}", live.stderr);
    assert!(
        live.stdout.contains("events · 4 partitions"),
        "{}",
        live.stdout
    );
    assert!(live.stdout.contains("iggy · everything"), "{}", live.stdout);
    for (format, start) in [
        ("svg", "<svg class=\"topology\""),
        ("html", "<!DOCTYPE html>"),
    ] {
        let run = served.run(&["graph", "-o", format]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.starts_with(start), "{:.200}", run.stdout);
    }
    let wrong = served
        .sandbox
        .run(&["graph", "--set", "a=b", "--server", "embedded"]);
    assert_eq!(wrong.code, 64);
    assert_eq!(wrong.stdout, "");
}

/// What the documentation lists: the formats of each command, and the schema of its JSON.
#[test]
fn the_page_lists_the_formats_and_schemas_of_the_help() {
    let page = include_str!("../../docs/ci-outputs.md");
    let columns = page
        .lines()
        .map(|line| line.split('|').map(str::trim).collect());
    let rows = columns.filter_map(|columns: Vec<&str>| match columns[..] {
        ["", command, formats, schema, _, ""] if command.starts_with('`') => {
            Some((command.trim_matches('`'), formats, schema))
        }
        _ => None,
    });
    let sandbox = Sandbox::new();
    let mut checked = 0;
    for (command, formats, schema) in rows {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = sandbox.run(&arguments).stdout;
        let (_, output) = help.split_once("--output <FORMAT>").unwrap_or_default();
        let values = output.split_once("Possible values:").unwrap_or_default().1;
        let values = values.split("\n\n").next().unwrap();
        let names = values
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- "));
        let names = names.map(|line| format!("`{}`", line.split_once(':').unwrap().0));
        let names: Vec<String> = names.collect();
        assert_eq!(names.join(", "), formats, "{command}: {help}");
        if let Some((_, file)) = schema.split_once("(../schemas/") {
            let file = file.trim_end_matches(')');
            assert!(values.contains(file), "{command}: {values}, {file}");
        }
        checked += 1;
    }
    assert_eq!(checked, 12);
}
