//! What happens on the server while a question waits for its answer.

use std::process::Command;

use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

use crate::sandbox::Sandbox;
use crate::served::Served;
use crate::terminal::AtTerminal;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  owns:
    streams: [orders, old]
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 3, messageExpiry: 7d }
        - { name: audit, partitions: 1 }
";

const FIRST: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 1, messageExpiry: 1d }
        - { name: audit, partitions: 1 }
";

const QUESTION: &str = "Only `yes` is accepted";

/// Which way a plan is carried out.
const WAYS: [&[&str]; 2] = [
    &["apply", "-f", "topology.yaml"],
    &["apply", "--plan", "shop.plan"],
];

fn lab(more: &[&str]) -> Served {
    let sandbox = Sandbox::new()
        .variable("USER", "anna")
        .variable("HOSTNAME", "laptop");
    sandbox.write("first.yaml", FIRST);
    sandbox.write("topology.yaml", TOPOLOGY);
    let served = Served::start(EmbeddedServer::builder(), sandbox);
    for arguments in [
        &[&["apply", "-f", "first.yaml", "--yes"], more].concat()[..],
        &["plan", "-f", "topology.yaml", "--out", "shop.plan"],
    ] {
        let run = served.run(arguments);
        assert_eq!(run.code, 0, "{}", run.transcript());
    }
    served
}

fn command(served: &Served, arguments: &[&str]) -> Command {
    let address = served.address();
    let all = [arguments, &["--server", &address]].concat();
    served.sandbox.command(&all)
}

/// Waits for the answer of a person.
fn asking(served: &Served, arguments: &[&str]) -> AtTerminal {
    let mut asking = AtTerminal::start(command(served, arguments));
    asking.until(QUESTION);
    asking
}

fn named(text: &str) -> Identifier {
    Identifier::named(text).unwrap()
}

/// The number of partitions of a topic, and whether its messages expire after an hour.
fn events(served: &Served) -> (u32, bool) {
    served.by_hand(async |root| {
        let topic = root.get_topic(&named("orders"), &named("events")).await;
        let topic = topic.unwrap().unwrap();
        let hour = IggyExpiry::from(3_600_000_000_u64);
        (topic.partitions_count, topic.message_expiry == hour)
    })
}

#[test]
fn what_moved_meanwhile_makes_the_plan_stale() {
    for way in WAYS {
        let served = lab(&[]);
        let mut waits = asking(&served, way);
        let other = FIRST.replace(
            "partitions: 1, messageExpiry: 1d",
            "partitions: 2, messageExpiry: 1h",
        );
        served.sandbox.write("other.yaml", other);
        let run = served.run(&["apply", "-f", "other.yaml", "--yes"]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        assert_eq!(events(&served), (2, true));
        waits.answer("yes");
        let (code, _, shown) = waits.ended();
        assert_eq!(code, Some(4), "{shown}");
        assert!(shown.contains("nothing was changed: "), "{shown}");
        assert!(!shown.contains("nothing was changed: nothing"), "{shown}");
        assert!(
            shown.contains("topic/orders/events: partitions 1 → 2"),
            "{shown}"
        );
        assert_eq!(events(&served), (2, true));
    }
}

#[test]
fn another_one_of_the_name_makes_the_plan_stale() {
    for way in WAYS {
        let served = lab(&[]);
        let mut waits = asking(&served, &[way, &["-o", "json"]].concat());
        served.by_hand(async |root| {
            let stream = named("orders");
            root.delete_topic(&stream, &named("events")).await.unwrap();
            let options = TopicCreateOptions {
                partitions_count: Some(1),
                ..TopicCreateOptions::default()
            };
            root.create_topic(&stream, "events", &options)
                .await
                .unwrap();
        });
        waits.answer("yes");
        let (code, data, shown) = waits.ended();
        assert_eq!(code, Some(4), "{shown}");
        let another = "topic/orders/events: another one of that name";
        assert!(shown.contains(another), "{shown}");
        let report: serde_json::Value = serde_json::from_str(&data).unwrap();
        assert_eq!(report["steps"][0]["status"], "notAttempted", "{report:#}");
        assert_eq!(events(&served).0, 1);
    }
}

/// The plan that was shown has nothing to do with it.
#[test]
fn what_is_to_be_done_only_now_was_not_confirmed() {
    let served = lab(&[]);
    let mut waits = asking(&served, WAYS[0]);
    served.by_hand(async |root| {
        let audit = named("audit");
        root.delete_topic(&named("orders"), &audit).await.unwrap();
    });
    waits.answer("yes");
    let (code, _, shown) = waits.ended();
    assert_eq!(code, Some(4), "{shown}");
    let expected = "the server was changed while the question waited for its answer:";
    assert!(shown.contains(expected), "{shown}");
    assert!(
        shown.contains("topic/orders/audit: create topic"),
        "{shown}"
    );
    assert!(shown.contains(", only now"), "{shown}");
    assert_eq!(events(&served).0, 1);
}

#[test]
fn a_destroy_that_waited_is_planned_again() {
    let served = lab(&[]);
    let mut waits = AtTerminal::start(command(&served, &["destroy", "-f", "first.yaml"]));
    waits.until("How many are removed?");
    waits.answer("3");
    waits.until(QUESTION);
    served.by_hand(async |root| {
        let message = IggyMessage::builder()
            .payload("one".into())
            .build()
            .unwrap();
        let to = Partitioning::partition_id(0);
        let topic = (named("orders"), named("events"));
        root.send_messages(&topic.0, &topic.1, &to, &mut [message])
            .await
            .unwrap();
    });
    waits.answer("yes");
    let (code, _, shown) = waits.ended();
    assert_eq!(code, Some(4), "{shown}");
    assert!(
        shown.contains("it was empty, and holds messages"),
        "{shown}"
    );
    assert_eq!(events(&served).0, 1);
}

#[test]
fn what_has_nothing_to_do_with_it_does_not_matter() {
    for way in WAYS {
        let served = lab(&[]);
        let mut waits = asking(&served, way);
        served.by_hand(async |root| {
            root.create_stream("another").await.unwrap();
        });
        waits.answer("yes");
        let (code, _, shown) = waits.ended();
        assert_eq!(code, Some(0), "{shown}");
        assert_eq!(events(&served).0, 3);
    }
}

/// Long before its next renewal.
#[test]
fn a_lease_that_was_ended_meanwhile_is_noticed_at_once() {
    for way in WAYS {
        let served = lab(&["--ledger"]);
        let with = [way, &["--ledger", "--lock-duration", "1h"]].concat();
        let mut first = asking(&served, &with);
        assert_eq!(served.run(&["lock", "release", "shop"]).code, 0);
        let mut second = asking(&served, &with);
        first.answer("yes");
        let (code, _, shown) = first.ended();
        assert_eq!(code, Some(5), "{shown}");
        assert!(
            shown.contains("nothing was changed: the lease is lost: anna@laptop ended it"),
            "{shown}"
        );
        assert_eq!(events(&served).0, 1);
        second.answer("yes");
        let (code, _, shown) = second.ended();
        assert_eq!(code, Some(0), "{shown}");
        assert_eq!(events(&served).0, 3);
    }
}
