//! What is not done for an object: what is said of it, and told once.

use iggyctl_core::api::v1alpha1::Kind;
use iggyctl_core::testing::{there_stream, there_topic};
use serde_json::{Value, json};

use super::cluster::{Cluster, object};
use crate::operator::model::{EventReason, Object};

fn topology(name: &str, age: i64, expiry: &str, more: Value) -> Object {
    let topics = json!([{ "name": "events", "messageExpiry": expiry }, { "name": "more" }]);
    let mut spec = json!({ "streams": [{ "name": "orders", "topics": topics }] });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    object(Kind::IggyTopology, name, age, spec)
}

#[test]
fn what_is_not_taken_over_is_in_the_plan() {
    let mut cluster = Cluster::new(vec![topology("a", 0, "7d", json!({}))]);
    there_topic(&mut cluster.server, "orders", "events");
    cluster.settle().unwrap();
    assert_eq!(
        cluster.lines("a"),
        [
            "topic/orders/events: AdoptionRefused: update (messageExpiry: never → 7d)",
            "topic/orders/more: AdoptionRefused: create (partitions: 1)",
        ]
    );
    let plan = cluster.plan("a").unwrap();
    assert_eq!((plan.pending, plan.blocked), (0, 2));
    assert!(plan.changes.iter().all(|line| line.code.is_none()));
    // It is no drift: the object never had it.
    assert!(!cluster.is_true("a", "Drifted"));
    let writes = cluster.writes;
    cluster.round().unwrap();
    assert_eq!(cluster.writes, writes);
}

/// What could not be changed if it were taken over says why by its own code.
#[test]
fn what_is_not_taken_over_and_blocked_has_its_code() {
    let mut cluster = Cluster::new(vec![topology("a", 0, "7d", json!({}))]);
    let events = there_topic(&mut cluster.server, "orders", "events");
    events.settings.message_expiry = Some("7d".parse().unwrap());
    there_topic(&mut cluster.server, "orders", "more").partitions = 5;
    cluster.settle().unwrap();
    let mut shrinking = json!({ "name": "more", "partitions": 3 });
    let spec = |topic: &Value| {
        let topics = json!([{ "name": "events", "messageExpiry": "7d" }, topic]);
        json!({ "streams": [{ "name": "orders", "topics": topics }] })
    };
    cluster.change("a", spec(&shrinking));
    cluster.settle().unwrap();
    let plan = cluster.plan("a").unwrap();
    assert_eq!((plan.pending, plan.blocked), (0, 1));
    assert_eq!(plan.changes[0].code.as_deref(), Some("partitionShrink"));
    // With the word for it, it would be done.
    shrinking["allowPartitionShrink"] = json!(true);
    cluster.change("a", spec(&shrinking));
    cluster.settle().unwrap();
    assert_eq!(
        cluster.lines("a"),
        ["topic/orders/more: AdoptionRefused: update (partitions: 5 → 3)"]
    );
}

#[test]
fn what_another_object_has_is_in_the_plan_where_it_differs() {
    let mut cluster = Cluster::new(vec![
        topology("a", 0, "7d", json!({})),
        topology("b", 1, "2d", json!({})),
    ]);
    cluster.settle().unwrap();
    assert_eq!(cluster.plan("a"), None);
    assert_eq!(
        cluster.lines("b"),
        ["topic/orders/events: Conflicted: update (messageExpiry: 7d → 2d)"]
    );
    let plan = cluster.plan("b").unwrap();
    assert_eq!((plan.pending, plan.blocked), (0, 1));
}

#[test]
fn what_is_not_taken_over_is_named_without_what_is_in_it() {
    let mut cluster = Cluster::new(vec![topology("a", 0, "7d", json!({}))]);
    there_topic(&mut cluster.server, "orders", "events");
    cluster.settle().unwrap();
    assert_eq!(
        cluster.condition("a", "Ready").message,
        "stream/orders is on the server already; adoption: Adopt takes it over"
    );
    there_stream(&mut cluster.server, "theirs");
    let both = json!({ "streams": [{ "name": "orders" }, { "name": "theirs" }] });
    cluster.change("a", both);
    cluster.settle().unwrap();
    assert_eq!(
        cluster.condition("a", "Ready").message,
        "stream/orders, stream/theirs are on the server already; adoption: Adopt takes them over"
    );
}

/// What is its own is pending beside what it does not get.
#[test]
fn what_is_held_is_not_taken_for_what_was_refused() {
    let mut cluster = Cluster::new(vec![topology("a", 0, "7d", json!({}))]);
    cluster.settle().unwrap();
    let other = json!({ "driftPolicy": "Report", "streams": [
        { "name": "orders", "topics": [{ "name": "events", "messageExpiry": "7d" }, { "name": "more" }] },
        { "name": "theirs" },
    ] });
    there_stream(&mut cluster.server, "theirs");
    cluster.change("a", other);
    cluster.settle().unwrap();
    // The stream itself has nothing that could differ.
    assert_eq!(cluster.reason("a"), "AdoptionRefused");
    assert_eq!(cluster.plan("a"), None);
    let events = there_topic(&mut cluster.server, "orders", "events");
    events.settings.message_expiry = Some("1h".parse().unwrap());
    cluster.refuses = ["topic/orders/events".parse().unwrap()].into();
    cluster.settle_but_for(1);
    assert_eq!(
        cluster.lines("a"),
        ["topic/orders/events: update (messageExpiry: 1h → 7d)"]
    );
    let plan = cluster.plan("a").unwrap();
    assert_eq!((plan.pending, plan.blocked), (1, 0));
}

/// Each is told when it begins, and once.
#[test]
fn refusals_are_told_when_they_begin() {
    let both = json!({ "deletionPolicy": "DeleteIfEmpty" });
    let mut cluster = Cluster::new(vec![topology("a", 0, "7d", both.clone())]);
    cluster.settle().unwrap();
    cluster.happenings.clear();
    let good = cluster.objects[0].spec.as_ref().clone();
    let mut invalid = good.clone();
    invalid["streams"][0]["name"] = json!("é".repeat(150));
    cluster.change("a", invalid);
    settles_telling(&mut cluster, &[EventReason::InvalidSpec]);
    cluster.change("a", good);
    settles_telling(&mut cluster, &[]);
    // Another server than before.
    let server = std::mem::take(&mut cluster.server.streams);
    settles_telling(&mut cluster, &[EventReason::ServerReplaced]);
    cluster.server.streams = server;
    settles_telling(&mut cluster, &[]);
    there_topic(&mut cluster.server, "orders", "events").messages = 3;
    cluster.delete("a");
    // What is empty went.
    settles_telling(
        &mut cluster,
        &[EventReason::Applied, EventReason::HoldsData],
    );
    assert_eq!(cluster.reason("a"), "HoldsData");
}

fn settles_telling(cluster: &mut Cluster, expected: &[EventReason]) {
    cluster.settle().unwrap();
    cluster.round().unwrap();
    assert_eq!(cluster.told_reasons(), expected, "{}", cluster.reason("a"));
}
