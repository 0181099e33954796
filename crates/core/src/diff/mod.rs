//! How the desired state differs from the observed one.
//!
//! What a manifest does not declare is not looked at. Values are compared as
//! the types they are, never as texts, so that units and spellings do not
//! differ; where a value came from (declared or the server's default) is not
//! part of [`crate::state::observed`] at all.
//!
//! ```text
//! stream   there? ── missing ──▶ previous name there and free? ──▶ rename, else create
//!  └ topic    the same, then its attributes
//!     └ group    there or create
//! ```

mod access;
mod basis;
mod change;
mod facts;
mod removal;
mod rename;
mod setting;
#[cfg(test)]
mod tests;
mod token_change;
mod topic;
mod users;

use std::collections::BTreeMap;

pub use access::{
    DeclaredGrants, Holder, Resolved, StaleGrants, TopicsUnread, UserPruning, declared_grants,
    grants_on, live_grants, live_user_names,
};
pub use basis::Basis;
pub use change::{
    BlockReason, Change, ChangeSet, Difference, Extent, GroupStake, Holdings, LoginAttribute,
    Notice, PartitionChange, PasswordChange, PermissionChange, RenameIgnored, Revocation,
    RevocationReason, SettingChange, Stake, Tally, TokenCause, TokenChange, TokenLogin,
    TokenNotice, TokenNoticeKind, TopicChange, UserChange, UserCreation,
};
pub use facts::{FactQuestions, Facts};
pub use removal::{GroupRemoval, StreamRemoval, TopicRemoval};
pub use setting::Setting;
pub use topic::{DEFAULT_PARTITIONS, DEFAULT_SEGMENT_SIZE};

pub use crate::state::Incarnation;

use crate::address::Address;
use crate::name::ResourceName;
use crate::state::desired::{DesiredState, DesiredStream, DesiredTopic, Presence};
use crate::state::observed::{ObservedState, ObservedStream, ObservedTopic};
use basis::{BasisRecorder, Found};
use change::DeclaredToLive;
use removal::{LiveNames, prunable_resources};
use rename::{Declaration, Renames, Sighting};

/// Compares what is declared with what is there, in time linear in what is declared.
#[must_use]
pub fn diff(desired: &DesiredState, observed: &ObservedState) -> ChangeSet {
    let DesiredState {
        project: _,
        // What is owned is looked at once everything that is declared was.
        context: _,
        owns: _,
        deletion_policies: _,
        streams,
        users: _,
        tokens: _,
    } = desired;
    let ObservedState {
        streams: live,
        access,
        listing: _,
        gaps,
    } = observed;
    let mut differ = Differ {
        gaps: gaps
            .iter()
            .map(|gap| (&gap.address, gap.reason.as_str()))
            .collect(),
        changes: Vec::new(),
        prunable: Vec::new(),
        holders: BTreeMap::new(),
        notices: Vec::new(),
        token_notices: Vec::new(),
        unchanged: Tally::default(),
        basis: BasisRecorder::new(),
    };
    let renames = rename::resolve(
        streams
            .iter()
            .map(|(name, stream)| (name, declared_stream(stream))),
        |name| streams.get(name).map(declared_stream),
        |name| {
            differ.sighting(
                &Address::Stream(name.clone()),
                live.contains_key(name),
                GapMeans::Unreadable,
            )
        },
    );
    differ
        .notices
        .extend(renames.ignored(|name| Address::Stream(name.clone())));
    for (name, stream) in streams {
        differ.stream(name, stream, &renames, live);
    }
    let stream_renames = renames.into_sources();
    let topic_renames = differ.topic_renames(&stream_renames);
    let live_names = LiveNames::new(&stream_renames, &topic_renames);
    differ.prunable = prunable_resources(desired, live, &live_names);
    differ.users(desired, access, &stream_renames, &topic_renames, live);
    let extent = Extent::of(
        desired,
        &differ.unchanged,
        &differ.changes,
        &differ.prunable,
    );
    let declared_to_live = DeclaredToLive {
        topics: differ.declared_topics(),
        streams: stream_renames,
    };
    ChangeSet {
        live_names: declared_to_live,
        changes: differ.changes,
        extent,
        prunable: differ.prunable,
        holders: differ.holders,
        notices: differ.notices,
        token_notices: differ.token_notices,
        unchanged: differ.unchanged,
        basis: differ.basis.finish(),
    }
}

fn declared_stream(stream: &DesiredStream) -> Declaration<'_> {
    Declaration {
        declared: stream.presence == Presence::Declared,
        previous: stream.previous_name.as_ref(),
    }
}

fn declared_topic(topic: &DesiredTopic) -> Declaration<'_> {
    Declaration {
        declared: topic.presence == Presence::Declared,
        previous: topic.previous_name.as_ref(),
    }
}

/// What a resource is on the server.
enum Live<'a, T> {
    Missing,
    Unreadable(&'a str),
    There(&'a T),
}

// Derived, both would ask the same of `T`.
impl<T> Clone for Live<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Live<'_, T> {}

/// What a refused read means for a resource that is known all the same: a
/// stream comes with its topics in one read, while the groups of a topic are a
/// read of their own.
#[derive(Clone, Copy)]
enum GapMeans {
    Unreadable,
    PartlyUnreadable,
}

struct Differ<'a> {
    gaps: BTreeMap<&'a Address, &'a str>,
    changes: Vec<Change>,
    prunable: Vec<Change>,
    holders: BTreeMap<ResourceName, Holder>,
    notices: Vec<Notice>,
    token_notices: Vec<TokenNotice>,
    unchanged: Tally,
    basis: BasisRecorder,
}

impl<'a> Differ<'a> {
    /// The live names of topics that are renamed, by the declared ones of stream and topic.
    fn declared_topics(&self) -> BTreeMap<(ResourceName, ResourceName), ResourceName> {
        let renames = self.changes.iter().filter_map(|change| {
            let (Difference::ChangeTopic(topic), Address::Topic(stream, name)) =
                (&change.difference, &change.address)
            else {
                return None;
            };
            let live = topic.renamed_from.clone()?;
            Some(((stream.clone(), name.clone()), live))
        });
        renames.collect()
    }

    /// Of topics that are renamed: the stream as the server calls it, the declared name,
    /// and the one that the server has.
    fn topic_renames(
        &self,
        stream_renames: &BTreeMap<ResourceName, ResourceName>,
    ) -> Vec<(ResourceName, ResourceName, ResourceName)> {
        let renames = self.changes.iter().filter_map(|change| {
            let (Difference::ChangeTopic(topic), Address::Topic(stream, name)) =
                (&change.difference, &change.address)
            else {
                return None;
            };
            let live = stream_renames.get(stream).unwrap_or(stream);
            Some((live.clone(), name.clone(), topic.renamed_from.clone()?))
        });
        renames.collect()
    }

    fn stream(
        &mut self,
        name: &'a ResourceName,
        desired: &'a DesiredStream,
        renames: &Renames<'a>,
        all: &'a BTreeMap<ResourceName, ObservedStream>,
    ) {
        let DesiredStream {
            presence,
            previous_name: _,
            topics_listed: _,
            topics,
            origin: _,
        } = desired;
        let address = Address::Stream(name.clone());
        let live_name = renames.source(name).unwrap_or(name);
        let live = self.live(
            &address,
            name,
            live_name,
            renames,
            all,
            GapMeans::Unreadable,
        );
        self.basis.found(
            &address,
            match live {
                Live::Missing => Found::Missing,
                Live::Unreadable(_) => Found::Unreadable,
                Live::There(stream) => Found::There {
                    name: live_name,
                    id: stream.id,
                    created_at_micros: stream.created_at_micros,
                },
            },
        );

        let inherited = obstacle_of_parent(*presence, live, &address);
        if *presence == Presence::Declared {
            match live {
                Live::Missing => self.change(address.clone(), Difference::CreateStream, None),
                Live::Unreadable(reason) => self.not_readable(address.clone(), reason),
                Live::There(_) if live_name != name => {
                    let from = live_name.clone();
                    self.change(address.clone(), Difference::RenameStream { from }, None);
                }
                Live::There(_) => self.unchanged.streams += 1,
            }
        }
        let live_topics = match live {
            Live::Missing => TopicsOf::None,
            Live::Unreadable(_) => TopicsOf::Unreadable,
            Live::There(stream) => TopicsOf::Stream(&stream.topics),
        };
        self.topics(name, live_name, topics, live_topics, inherited);
    }

    fn topics(
        &mut self,
        stream: &'a ResourceName,
        live_stream: &'a ResourceName,
        topics: &'a BTreeMap<ResourceName, DesiredTopic>,
        live: TopicsOf<'a>,
        inherited: Option<BlockReason>,
    ) {
        let none = BTreeMap::new();
        let there = match live {
            TopicsOf::Stream(there) => there,
            TopicsOf::None => &none,
            TopicsOf::Unreadable => {
                for (name, topic) in topics {
                    self.unknown_topic(stream, name, topic, inherited.as_ref());
                }
                return;
            }
        };
        let renames = rename::resolve(
            topics
                .iter()
                .map(|(name, topic)| (name, declared_topic(topic))),
            |name| topics.get(name).map(declared_topic),
            |name| {
                self.sighting(
                    &Address::Topic(live_stream.clone(), name.clone()),
                    there.contains_key(name),
                    GapMeans::PartlyUnreadable,
                )
            },
        );
        let in_stream = |name: &ResourceName| Address::Topic(stream.clone(), name.clone());
        self.notices.extend(renames.ignored(in_stream));
        for (name, topic) in topics {
            let place = Place {
                stream,
                live_stream,
                name,
            };
            self.topic(place, topic, &renames, there, inherited.as_ref());
        }
    }

    fn topic(
        &mut self,
        place: Place<'a>,
        desired: &'a DesiredTopic,
        renames: &Renames<'a>,
        all: &BTreeMap<ResourceName, ObservedTopic>,
        inherited: Option<&BlockReason>,
    ) {
        let Place {
            stream,
            live_stream,
            name,
        } = place;
        let address = Address::Topic(stream.clone(), name.clone());
        let live_name = renames.source(name).unwrap_or(name);
        let gap_address = Address::Topic(live_stream.clone(), name.clone());
        let live = self.live(
            &gap_address,
            name,
            live_name,
            renames,
            all,
            GapMeans::PartlyUnreadable,
        );
        self.basis.found(
            &address,
            match live {
                Live::Missing => Found::Missing,
                Live::Unreadable(_) => Found::Unreadable,
                Live::There(topic) => Found::There {
                    name: live_name,
                    id: topic.id,
                    created_at_micros: topic.created_at_micros,
                },
            },
        );
        let for_groups = inherited
            .filter(|_| desired.presence == Presence::Parent)
            .cloned()
            .or_else(|| obstacle_of_parent(desired.presence, live, &address));
        if desired.presence == Presence::Declared {
            match live {
                Live::Missing => self.changes.push(topic::create(
                    address.clone(),
                    desired,
                    inherited.cloned().into_iter().collect(),
                )),
                Live::Unreadable(reason) => self.not_readable(address.clone(), reason),
                Live::There(there) => {
                    let renamed_from = (live_name != name).then_some(live_name);
                    match topic::compare(&address, desired, renamed_from, there, &mut self.basis) {
                        Some(change) => self.changes.push(change),
                        None => self.unchanged.topics += 1,
                    }
                }
            }
        }
        let live_address = Address::Topic(live_stream.clone(), live_name.clone());
        self.groups(&address, &live_address, desired, live, for_groups.as_ref());
    }

    fn groups(
        &mut self,
        topic: &Address,
        live_topic: &Address,
        desired: &DesiredTopic,
        live: Live<'_, ObservedTopic>,
        inherited: Option<&BlockReason>,
    ) {
        for name in desired.groups.keys() {
            let (Some(address), Some(live_address)) =
                (group_in(topic, name), group_in(live_topic, name))
            else {
                continue;
            };
            let there = match live {
                Live::Missing => None,
                Live::Unreadable(_) => {
                    self.unknown(address, inherited);
                    continue;
                }
                Live::There(topic) => match &topic.groups {
                    Some(groups) => groups.get(name),
                    None => {
                        let reason = self.gaps.get(live_topic).copied();
                        let reason =
                            reason.unwrap_or("the consumer groups of the topic were not read");
                        self.not_readable(address, reason);
                        continue;
                    }
                },
            };
            self.basis.found(
                &address,
                match there {
                    None => Found::Missing,
                    Some(group) => Found::There {
                        name,
                        id: group.id,
                        created_at_micros: 0,
                    },
                },
            );
            match (there, self.gaps.get(&live_address).copied()) {
                (Some(_), _) => self.unchanged.groups += 1,
                (None, Some(reason)) => self.not_readable(address, reason),
                (None, None) => {
                    self.change(address, Difference::CreateConsumerGroup, inherited.cloned());
                }
            }
        }
    }

    /// A topic in a stream that could not be read.
    fn unknown_topic(
        &mut self,
        stream: &ResourceName,
        name: &ResourceName,
        desired: &DesiredTopic,
        inherited: Option<&BlockReason>,
    ) {
        let address = Address::Topic(stream.clone(), name.clone());
        let for_groups = match desired.presence {
            Presence::Declared => None,
            Presence::Parent => inherited,
        };
        let groups = desired
            .groups
            .keys()
            .filter_map(|group| group_in(&address, group));
        let groups: Vec<Address> = groups.collect();
        if desired.presence == Presence::Declared {
            self.unknown(address, inherited);
        }
        for group in groups {
            self.unknown(group, for_groups);
        }
    }

    /// What is called `live_name` on the server. A name that another
    /// declaration takes over is not there for its own.
    fn live<'b, T>(
        &self,
        address: &Address,
        name: &ResourceName,
        live_name: &ResourceName,
        renames: &Renames<'a>,
        all: &'b BTreeMap<ResourceName, T>,
        gap_means: GapMeans,
    ) -> Live<'b, T>
    where
        'a: 'b,
    {
        let is_there = all.contains_key(name);
        if self.sighting(address, is_there, gap_means) == Sighting::Unreadable {
            return Live::Unreadable(self.gaps.get(address).copied().unwrap_or_default());
        }
        if renames.unreadable(name).is_some() {
            return Live::Unreadable("its previous name could not be read");
        }
        if renames.is_taken(name) && renames.source(name).is_none() {
            return Live::Missing;
        }
        all.get(live_name).map_or(Live::Missing, Live::There)
    }

    fn sighting(&self, address: &Address, is_there: bool, gap_means: GapMeans) -> Sighting {
        match (self.gaps.contains_key(address), is_there, gap_means) {
            (true, true, GapMeans::PartlyUnreadable) | (false, true, _) => Sighting::There,
            (true, _, _) => Sighting::Unreadable,
            (false, false, _) => Sighting::Missing,
        }
    }

    fn change(&mut self, address: Address, difference: Difference, obstacle: Option<BlockReason>) {
        self.changes.push(Change {
            address,
            difference,
            obstacles: obstacle.into_iter().collect(),
        });
    }

    fn not_readable(&mut self, address: Address, reason: &str) {
        let reason = reason.to_owned();
        self.change(
            address,
            Difference::Unknown,
            Some(BlockReason::NotReadable { reason }),
        );
    }

    /// Without an obstacle of its own it depends on the parent that is blocked.
    fn unknown(&mut self, address: Address, inherited: Option<&BlockReason>) {
        self.change(address, Difference::Unknown, inherited.cloned());
    }
}

/// A topic by its declared name, in a stream by its declared and its live name.
#[derive(Clone, Copy)]
struct Place<'a> {
    stream: &'a ResourceName,
    live_stream: &'a ResourceName,
    name: &'a ResourceName,
}

enum TopicsOf<'a> {
    Stream(&'a BTreeMap<ResourceName, ObservedTopic>),
    Unreadable,
    None,
}

/// What stands in the way of the children of a parent that is no change itself.
fn obstacle_of_parent<T>(
    presence: Presence,
    live: Live<'_, T>,
    address: &Address,
) -> Option<BlockReason> {
    match (presence, live) {
        (Presence::Declared, _) | (Presence::Parent, Live::There(_)) => None,
        (Presence::Parent, Live::Missing) => Some(BlockReason::ParentMissing {
            parent: address.clone(),
        }),
        (Presence::Parent, Live::Unreadable(reason)) => Some(BlockReason::NotReadable {
            reason: reason.to_owned(),
        }),
    }
}

fn group_in(topic: &Address, group: &ResourceName) -> Option<Address> {
    match topic {
        Address::Topic(stream, topic) => Some(Address::ConsumerGroup(
            stream.clone(),
            topic.clone(),
            group.clone(),
        )),
        Address::Stream(_) | Address::ConsumerGroup(..) | Address::User(_) | Address::Token(..) => {
            None
        }
    }
}
