//! What holds for any objects, in any order, whenever the operator is killed.

use iggyctl_core::api::v1alpha1::Kind;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use super::cluster::{Cluster, Killed, object};
use crate::operator::model::Object;

fn an_object(number: usize) -> impl Strategy<Value = Object> {
    let topics = subsequence(vec!["x", "y", "z"], 0..=3);
    (
        select(vec![Kind::IggyStream, Kind::IggyTopology, Kind::IggyTopic]),
        select(vec!["one", "two"]),
        topics,
        select(vec!["Retain", "Delete", "DeleteIfEmpty"]),
        select(vec!["Refuse", "Adopt"]),
        0..5_i64,
    )
        .prop_map(move |(kind, stream, topics, policy, adoption, age)| {
            let list: Vec<_> = topics
                .iter()
                .map(|topic| json!({ "name": topic, "deletionPolicy": policy, "consumerGroups": ["g"] }))
                .collect();
            let spec = match kind {
                Kind::IggyStream => json!({
                    "name": stream, "deletionPolicy": policy, "adoption": adoption, "topics": list,
                }),
                Kind::IggyTopology => json!({
                    "adoption": adoption,
                    "streams": [{ "name": stream, "deletionPolicy": policy, "topics": list }],
                }),
                _ => json!({
                    "stream": stream, "name": topics.first().unwrap_or(&"x"),
                    "deletionPolicy": policy, "adoption": adoption,
                }),
            };
            object(kind, &format!("object-{number}"), age, spec)
        })
}

fn objects() -> impl Strategy<Value = Vec<Object>> {
    (an_object(0), an_object(1), an_object(2), an_object(3))
        .prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

/// All are marked, two of them are too few, or each is announced.
fn fewest_marked() -> impl Strategy<Value = usize> {
    select(vec![1, 3, usize::MAX])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// It comes to rest, and then nothing is written; and nothing is held by two.
    #[test]
    fn it_comes_to_rest(objects in objects()) {
        let mut cluster = Cluster::new(objects);
        cluster.settle().unwrap();
        let writes = cluster.writes;
        cluster.round().unwrap();
        prop_assert_eq!(cluster.writes, writes);
        for (address, holders) in cluster.holders() {
            prop_assert_eq!(holders.len(), 1, "{}", address);
        }
    }

    /// In whatever order they are seen, it comes to the same.
    #[test]
    fn the_order_does_not_matter(objects in objects(), rotate in 0..4_usize) {
        let mut one = Cluster::new(objects.clone());
        one.settle().unwrap();
        let mut turned = objects;
        turned.rotate_left(rotate);
        let mut other = Cluster::new(turned);
        other.settle().unwrap();
        prop_assert_eq!(one.there(), other.there());
        prop_assert_eq!(one.holders(), other.holders());
    }

    /// An operator that is killed before any of its writes, and started again, comes to what
    /// it would have come to: nothing of its own is taken for that of others.
    #[test]
    fn being_killed_changes_nothing(
        objects in objects(),
        lives in 0..40_usize,
        fewest_marked in fewest_marked(),
    ) {
        let mut whole = Cluster::new(objects.clone());
        whole.settle().unwrap();
        let mut killed = Cluster::new(objects);
        killed.fewest_marked = fewest_marked;
        killed.lives = Some(lives);
        let was_killed = killed.settle() == Err(Killed);
        killed.lives = None;
        killed.settle().unwrap();
        prop_assert_eq!(killed.there(), whole.there(), "killed: {}", was_killed);
        prop_assert_eq!(killed.holders(), whole.holders());
        prop_assert!(killed.creating.is_empty());
    }

    /// Deleting everything leaves nothing stuck, and on the server what was to be retained;
    /// also when the operator is killed in between.
    #[test]
    fn nothing_is_stuck(
        objects in objects(),
        lives in 0..40_usize,
        fewest_marked in fewest_marked(),
    ) {
        let mut cluster = Cluster::new(objects);
        cluster.fewest_marked = fewest_marked;
        cluster.settle().unwrap();
        for name in ["object-0", "object-1", "object-2", "object-3"] {
            cluster.delete(name);
        }
        cluster.lives = Some(lives);
        let _ = cluster.settle();
        cluster.lives = None;
        cluster.settle().unwrap();
        // What stays has something in it that is not to be deleted, or waits for such a one.
        let reasons: Vec<&str> = cluster
            .objects
            .iter()
            .map(|object| cluster.reason(&object.key.name))
            .collect();
        let is_known = |reason: &&str| ["HoldsData", "Deleting"].contains(reason);
        prop_assert!(reasons.iter().all(is_known), "{:?}", reasons);
        prop_assert!(reasons.is_empty() || reasons.contains(&"HoldsData"), "{:?}", reasons);
    }
}
