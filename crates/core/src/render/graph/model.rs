//! What is drawn: streams with their topics, partitions and groups, and who reaches them.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Right, Scope};
use crate::address::Address;
use crate::name::ResourceName;
use crate::render::access::{AccessOverview, UserAccess};
use crate::render::plan_report::{ChangeVerb, PlanReport};
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, ObservedState};

/// A topology as it is drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopologyGraph {
    pub(in crate::render) streams: BTreeMap<ResourceName, GraphStream>,
    pub(in crate::render) users: BTreeMap<ResourceName, GraphUser>,
    /// What happens to some of it; empty without a plan.
    pub(super) marks: BTreeMap<Address, Mark>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::render) struct GraphStream {
    pub(in crate::render) topics: BTreeMap<ResourceName, GraphTopic>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::render) struct GraphTopic {
    /// Absent where a manifest does not say it.
    pub(in crate::render) partitions: Option<u32>,
    pub(in crate::render) groups: BTreeSet<ResourceName>,
}

/// A user, with what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::render) struct GraphUser {
    /// Root's is everything.
    pub(super) is_root: bool,
    /// What it may do, the wider before the narrower; absent when it is not known.
    pub(super) reach: Option<BTreeMap<Scope<ResourceName>, Reach>>,
}

/// What a user may do with messages somewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reach {
    pub(super) sends: bool,
    pub(super) polls: bool,
    /// Something else, such as to read or change what is there.
    pub(super) administers: bool,
}

/// What a plan does to something that is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    Created,
    Changed,
    Removed,
    Blocked,
}

impl Mark {
    /// The class in a style sheet, which is also the word for it.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Blocked => "blocked",
        }
    }
}

impl TopologyGraph {
    /// What manifests declare.
    #[must_use]
    pub fn of_manifests(desired: &DesiredState) -> Self {
        let streams = desired.streams.iter().map(|(name, stream)| {
            let topics = stream.topics.iter().map(|(name, topic)| {
                let topic = GraphTopic {
                    partitions: topic.partitions,
                    groups: topic.groups.keys().cloned().collect(),
                };
                (name.clone(), topic)
            });
            let topics = topics.collect();
            (name.clone(), GraphStream { topics })
        });
        Self {
            streams: streams.collect(),
            users: users(&AccessOverview::of_manifests(desired)),
            marks: BTreeMap::new(),
        }
    }

    /// What was read of a server.
    #[must_use]
    pub fn of_server(observed: &ObservedState) -> Self {
        let streams = observed.streams.iter().map(|(name, stream)| {
            let topics = stream.topics.iter().map(|(name, topic)| {
                let groups = topic.groups.iter().flatten();
                let topic = GraphTopic {
                    partitions: Some(topic.partitions),
                    groups: groups.map(|(name, _)| name.clone()).collect(),
                };
                (name.clone(), topic)
            });
            let topics = topics.collect();
            (name.clone(), GraphStream { topics })
        });
        Self {
            streams: streams.collect(),
            users: match &observed.access {
                AccessReading::Read(access) => users(&AccessOverview::of_server(access)),
                AccessReading::NotNeeded | AccessReading::Refused { .. } => BTreeMap::new(),
            },
            marks: BTreeMap::new(),
        }
    }

    /// This one as it is before a plan: with marks on what the plan changes and removes.
    #[must_use]
    pub fn before(&self, plan: &PlanReport) -> Self {
        let mut before = self.clone();
        for change in &plan.changes {
            let mark = match change.verb {
                ChangeVerb::Create => continue,
                ChangeVerb::Update | ChangeVerb::Rename => Mark::Changed,
                ChangeVerb::Deactivate | ChangeVerb::Delete => Mark::Removed,
                ChangeVerb::Blocked => Mark::Blocked,
            };
            let address = change.previous.as_ref().unwrap_or(&change.address);
            before.mark(address, mark);
        }
        before.mark_blocked(plan);
        before
    }

    /// This one as it is after a plan was carried out, with marks on what is new and what
    /// was changed. What users may do then is what the manifests declare, where they do.
    #[must_use]
    pub fn after(&self, plan: &PlanReport, desired: &DesiredState) -> Self {
        let mut after = self.clone();
        for change in plan.changes.iter() {
            if let Some(previous) = &change.previous {
                after.rename(previous, &change.address);
            }
        }
        for change in &plan.changes {
            let partitions = change
                .attributes
                .iter()
                .find(|attribute| attribute.name == "partitions")
                .and_then(|attribute| attribute.to.parse().ok());
            let mark = match change.verb {
                ChangeVerb::Create => {
                    after.add(&change.address);
                    Mark::Created
                }
                ChangeVerb::Update | ChangeVerb::Rename => Mark::Changed,
                // A user that only becomes inactive is there, and reaches nothing.
                ChangeVerb::Deactivate => Mark::Removed,
                ChangeVerb::Delete => {
                    after.remove(&change.address);
                    continue;
                }
                ChangeVerb::Blocked => continue,
            };
            if let (Some(topic), Some(_)) = (after.topic_mut(&change.address), partitions) {
                topic.partitions = partitions;
            }
            after.mark(&change.address, mark);
        }
        let declared = users(&AccessOverview::of_manifests(desired));
        for change in &plan.changes {
            let Address::User(name) = &change.address else {
                continue;
            };
            match change.verb {
                ChangeVerb::Deactivate => {
                    if let Some(user) = after.users.get_mut(name) {
                        user.reach = Some(BTreeMap::new());
                    }
                }
                ChangeVerb::Create | ChangeVerb::Update | ChangeVerb::Rename => {
                    if let Some(user) = declared.get(name).filter(|user| user.reach.is_some()) {
                        after.users.insert(name.clone(), user.clone());
                    }
                }
                ChangeVerb::Delete | ChangeVerb::Blocked => {}
            }
        }
        after.mark_blocked(plan);
        after
    }

    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.users.is_empty()
    }

    pub(super) fn mark_of(&self, address: &Address) -> Option<Mark> {
        self.marks.get(address).copied()
    }

    fn mark(&mut self, address: &Address, mark: Mark) {
        self.marks.insert(address.clone(), mark);
    }

    fn mark_blocked(&mut self, plan: &PlanReport) {
        for blocked in &plan.blocked {
            self.mark(&blocked.address, Mark::Blocked);
        }
    }

    fn topic_mut(&mut self, address: &Address) -> Option<&mut GraphTopic> {
        let stream = self.streams.get_mut(address.stream()?)?;
        stream.topics.get_mut(address.topic()?)
    }

    fn add(&mut self, address: &Address) {
        match address {
            Address::Stream(stream) => {
                self.streams.entry(stream.clone()).or_default();
            }
            Address::Topic(stream, topic) => {
                let stream = self.streams.entry(stream.clone()).or_default();
                stream.topics.entry(topic.clone()).or_default();
            }
            Address::ConsumerGroup(stream, topic, group) => {
                let stream = self.streams.entry(stream.clone()).or_default();
                let topic = stream.topics.entry(topic.clone()).or_default();
                topic.groups.insert(group.clone());
            }
            Address::User(user) => {
                let unknown = GraphUser {
                    is_root: false,
                    reach: None,
                };
                self.users.entry(user.clone()).or_insert(unknown);
            }
            Address::Token(..) => {}
        }
    }

    fn remove(&mut self, address: &Address) {
        match address {
            Address::Stream(stream) => {
                self.streams.remove(stream);
            }
            Address::Topic(stream, topic) => {
                if let Some(stream) = self.streams.get_mut(stream) {
                    stream.topics.remove(topic);
                }
            }
            Address::ConsumerGroup(_, _, group) => {
                if let Some(topic) = self.topic_mut(address) {
                    topic.groups.remove(group);
                }
            }
            Address::User(user) => {
                self.users.remove(user);
            }
            Address::Token(..) => {}
        }
    }

    fn rename(&mut self, from: &Address, to: &Address) {
        match (from, to) {
            (Address::Stream(from), Address::Stream(to)) => {
                if let Some(stream) = self.streams.remove(from) {
                    self.streams.insert(to.clone(), stream);
                }
            }
            // Its stream may have got another name, too.
            (Address::Topic(_, from), Address::Topic(stream, to)) => {
                if let Some(stream) = self.streams.get_mut(stream)
                    && let Some(topic) = stream.topics.remove(from)
                {
                    stream.topics.insert(to.clone(), topic);
                }
            }
            (Address::User(from), Address::User(to)) => {
                if let Some(user) = self.users.remove(from) {
                    self.users.insert(to.clone(), user);
                }
            }
            _ => {}
        }
    }
}

fn users(overview: &AccessOverview) -> BTreeMap<ResourceName, GraphUser> {
    let accesses = overview.users().filter_map(|name| overview.user(name));
    accesses
        .map(|access| (access.user.clone(), user(&access)))
        .collect()
}

fn user(access: &UserAccess) -> GraphUser {
    let scopes = access.rights.iter().map(|scope| {
        let mut reach = Reach::default();
        for right in &scope.rights {
            match right.right {
                Right::SendMessages => reach.sends = true,
                Right::PollMessages => reach.polls = true,
                _ => reach.administers = true,
            }
        }
        (scope.on.clone(), reach)
    });
    GraphUser {
        is_root: access.standing.root,
        reach: match &access.unknown {
            None => Some(scopes.collect()),
            Some(_) => None,
        },
    }
}
