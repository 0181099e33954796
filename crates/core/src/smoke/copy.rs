//! Streams and users of a smoke test's own, as the manifests declare the real ones.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{Expected, declared_topics, granted, partitions_of};
use super::copy_users::{Source, copy_users};
use super::limits::{share, spread};
use super::{Limits, NotTried, TopicPath};
use crate::name::{NameError, ResourceName};
use crate::plan::MAX_PARTITIONS_PER_REQUEST;
use crate::state::desired::{DesiredState, DesiredStream, DesiredTopic, Presence, TopicSettings};
use crate::state::desired_user::SecretReference;
use crate::state::observed::ObservedState;
use crate::wording::counted;

/// How the streams and users of a copy are called: one prefix and a number, however long
/// the real names are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyNames {
    prefix: String,
}

impl CopyNames {
    /// With a prefix such as `iggyctl-smoke-1b2c3d4e-`.
    ///
    /// # Errors
    /// A prefix that leaves no room for a number: a user name has at most 50 bytes
    /// (`iggy_common` 0.11.0, `http/users/defaults.rs`).
    pub fn new(prefix: impl Into<String>) -> Result<Self, NameError> {
        let prefix = prefix.into();
        match prefix.len() + NUMBER_BYTES <= MAX_USER_BYTES {
            true => Ok(Self { prefix }),
            false => Err(NameError::TooLong(prefix.len() + NUMBER_BYTES)),
        }
    }

    pub(super) fn name(&self, number: usize) -> Option<ResourceName> {
        format!("{}{number}", self.prefix).parse().ok()
    }
}

const MAX_USER_BYTES: usize = 50;
/// More than there can be of either: a server has at most 2^20 streams.
const NUMBER_BYTES: usize = 8;

/// What is tried on a copy of the declared streams.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Copy {
    /// The copy as the reconciler makes it. Its users have passwords that are named like
    /// themselves, as environment variables that nobody sets: whoever makes it gives them.
    pub desired: DesiredState,
    /// Its topics.
    pub topics: Vec<CopiedTopic>,
    /// Its users.
    pub users: Vec<CopiedUser>,
    /// What cannot be tried on it.
    pub not_tried: Vec<NotTried>,
}

/// A topic of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedTopic {
    /// The declared one.
    pub real: TopicPath,
    /// The one that stands for it.
    pub copy: TopicPath,
    /// How many partitions it has, numbered from 0.
    pub partitions: u32,
    /// Groups that are declared on it.
    pub groups: Vec<ResourceName>,
}

/// A temporary user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedUser {
    /// The declared one.
    pub real: ResourceName,
    /// The one that stands for it.
    pub copy: ResourceName,
    /// Its password, by the name that it has in [`Copy::desired`].
    pub password: SecretReference,
    /// To which topics of the copy it sends, by their place in [`Copy::topics`].
    pub sends: Vec<(usize, Expected)>,
}

pub(super) fn copy(
    desired: &DesiredState,
    observed: &ObservedState,
    limits: &Limits,
    names: &CopyNames,
    notes: &mut Vec<String>,
) -> Copy {
    let mut copy = Copy::default();
    let chosen = choose(desired, observed, limits, &mut copy.not_tried, notes);
    let streams: BTreeSet<&ResourceName> = chosen.iter().map(|(path, _)| &path.stream).collect();
    let copies: BTreeMap<ResourceName, ResourceName> = streams
        .into_iter()
        .enumerate()
        .filter_map(|(number, stream)| Some((stream.clone(), names.name(number)?)))
        .collect();
    copy_topics(&mut copy, chosen, &copies, desired, limits, notes);
    let source = Source {
        desired,
        observed,
        limits,
        names,
    };
    copy_users(&mut copy, &copies, source, notes);
    copy
}

/// The topics of the copy with their numbers of partitions.
fn choose(
    desired: &DesiredState,
    observed: &ObservedState,
    limits: &Limits,
    not_tried: &mut Vec<NotTried>,
    notes: &mut Vec<String>,
) -> Vec<(TopicPath, u32)> {
    let mut all = Vec::new();
    for path in declared_topics(desired) {
        match partitions_of(&path, desired, observed).unwrap_or(1) {
            0 => not_tried.push(NotTried {
                address: path.address(),
                reason: "the topic has no partitions".to_owned(),
            }),
            partitions => all.push((path, partitions)),
        }
    }
    let total = all.len();
    // What somebody is granted by name, or consumes as a group, is declared for a reason.
    let named = named_topics(desired);
    let (first, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(path, _)| {
        let groups = |path: &TopicPath| {
            let topic = desired.streams.get(&path.stream)?.topics.get(&path.topic)?;
            Some(!topic.groups.is_empty())
        };
        named.contains(path) || groups(path) == Some(true)
    });
    // Half of the room is for all the others, where there are as many.
    let shares = share(&[first.len(), others.len()], limits.topics);
    let [for_first, for_others] = shares[..] else {
        return Vec::new();
    };
    let mut chosen = spread(first, for_first);
    chosen.extend(spread(others, for_others));
    chosen.sort();
    if chosen.len() < total {
        notes.push(format!(
            "of {}, {} are copied, evenly spread; --all copies each",
            counted(total, "topic"),
            chosen.len()
        ));
    }
    fewer_partitions(&mut chosen, limits, notes);
    chosen
}

fn named_topics(desired: &DesiredState) -> BTreeSet<TopicPath> {
    let users = desired.users.values();
    let grants = users.filter_map(|user| granted(user, desired));
    grants
        .flat_map(|grants| {
            grants.streams.into_iter().flat_map(|(stream, granted)| {
                let topics = granted.topics.into_keys();
                topics.map(move |topic| TopicPath {
                    stream: stream.clone(),
                    topic,
                })
            })
        })
        .collect()
}

fn fewer_partitions(chosen: &mut [(TopicPath, u32)], limits: &Limits, notes: &mut Vec<String>) {
    let wanted: Vec<usize> = chosen.iter().map(|(_, count)| *count as usize).collect();
    let shares = share(&wanted, limits.partitions as usize);
    let mut fewer = 0_usize;
    for ((_, count), share) in chosen.iter_mut().zip(shares) {
        // One request makes them, also where everything is to be tried.
        let most = u32::try_from(share)
            .unwrap_or(u32::MAX)
            .min(MAX_PARTITIONS_PER_REQUEST);
        if *count > most {
            *count = most;
            fewer += 1;
        }
    }
    if fewer > 0 {
        notes.push(format!(
            "{} fewer partitions in the copy than declared",
            match fewer {
                1 => "1 topic has".to_owned(),
                more => format!("{more} topics have"),
            }
        ));
    }
}

fn copy_topics(
    copy: &mut Copy,
    chosen: Vec<(TopicPath, u32)>,
    copies: &BTreeMap<ResourceName, ResourceName>,
    desired: &DesiredState,
    limits: &Limits,
    notes: &mut Vec<String>,
) {
    let mut groups_left = limits.groups;
    let mut groups_left_out = 0_usize;
    let mut preallocated = 0_usize;
    for (real, partitions) in chosen {
        let declared_stream = desired.streams.get(&real.stream);
        let declared = declared_stream.and_then(|stream| stream.topics.get(&real.topic));
        let (Some(stream), Some(declared_stream), Some(declared)) =
            (copies.get(&real.stream), declared_stream, declared)
        else {
            continue;
        };
        let mut settings = declared.settings;
        if settings.preallocate_segments == Some(true) {
            // It reserves its whole segments on the server's disk.
            settings.preallocate_segments = None;
            preallocated += 1;
        }
        let all_groups: Vec<ResourceName> = declared.groups.keys().cloned().collect();
        let of_all = all_groups.len();
        let groups = spread(all_groups, groups_left);
        groups_left -= groups.len();
        groups_left_out += of_all - groups.len();
        let target = copy
            .desired
            .streams
            .entry(stream.clone())
            .or_insert_with(|| DesiredStream {
                presence: Presence::Declared,
                previous_name: None,
                topics_listed: false,
                topics: BTreeMap::new(),
                origin: declared_stream.origin.clone(),
            });
        target.topics.insert(
            real.topic.clone(),
            topic_of(declared, partitions, settings, &groups),
        );
        copy.topics.push(CopiedTopic {
            copy: TopicPath {
                stream: stream.clone(),
                topic: real.topic.clone(),
            },
            real,
            partitions,
            groups,
        });
    }
    if groups_left_out > 0 {
        notes.push(format!(
            "{} not joined; --all joins each",
            match groups_left_out {
                1 => "1 consumer group is".to_owned(),
                more => format!("{more} consumer groups are"),
            }
        ));
    }
    if preallocated > 0 {
        notes.push(format!(
            "{} that preallocate their segments do not do so in the copy, where that would \
             take space on the disk",
            counted(preallocated, "topic")
        ));
    }
}

fn topic_of(
    declared: &DesiredTopic,
    partitions: u32,
    settings: TopicSettings,
    groups: &[ResourceName],
) -> DesiredTopic {
    DesiredTopic {
        presence: Presence::Declared,
        previous_name: None,
        partitions: Some(partitions),
        settings,
        groups_listed: false,
        groups: declared
            .groups
            .iter()
            .filter(|(name, _)| groups.contains(name))
            .map(|(name, group)| (name.clone(), group.clone()))
            .collect(),
        origin: declared.origin.clone(),
    }
}
