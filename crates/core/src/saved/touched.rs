//! What was on the server of all that a plan speaks of, and what of it moved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::mentioned::Mentioned;
use crate::access::{Grants, Scope, UserStatus};
use crate::address::Address;
use crate::diff::{Incarnation, Setting};
use crate::name::ResourceName;
use crate::plan::Plan;
use crate::state::desired::{DesiredState, TopicSettings};
use crate::state::observed::{AccessReading, ObservedState, ObservedStream, ObservedTopic};
use crate::state::observed_access::{ObservedAccess, ObservedUser};
use crate::wording::counted;

/// What was on the server of all that the steps of a plan speak of. What could not be read
/// then is not in it, and neither is what no step depends on: counters of messages,
/// settings that nobody declares, anything about a parent but which one it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Touched {
    objects: BTreeMap<Address, Found>,
    /// Who holds grants on the numbers of what is deleted, or of what is no longer there:
    /// they would apply to what gets the numbers next. `None` when no number moves, or when
    /// users could not be read.
    holders: Option<BTreeMap<ResourceName, Grants<u32>>>,
}

/// What was found for a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Found {
    Missing,
    Stream {
        incarnation: Incarnation,
        /// All its topics, where it is deleted with them.
        topics: Option<BTreeSet<ResourceName>>,
    },
    Topic {
        incarnation: Incarnation,
        /// Where they are changed.
        partitions: Option<u32>,
        /// Those that were compared.
        settings: TopicSettings,
        /// Where it is deleted.
        is_deleted: bool,
        /// Whether it held no message, where it is deleted.
        is_empty: bool,
        /// Where it is deleted with them and they are known.
        groups: Option<BTreeSet<ResourceName>>,
    },
    Group {
        id: u32,
    },
    /// A stream or topic that was read only as far as permissions name it.
    Numbered {
        id: u32,
    },
    User {
        incarnation: Incarnation,
        /// Where it is changed.
        access: Option<FoundAccess>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FoundAccess {
    status: UserStatus,
    grants: Grants<u32>,
}

/// Something that a plan depends on and that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// What.
    pub address: Address,
    /// What happened to it, in words.
    pub what: String,
}

impl fmt::Display for Moved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, what } = self;
        write!(formatter, "{address}: {what}")
    }
}

impl Touched {
    /// What `observed`, from which the plan was made, has of all that it speaks of.
    #[must_use]
    pub fn of(plan: &Plan, desired: &DesiredState, observed: &ObservedState) -> Self {
        let mentioned = Mentioned::by(plan);
        let objects: BTreeMap<Address, Found> = mentioned
            .all
            .iter()
            .filter_map(|address| {
                let found = found(address, observed)?;
                let declared = mentioned.declared_as.get(address).unwrap_or(address);
                let is_direct = mentioned.direct.contains(address);
                let is_deleted = mentioned.deleted.contains(address);
                let needed = match is_deleted {
                    true => found.if_deleted(),
                    false if is_direct => found.if_changed(&settings_of(desired, declared)),
                    false => found.if_mentioned(),
                };
                Some((address.clone(), needed))
            })
            .collect();
        let mut touched = Self {
            objects,
            holders: None,
        };
        if mentioned.moves_ids {
            touched.holders = touched.holders_in(observed);
        }
        touched
    }

    /// The streams that have to be read to compare.
    #[must_use]
    pub fn streams(&self) -> BTreeSet<ResourceName> {
        let streams = self.objects.keys().filter_map(Address::stream);
        streams.cloned().collect()
    }

    /// The topics, by stream, of which the consumer groups have to be read.
    #[must_use]
    pub fn topics_with_groups(&self) -> BTreeSet<(ResourceName, ResourceName)> {
        let needed = self.objects.iter().filter_map(|(address, found)| {
            let has_groups = match found {
                Found::Topic { groups, .. } => groups.is_some(),
                Found::Group { .. } | Found::Missing => {
                    matches!(address, Address::ConsumerGroup(..))
                }
                Found::Stream { .. } | Found::Numbered { .. } | Found::User { .. } => false,
            };
            let topic = (address.stream()?.clone(), address.topic()?.clone());
            has_groups.then_some(topic)
        });
        needed.collect()
    }

    /// Whether users have to be read.
    #[must_use]
    pub fn needs_users(&self) -> bool {
        let mut addresses = self.objects.keys();
        self.holders.is_some() || addresses.any(|address| matches!(address, Address::User(_)))
    }

    /// Whether a step changes the user with this id.
    #[must_use]
    pub fn changes_user(&self, id: u32) -> bool {
        self.objects.values().any(|found| match found {
            Found::User {
                incarnation,
                access,
            } => incarnation.id == id && access.is_some(),
            _ => false,
        })
    }

    /// What is not as it was, by address.
    #[must_use]
    pub fn moved(&self, now: &ObservedState) -> Vec<Moved> {
        let mut moved = Vec::new();
        for (address, before) in &self.objects {
            let after = found(address, now);
            let unread = || vec!["cannot be read any more".to_owned()];
            let what = after.map_or_else(unread, |after| before.moved(&after));
            let lines = what.into_iter().map(|what| Moved {
                address: address.clone(),
                what,
            });
            moved.extend(lines);
        }
        self.moved_holders(now, &mut moved);
        moved.sort();
        moved.dedup();
        // Of what another one took the place of, or what went away, the rest is known.
        let gone: BTreeSet<Address> = moved
            .iter()
            .filter(|line| line.what == GONE || line.what == ANOTHER)
            .map(|line| line.address.clone())
            .collect();
        moved.retain(|line| {
            let parent = line.address.parent();
            parent.is_none_or(|parent| !gone.iter().any(|it| it.contains(&parent)))
        });
        moved
    }

    fn moved_holders(&self, now: &ObservedState, moved: &mut Vec<Moved>) {
        let Some(before) = &self.holders else {
            return;
        };
        let Some(after) = self.holders_in(now) else {
            return;
        };
        let names: BTreeSet<&ResourceName> = before.keys().chain(after.keys()).collect();
        for name in names {
            let address = Address::User(name.clone());
            let is_compared = self.objects.get(&address).is_some_and(|found| {
                matches!(
                    found,
                    Found::User {
                        access: Some(_),
                        ..
                    }
                )
            });
            let nothing = Grants::default();
            let from = before.get(name).unwrap_or(&nothing);
            let to = after.get(name).unwrap_or(&nothing);
            if !is_compared {
                let lines = moved_grants(from, to).into_iter();
                moved.extend(lines.map(|what| Moved {
                    address: address.clone(),
                    what,
                }));
            }
        }
    }

    /// What users hold on numbers that nothing has, or that are free after the plan.
    fn holders_in(&self, observed: &ObservedState) -> Option<BTreeMap<ResourceName, Grants<u32>>> {
        let AccessReading::Read(access) = &observed.access else {
            return None;
        };
        let mut deleted_streams = BTreeSet::new();
        let mut deleted_topics = BTreeSet::new();
        for (address, found) in &self.objects {
            match found {
                Found::Stream {
                    incarnation,
                    topics: Some(_),
                } => {
                    deleted_streams.insert(incarnation.id);
                }
                Found::Topic {
                    incarnation,
                    is_deleted: true,
                    ..
                } => {
                    let stream = address.stream().map(|it| Address::Stream(it.clone()));
                    if let Some(Found::Stream {
                        incarnation: stream,
                        ..
                    }) = stream.and_then(|stream| self.objects.get(&stream))
                    {
                        deleted_topics.insert((stream.id, incarnation.id));
                    }
                }
                _ => {}
            }
        }
        let holders = access.users.iter().filter_map(|(name, user)| {
            let ObservedUser { grants, .. } = user;
            let mut streams = grants.streams.clone();
            streams.retain(|id, granted| {
                if deleted_streams.contains(id) || !access.streams.contains_key(id) {
                    return true;
                }
                granted.allow.clear();
                granted.topics.retain(|topic, _| {
                    deleted_topics.contains(&(*id, *topic)) || is_stale(access, *id, *topic)
                });
                !granted.topics.is_empty()
            });
            let server = BTreeSet::new();
            let grants = Grants { server, streams };
            (!grants.is_empty() && !user.is_root()).then(|| (name.clone(), grants))
        });
        Some(holders.collect())
    }
}

fn is_stale(access: &ObservedAccess, stream: u32, topic: u32) -> bool {
    let known = access.streams.get(&stream);
    let topics = known.and_then(|stream| stream.topics.as_ref());
    topics.is_some_and(|topics| !topics.contains_key(&topic))
}

/// The declared settings of a topic: those that are compared.
fn settings_of(desired: &DesiredState, address: &Address) -> TopicSettings {
    let topic = || {
        let stream = desired.streams.get(address.stream()?)?;
        stream.topics.get(address.topic()?)
    };
    topic().map(|topic| topic.settings).unwrap_or_default()
}

/// Everything that is known of a name; `None` when it could not be read, and for tokens,
/// which only their users can read.
fn found(address: &Address, observed: &ObservedState) -> Option<Found> {
    let mut gaps = observed.gaps.iter();
    if gaps.any(|gap| gap.address.contains(address)) {
        return None;
    }
    let stream = || address.stream().and_then(|name| observed.streams.get(name));
    let topic = || {
        stream()
            .zip(address.topic())
            .map(|(it, name)| it.topics.get(name))
    };
    let topic = || topic().flatten();
    match address {
        Address::Stream(_) | Address::Topic(..) if stream().is_none() => known(address, observed),
        Address::Stream(_) => Some(stream().map_or(Found::Missing, of_stream)),
        Address::Topic(..) => Some(topic().map_or(Found::Missing, of_topic)),
        Address::ConsumerGroup(_, _, group) => match topic() {
            None => Some(Found::Missing),
            Some(topic) => Some(match topic.groups.as_ref()?.get(group) {
                None => Found::Missing,
                Some(group) => Found::Group { id: group.id },
            }),
        },
        Address::User(user) => match &observed.access {
            AccessReading::Read(access) => {
                Some(access.users.get(user).map_or(Found::Missing, of_user))
            }
            AccessReading::NotNeeded | AccessReading::Refused { .. } => None,
        },
        Address::Token(..) => None,
    }
}

/// What only permissions speak of is not read as a stream.
fn known(address: &Address, observed: &ObservedState) -> Option<Found> {
    let AccessReading::Read(access) = &observed.access else {
        return Some(Found::Missing);
    };
    let name = address.stream()?;
    let mut streams = access.streams.iter();
    let Some((id, stream)) = streams.find(|(_, stream)| stream.name == *name) else {
        return Some(Found::Missing);
    };
    let Some(name) = address.topic() else {
        return Some(Found::Numbered { id: *id });
    };
    let mut topics = stream.topics.as_ref()?.iter();
    let topic = topics.find(|(_, topic)| *topic == name);
    Some(topic.map_or(Found::Missing, |(id, _)| Found::Numbered { id: *id }))
}

fn of_stream(stream: &ObservedStream) -> Found {
    Found::Stream {
        incarnation: Incarnation {
            id: stream.id,
            created_at_micros: stream.created_at_micros,
        },
        topics: Some(stream.topics.keys().cloned().collect()),
    }
}

fn of_topic(topic: &ObservedTopic) -> Found {
    let ObservedTopic {
        id,
        created_at_micros,
        partitions,
        settings,
        size_bytes: _,
        messages,
        groups,
    } = topic;
    Found::Topic {
        incarnation: Incarnation {
            id: *id,
            created_at_micros: *created_at_micros,
        },
        partitions: Some(*partitions),
        settings: *settings,
        is_deleted: false,
        is_empty: *messages == 0,
        groups: groups.as_ref().map(|it| it.keys().cloned().collect()),
    }
}

fn of_user(user: &ObservedUser) -> Found {
    let ObservedUser {
        id,
        created_at_micros,
        status,
        grants,
        password: _,
        tokens: _,
    } = user;
    // What root may do nobody changes, and not every read shows it.
    let grants = match user.is_root() {
        true => Grants::default(),
        false => grants.clone(),
    };
    Found::User {
        incarnation: Incarnation {
            id: *id,
            created_at_micros: *created_at_micros,
        },
        access: Some(FoundAccess {
            status: *status,
            grants,
        }),
    }
}

const GONE: &str = "it is gone";
const ANOTHER: &str = "another one of that name";

impl Found {
    /// Only which one it is.
    fn if_mentioned(self) -> Self {
        match self {
            Self::Stream { incarnation, .. } => Self::Stream {
                incarnation,
                topics: None,
            },
            Self::Topic { incarnation, .. } => Self::Topic {
                incarnation,
                partitions: None,
                settings: TopicSettings::default(),
                is_deleted: false,
                is_empty: false,
                groups: None,
            },
            Self::User { incarnation, .. } => Self::User {
                incarnation,
                access: None,
            },
            other @ (Self::Missing | Self::Group { .. } | Self::Numbered { .. }) => other,
        }
    }

    /// With what a change depends on.
    fn if_changed(self, compared: &TopicSettings) -> Self {
        match self {
            Self::Topic {
                incarnation,
                partitions,
                settings,
                ..
            } => {
                let mut kept = TopicSettings::default();
                for setting in Setting::present(&settings) {
                    if value_of(compared, setting).is_some() {
                        setting.store(&mut kept);
                    }
                }
                Self::Topic {
                    incarnation,
                    partitions,
                    settings: kept,
                    is_deleted: false,
                    is_empty: false,
                    groups: None,
                }
            }
            other @ Self::User { .. } => other,
            other => other.if_mentioned(),
        }
    }

    /// With what would go, too.
    fn if_deleted(self) -> Self {
        match self {
            Self::Topic {
                incarnation,
                is_empty,
                groups,
                ..
            } => Self::Topic {
                incarnation,
                partitions: None,
                settings: TopicSettings::default(),
                is_deleted: true,
                is_empty,
                groups,
            },
            other => other,
        }
    }

    fn moved(&self, after: &Self) -> Vec<String> {
        match (self, after) {
            (Self::Missing, Self::Missing) => Vec::new(),
            (Self::Missing, _) => vec!["it is there now".to_owned()],
            (_, Self::Missing) => vec![GONE.to_owned()],
            (
                Self::Stream {
                    incarnation,
                    topics,
                },
                Self::Stream {
                    incarnation: now,
                    topics: topics_now,
                },
            ) => match incarnation == now {
                false => vec![ANOTHER.to_owned()],
                true => new_names("topic", topics.as_ref(), topics_now.as_ref()),
            },
            (
                Self::Topic {
                    incarnation,
                    partitions,
                    settings,
                    is_deleted: _,
                    is_empty,
                    groups,
                },
                Self::Topic {
                    incarnation: now,
                    partitions: partitions_now,
                    settings: settings_now,
                    is_deleted: _,
                    is_empty: is_empty_now,
                    groups: groups_now,
                },
            ) => {
                if incarnation != now {
                    return vec![ANOTHER.to_owned()];
                }
                let mut moved = Vec::new();
                if let (Some(from), Some(to)) = (partitions, partitions_now)
                    && from != to
                {
                    moved.push(format!("partitions {from} → {to}"));
                }
                for from in Setting::present(settings) {
                    let to = value_of(settings_now, from);
                    if to != Some(from) {
                        let to = to.map_or_else(|| "unknown".to_owned(), |to| to.to_string());
                        moved.push(format!("{} {from} → {to}", from.name()));
                    }
                }
                if *is_empty && !is_empty_now {
                    moved.push("it was empty, and holds messages now".to_owned());
                }
                moved.extend(new_names(
                    "consumer group",
                    groups.as_ref(),
                    groups_now.as_ref(),
                ));
                moved
            }
            (
                Self::Numbered { id },
                Self::Numbered { id: now }
                | Self::Stream {
                    incarnation: Incarnation { id: now, .. },
                    ..
                }
                | Self::Topic {
                    incarnation: Incarnation { id: now, .. },
                    ..
                },
            )
            | (Self::Group { id }, Self::Group { id: now }) => match id == now {
                true => Vec::new(),
                false => vec![ANOTHER.to_owned()],
            },
            (
                Self::User {
                    incarnation,
                    access,
                },
                Self::User {
                    incarnation: now,
                    access: access_now,
                },
            ) => {
                if incarnation != now {
                    return vec![ANOTHER.to_owned()];
                }
                let (Some(from), Some(to)) = (access, access_now) else {
                    return Vec::new();
                };
                let mut moved = Vec::new();
                if from.status != to.status {
                    moved.push(format!("status {} → {}", from.status, to.status));
                }
                moved.extend(moved_grants(&from.grants, &to.grants));
                moved
            }
            // One name has one kind.
            _ => vec![ANOTHER.to_owned()],
        }
    }
}

fn value_of(settings: &TopicSettings, like: Setting) -> Option<Setting> {
    Setting::present(settings).find(|setting| setting.name() == like.name())
}

/// What is there now and was not: what is gone has nothing to lose.
fn new_names(
    kind: &str,
    before: Option<&BTreeSet<ResourceName>>,
    now: Option<&BTreeSet<ResourceName>>,
) -> Vec<String> {
    let (Some(before), Some(now)) = (before, now) else {
        return Vec::new();
    };
    match now.difference(before).count() {
        0 => Vec::new(),
        count => {
            let names = now.difference(before).take(3).map(|name| name.to_string());
            let names: Vec<String> = names.collect();
            let more = if count > names.len() { ", …" } else { "" };
            let count = counted(count, kind);
            vec![format!("{count} more: {}{more}", names.join(", "))]
        }
    }
}

/// Line by line, by the numbers that the server keeps.
fn moved_grants(from: &Grants<u32>, to: &Grants<u32>) -> Vec<String> {
    let (from, to) = (words(from), words(to));
    let scopes: BTreeSet<&(Option<u32>, Option<u32>)> = from.keys().chain(to.keys()).collect();
    let nothing = "nothing".to_owned();
    let moved = scopes.into_iter().filter_map(|scope| {
        let before = from.get(scope).unwrap_or(&nothing);
        let after = to.get(scope).unwrap_or(&nothing);
        let of = match scope {
            (None, _) => "on the server".to_owned(),
            (Some(stream), None) => format!("on the stream with the id {stream}"),
            (Some(stream), Some(topic)) => {
                format!("on the topic with the id {topic} of the stream with the id {stream}")
            }
        };
        (before != after).then(|| format!("permissions {of}: {before} → {after}"))
    });
    moved.collect()
}

fn words(grants: &Grants<u32>) -> BTreeMap<(Option<u32>, Option<u32>), String> {
    let lines = grants.lines().into_iter().map(|line| {
        let scope = match line.scope {
            Scope::Server => (None, None),
            Scope::Stream(stream) => (Some(*stream), None),
            Scope::Topic(stream, topic) => (Some(*stream), Some(*topic)),
        };
        (scope, line.words.join(", "))
    });
    lines.collect()
}
