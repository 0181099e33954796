//! What was changed by hand, and what Git is ahead.

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use insta::assert_snapshot;
use jsonschema::Validator;
use serde_json::Value;

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

pub(crate) const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  owns:
    streams: [orders, \"tmp-*\"]
  streams:
    - name: orders
      topics:
        - name: events
          partitions: 3
          messageExpiry: 7d
          consumerGroups: [billing]
        - name: audit
          partitions: 1
  users:
    - name: svc-orders
      password: { env: SVC_ORDERS_PASSWORD }
      permissions:
        streams:
          - name: orders
            topics:
              - name: events
                allow: [send_messages]
";

const PASSWORD: &str = "a-very-secret-password";

/// A server as the manifests declare it, with or without a record of how it came so.
pub(crate) fn applied(flags: &[&str]) -> Served {
    let sandbox = Sandbox::new().variable("SVC_ORDERS_PASSWORD", PASSWORD);
    sandbox.write("topology.yaml", TOPOLOGY);
    let builder = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    let served = Served::start(builder, sandbox);
    apply(&served, flags);
    served
}

pub(crate) fn apply(served: &Served, flags: &[&str]) {
    let arguments = ["apply", "-f", "topology.yaml", "--yes"];
    let run = served.run(&[&arguments[..], flags].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
}

pub(crate) fn drift(served: &Served, more: &[&str]) -> Run {
    served.run(&[&["drift", "-f", "topology.yaml"], more].concat())
}

pub(crate) fn named(text: &str) -> Identifier {
    Identifier::named(text).unwrap()
}

pub(crate) fn edit(served: &Served, from: &str, to: &str) {
    let text = std::fs::read_to_string(served.sandbox.path().join("topology.yaml")).unwrap();
    assert!(text.contains(from), "{text}");
    let sandbox = &served.sandbox;
    let new = sandbox.write("topology.yaml.new", text.replace(from, to));
    // In one step: a watch may look at it at any moment.
    std::fs::rename(new, sandbox.path().join("topology.yaml")).unwrap();
}

pub(crate) fn expire_by_hand(served: &Served, micros: u64) {
    served.by_hand(async |root| {
        let options = TopicUpdateOptions {
            message_expiry: Some(IggyExpiry::ExpireDuration(IggyDuration::from(micros))),
            ..TopicUpdateOptions::default()
        };
        root.update_topic(&named("orders"), &named("events"), "events", &options)
            .await
            .unwrap();
    });
}

const HOUR: u64 = 3_600_000_000;

#[test]
fn without_a_record_nobody_can_tell() {
    let served = applied(&[]);
    let same = drift(&served, &[]);
    assert_eq!(same.code, 0, "{}", same.transcript());
    expire_by_hand(&served, HOUR);
    edit(
        &served,
        "name: audit\n",
        "name: audit\n          messageExpiry: 30d\n",
    );
    let run = drift(&served, &[]);
    assert_eq!(run.code, 2);
    assert_snapshot!(run.transcript());
}

#[test]
fn what_is_ignored_is_counted_and_what_is_ignored_in_vain_is_said() {
    let served = applied(&[]);
    expire_by_hand(&served, HOUR);
    let ignored = drift(&served, &["--ignore", "topic/orders/*:messageExpiry"]);
    assert_eq!(ignored.code, 0, "{}", ignored.transcript());
    let said = "in all that is not ignored. 1 ignored.";
    assert!(ignored.stdout.contains(said), "{}", ignored.stdout);
    let in_vain = drift(&served, &["--ignore", "topic/orders/events:partitions"]);
    assert_eq!(in_vain.code, 2, "{}", in_vain.transcript());
    let said = "--ignore topic/orders/events:partitions matches nothing that differs";
    assert!(in_vain.stderr.contains(said), "{}", in_vain.stderr);
    let wrong = drift(&served, &["--ignore", "orders/*"]);
    assert_eq!(wrong.code, 64, "{}", wrong.transcript());
}

#[test]
fn why_there_is_no_record_can_be_read_in_a_comment() {
    let served = applied(&[]);
    let markdown = drift(&served, &["-o", "markdown"]).stdout;
    let said = "no `apply --ledger` left one on this server.";
    assert!(markdown.contains(said), "{markdown}");
    edit(
        &served,
        "kind: IggyTopology\nmetadata: { name: shop }",
        "kind: IggyStream\nmetadata: { name: shop }",
    );
    let text = std::fs::read_to_string(served.sandbox.path().join("topology.yaml")).unwrap();
    let head = text.split("spec:").next().unwrap().to_owned() + "spec: {}\n";
    served.sandbox.write("topology.yaml", head);
    let markdown = drift(&served, &["-o", "markdown"]).stdout;
    let said = "`metadata.name` of a `kind: IggyTopology` document names";
    assert!(markdown.contains(said), "{markdown}");
    assert!(!markdown.contains("u{60}"), "{markdown}");
}

#[test]
fn the_json_is_what_its_schema_says() {
    let served = applied(&[]);
    expire_by_hand(&served, HOUR);
    let run = drift(&served, &["-o", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let schema = include_str!("../../schemas/drift.v1.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let schema = Validator::new(&schema).unwrap();
    assert!(schema.is_valid(&report), "{report:#}");
    assert_eq!(report["verdict"], "undecided");
}

#[test]
fn every_format_has_the_same_exit_code_and_only_data_on_standard_output() {
    let served = applied(&[]);
    for (expected, marks) in [(0, ["✅", "No", "is as"]), (2, ["❔", "::warning", "7d"])] {
        for format in ["text", "json", "markdown", "github"] {
            let run = drift(&served, &["-o", format]);
            assert_eq!(run.code, expected, "{format}: {}", run.transcript());
            assert_eq!(
                run.stderr, "Server iggy://[ADDRESS], as iggy.\n",
                "{format}"
            );
            assert!(!run.stdout.contains("\u{1b}["), "{format}");
        }
        let markdown = drift(&served, &["-o", "markdown"]).stdout;
        assert!(
            markdown.starts_with("<!-- iggyctl drift: shop/"),
            "{markdown}"
        );
        assert!(markdown.contains(marks[0]), "{markdown}");
        let text = drift(&served, &[]).stdout;
        assert!(text.contains(marks[2]), "{text}");
        if expected == 2 {
            let github = drift(&served, &["-o", "github"]).stdout;
            assert!(github.contains(marks[1]), "{github}");
            assert!(github.contains("file=topology.yaml,line=10"), "{github}");
        }
        expire_by_hand(&served, HOUR);
    }
}

#[test]
fn what_is_wrong_with_the_manifests_or_the_server_is_no_drift() {
    let mut served = applied(&[]);
    let login = served.address_as("svc-orders:a-very-secret-password");
    let arguments = ["drift", "-f", "topology.yaml", "--server", &login];
    let refused = served.sandbox.run(&arguments);
    assert_eq!(refused.code, 77, "{}", refused.transcript());
    assert!(
        refused.stdout.contains("could not be read"),
        "{}",
        refused.stdout
    );
    served.sandbox.write("wrong.yaml", "kind: Nothing\n");
    let wrong = served.run(&["drift", "-f", "wrong.yaml"]);
    assert_eq!(wrong.code, 65, "{}", wrong.transcript());
    let address = served.address();
    served.stop();
    let arguments = ["drift", "-f", "topology.yaml", "--server", &address];
    let away = served.sandbox.run(&arguments);
    assert_eq!(away.code, 69, "{}", away.transcript());
}

/// Requests that change nothing, whatever they are asked about.
pub(crate) const READS: [u32; 13] = [
    codes::PING_CODE,
    codes::GET_STATS_CODE,
    codes::GET_ME_CODE,
    codes::GET_CLUSTER_METADATA_CODE,
    codes::GET_USER_CODE,
    codes::GET_USERS_CODE,
    codes::LOGIN_REGISTER_CODE,
    codes::GET_PERSONAL_ACCESS_TOKENS_CODE,
    codes::GET_STREAM_CODE,
    codes::GET_STREAMS_CODE,
    codes::GET_TOPIC_CODE,
    codes::GET_CONSUMER_GROUPS_CODE,
    codes::POLL_MESSAGES_CODE,
];

#[test]
fn nothing_but_reads_is_sent() {
    let served = applied(&[]);
    edit(&served, "partitions: 1", "partitions: 2");
    expire_by_hand(&served, HOUR);
    served.by_hand(async |root| {
        root.create_stream("tmp-one").await.unwrap();
    });
    let requests = served.server().requests();
    requests.reset();
    let run = drift(&served, &["--verbose"]);
    assert_eq!(run.code, 2, "{}", run.transcript());
    for (code, count) in requests.counts() {
        assert!(READS.contains(&code), "{code} was sent {count} times");
    }
    assert!(requests.total() > 5);
    let streams = served.run(&["get", "streams", "-o", "json"]).stdout;
    assert!(!streams.contains("\"iggyctl\""), "{streams}");
}
