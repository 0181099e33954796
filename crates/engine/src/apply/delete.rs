//! Deleting exactly what the plan found: not another one of the same name, and nothing that
//! came into an empty one since.

use iggyctl_core::diff::Incarnation;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::observed::ObservedTopic;
use iggyctl_core::wording::counted;

use super::located::Sent;
use crate::broker::{BrokerError, BrokerErrorKind, BrokerWrite};

/// Deletes a stream. One that is not there is deleted.
pub(super) async fn delete_stream<B: BrokerWrite>(
    broker: &B,
    stream: &ResourceName,
    found: Incarnation,
    topics: &[ResourceName],
    only_if_empty: bool,
) -> Result<Sent, BrokerError> {
    let Some(there) = broker.get_stream(stream).await? else {
        return Ok(Sent::Done);
    };
    if (there.id, there.created_at_micros) != (found.id, found.created_at_micros) {
        return Ok(another("stream"));
    }
    if let Some(new) = there.topics.keys().find(|topic| !topics.contains(topic)) {
        return Ok(Sent::Moved {
            expected: format!("a stream with {}", counted(topics.len(), "topic")),
            found: format!("the topic `{new}` in it, too"),
        });
    }
    if only_if_empty {
        for (name, topic) in &there.topics {
            if let Some(holds) = holding(broker, stream, name, topic).await? {
                return Ok(Sent::Moved {
                    expected: "an empty stream".to_owned(),
                    found: format!("{holds} in the topic `{name}`"),
                });
            }
        }
    }
    done(broker.delete_stream(stream).await)
}

/// Deletes a topic. One that is not there is deleted.
pub(super) async fn delete_topic<B: BrokerWrite>(
    broker: &B,
    stream: &ResourceName,
    topic: &ResourceName,
    found: Incarnation,
    only_if_empty: bool,
) -> Result<Sent, BrokerError> {
    let Some(there) = broker.get_topic(stream, topic).await? else {
        return Ok(Sent::Done);
    };
    if (there.id, there.created_at_micros) != (found.id, found.created_at_micros) {
        return Ok(another("topic"));
    }
    if only_if_empty && let Some(holds) = holding(broker, stream, topic, &there).await? {
        return Ok(Sent::Moved {
            expected: "an empty topic".to_owned(),
            found: holds,
        });
    }
    done(broker.delete_topic(stream, topic).await)
}

/// Deletes a consumer group by its id, which no other one of the topic ever gets.
pub(super) async fn delete_group<B: BrokerWrite>(
    broker: &B,
    stream: &ResourceName,
    topic: &ResourceName,
    found: Incarnation,
) -> Result<Sent, BrokerError> {
    done(broker.delete_consumer_group(stream, topic, found.id).await)
}

fn done(deleted: Result<(), BrokerError>) -> Result<Sent, BrokerError> {
    match deleted {
        Err(error) if error.kind == BrokerErrorKind::NotFound => Ok(Sent::Done),
        Ok(()) => Ok(Sent::Done),
        Err(error) => Err(error),
    }
}

fn another(kind: &str) -> Sent {
    Sent::Moved {
        expected: format!("the {kind} that the plan was made for"),
        found: "another one of its name, created since".to_owned(),
    }
}

/// What an empty topic holds by now, in words.
async fn holding<B: BrokerWrite>(
    broker: &B,
    stream: &ResourceName,
    name: &ResourceName,
    topic: &ObservedTopic,
) -> Result<Option<String>, BrokerError> {
    if topic.messages > 0 {
        return Ok(Some(counted(topic.messages, "message")));
    }
    match broker.consumer_groups(stream, name).await {
        Ok(groups) => Ok(groups
            .keys()
            .next()
            .map(|group| format!("the consumer group `{group}`"))),
        Err(error) if error.kind == BrokerErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
