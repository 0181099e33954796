//! Users, and what their grants speak of.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::access::{Grants, StreamGrants};
use iggyctl_core::diff::live_user_names;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::desired::{DesiredState, Presence};
use iggyctl_core::state::desired_user::NameOrPattern;
use iggyctl_core::state::observed::{AccessReading, ObservedState, ObservedStream};
use iggyctl_core::state::observed_access::{
    KnownStream, ObservedAccess, ObservedUser, PasswordCheck, ROOT,
};

use super::owned::Reach;
use super::reads::{Answer, Question, ReadError, read_all};
use super::state::Checks;
use super::tokens;
use crate::broker::{BrokerErrorKind, BrokerRead, UserRead, UserSummary};
use crate::connect::{Connect, ConnectionPool, LoginCheck, PasswordQuestion, check_passwords};
use crate::delivery::TokenSinks;
use crate::secrets::Secrets;

/// Reads users when they are declared or owned, and also when something is going to be
/// created or deleted: the server would give its number to something else, and somebody may
/// hold grants on it.
pub(super) async fn observe_users<C: Connect, S: TokenSinks>(
    pool: &ConnectionPool<C>,
    desired: &DesiredState,
    observed: &mut ObservedState,
    checks: Option<Checks<'_, S>>,
    reach: Reach,
) -> Result<(), ReadError> {
    let declares_access = !desired.users.is_empty() || !desired.tokens.is_empty();
    let removes = reach == Reach::OwnedInDepth && !desired.owns.scope().is_nothing();
    let has_users = declares_access || desired.owns.owns_users();
    if !has_users && !removes && !creates(desired, observed) {
        return Ok(());
    }
    let named = streams_of_topic_rules(desired);
    // Only a declared or an owned user could lock itself out.
    observed.access = read_access(pool, &observed.streams, &named, has_users || removes).await?;
    let (
        Some(Checks {
            secrets,
            reach: _,
            sinks,
        }),
        AccessReading::Read(access),
    ) = (checks, &mut observed.access)
    else {
        return Ok(());
    };
    if !desired.tokens.is_empty() {
        tokens::read_sinks(desired, sinks, access).await;
        tokens::read_own(pool, desired, access).await?;
    }
    if let Some(secrets) = secrets {
        check(pool, desired, access, secrets).await?;
        tokens::check_values(pool.connector(), desired, sinks, access).await?;
    }
    Ok(())
}

/// Reads all users with what they are granted, and the streams and topics that
/// their grants speak of, whatever is declared. The topics of `streams` are
/// read, too.
///
/// A login that may not list users or streams gets
/// [`AccessReading::Refused`].
///
/// # Errors
/// When there is no connection, or a read fails on several.
pub async fn survey_access<C: Connect>(
    pool: &ConnectionPool<C>,
    streams: &BTreeSet<ResourceName>,
) -> Result<AccessReading, ReadError> {
    read_access(pool, &BTreeMap::new(), &streams.iter().collect(), false).await
}

/// Reads users; `known` streams are not read again, and of those in `named` the
/// topics matter.
pub(super) async fn read_access<C: Connect>(
    pool: &ConnectionPool<C>,
    known: &BTreeMap<ResourceName, ObservedStream>,
    named: &BTreeSet<&ResourceName>,
    asks_for_me: bool,
) -> Result<AccessReading, ReadError> {
    let listed = {
        let lease = pool.acquire().await?;
        let users = lease.list_users().await;
        let streams = lease.list_streams().await;
        let me = match asks_for_me {
            true => lease.me().await?.user_id,
            false => None,
        };
        match (users, streams) {
            (Ok(users), Ok(streams)) => (users, streams, me),
            (Err(error), _) | (_, Err(error)) if error.kind == BrokerErrorKind::Unauthorized => {
                return Ok(AccessReading::Refused {
                    reason: error.kind.to_string(),
                });
            }
            (Err(error), _) | (_, Err(error)) => return Err(error.into()),
        }
    };
    let (users, streams, me) = listed;
    let mut access = ObservedAccess {
        me: users
            .iter()
            .find(|user| Some(user.id) == me)
            .map(|user| user.name.clone()),
        ..ObservedAccess::default()
    };
    let (root, others): (Vec<_>, Vec<_>) = users.into_iter().partition(|user| user.id == ROOT);
    access.users.extend(root.into_iter().map(as_root));
    let names = others.into_iter().map(|user| Question::User(user.name));
    for answer in read_all(pool, names.collect()).await? {
        match answer {
            Answer::User(name, Some(user)) => {
                access.users.insert(name, user);
            }
            Answer::Refused(_, error) => return Err(error.into()),
            // Somebody deleted it since it was listed.
            _ => {}
        }
    }
    access.streams = streams
        .into_iter()
        .map(|stream| {
            let stream_topics = KnownStream {
                topics: known.get(&stream.name).map(topics_by_id),
                name: stream.name,
            };
            (stream.id, stream_topics)
        })
        .collect();
    read_topics(pool, named, &mut access).await?;
    Ok(AccessReading::Read(Box::new(access)))
}

/// It may do everything, so its grants need no read.
fn as_root(user: UserSummary) -> (ResourceName, ObservedUser) {
    let UserSummary {
        name,
        id,
        created_at_micros,
        status,
    } = user;
    let root = ObservedUser {
        id,
        created_at_micros,
        status,
        grants: Grants::default(),
        password: PasswordCheck::NotChecked,
        tokens: None,
    };
    (name, root)
}

fn topics_by_id(stream: &ObservedStream) -> BTreeMap<u32, ResourceName> {
    let topics = stream.topics.iter();
    topics
        .map(|(name, topic)| (topic.id, name.clone()))
        .collect()
}

/// Whether a stream or topic is declared whose name is not there. It may be
/// there under its previous name; whether that acts is for the comparison to
/// decide, and when it does not, the name is created.
fn creates(desired: &DesiredState, observed: &ObservedState) -> bool {
    desired.streams.iter().any(|(name, stream)| {
        let Some(live) = observed.streams.get(name) else {
            return stream.presence == Presence::Declared;
        };
        stream.topics.iter().any(|(name, topic)| {
            topic.presence == Presence::Declared && !live.topics.contains_key(name)
        })
    })
}

/// The streams of which a manifest grants something on single topics.
fn streams_of_topic_rules(desired: &DesiredState) -> BTreeSet<&ResourceName> {
    desired
        .users
        .values()
        .filter_map(|user| user.permissions.as_ref())
        .flat_map(|permissions| &permissions.streams)
        .filter(|rule| !rule.topics.is_empty())
        .filter_map(|rule| match &rule.name {
            NameOrPattern::Name(name) => Some(name),
            NameOrPattern::Pattern(_) => None,
        })
        .collect()
}

/// Streams whose topics matter, because a grant or a manifest speaks of single
/// ones, and that were not read already.
async fn read_topics<C: Connect>(
    pool: &ConnectionPool<C>,
    named: &BTreeSet<&ResourceName>,
    access: &mut ObservedAccess,
) -> Result<(), ReadError> {
    let granted: BTreeSet<u32> = access
        .users
        .values()
        .flat_map(|user: &ObservedUser| &user.grants.streams)
        .filter(|(_, StreamGrants { topics, .. })| !topics.is_empty())
        .map(|(id, _)| *id)
        .collect();
    let unread = access.streams.iter().filter(|(id, known)| {
        known.topics.is_none() && (granted.contains(id) || named.contains(&known.name))
    });
    let questions = unread.map(|(_, known)| Question::Stream(known.name.clone()));
    for answer in read_all(pool, questions.collect()).await? {
        match answer {
            Answer::Stream(_, Some(stream)) => {
                if let Some(known) = access.streams.get_mut(&stream.id) {
                    known.topics = Some(topics_by_id(&stream));
                }
            }
            Answer::Refused(_, error) if error.kind != BrokerErrorKind::Unauthorized => {
                return Err(error.into());
            }
            // What stays unread blocks the users whose grants speak of it.
            _ => {}
        }
    }
    Ok(())
}

/// Tries the declared passwords of the users that are there.
async fn check<C: Connect>(
    pool: &ConnectionPool<C>,
    desired: &DesiredState,
    access: &mut ObservedAccess,
    secrets: &Secrets,
) -> Result<(), ReadError> {
    let mut questions = Vec::new();
    let live_names = live_user_names(desired, access);
    for (name, user) in &desired.users {
        let live = live_names.get(name).copied();
        let (Some(live), Some(password)) = (live, &user.password) else {
            continue;
        };
        let (Some(there), Some(declared)) = (access.users.get(live), secrets.get(password)) else {
            continue;
        };
        let previous = user.previous_password.as_ref();
        questions.push(PasswordQuestion {
            user: live.clone(),
            status: there.status,
            declared: declared.clone(),
            previous: previous.and_then(|previous| secrets.get(previous)).cloned(),
            lists_tokens: desired.tokens.contains_key(name) && there.tokens.is_none(),
        });
    }
    let answers = check_passwords(pool.connector(), questions).await?;
    for (name, answer) in answers {
        if let Some(user) = access.users.get_mut(&name) {
            let LoginCheck { password, tokens } = answer;
            user.password = password;
            if let Some(tokens) = tokens {
                user.tokens = Some(tokens?);
            }
        }
    }
    Ok(())
}
