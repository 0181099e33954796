//! What was deleted and is there again.

use iggyctl_core::plan::{Action, ApprovedPlan};
use iggyctl_core::render::StepReport;
use iggyctl_core::state::observed::{ObservedState, ObservedTopic};
use iggyctl_engine::apply::{ApplyOutcome, StepResult};

/// A producer or a consumer of the SDKs creates the stream, the topic and the consumer group
/// that it misses, unless it is told not to (`iggy` 0.11.0, `clients/producer_builder.rs` and
/// `clients/consumer_builder.rs`).
const IS_BACK: &str = "it is there again: a client created it after it was deleted, as producers \
     and consumers of the SDKs do with what they miss; stop them, or have them not create \
     anything, then apply again";

/// Says so of each step that deleted something which the server has again.
pub(super) fn say_what_returned(
    reports: &mut [StepReport],
    plan: &ApprovedPlan,
    outcome: &ApplyOutcome,
    there: &ObservedState,
) {
    let ended = plan.steps().iter().zip(&outcome.steps);
    for (report, (step, end)) in reports.iter_mut().zip(ended) {
        if end.result == StepResult::Applied && is_back(&step.action, there) {
            report.reason = Some(IS_BACK.to_owned());
        }
    }
}

fn is_back(action: &Action, there: &ObservedState) -> bool {
    let topic_of =
        |stream, topic| -> Option<&ObservedTopic> { there.streams.get(stream)?.topics.get(topic) };
    match action {
        Action::DeleteStream { stream, .. } => there.streams.contains_key(stream),
        Action::DeleteTopic { stream, topic, .. } => topic_of(stream, topic).is_some(),
        Action::DeleteConsumerGroup {
            stream,
            topic,
            group,
            ..
        } => topic_of(stream, topic)
            .and_then(|topic| topic.groups.as_ref())
            .is_some_and(|groups| groups.contains_key(group)),
        _ => false,
    }
}
