//! Which thing has a name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::observed::{AccessReading, ObservedState, ObservedStream, ObservedTopic};
use super::observed_access::ObservedUser;
use crate::address::Address;

/// Which thing of the server it is: the numeric id is given to the next one after it
/// is deleted, and the creation time tells them apart.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct Incarnation {
    /// Numeric id. That of a consumer group is never given again within its topic.
    pub id: u32,
    /// Creation time in microseconds since the Unix epoch; 0 for a consumer group, of
    /// which the server does not tell it.
    pub created_at_micros: u64,
}

impl Incarnation {
    /// Which thing has a name on the server, where that can be told.
    #[must_use]
    pub fn of(observed: &ObservedState, address: &Address) -> Option<Self> {
        let stream = || observed.streams.get(address.stream()?);
        let topic = || stream()?.topics.get(address.topic()?);
        match address {
            Address::Stream(_) => stream().map(Self::of_stream),
            Address::Topic(..) => topic().map(Self::of_topic),
            Address::ConsumerGroup(_, _, group) => {
                let group = topic()?.groups.as_ref()?.get(group)?;
                Some(Self {
                    id: group.id,
                    created_at_micros: 0,
                })
            }
            Address::User(user) => {
                let AccessReading::Read(access) = &observed.access else {
                    return None;
                };
                access.users.get(user).map(Self::of_user)
            }
            Address::Token(..) => None,
        }
    }

    /// Which stream it is.
    #[must_use]
    pub fn of_stream(stream: &ObservedStream) -> Self {
        Self {
            id: stream.id,
            created_at_micros: stream.created_at_micros,
        }
    }

    /// Which topic it is.
    #[must_use]
    pub fn of_topic(topic: &ObservedTopic) -> Self {
        Self {
            id: topic.id,
            created_at_micros: topic.created_at_micros,
        }
    }

    /// Which user it is.
    #[must_use]
    pub fn of_user(user: &ObservedUser) -> Self {
        Self {
            id: user.id,
            created_at_micros: user.created_at_micros,
        }
    }
}
