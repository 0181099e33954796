//! Which part of a topology is drawn. A picture of ten thousand topics shows nothing, so
//! there is a cap, what changes is chosen first, and what is not drawn is counted.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{GraphTopic, GraphUser, Mark, TopologyGraph};
use crate::address::Address;
use crate::name::ResourceName;

/// How much is drawn at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cap {
    pub(super) streams: usize,
    /// Of each stream.
    pub(super) topics: usize,
    /// Of each topic.
    pub(super) groups: usize,
    pub(super) users: usize,
    /// Lines of each user.
    pub(super) lines: usize,
}

impl Cap {
    /// What still fits on a few screens.
    pub(super) const PICTURE: Self = Self {
        streams: 12,
        topics: 10,
        groups: 4,
        users: 12,
        lines: 12,
    };

    /// Half as much of everything.
    pub(super) fn half(self) -> Self {
        let half = |count: usize| (count / 2).max(1);
        Self {
            streams: half(self.streams),
            topics: half(self.topics),
            groups: half(self.groups),
            users: half(self.users),
            lines: half(self.lines),
        }
    }
}

/// The part that is drawn.
pub(super) struct Selection<'a> {
    pub(super) streams: Vec<SelectedStream<'a>>,
    pub(super) more_streams: usize,
    pub(super) users: Vec<SelectedUser<'a>>,
    pub(super) more_users: usize,
}

pub(super) struct SelectedStream<'a> {
    pub(super) name: &'a ResourceName,
    pub(super) mark: Option<Mark>,
    pub(super) topics: Vec<SelectedTopic<'a>>,
    pub(super) more_topics: usize,
}

pub(super) struct SelectedTopic<'a> {
    pub(super) name: &'a ResourceName,
    pub(super) mark: Option<Mark>,
    pub(super) partitions: Option<u32>,
    pub(super) groups: Vec<(&'a ResourceName, Option<Mark>)>,
    pub(super) more_groups: usize,
}

pub(super) struct SelectedUser<'a> {
    pub(super) name: &'a ResourceName,
    pub(super) mark: Option<Mark>,
    pub(super) user: &'a GraphUser,
}

impl<'a> Selection<'a> {
    pub(super) fn of(graph: &'a TopologyGraph, cap: Cap) -> Self {
        // A stream is worth drawing when anything in it is marked.
        let touched: BTreeSet<&ResourceName> =
            graph.marks.keys().filter_map(Address::stream).collect();
        let streams = chosen(&graph.streams, cap.streams, |name, _| {
            touched.contains(name)
        });
        let users = chosen(&graph.users, cap.users, |name, _| {
            graph.mark_of(&Address::User(name.clone())).is_some()
        });
        Self {
            more_streams: graph.streams.len() - streams.len(),
            streams: streams
                .into_iter()
                .map(|(name, stream)| SelectedStream::of(graph, name, &stream.topics, cap))
                .collect(),
            more_users: graph.users.len() - users.len(),
            users: users
                .into_iter()
                .map(|(name, user)| SelectedUser {
                    name,
                    mark: graph.mark_of(&Address::User(name.clone())),
                    user,
                })
                .collect(),
        }
    }
}

impl<'a> SelectedStream<'a> {
    fn of(
        graph: &'a TopologyGraph,
        name: &'a ResourceName,
        all: &'a BTreeMap<ResourceName, GraphTopic>,
        cap: Cap,
    ) -> Self {
        let address = |topic: &ResourceName| Address::Topic(name.clone(), topic.clone());
        let mark = |topic: &ResourceName, groups: &BTreeSet<ResourceName>| {
            graph.mark_of(&address(topic)).is_some()
                || groups.iter().any(|group| {
                    let group = Address::ConsumerGroup(name.clone(), topic.clone(), group.clone());
                    graph.mark_of(&group).is_some()
                })
        };
        let topics = chosen(all, cap.topics, |topic, value| mark(topic, &value.groups));
        Self {
            name,
            mark: graph.mark_of(&Address::Stream(name.clone())),
            more_topics: all.len() - topics.len(),
            topics: topics
                .into_iter()
                .map(|(topic, value)| {
                    let group_mark = |group: &ResourceName| {
                        let address =
                            Address::ConsumerGroup(name.clone(), topic.clone(), group.clone());
                        graph.mark_of(&address)
                    };
                    let groups = value.groups.iter().take(cap.groups);
                    SelectedTopic {
                        name: topic,
                        mark: graph.mark_of(&address(topic)),
                        partitions: value.partitions,
                        groups: groups.map(|group| (group, group_mark(group))).collect(),
                        more_groups: value.groups.len().saturating_sub(cap.groups),
                    }
                })
                .collect(),
        }
    }
}

/// The first ones, those that matter before the others, in their order.
fn chosen<T>(
    all: &BTreeMap<ResourceName, T>,
    most: usize,
    matters: impl Fn(&ResourceName, &T) -> bool,
) -> Vec<(&ResourceName, &T)> {
    if all.len() <= most {
        return all.iter().collect();
    }
    let (first, then): (Vec<_>, Vec<_>) =
        all.iter().partition(|(name, value)| matters(name, value));
    let mut chosen: Vec<_> = first.into_iter().chain(then).take(most).collect();
    chosen.sort_by_key(|(name, _)| *name);
    chosen
}
