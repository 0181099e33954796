//! Drift where the last record is of a destroy, or of an apply that left something out: what
//! was not removed keeps its record, and what was left to be created is told from what
//! somebody created.

use iggy::prelude::*;
use serde_json::Value;

use crate::drift::{edit, expire_by_hand, named};
use crate::drift_from_record::{create_topic, look, recorded};
use crate::sandbox::Run;
use crate::served::Served;

const HOUR: u64 = 3_600_000_000;

fn destroy(served: &Served, flags: &[&str]) -> Run {
    let arguments = ["destroy", "-f", "topology.yaml", "--yes", "--ledger"];
    let run = served.run(&[&arguments[..], flags].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    run
}

fn outcomes(served: &Served) -> Vec<String> {
    let run = served.run(&["history", "-o", "json"]);
    let history: Value = serde_json::from_str(&run.stdout).unwrap();
    let revisions = history["revisions"].as_array().unwrap().iter();
    let command = |it: &Value| it["about"]["command"].as_str().unwrap().to_owned();
    revisions.map(command).collect()
}

async fn delete_topic(root: &IggyClient, topic: &str) {
    let orders = named("orders");
    root.delete_topic(&orders, &named(topic)).await.unwrap();
}

#[test]
fn a_destroy_that_removes_nothing_is_not_recorded() {
    let served = recorded();
    let run = destroy(&served, &["--skip-blocked", "--only", "stream/orders"]);
    assert!(!run.stderr.contains("Recorded"), "{}", run.transcript());
    assert_eq!(outcomes(&served), ["apply"]);
    expire_by_hand(&served, HOUR);
    served.by_hand(async |root| delete_topic(&root, "audit").await);
    let said = look(&served, 8);
    let expected = "topic/orders/audit | - | deleted | - | - | -\n\
                    topic/orders/events | messageExpiry | changed | 7d | 1h | 7d\n";
    assert_eq!(said, expected);
}

#[test]
fn what_a_destroy_did_not_remove_keeps_its_record() {
    let served = recorded();
    expire_by_hand(&served, HOUR);
    destroy(
        &served,
        &[
            "--skip-blocked",
            "--only",
            "user/svc-orders",
            "--expect-removals",
            "1",
        ],
    );
    assert_eq!(outcomes(&served), ["destroy", "apply"]);
    let changed = "topic/orders/events | messageExpiry | changed | 7d | 1h | 7d\n";
    let said = look(&served, 8);
    let (first, user) = said.split_once('\n').unwrap();
    assert_eq!(format!("{first}\n"), changed);
    // The user is as the destroy left it, and Git declares it otherwise.
    assert!(!user.is_empty());
    for line in user.lines() {
        assert!(line.starts_with("user/svc-orders | permissions"), "{said}");
        assert!(line.contains(" | ahead | "), "{said}");
    }
    // Another destroy does not forget it either.
    destroy(
        &served,
        &["--skip-blocked", "--allow-destroy", "user/svc-orders"],
    );
    served.by_hand(async |root| delete_topic(&root, "audit").await);
    let said = look(&served, 8);
    let expected = format!(
        "topic/orders/audit | - | deleted | - | - | -\n{changed}user/svc-orders | - | ahead | - | - | -\n"
    );
    assert_eq!(said, expected);
}

#[test]
fn what_a_destroy_removed_is_to_be_created_again() {
    let served = recorded();
    let stream = ["--allow-destroy", "stream/orders"];
    let topic = ["--allow-destroy", "topic/orders/events"];
    let group = ["--allow-destroy", "group/orders/events/billing"];
    let removals = ["--expect-removals", "4"];
    destroy(&served, &[&stream[..], &topic, &group, &removals].concat());
    let said = look(&served, 2);
    // Of a permission on what is gone nothing is said: it went with it.
    let is_expected = |line: &str| line.contains(" | ahead | ");
    assert!(said.lines().all(is_expected), "{said}");
    // By hand the stream is as declared, and a topic is not.
    served.by_hand(async |root| {
        root.create_stream("orders").await.unwrap();
        create_topic(&root, "orders", "audit").await;
        create_topic(&root, "orders", "events").await;
    });
    let said = look(&served, 8);
    let expected = "stream/orders | - | adopted | - | - | -\n\
                    topic/orders/audit | - | adopted | - | - | -\n\
                    topic/orders/events | - | appeared | - | - | -\n";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn what_was_left_to_be_created_and_is_created_by_hand_is_drift() {
    let served = recorded();
    let more = "name: audit\n          partitions: 1\n        - name: late\n          partitions: 2\n        - name: later\n";
    edit(&served, "name: audit\n          partitions: 1\n", more);
    let user = "  users:\n    - name: us-b\n      password: { env: SVC_ORDERS_PASSWORD }\n      \
                permissions: { streams: [{ name: orders, topics: [{ name: events, allow: [poll_messages] }] }] }\n";
    edit(&served, "  users:\n", user);
    edit(&served, "messageExpiry: 7d", "messageExpiry: 9d");
    let only = |what: &str| {
        let flags = [
            "apply",
            "-f",
            "topology.yaml",
            "--yes",
            "--ledger",
            "--only",
            what,
        ];
        let run = served.run(&flags);
        assert_eq!(run.code, 0, "{}", run.transcript());
    };
    only("topic/orders/events");
    let left = "topic/orders/late | - | ahead | - | - | -\n\
                topic/orders/later | - | ahead | - | - | -\n\
                user/us-b | - | ahead | - | - | -\n";
    assert_eq!(look(&served, 2), left);
    served.by_hand(async |root| {
        create_topic(&root, "orders", "late").await;
        create_topic(&root, "orders", "later").await;
        let status = UserStatus::Active;
        let permissions = Permissions {
            global: GlobalPermissions {
                send_messages: true,
                ..GlobalPermissions::default()
            },
            streams: None,
        };
        root.create_user("us-b", "a-very-secret-password", status, Some(permissions))
            .await
            .unwrap();
    });
    let created = look(&served, 8);
    let expected = "topic/orders/late | - | appeared | - | - | -\n\
                    topic/orders/late | partitions | changed | - | 1 | 2\n\
                    topic/orders/later | - | adopted | - | - | -\n\
                    user/us-b | - | appeared | - | - | -\n";
    assert!(created.starts_with(expected), "{created}");
    assert!(
        created.contains("user/us-b | permissions server | changed"),
        "{created}"
    );
    let text = served.run(&["drift", "-f", "topology.yaml"]).stdout;
    assert!(
        text.contains("created since the last apply: it is declared otherwise"),
        "{text}"
    );
    assert!(text.contains("partitions: now 1, declared 2"), "{text}");
    // An apply of something else has shown nobody.
    edit(&served, "messageExpiry: 9d", "messageExpiry: 10d");
    only("topic/orders/events");
    assert_eq!(look(&served, 8), created);
}
