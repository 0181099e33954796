//! Who has to get in, and who reads which of the real topics.

use std::collections::BTreeSet;

use super::limits::{share, spread};
use super::{Limits, NotTried, TopicPath};
use crate::access::{EffectiveRights, Grants, Right, Scope, UserStatus};
use crate::address::Address;
use crate::diff::declared_grants;
use crate::name::ResourceName;
use crate::state::desired::{DesiredState, Presence};
use crate::state::desired_token::TokenDestination;
use crate::state::desired_user::{DesiredUser, SecretReference};
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_access::{ObservedAccess, ROOT};
use crate::wording::counted;

/// What the server has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expected {
    /// It does it.
    Allowed,
    /// It refuses, because the account may not do it, and for no other reason.
    Denied,
}

impl Expected {
    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }

    pub(super) fn of(allowed: bool) -> Self {
        match allowed {
            true => Self::Allowed,
            false => Self::Denied,
        }
    }
}

/// A login to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user that it has to be.
    pub user: ResourceName,
    /// With what.
    pub subject: LoginSubject,
    /// An inactive user is refused.
    pub expected: Expected,
}

/// What a login is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginSubject {
    /// The password of the user; `None` when no manifest declares it.
    Password(Option<SecretReference>),
    /// An access token, by its declared name, and where its value was delivered.
    Token(ResourceName, TokenDestination),
}

impl Login {
    /// What it is about.
    #[must_use]
    pub fn address(&self) -> Address {
        match &self.subject {
            LoginSubject::Password(_) => Address::User(self.user.clone()),
            LoginSubject::Token(token, _) => Address::Token(self.user.clone(), token.clone()),
        }
    }
}

/// What one account reads of the real topics, and what it must not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPolls {
    /// The user.
    pub user: ResourceName,
    /// The topics, each with what the server has to say.
    pub topics: Vec<(TopicPath, Expected)>,
    /// Topics to which the user may send, for messages through the real ones.
    pub sends: Vec<TopicPath>,
    /// What cannot be tried.
    pub not_tried: Vec<NotTried>,
}

pub(super) fn logins(desired: &DesiredState, observed: &ObservedState) -> Vec<Login> {
    let mut logins = Vec::new();
    let users: BTreeSet<&ResourceName> =
        desired.users.keys().chain(desired.tokens.keys()).collect();
    for user in users {
        let declared = desired.users.get(user);
        let is_active = declared
            .and_then(|it| it.status)
            .or_else(|| live_status(user, observed))
            .is_none_or(|status| status == UserStatus::Active);
        let login = |subject| Login {
            user: user.clone(),
            subject,
            expected: Expected::of(is_active),
        };
        if let Some(declared) = declared {
            logins.push(login(LoginSubject::Password(declared.password.clone())));
        }
        let tokens = desired.tokens.get(user).into_iter().flatten();
        logins.extend(
            tokens.map(|(name, token)| {
                login(LoginSubject::Token(name.clone(), token.write_to.clone()))
            }),
        );
    }
    logins
}

fn access(observed: &ObservedState) -> Option<&ObservedAccess> {
    match &observed.access {
        AccessReading::Read(access) => Some(access),
        AccessReading::NotNeeded | AccessReading::Refused { .. } => None,
    }
}

fn live_status(user: &ResourceName, observed: &ObservedState) -> Option<UserStatus> {
    Some(access(observed)?.users.get(user)?.status)
}

/// Whether a name is that of root, to which the server allows everything.
pub(super) fn is_root(user: &ResourceName, observed: &ObservedState) -> bool {
    access(observed)
        .and_then(|access| access.users.get(user))
        .is_some_and(|user| user.id == ROOT)
}

/// What a user is declared to be granted; `None` when its permissions are not managed.
pub(super) fn granted(user: &DesiredUser, desired: &DesiredState) -> Option<Grants<ResourceName>> {
    let pieces = declared_grants(user, desired)?.into_iter();
    let joined = pieces.fold(Grants::default(), |all: Grants<ResourceName>, piece| {
        all.join(piece.grants)
    });
    Some(joined.normal())
}

/// The topics that a manifest declares, in order.
pub(super) fn declared_topics(desired: &DesiredState) -> Vec<TopicPath> {
    let streams = desired.streams.iter();
    streams
        .flat_map(|(stream, declared)| {
            let topics = declared.topics.iter();
            let topics = topics.filter(|(_, topic)| topic.presence == Presence::Declared);
            topics.map(|(topic, _)| TopicPath {
                stream: stream.clone(),
                topic: topic.clone(),
            })
        })
        .collect()
}

/// Who reads which of the declared topics, and who does not.
pub(super) fn polls(
    desired: &DesiredState,
    observed: &ObservedState,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> Vec<AccountPolls> {
    let topics = declared_topics(desired);
    let mut all: Vec<AccountPolls> = desired
        .users
        .iter()
        .map(|(name, user)| of_user(name, user, desired, observed, &topics))
        .collect();
    // Allowed and denied ones have budgets of their own: one of the two is usually rare.
    let lists = |polls: &AccountPolls, wanted: Expected| {
        let topics = polls.topics.iter();
        topics.filter(|(_, expected)| *expected == wanted).count()
    };
    let lengths: Vec<usize> = all
        .iter()
        .flat_map(|polls| {
            [
                lists(polls, Expected::Allowed),
                lists(polls, Expected::Denied),
            ]
        })
        .collect();
    let shares = share(&lengths, limits.polls);
    let total: usize = lengths.iter().sum();
    for (polls, shares) in all.iter_mut().zip(shares.chunks(2)) {
        let topics = std::mem::take(&mut polls.topics);
        let (allowed, denied): (Vec<_>, Vec<_>) = topics
            .into_iter()
            .partition(|(_, expected)| *expected == Expected::Allowed);
        let [for_allowed, for_denied] = shares else {
            continue;
        };
        polls.topics = spread(allowed, *for_allowed);
        polls.topics.extend(spread(denied, *for_denied));
        polls.topics.sort();
    }
    let tried: usize = all.iter().map(|polls| polls.topics.len()).sum();
    if tried < total {
        notes.push(format!(
            "of {} as the real users, {tried} are tried, evenly spread; --all tries each",
            counted(total, "poll")
        ));
    }
    all
}

fn of_user(
    name: &ResourceName,
    user: &DesiredUser,
    desired: &DesiredState,
    observed: &ObservedState,
    topics: &[TopicPath],
) -> AccountPolls {
    let mut polls = AccountPolls {
        user: name.clone(),
        topics: Vec::new(),
        sends: Vec::new(),
        not_tried: Vec::new(),
    };
    let not_tried = |reason: &str| NotTried {
        address: Address::User(name.clone()),
        reason: reason.to_owned(),
    };
    let status = user.status.or_else(|| live_status(name, observed));
    let is_root = is_root(name, observed);
    let grants = match granted(user, desired) {
        _ if status == Some(UserStatus::Inactive) => {
            polls.not_tried.push(not_tried("the user is inactive"));
            return polls;
        }
        None if !is_root => {
            polls
                .not_tried
                .push(not_tried("no manifest declares its permissions"));
            return polls;
        }
        grants => grants.unwrap_or_default(),
    };
    let rights = grants.effective();
    for path in topics {
        let may = |right| is_root || may(&rights, right, path);
        let partitions = partitions_of(path, desired, observed);
        if partitions == Some(0) {
            polls.not_tried.push(NotTried {
                address: path.address(),
                reason: "the topic has no partitions".to_owned(),
            });
            continue;
        }
        let expected = Expected::of(may(Right::PollMessages));
        polls.topics.push((path.clone(), expected));
        if may(Right::SendMessages) {
            polls.sends.push(path.clone());
        }
    }
    polls.not_tried.extend(undeclared(&grants, desired));
    polls
}

/// Whether a right is given on a topic.
pub(super) fn may(rights: &EffectiveRights<ResourceName>, right: Right, path: &TopicPath) -> bool {
    let scope = Scope::Topic(path.stream.clone(), path.topic.clone());
    rights.allows(right, &scope)
}

pub(super) fn partitions_of(
    path: &TopicPath,
    desired: &DesiredState,
    observed: &ObservedState,
) -> Option<u32> {
    let declared = || desired.streams.get(&path.stream)?.topics.get(&path.topic);
    let live = || observed.streams.get(&path.stream)?.topics.get(&path.topic);
    declared()
        .and_then(|topic| topic.partitions)
        .or_else(|| live().map(|topic| topic.partitions))
}

/// Grants on what no manifest declares.
fn undeclared(grants: &Grants<ResourceName>, desired: &DesiredState) -> Vec<NotTried> {
    let mut addresses = BTreeSet::new();
    for (stream, granted) in &grants.streams {
        let is_listed = desired.streams.contains_key(stream);
        if !is_listed {
            addresses.insert(Address::Stream(stream.clone()));
            continue;
        }
        for topic in granted.topics.keys() {
            let address = Address::Topic(stream.clone(), topic.clone());
            if !desired.declares(&address) {
                addresses.insert(address);
            }
        }
    }
    addresses
        .into_iter()
        .map(|address| NotTried {
            address,
            reason: "no manifest declares it".to_owned(),
        })
        .collect()
}
