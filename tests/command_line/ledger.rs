//! The record of applies on the server: written by one machine, read from another.

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

/// `send_messages` of the wire protocol.
const SEND: u32 = 101;

const PASSWORD: &str = "a-very-secret-password";

fn topology(partitions: u32) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: {{ name: shop }}
spec:
  streams:
    - name: '${{prefix:-}}orders'
      topics:
        - name: events
          partitions: {partitions}
          messageExpiry: 7d
          consumerGroups: [billing]
  users:
    - name: svc-orders
      password: {{ env: SVC_ORDERS_PASSWORD }}
"
    )
}

fn lab() -> Served {
    let sandbox = Sandbox::new()
        .variable("SVC_ORDERS_PASSWORD", PASSWORD)
        .variable("USER", "anna")
        .variable("HOSTNAME", "laptop")
        .variable("IGGYCTL_CONFIG", "config.yaml");
    sandbox.write("topology.yaml", topology(3));
    Served::start(EmbeddedServer::builder(), sandbox)
}

fn apply(served: &Served, more: &[&str]) -> Run {
    let apply = ["apply", "-f", "topology.yaml", "--yes", "--ledger"];
    served.run(&[&apply, more].concat())
}

fn json(run: &Run) -> serde_json::Value {
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

fn history(served: &Served) -> Vec<serde_json::Value> {
    let report = json(&served.run(&["history", "-o", "json"]));
    report["revisions"].as_array().unwrap().clone()
}

/// Every byte that the ledger has, decompressed where it is.
fn everything(served: &Served) -> Vec<u8> {
    served.by_hand(async |root| {
        let mut bytes = Vec::new();
        for (topic, partition) in [("history", 0), ("history", 1), ("revisions", 0)] {
            let polled = root
                .poll_messages(
                    &Identifier::named("iggyctl").unwrap(),
                    &Identifier::named(topic).unwrap(),
                    Some(partition),
                    &Consumer::default(),
                    &PollingStrategy::first(),
                    100,
                    false,
                )
                .await
                .unwrap();
            for message in polled.messages {
                bytes.extend_from_slice(&message.payload);
            }
        }
        bytes
    })
}

#[test]
fn what_one_machine_applied_another_one_reads() {
    let served = lab();
    let first = apply(&served, &["--commit", "c0ffee"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(
        first.stderr.contains("Recorded as revision 1."),
        "{}",
        first.stderr
    );
    // Another machine: another folder, another name of the file.
    let elsewhere = Sandbox::new()
        .variable("SVC_ORDERS_PASSWORD", PASSWORD)
        .variable("GITHUB_ACTOR", "octocat")
        .variable("GITHUB_SHA", "0123456789abcdef0123");
    elsewhere.write("shop.yaml", topology(5));
    let server = served.address();
    let second = elsewhere.run(&[
        "apply",
        "-f",
        "shop.yaml",
        "--yes",
        "--ledger",
        "--server",
        &server,
    ]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    let listed = elsewhere.run(&["history", "--server", &server]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let lines: Vec<&str> = listed.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", listed.stdout);
    assert!(lines[1].starts_with("2 "), "{}", listed.stdout);
    assert!(
        lines[1].contains("octocat as iggy      0123456789ab  apply"),
        "{}",
        listed.stdout
    );
    assert!(
        lines[2].contains("shop     anna@laptop as iggy"),
        "{}",
        listed.stdout
    );
    assert!(lines[2].contains("c0ffee"), "{}", listed.stdout);
    let shown = served.run(&["history", "show", "2"]);
    assert!(
        shown.stdout.contains("partitions: 3 → 5") || shown.stdout.contains("3 → 5"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stdout.contains("Outcome:    applied, 1 step"),
        "{}",
        shown.stdout
    );
    for format in ["json", "markdown", "html"] {
        let shown = served.run(&["history", "show", "1", "-o", format]);
        assert_eq!(shown.code, 0, "{format}: {}", shown.stderr);
        assert!(shown.stdout.contains("orders"), "{format}");
    }
    // What was declared then, to be planned like anything else.
    let exported = served.run(&["export", "--revision", "1"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    served.sandbox.write("then.yaml", &exported.stdout);
    let plan = served.run(&["plan", "-f", "then.yaml", "-o", "json"]);
    assert!(plan.stdout.contains("partitionShrink"), "{}", plan.stdout);
    let exported = served.run(&["export", "--revision", "2"]);
    served.sandbox.write("now.yaml", &exported.stdout);
    let plan = served.run(&["diff", "-f", "now.yaml"]);
    assert_eq!(plan.code, 0, "{}{}", plan.stdout, plan.stderr);
}

#[test]
fn the_same_again_writes_nothing_and_other_manifests_do() {
    let served = lab();
    assert_eq!(apply(&served, &[]).code, 0);
    let again = apply(&served, &[]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(!again.stderr.contains("Recorded"), "{}", again.stderr);
    assert_eq!(history(&served).len(), 1);
    // The server needs no change for it, and what is declared is less.
    let less = topology(3).replace("          messageExpiry: 7d\n", "");
    served.sandbox.write("topology.yaml", less);
    assert_eq!(apply(&served, &[]).code, 0);
    let all = history(&served);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["steps"], 0);
    assert_eq!(all[0]["outcome"], "applied");
}

#[test]
fn a_saved_plan_without_changes_is_recorded_only_where_it_declares_otherwise() {
    let served = lab();
    assert_eq!(apply(&served, &[]).code, 0);
    let carry_out = || {
        let out = ["plan", "-f", "topology.yaml", "--out", "shop.plan"];
        let planned = served.run(&out);
        assert_eq!(planned.code, 0, "{}", planned.transcript());
        let run = served.run(&["apply", "--plan", "shop.plan", "--yes", "--ledger"]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        run.stderr
    };
    let said = carry_out();
    assert!(!said.contains("Recorded"), "{said}");
    assert_eq!(history(&served).len(), 1);
    let less = topology(3).replace("          messageExpiry: 7d\n", "");
    served.sandbox.write("topology.yaml", less);
    let said = carry_out();
    assert!(said.contains("Recorded as revision 2."), "{said}");
    assert_eq!(history(&served)[0]["steps"], 0);
}

#[test]
fn without_the_flag_nothing_is_written_and_only_apply_writes() {
    let served = lab();
    let plain = served.run(&["apply", "-f", "topology.yaml", "--yes"]);
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    for command in [
        &["plan", "-f", "topology.yaml"][..],
        &["plan", "-f", "topology.yaml", "--out", "shop.plan"],
        &["history"],
    ] {
        let run = served.run(command);
        assert_eq!(run.code, 0, "{command:?}: {}", run.stderr);
    }
    let none = served.run(&["history"]);
    assert!(none.stdout.contains("has no ledger"), "{}", none.stdout);
    assert_eq!(served.run(&["history", "show", "1"]).code, 1);
    assert_eq!(served.run(&["export", "--revision", "1"]).code, 1);
    let streams = served.by_hand(async |root| root.get_streams().await.unwrap().len());
    assert_eq!(streams, 1);
}

#[test]
fn a_saved_plan_is_recorded_with_its_manifests_and_keeps_to_its_ledger() {
    let served = lab();
    assert_eq!(apply(&served, &[]).code, 0);
    served.sandbox.write("topology.yaml", topology(4));
    let plan = ["plan", "-f", "topology.yaml", "--out", "shop.plan"];
    assert_eq!(served.run(&plan).code, 0);
    let carry_out = ["apply", "--plan", "shop.plan", "--yes", "--ledger"];
    let applied = served.run(&carry_out);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    let all = history(&served);
    assert_eq!(all[0]["about"]["command"], "applyPlan");
    let shown = json(&served.run(&["history", "show", "2", "-o", "json"]));
    assert_eq!(shown["unsettled"], serde_json::json!([]));
    let exported = served.run(&["export", "--revision", "2"]).stdout;
    assert!(exported.contains("partitions: 4"), "{exported}");
    // The same address, and another ledger.
    served.sandbox.write("topology.yaml", topology(5));
    assert_eq!(served.run(&plan).code, 0);
    served.by_hand(async |root| {
        let ledger = Identifier::named("iggyctl").unwrap();
        root.delete_stream(&ledger).await.unwrap();
    });
    let refused = served.run(&carry_out);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("has none"), "{}", refused.stderr);
    // What is lost with the stream is history only.
    let anew = apply(&served, &[]);
    assert_eq!(anew.code, 0, "{}", anew.stderr);
    assert_eq!(history(&served).len(), 1);
}

#[test]
fn a_context_keeps_a_ledger_and_says_which_one() {
    let served = lab();
    let context = |more: &str| {
        let server = served.address();
        let text = format!("contexts:\n  prod:\n    server: {server}\n    ledger: true\n{more}");
        served.sandbox.write("config.yaml", &text);
    };
    let run = |arguments: &[&str]| {
        let named = [arguments, &["--context", "prod"]].concat();
        served.sandbox.run(&named)
    };
    context("");
    let applied = run(&["apply", "-f", "topology.yaml", "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    let report = json(&run(&["history", "-o", "json"]));
    let identity = report["ledger"].as_str().unwrap();
    context(&format!("    ledgerIdentity: {identity}\n"));
    let shown = served.sandbox.run(&["context", "show", "prod"]).stdout;
    assert!(
        shown.contains(&format!("ledger: kept\nledgerIdentity: {identity}\n")),
        "{shown}"
    );
    assert_eq!(run(&["plan", "-f", "topology.yaml"]).code, 0);
    // A plan that could never be recorded is not kept either.
    let alone =
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: alone }\nspec: {}\n";
    served.sandbox.write("alone.yaml", alone);
    for command in [
        &["apply", "-f", "alone.yaml", "--yes"][..],
        &["plan", "-f", "alone.yaml", "--out", "alone.plan"],
    ] {
        let refused = run(command);
        assert_eq!(refused.code, 64, "{}", refused.transcript());
        let said = "a record is kept of a project";
        assert!(refused.stderr.contains(said), "{}", refused.transcript());
    }
    assert!(!served.sandbox.path().join("alone.plan").exists());
    for wrong in ["1767225600000000", "prod-3", "{ env: LEDGER }", "''"] {
        context(&format!("    ledgerIdentity: {wrong}\n"));
        let refused = run(&["plan", "-f", "topology.yaml"]);
        assert_eq!(refused.code, 65, "{}", refused.transcript());
        for said in [
            "this `ledgerIdentity` is not",
            "1767225600000000-3",
            "iggyctl history",
        ] {
            assert!(refused.stderr.contains(said), "{}", refused.transcript());
        }
    }
    context("    ledgerIdentity: 1-1\n");
    for command in [
        &["plan", "-f", "topology.yaml"][..],
        &["apply", "-f", "topology.yaml", "--yes"],
        &["destroy", "-f", "topology.yaml", "--yes"],
        &["drift", "-f", "topology.yaml"],
        &["history"],
        &["history", "show", "1"],
        &["export", "--revision", "1"],
        &["lock", "list"],
        &["lock", "release", "shop"],
    ] {
        let refused = run(command);
        assert_eq!(refused.code, 4, "{command:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(identity), "{}", refused.stderr);
        assert_eq!(refused.stdout, "", "{command:?}");
    }
}

/// The context says so when the plan is made; who carries it out need not know of it.
#[test]
fn what_was_planned_with_a_ledger_is_recorded_however_the_server_is_named() {
    let served = lab();
    let server = served.address();
    let text = format!("contexts:\n  prod: {{ server: '{server}', ledger: true }}\n");
    served.sandbox.write("config.yaml", text);
    let plan = ["plan", "-f", "topology.yaml", "--out", "saved"];
    let planned = [&plan[..], &["--context", "prod"]].concat();
    let planned = served.sandbox.run(&planned);
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    let applied = served.run(&["apply", "--plan", "saved", "--yes", "--commit", "c0ffee"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    let said = "Recorded as revision 1.";
    assert!(applied.stderr.contains(said), "{}", applied.stderr);
    // Nothing says so of a plan that was made without that context.
    let planned = served.run(&plan);
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    let applied = served.run(&["apply", "--plan", "saved", "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert!(!applied.stderr.contains("Recorded"), "{}", applied.stderr);
    assert_eq!(history(&served).len(), 1);
}

#[test]
fn whoever_may_not_write_it_changes_nothing() {
    let served = lab();
    let grants = "apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: rights }
spec:
  users:
    - name: deployer
      password: { env: SVC_ORDERS_PASSWORD }
      permissions:
        allow: [manage_topics, read_streams]
";
    served.sandbox.write("rights.yaml", grants);
    let made = served.run(&["apply", "-f", "rights.yaml", "--yes"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let server = served.address_as(&format!("deployer:{PASSWORD}"));
    served.sandbox.write(
        "topology.yaml",
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: shop }\nspec: { streams: [{ name: orders }] }\n",
    );
    let apply = [
        "apply",
        "-f",
        "topology.yaml",
        "--yes",
        "--ledger",
        "--server",
        &server,
    ];
    let refused = served.sandbox.run(&apply);
    assert_eq!(refused.code, 77, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("nothing was changed"),
        "{}",
        refused.stderr
    );
    let streams = served.by_hand(async |root| root.get_streams().await.unwrap().len());
    assert_eq!(streams, 0);
}

#[test]
fn a_ledger_that_cannot_be_written_stops_it_before_the_first_step() {
    let served = lab();
    let plan = FaultPlan::none().always(FaultKind::Disconnect, FaultTarget::Command(SEND));
    served.server().faults().set(plan);
    let refused = apply(&served, &[]);
    assert_ne!(refused.code, 0);
    assert!(
        refused.stderr.contains("nothing was changed"),
        "{}",
        refused.stderr
    );
    served.server().faults().clear();
    let plan = json(&served.run(&["plan", "-f", "topology.yaml", "-o", "json"]));
    assert_eq!(plan["summary"]["create"], 4, "{plan}");
    assert_eq!(history(&served), Vec::<serde_json::Value>::new());
}

#[test]
fn an_end_that_cannot_be_written_is_said_and_shows_as_unfinished() {
    let served = lab();
    // Two messages begin a record, the third is the document of its end. Without the lock,
    // which has messages of its own.
    let plan = FaultPlan::none().with(iggyctl_embedded::Fault {
        kind: FaultKind::Disconnect,
        target: FaultTarget::Command(SEND),
        at: 3,
        times: u64::MAX,
    });
    served.server().faults().set(plan);
    let applied = apply(&served, &["--no-lock"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert!(
        applied.stderr.contains("stays unfinished"),
        "{}",
        applied.stderr
    );
    served.server().faults().clear();
    assert_eq!(history(&served)[0]["outcome"], "unfinished");
    let shown = json(&served.run(&["history", "show", "1", "-o", "json"]));
    let unsettled = shown["unsettled"].as_array().unwrap().len();
    assert_eq!(unsettled, 4, "{shown}");
    let text = served.run(&["history", "show", "1"]).stdout;
    assert!(text.contains("It never said how it ended"), "{text}");
    // The next one says how it is.
    assert_eq!(apply(&served, &[]).code, 0);
    assert_eq!(history(&served)[0]["outcome"], "applied");
}

#[test]
fn a_destroy_is_recorded_and_declares_nothing() {
    let served = lab();
    assert_eq!(apply(&served, &[]).code, 0);
    let destroy = [
        "destroy",
        "-f",
        "topology.yaml",
        "--yes",
        "--ledger",
        "--expect-removals",
        "3",
        "--allow-destroy",
        "stream/orders",
        "--allow-destroy",
        "group/orders/events/billing",
        "--allow-destroy",
        "user/svc-orders",
        "--allow-destroy",
        "topic/orders/events",
    ];
    let destroyed = served.run(&destroy);
    assert_eq!(destroyed.code, 0, "{}", destroyed.stderr);
    let all = history(&served);
    assert_eq!(all[0]["about"]["command"], "destroy");
    let nothing = served.run(&["export", "--revision", "2"]);
    assert_eq!(nothing.code, 1);
    assert!(
        nothing.stderr.contains("declared nothing"),
        "{}",
        nothing.stderr
    );
}

#[test]
fn no_secret_is_in_it_and_hostile_texts_are_escaped() {
    let served = lab();
    let hostile = "shop|`@everyone`<b>";
    let text = topology(3).replace(
        "name: shop",
        &format!("name: {}", serde_json::json!(hostile)),
    );
    served.sandbox.write("topology.yaml", text);
    let applied = apply(&served, &["--commit", "\u{1b}]0;owned\u{7}"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    let bytes = everything(&served);
    let has = |secret: &str| {
        bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes())
    };
    assert!(!has(PASSWORD));
    assert!(has("SVC_ORDERS_PASSWORD"), "where it comes from is kept");
    for command in [
        &["history"][..],
        &["history", "-o", "json"],
        &["history", "-o", "markdown"],
        &["history", "show", "1"],
        &["history", "show", "1", "-o", "json"],
        &["history", "show", "1", "-o", "markdown"],
        &["history", "show", "1", "-o", "html"],
    ] {
        let run = served.run(command);
        assert_eq!(run.code, 0, "{command:?}: {}", run.stderr);
        assert!(
            !run.stdout.contains(['\u{1b}', '\u{7}']),
            "{command:?}: {}",
            run.stdout
        );
        assert!(!run.stdout.contains(PASSWORD), "{command:?}");
    }
    let markdown = served.run(&["history", "-o", "markdown"]).stdout;
    assert!(!markdown.contains(" @everyone"), "{markdown}");
}

/// `create_topic` of the wire protocol.
#[cfg(unix)]
const CREATE_TOPIC: u32 = 302;

#[cfg(unix)]
#[test]
fn a_killed_apply_shows_as_unfinished() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let served = lab();
    // The ledger is there before, so that the topic is one of the manifests.
    assert_eq!(apply(&served, &[]).code, 0);
    let more = topology(3).replace(
        "        - name: events",
        "        - name: more\n        - name: events",
    );
    served.sandbox.write("topology.yaml", more);
    let for_ever = FaultKind::Delay(Duration::from_secs(600));
    let plan = FaultPlan::none().always(for_ever, FaultTarget::Command(CREATE_TOPIC));
    served.server().faults().set(plan);
    let requests = served.server().requests();
    requests.reset();
    let address = served.address();
    let command = [
        "apply",
        "-f",
        "topology.yaml",
        "--yes",
        "--ledger",
        // Whoever comes next would wait for its lease.
        "--no-lock",
        "--server",
        &address,
    ];
    let mut process = served
        .sandbox
        .command(&command)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while requests.count(CREATE_TOPIC) == 0 {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "no step was sent"
        );
        std::thread::yield_now();
    }
    process.kill().unwrap();
    process.wait().unwrap();
    served.server().faults().clear();
    let all = history(&served);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["outcome"], "unfinished");
    let shown = json(&served.run(&["history", "show", "2", "-o", "json"]));
    assert_eq!(shown["unsettled"], serde_json::json!(["topic/orders/more"]));
    assert_eq!(apply(&served, &[]).code, 0);
    assert_eq!(history(&served)[0]["outcome"], "applied");
}
