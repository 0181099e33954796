//! What the project owns and no manifest declares: streams, topics and consumer groups.
//!
//! Inside what is declared only what is listed is looked at: a stream without a list of
//! topics, or a topic without a list of groups, says nothing about what else is in it.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{BlockReason, Change, Difference, Holdings};
use crate::address::Address;
use crate::name::ResourceName;
use crate::state::desired::{
    DesiredState, DesiredStream, DesiredTopic, Ownership, Presence, Scope,
};
use crate::state::observed::{ObservedConsumerGroup, ObservedStream, ObservedTopic};
use crate::state::{Incarnation, Kept};

#[cfg(test)]
mod tests;

/// A stream that nobody declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRemoval {
    /// Which one.
    pub incarnation: Incarnation,
    /// The topics that go with it.
    pub topics: BTreeMap<ResourceName, TopicRemoval>,
    /// Those of them that it was not asked to remove.
    pub unasked: BTreeSet<ResourceName>,
}

/// A topic that nobody declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRemoval {
    /// Which one.
    pub incarnation: Incarnation,
    /// What it holds.
    pub holds: Holdings,
    /// When its oldest message came, in microseconds since the Unix epoch; `None`
    /// when that is not known.
    pub oldest_micros: Option<u64>,
    /// Its consumer groups; `None` when they are not known.
    pub groups: Option<BTreeMap<ResourceName, GroupRemoval>>,
}

/// A consumer group that nobody declares. It holds offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupRemoval {
    /// Which one.
    pub incarnation: Incarnation,
    /// Members that are connected now.
    pub members: u32,
    /// How many messages it has not read; `None` when that is not known.
    pub lag: Option<u64>,
}

impl StreamRemoval {
    /// What all its topics hold.
    #[must_use]
    pub fn holds(&self) -> Holdings {
        let mut sum = Holdings::default();
        for topic in self.topics.values() {
            sum.messages = sum.messages.saturating_add(topic.holds.messages);
            sum.bytes = sum.bytes.saturating_add(topic.holds.bytes);
        }
        sum
    }

    /// Whether nothing is lost with it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unasked.is_empty() && self.topics.values().all(TopicRemoval::is_empty)
    }
}

impl TopicRemoval {
    /// Whether nothing is lost with it: no messages and no groups, which hold offsets.
    /// Offsets of consumers without a group cannot be listed; without messages they
    /// point to nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.holds == Holdings::default() && self.groups.as_ref().is_some_and(BTreeMap::is_empty)
    }
}

/// What the declared resources are called on the server.
pub(super) struct LiveNames<'a> {
    streams: BTreeMap<&'a ResourceName, &'a ResourceName>,
    topics: BTreeMap<(&'a ResourceName, &'a ResourceName), &'a ResourceName>,
}

impl<'a> LiveNames<'a> {
    /// From the renames of streams (declared name, live name) and of topics (live
    /// stream, declared name, live name).
    pub(super) fn new(
        stream_renames: &'a BTreeMap<ResourceName, ResourceName>,
        topic_renames: &'a [(ResourceName, ResourceName, ResourceName)],
    ) -> Self {
        Self {
            streams: stream_renames
                .iter()
                .map(|(declared, live)| (live, declared))
                .collect(),
            topics: topic_renames
                .iter()
                .map(|(stream, declared, live)| ((stream, live), declared))
                .collect(),
        }
    }

    fn declared_stream(&self, live: &'a ResourceName) -> &'a ResourceName {
        self.streams.get(live).copied().unwrap_or(live)
    }

    fn declared_topic(&self, stream: &'a ResourceName, live: &'a ResourceName) -> &'a ResourceName {
        self.topics.get(&(stream, live)).copied().unwrap_or(live)
    }
}

/// In the order of a tree; each with the name that the server has for it now.
pub(super) fn prunable_resources(
    desired: &DesiredState,
    live: &BTreeMap<ResourceName, ObservedStream>,
    names: &LiveNames<'_>,
) -> Vec<Change> {
    let scope = desired.owns.scope();
    if scope.is_nothing() {
        return Vec::new();
    }
    let mut search = Search {
        owns: &desired.owns,
        scope: &scope,
        found: Vec::new(),
    };
    let awaited = awaited(desired.streams.iter().map(|(name, stream)| {
        let is_there = live.contains_key(name);
        (stream.presence, stream.previous_name.as_ref(), is_there)
    }));
    for (name, stream) in live {
        let declared_name = names.declared_stream(name);
        match desired.streams.get(declared_name) {
            Some(declared) => {
                search.in_declared(declared_name, name, declared, stream, names);
            }
            None if awaited.contains(name) => {}
            None if scope.owns_stream(name) || scope.names_stream(name) => {
                search.stream(name, stream);
            }
            None => search.in_foreign(name, stream),
        }
    }
    search.found
}

/// Previous names of what is not there: perhaps they are about to be renamed, and what
/// decides about that could not be read.
fn awaited<'a>(
    declared: impl Iterator<Item = (Presence, Option<&'a ResourceName>, bool)>,
) -> BTreeSet<&'a ResourceName> {
    declared
        .filter(|(presence, _, is_there)| *presence == Presence::Declared && !is_there)
        .filter_map(|(_, previous, _)| previous)
        .collect()
}

struct Search<'a> {
    owns: &'a Ownership,
    scope: &'a Scope<'a>,
    found: Vec<Change>,
}

impl Search<'_> {
    fn stream(&mut self, name: &ResourceName, stream: &ObservedStream) {
        let is_owned = self.scope.owns_stream(name);
        let topics = &stream.topics;
        let unasked = topics
            .keys()
            .filter(|topic| !is_owned && !self.scope.owns_topic_alone(name, topic));
        let removal = StreamRemoval {
            incarnation: Incarnation::of_stream(stream),
            unasked: unasked.cloned().collect(),
            topics: topics
                .iter()
                .map(|(name, topic)| (name.clone(), removal_of(topic)))
                .collect(),
        };
        let address = Address::Stream(name.clone());
        let retained = self.owns.retained.in_stream(name, stream);
        let difference = Difference::DeleteStream(Box::new(removal));
        self.push(address, difference, retained);
    }

    fn in_declared(
        &mut self,
        declared_name: &ResourceName,
        live_name: &ResourceName,
        declared: &DesiredStream,
        stream: &ObservedStream,
        names: &LiveNames<'_>,
    ) {
        let is_owned = declared.presence == Presence::Declared
            && declared.topics_listed
            && self.scope.owns_stream(declared_name);
        let awaited = awaited(declared.topics.iter().map(|(name, topic)| {
            let is_there = stream.topics.contains_key(name);
            (topic.presence, topic.previous_name.as_ref(), is_there)
        }));
        for (name, topic) in &stream.topics {
            let declared_topic = names.declared_topic(live_name, name);
            match declared.topics.get(declared_topic) {
                Some(declared) => {
                    let address = Address::Topic(declared_name.clone(), declared_topic.clone());
                    let is_owned = self.scope.owns_topic(declared_name, declared_topic);
                    self.groups(&address, declared, topic, is_owned);
                }
                None if awaited.contains(name) => {}
                None if is_owned || self.scope.owns_topic_alone(declared_name, name) => {
                    self.topic(declared_name, name, topic);
                }
                None => self.groups_alone(declared_name, name, topic),
            }
        }
    }

    fn in_foreign(&mut self, stream_name: &ResourceName, stream: &ObservedStream) {
        for (name, topic) in &stream.topics {
            if self.scope.owns_topic_alone(stream_name, name) {
                self.topic(stream_name, name, topic);
                continue;
            }
            self.groups_alone(stream_name, name, topic);
        }
    }

    /// Those that are owned by themselves, in a topic that is neither owned nor declared.
    fn groups_alone(&mut self, stream: &ResourceName, name: &ResourceName, topic: &ObservedTopic) {
        let address = Address::Topic(stream.clone(), name.clone());
        for (group, there) in topic.groups.iter().flatten() {
            if let Some(group) = super::group_in(&address, group)
                && self.scope.names_group(&group)
            {
                self.group(group, *there, Incarnation::of_topic(topic));
            }
        }
    }

    fn topic(&mut self, stream: &ResourceName, name: &ResourceName, topic: &ObservedTopic) {
        let address = Address::Topic(stream.clone(), name.clone());
        let retained = self.owns.retained.in_topic(&address, topic);
        let removal = Box::new(removal_of(topic));
        self.push(address, Difference::DeleteTopic(removal), retained);
    }

    fn group(&mut self, address: Address, group: ObservedConsumerGroup, topic: Incarnation) {
        let removal = group_removal(group.id, group.members);
        let retained = self.owns.retained.one(&address, Some(topic));
        let difference = Difference::DeleteConsumerGroup(removal);
        self.push(address, difference, retained.into_iter().collect());
    }

    fn groups(
        &mut self,
        topic: &Address,
        declared: &DesiredTopic,
        there: &ObservedTopic,
        is_owned: bool,
    ) {
        let owns_all = declared.groups_listed && is_owned;
        for (name, group) in there.groups.iter().flatten() {
            if let Some(address) = super::group_in(topic, name)
                && !declared.groups.contains_key(name)
                && (owns_all || self.scope.names_group(&address))
            {
                self.group(address, *group, Incarnation::of_topic(there));
            }
        }
    }

    fn push(&mut self, address: Address, difference: Difference, retained: Vec<Kept>) {
        self.found.push(Change {
            address,
            difference,
            obstacles: BlockReason::retained(retained),
        });
    }
}

fn removal_of(topic: &ObservedTopic) -> TopicRemoval {
    let groups = topic.groups.as_ref().map(|groups| {
        let groups = groups.iter();
        groups
            .map(|(name, group)| (name.clone(), group_removal(group.id, group.members)))
            .collect()
    });
    TopicRemoval {
        incarnation: Incarnation::of_topic(topic),
        holds: Holdings {
            messages: topic.messages,
            bytes: topic.size_bytes,
        },
        oldest_micros: None,
        groups,
    }
}

fn group_removal(id: u32, members: u32) -> GroupRemoval {
    GroupRemoval {
        incarnation: Incarnation {
            id,
            created_at_micros: 0,
        },
        members,
        lag: None,
    }
}
