use std::collections::BTreeSet;

use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::desired::{DesiredState, Scope};
use iggyctl_core::state::observed::{ObservationGap, ObservedState};

use super::owned::{self, Reach, owned_streams};
use super::reads::{Answer, Question, ReadError, read_all};
use super::users::observe_users;
use crate::broker::{BrokerError, BrokerErrorKind};
use crate::connect::{Connect, ConnectionPool};
use crate::delivery::{NoSinks, TokenSinks};
use crate::secrets::Secrets;

/// Reads what the desired state needs, and nothing else.
///
/// A read that the server refuses is a gap in the result, not an error.
///
/// # Errors
/// When there is no connection, or a read fails on several.
pub async fn observe<C: Connect>(
    pool: &ConnectionPool<C>,
    desired: &DesiredState,
) -> Result<ObservedState, ReadError> {
    observe_reaching(pool, desired, Reach::Declared).await
}

/// As [`observe`], and looks beyond what is declared.
///
/// # Errors
/// As [`observe`].
pub async fn observe_reaching<C: Connect>(
    pool: &ConnectionPool<C>,
    desired: &DesiredState,
    reach: Reach,
) -> Result<ObservedState, ReadError> {
    read::<C, NoSinks>(pool, desired, None, reach).await
}

/// What an observation looks at beyond what the own login may read.
#[derive(Debug, Clone, Copy)]
pub struct Checks<'a, S> {
    /// The declared passwords, to log in with: the server tells in no other way
    /// whether they are the live ones, and lists tokens only to their users.
    /// Without them nobody logs in, and tokens are not compared.
    pub secrets: Option<&'a Secrets>,
    /// How far it looks beyond what is declared.
    pub reach: Reach,
    /// Where the values of the declared tokens go.
    pub sinks: &'a S,
}

/// As [`observe`], with checks.
///
/// # Errors
/// As [`observe`], and when a login gets no answer.
pub async fn observe_and_check<C: Connect, S: TokenSinks>(
    pool: &ConnectionPool<C>,
    desired: &DesiredState,
    checks: Checks<'_, S>,
) -> Result<ObservedState, ReadError> {
    let reach = checks.reach;
    read(pool, desired, Some(checks), reach).await
}

async fn read<C: Connect, S: TokenSinks>(
    pool: &ConnectionPool<C>,
    desired: &DesiredState,
    checks: Option<Checks<'_, S>>,
    reach: Reach,
) -> Result<ObservedState, ReadError> {
    let mut observed = ObservedState::default();
    let scope = desired.owns.scope();
    let mut streams = stream_names(desired);
    streams.extend(owned_streams(pool, &scope, reach, &mut observed).await?);
    let streams = streams.into_iter().map(Question::Stream);
    for answer in read_all(pool, streams.collect()).await? {
        record(&mut observed, answer)?;
    }
    let groups = group_questions(desired, &scope, reach, &observed);
    for answer in read_all(pool, groups).await? {
        record(&mut observed, answer)?;
    }
    let groups = owned::group_questions(desired, &scope, reach, &observed);
    for answer in read_all(pool, groups).await? {
        record(&mut observed, answer)?;
    }
    observe_users(pool, desired, &mut observed, checks, reach).await?;
    // Answers come in any order, and what is built from them must not show it.
    observed
        .gaps
        .sort_by(|one, other| one.address.cmp(&other.address));
    Ok(observed)
}

/// Every stream that is declared, is somebody's parent, or may be renamed.
fn stream_names(desired: &DesiredState) -> BTreeSet<ResourceName> {
    desired
        .streams
        .iter()
        .flat_map(|(name, stream)| [Some(name), stream.previous_name.as_ref()])
        .flatten()
        .cloned()
        .collect()
}

/// The groups of every topic that declares some, or lists all of its own, under each name that the topic
/// and its stream may have on the server.
fn group_questions(
    desired: &DesiredState,
    scope: &Scope<'_>,
    reach: Reach,
    observed: &ObservedState,
) -> Vec<Question> {
    let mut topics: BTreeSet<(&ResourceName, &ResourceName)> = BTreeSet::new();
    for (stream_name, stream) in &desired.streams {
        let stream_names = [Some(stream_name), stream.previous_name.as_ref()];
        for (topic_name, topic) in &stream.topics {
            let may_have_others = reach > Reach::Declared
                && topic.groups_listed
                && scope.owns_topic(stream_name, topic_name);
            if topic.groups.is_empty() && !may_have_others {
                continue;
            }
            let topic_names = [Some(topic_name), topic.previous_name.as_ref()];
            for live_stream_name in stream_names.into_iter().flatten() {
                let Some(live_stream) = observed.streams.get(live_stream_name) else {
                    continue;
                };
                for live_topic_name in topic_names.into_iter().flatten() {
                    if live_stream.topics.contains_key(live_topic_name) {
                        topics.insert((live_stream_name, live_topic_name));
                    }
                }
            }
        }
    }
    topics
        .into_iter()
        .map(|(stream, topic)| Question::Groups(stream.clone(), topic.clone()))
        .collect()
}

pub(super) fn record(observed: &mut ObservedState, answer: Answer) -> Result<(), BrokerError> {
    match answer {
        Answer::Stream(name, Some(stream)) => {
            observed.streams.insert(name, stream);
        }
        Answer::Stream(_, None) | Answer::User(..) => {}
        Answer::Groups(stream, topic, groups) => {
            let found = observed
                .streams
                .get_mut(&stream)
                .and_then(|stream| stream.topics.get_mut(&topic));
            if let Some(found) = found {
                found.groups = Some(groups);
            }
        }
        Answer::Refused(question, error) => match (&error.kind, question) {
            (BrokerErrorKind::Unauthorized, Question::Stream(stream)) => {
                observed.gaps.push(gap(Address::Stream(stream), &error));
            }
            (BrokerErrorKind::Unauthorized, Question::Groups(stream, topic)) => {
                observed
                    .gaps
                    .push(gap(Address::Topic(stream, topic), &error));
            }
            // Somebody deleted the topic since its stream was read.
            (BrokerErrorKind::NotFound, Question::Groups(stream, topic)) => {
                if let Some(stream) = observed.streams.get_mut(&stream) {
                    stream.topics.remove(&topic);
                }
            }
            _ => return Err(error),
        },
    }
    Ok(())
}

fn gap(address: Address, error: &BrokerError) -> ObservationGap {
    ObservationGap {
        address,
        reason: error.kind.to_string(),
    }
}
