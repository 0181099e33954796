//! Findings about access: where each is said, and where it is not.

use iggyctl_embedded::EmbeddedServer;
use tokio::runtime::Runtime;

use crate::sandbox::{Run, Sandbox};

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics: [{ name: events }]
  users:
    - name: operator
      password: { env: OPERATOR_PASSWORD }
      permissions: { allow: [manage_users, read_streams] }
    - name: reader
      password: { env: OPERATOR_PASSWORD }
      permissions:
        streams:
          - { name: 'order-*', preset: consumer }
          - { name: audit, optional: true, preset: consumer }
    - name: writer
      password: { env: WRITER_PASSWORD }
      permissions:
        streams: [{ name: orders, topics: [{ name: events, preset: directProducer }] }]
";

/// The values are equal, which only a plan that reads them can tell.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new()
        .variable("OPERATOR_PASSWORD", "s3cret-shared")
        .variable("WRITER_PASSWORD", "s3cret-shared")
        .variable("IGGY_NEW", "s3cret-root")
        .variable("IGGY_OLD", "iggy");
    sandbox.write("topology.yaml", TOPOLOGY);
    sandbox
}

fn never_shown(run: Run) -> Run {
    let output = format!("{}{}", run.stdout, run.stderr);
    assert!(!output.contains("s3cret"), "{output}");
    run
}

#[test]
fn validate_says_what_manifests_show_by_themselves() {
    let sandbox = sandbox();
    let run = never_shown(sandbox.run(&["validate", "-f", "topology.yaml"]));
    insta::assert_snapshot!(run.transcript());
    let run = sandbox.run(&["access", "--user", "reader", "-f", "topology.yaml"]);
    insta::assert_snapshot!(never_shown(run).transcript());
}

#[test]
fn a_plan_says_it_once_and_one_without_changes_does_not_repeat_it() {
    let sandbox = sandbox();
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(EmbeddedServer::builder().start()).unwrap();
    let address = server.connection_string();
    let run = |command: &str| {
        let arguments = [command, "-f", "topology.yaml", "--server", &address];
        let yes: &[&str] = if command == "apply" { &["--yes"] } else { &[] };
        never_shown(sandbox.run(&[&arguments, yes].concat()))
    };
    let plan = run("plan");
    insta::assert_snapshot!(plan.stdout);
    assert_eq!(run("apply").code, 0);
    let again = run("plan");
    assert!(!again.stdout.contains("IGW"), "{}", again.stdout);
    runtime.block_on(server.shutdown());
}

#[test]
fn the_default_password_of_root_is_said_until_it_is_changed() {
    let sandbox = sandbox();
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(EmbeddedServer::builder().start()).unwrap();
    // The same machine by an address that is not a loopback one, so that it may
    // be anybody's server.
    let port = server.address().port();
    let reached_by = |login: &str, host: &str| format!("iggy://{login}@{host}:{port}");
    let plan = |address: &str| {
        let arguments = ["plan", "-f", "topology.yaml", "--server", address];
        never_shown(sandbox.run(&arguments)).stdout
    };
    let elsewhere = reached_by("iggy:iggy", "0.0.0.0");
    let found = plan(&elsewhere);
    assert!(found.contains("IGW0013"), "{found}");
    insta::assert_snapshot!(
        found
            .lines()
            .skip_while(|line| !line.contains("IGW0013"))
            .take(2)
            .collect::<Vec<_>>()
            .join("\n")
    );
    let here = plan(&reached_by("iggy:iggy", "127.0.0.1"));
    assert!(!here.contains("IGW0013"), "{here}");

    let root = "  users:
    - name: iggy
      password: { env: IGGY_NEW }
      previousPassword: { env: IGGY_OLD }
";
    sandbox.write("topology.yaml", TOPOLOGY.replace("  users:\n", root));
    let found = plan(&elsewhere);
    assert!(!found.contains("IGW0013"), "{found}");
    let arguments = ["apply", "--yes", "-f", "topology.yaml", "--server"];
    let applied = sandbox.run(&[&arguments[..], &[&elsewhere]].concat());
    assert_eq!(applied.code, 0, "{}", applied.transcript());
    let found = plan(&reached_by("iggy:s3cret-root", "0.0.0.0"));
    assert!(!found.contains("IGW"), "{found}");
    runtime.block_on(server.shutdown());
}
