//! What is owned and not declared.

use std::collections::BTreeSet;

use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::desired::{DesiredState, Scope};
use iggyctl_core::state::observed::{Listing, ObservedState};

use super::reads::{Question, ReadError};
use crate::broker::{BrokerErrorKind, BrokerRead};
use crate::connect::{Connect, ConnectionPool};

/// How far an observation looks beyond what is declared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Not at all.
    #[default]
    Declared,
    /// At what is owned: one more request for a list of all streams where a pattern needs
    /// it, and one for each stream of it that nobody declares.
    Owned,
    /// Also at the consumer groups of what would be deleted, and at all users, whose grants
    /// would outlive it: one more request for each topic and user.
    OwnedInDepth,
}

/// The streams in which something may be owned.
pub(super) async fn owned_streams<C: Connect>(
    pool: &ConnectionPool<C>,
    scope: &Scope<'_>,
    reach: Reach,
    observed: &mut ObservedState,
) -> Result<BTreeSet<ResourceName>, ReadError> {
    if reach == Reach::Declared {
        return Ok(BTreeSet::new());
    }
    let mut streams = scope.named_streams();
    if scope.has_stream_patterns() {
        let listed = pool.acquire().await?.list_streams().await;
        match listed {
            Ok(listed) => {
                let listed = listed.into_iter().map(|stream| stream.name);
                streams.extend(listed.filter(|stream| scope.may_reach_into(stream)));
                observed.listing = Listing::Read;
            }
            Err(error) if error.kind == BrokerErrorKind::Unauthorized => {
                observed.listing = Listing::Refused {
                    reason: error.kind.to_string(),
                };
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(streams)
}

/// The groups of every topic that would be deleted, and of every one in which some are owned by
/// themselves: the topic may be declared by somebody else.
pub(super) fn group_questions(
    desired: &DesiredState,
    scope: &Scope<'_>,
    reach: Reach,
    observed: &ObservedState,
) -> Vec<Question> {
    if reach < Reach::OwnedInDepth {
        return Vec::new();
    }
    let with_named_groups = scope.topics_with_named_groups();
    let mut questions = Vec::new();
    for (stream_name, stream) in &observed.streams {
        let declared = desired.streams.get(stream_name);
        for (topic_name, topic) in &stream.topics {
            let is_declared = declared.is_some_and(|stream| stream.topics.contains_key(topic_name));
            let is_owned = !is_declared
                && (scope.owns_topic(stream_name, topic_name) || scope.names_stream(stream_name));
            let address = Address::Topic(stream_name.clone(), topic_name.clone());
            let has_owned = with_named_groups.contains(&address);
            if topic.groups.is_none() && (is_owned || has_owned) {
                let (stream, topic) = (stream_name.clone(), topic_name.clone());
                questions.push(Question::Groups(stream, topic));
            }
        }
    }
    questions
}
