//! What is about to be created for many objects, marked in one place.

use iggyctl_core::api::v1alpha1::Kind;
use iggyctl_core::testing::there_stream;
use serde_json::json;

use super::cluster::{Cluster, Killed, object};
use crate::operator::model::Object;

fn stream(of: &str, name: &str) -> Object {
    object(Kind::IggyStream, of, 0, json!({ "name": name }))
}

/// What was marked and could not be created is not held: what somebody makes later is theirs.
/// An operator that was killed right after it created it knows it by its mark.
#[test]
fn a_mark_is_for_what_an_operator_created_that_was_killed() {
    for lives in 0..6 {
        let mut cluster = Cluster::new(vec![stream("a", "orders")]);
        cluster.fewest_marked = 1;
        cluster.lives = Some(lives);
        let _ = cluster.round();
        cluster.lives = None;
        if lives == 2 {
            let is_there = cluster.there().contains("orders");
            assert!(is_there && cluster.holders().is_empty() && cluster.creating.len() == 1);
        }
        cluster.settle().unwrap();
        assert_eq!(cluster.reason("a"), "Applied", "{lives}");
        assert!(cluster.creating.is_empty());
    }
    let mut cluster = Cluster::new(vec![stream("a", "orders")]);
    cluster.fewest_marked = 1;
    cluster.refuses.insert("stream/orders".parse().unwrap());
    cluster.round().unwrap();
    assert!(cluster.creating.is_empty());
    there_stream(&mut cluster.server, "orders");
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "AdoptionRefused");
}

/// A paused object keeps its marks: its status is left as it is.
#[test]
fn the_mark_of_a_paused_object_is_kept_until_it_goes_on() {
    let mut cluster = Cluster::new(vec![stream("a", "orders"), stream("b", "payments")]);
    cluster.fewest_marked = 2;
    cluster.lives = Some(3);
    assert_eq!(cluster.round(), Err(Killed));
    cluster.lives = None;
    assert_eq!(cluster.creating.len(), 2);
    cluster.objects[0].requests.pause = true;
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("b"), "Applied");
    assert_eq!(cluster.creating.len(), 1);
    cluster.objects[0].requests.pause = false;
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Applied");
    assert!(cluster.creating.is_empty());
}
