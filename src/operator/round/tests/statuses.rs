//! Details of what is said.

use iggyctl_core::api::v1alpha1::Kind;
use iggyctl_core::testing::there_topic;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster::{Cluster, object};

#[test]
fn of_many_lines_the_first_are_shown_and_all_are_counted() {
    let topics: Vec<Value> = (0..60)
        .map(|number| json!({ "name": format!("topic-{number:02}"), "partitions": 2 }))
        .collect();
    let spec = |management: &str| {
        json!({
            "management": management,
            "streams": [{ "name": "orders", "topics": topics.clone() }],
        })
    };
    for (management, pending, blocked) in [("ObserveOnly", 57, 3), ("Full", 0, 60)] {
        let all = spec(management);
        let mut cluster = Cluster::new(vec![object(Kind::IggyTopology, "all", 0, all)]);
        // Of three some partitions would have to be deleted; they are the last by name.
        for number in 57..60 {
            let topic = format!("topic-{number:02}");
            there_topic(&mut cluster.server, "orders", &topic).partitions = 4;
        }
        cluster.settle().unwrap();
        let plan = cluster.plan("all").unwrap();
        let counts = (plan.pending, plan.blocked);
        assert_eq!(counts, (pending, blocked), "{management}");
        assert_eq!(plan.changes.len(), 50, "{management}");
        // Somebody has to decide about these, so they are among those that are shown.
        let codes = plan.changes.iter().filter(|line| line.code.is_some());
        assert_eq!(codes.count(), 3, "{management}");
    }
}

fn at(cluster: &mut Cluster, second: i64) {
    cluster.now = Timestamp::from_second(second).unwrap();
    cluster.settle().unwrap();
}

fn since(cluster: &Cluster, kind: &str) -> String {
    cluster.condition("a", kind).last_transition_time.0.clone()
}

#[test]
fn a_transition_is_one_of_the_status_and_not_of_the_reason() {
    let spec = |partitions: u32, adoption: &str| {
        json!({
            "name": "orders", "adoption": adoption,
            "topics": [{ "name": "events", "partitions": partitions }],
        })
    };
    let mut cluster = Cluster::new(vec![object(Kind::IggyStream, "a", 0, spec(2, "Refuse"))]);
    there_topic(&mut cluster.server, "orders", "events").partitions = 4;
    at(&mut cluster, 1);
    assert_eq!(cluster.reason("a"), "AdoptionRefused");
    let began = since(&cluster, "Ready");
    assert_eq!(began, "1970-01-01T00:00:01Z");
    cluster.change("a", spec(2, "Adopt"));
    at(&mut cluster, 2);
    // Another reason, and stalled as before.
    assert_eq!(cluster.reason("a"), "Blocked");
    for kind in ["Ready", "Stalled", "Reconciling"] {
        assert_eq!(since(&cluster, kind), began, "{kind}");
    }
    cluster.change("a", spec(4, "Adopt"));
    at(&mut cluster, 3);
    assert_eq!(cluster.reason("a"), "Applied");
    assert_eq!(since(&cluster, "Ready"), "1970-01-01T00:00:03Z");
    assert_eq!(since(&cluster, "Stalled"), "1970-01-01T00:00:03Z");
    assert_eq!(since(&cluster, "Reconciling"), began);
}
