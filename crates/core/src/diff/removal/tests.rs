//! What counts as owned and not declared.

use crate::diff::{Difference, diff};
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;
use crate::testing::{
    declare_group, declare_stream, declare_topic, name, there_group, there_stream, there_topic,
};

fn owning(streams: &[&str], topics: &[&str]) -> DesiredState {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let mut desired = DesiredState::default();
    desired.owns.streams = texts(streams);
    desired.owns.topics = texts(topics);
    desired
}

fn prunable(desired: &DesiredState, observed: &ObservedState) -> Vec<String> {
    let prunable = diff(desired, observed).prunable;
    prunable
        .into_iter()
        .map(|change| change.address.to_string())
        .collect()
}

fn there() -> ObservedState {
    let mut observed = ObservedState::default();
    for stream in ["iggyctl", "orders", "other", "shared"] {
        for topic in ["events", "extra"] {
            there_topic(&mut observed, stream, topic);
        }
    }
    there_group(&mut observed, "orders", "events", "billing");
    observed
}

#[test]
fn a_stream_that_is_owned_and_not_declared_goes_with_its_topics() {
    let observed = there();
    assert_eq!(prunable(&owning(&[], &[]), &observed), Vec::<String>::new());
    assert_eq!(
        prunable(&owning(&["orders"], &[]), &observed),
        ["stream/orders"]
    );
    assert_eq!(
        prunable(&owning(&["o*"], &["shared/ex*"]), &observed),
        ["stream/orders", "stream/other", "topic/shared/extra"]
    );
    assert_eq!(
        prunable(&owning(&["*"], &[]), &observed),
        ["stream/orders", "stream/other", "stream/shared"]
    );
    let changes = diff(&owning(&["orders"], &[]), &observed);
    let Difference::DeleteStream(stream) = &changes.prunable[0].difference else {
        panic!("{changes:?}");
    };
    assert_eq!(stream.topics.len(), 2);
    assert!(stream.unasked.is_empty());
    // A group holds offsets.
    assert!(!stream.is_empty());
}

#[test]
fn inside_what_is_declared_only_lists_are_looked_at() {
    let observed = there();
    let mut desired = owning(&["orders"], &[]);
    declare_topic(&mut desired, "orders", "events");
    declare_stream(&mut desired, "orders");
    assert_eq!(prunable(&desired, &observed), Vec::<String>::new());
    declare_stream(&mut desired, "orders").topics_listed = true;
    assert_eq!(prunable(&desired, &observed), ["topic/orders/extra"]);
    declare_topic(&mut desired, "orders", "events").groups_listed = true;
    assert_eq!(
        prunable(&desired, &observed),
        ["group/orders/events/billing", "topic/orders/extra"]
    );
    declare_group(&mut desired, "orders", "events", "billing");
    assert_eq!(prunable(&desired, &observed), ["topic/orders/extra"]);
    // The same lists in a stream that belongs to somebody else.
    desired.owns.streams.clear();
    assert_eq!(prunable(&desired, &observed), Vec::<String>::new());
    desired.owns.topics = vec!["orders/e*".to_owned()];
    assert_eq!(prunable(&desired, &observed), ["topic/orders/extra"]);
}

#[test]
fn what_is_renamed_or_waits_to_be_is_not_removed() {
    let mut observed = ObservedState::default();
    there_topic(&mut observed, "old", "was");
    there_topic(&mut observed, "old", "extra");
    let mut desired = owning(&["*"], &[]);
    declare_topic(&mut desired, "new", "is").previous_name = Some(name("was"));
    let stream = declare_stream(&mut desired, "new");
    stream.previous_name = Some(name("old"));
    stream.topics_listed = true;
    assert_eq!(prunable(&desired, &observed), ["topic/new/extra"]);
    // Both names are there: nothing is renamed, and nobody declares the former one.
    there_stream(&mut observed, "new");
    assert_eq!(prunable(&desired, &observed), ["stream/old"]);
}

#[test]
fn a_parent_is_not_declared_and_still_nobodys_to_remove() {
    let observed = there();
    let mut desired = owning(&["*"], &[]);
    declare_topic(&mut desired, "orders", "events");
    assert_eq!(
        prunable(&desired, &observed),
        ["stream/other", "stream/shared"]
    );
}

#[test]
fn destroying_is_about_exactly_what_was_declared() {
    let observed = there();
    let mut desired = owning(&["*"], &["*/*"]);
    declare_topic(&mut desired, "orders", "events");
    declare_stream(&mut desired, "orders");
    declare_topic(&mut desired, "shared", "extra");
    declare_group(&mut desired, "other", "events", "gone");
    let emptied = desired.emptied();
    assert_eq!(emptied.count(), 0);
    assert_eq!(
        prunable(&emptied, &observed),
        ["stream/orders", "topic/shared/extra"]
    );
    let changes = diff(&emptied, &observed);
    let Difference::DeleteStream(stream) = &changes.prunable[0].difference else {
        panic!("{changes:?}");
    };
    assert_eq!(stream.unasked, [name("extra")].into());
    assert!(!stream.is_empty());
}
