//! What the steps of a plan speak of, by the names that it has before the first of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Grants, StreamGrants};
use crate::address::Address;
use crate::name::ResourceName;
use crate::plan::{Action, Plan, Precondition, Step};

/// What the steps speak of.
#[derive(Default)]
pub(super) struct Mentioned {
    /// What they change, create or delete.
    pub(super) direct: BTreeSet<Address>,
    /// What they delete, with what is in it.
    pub(super) deleted: BTreeSet<Address>,
    /// All of it, also parents and what permissions are about.
    pub(super) all: BTreeSet<Address>,
    /// What a changed topic is declared as.
    pub(super) declared_as: BTreeMap<Address, Address>,
    /// Whether something is created or deleted whose number grants may speak of.
    pub(super) moves_ids: bool,
}

impl Mentioned {
    pub(super) fn by(plan: &Plan) -> Self {
        let mut mentioned = Self::default();
        for step in &plan.steps {
            mentioned.step(step);
        }
        let direct = mentioned.direct.iter().chain(&mentioned.deleted).cloned();
        mentioned.all.extend(direct);
        let former = FormerNames::of(&plan.steps);
        former.add_to(&mut mentioned.direct);
        former.add_to(&mut mentioned.deleted);
        former.add_to(&mut mentioned.all);
        let topics = mentioned.declared_as.clone();
        for (live, declared) in topics {
            let mut names = BTreeSet::from([live]);
            former.add_to(&mut names);
            for name in names {
                mentioned
                    .declared_as
                    .entry(name)
                    .or_insert(declared.clone());
            }
        }
        let mut parents = Vec::new();
        for address in &mentioned.all {
            let mut parent = address.parent();
            while let Some(ancestor) = parent {
                parent = ancestor.parent();
                parents.push(ancestor);
            }
        }
        mentioned.all.extend(parents);
        mentioned
    }

    fn step(&mut self, step: &Step) {
        let Step {
            id: _,
            stage: _,
            address,
            action,
            needs: _,
            preconditions,
            risk: _,
            cost: _,
        } = step;
        self.all.insert(address.clone());
        for precondition in preconditions {
            let (Precondition::Absent { address }
            | Precondition::Empty { address }
            | Precondition::Present { address }
            | Precondition::Partitions { address, count: _ }) = precondition;
            self.all.insert(address.clone());
        }
        self.moves_ids |= matches!(
            action,
            Action::CreateStream { .. }
                | Action::CreateTopic { .. }
                | Action::DeleteStream { .. }
                | Action::DeleteTopic { .. }
        );
        match action {
            Action::CreateStream { stream } => self.direct(Address::Stream(stream.clone())),
            Action::RenameStream { from, to } => {
                self.direct(Address::Stream(from.clone()));
                self.direct(Address::Stream(to.clone()));
            }
            Action::CreateTopic { stream, topic, .. } => {
                self.direct(Address::Topic(stream.clone(), topic.clone()));
            }
            Action::UpdateTopic {
                stream,
                topic,
                rename_to,
                settings: _,
            } => {
                self.topic(stream, topic, address);
                if let Some(to) = rename_to {
                    self.direct(Address::Topic(stream.clone(), to.clone()));
                }
            }
            Action::AddPartitions { stream, topic, .. }
            | Action::RemovePartitions { stream, topic, .. } => self.topic(stream, topic, address),
            Action::CreateConsumerGroup {
                stream,
                topic,
                group,
            }
            | Action::DeleteConsumerGroup {
                stream,
                topic,
                group,
                found: _,
            } => {
                let (stream, topic) = (stream.clone(), topic.clone());
                self.direct(Address::ConsumerGroup(stream, topic, group.clone()));
            }
            Action::DeleteStream { stream, topics, .. } => {
                self.deleted.insert(Address::Stream(stream.clone()));
                let topics = topics.iter().cloned();
                self.deleted
                    .extend(topics.map(|topic| Address::Topic(stream.clone(), topic)));
            }
            Action::DeleteTopic { stream, topic, .. } => {
                let address = Address::Topic(stream.clone(), topic.clone());
                self.deleted.insert(address);
            }
            Action::CreateUser { user, .. }
            | Action::SetUserStatus { user, .. }
            | Action::DeleteUser { user }
            | Action::ChangePassword { user, .. } => self.direct(Address::User(user.clone())),
            Action::RenameUser { from, to } => {
                self.direct(Address::User(from.clone()));
                self.direct(Address::User(to.clone()));
            }
            Action::SetPermissions { user, grants } => {
                self.direct(Address::User(user.clone()));
                self.targets(grants);
            }
            // What a token is found as is in its step, and looked at right before it.
            Action::CreateToken { user, .. } | Action::RevokeToken { user, .. } => {
                self.all.insert(Address::User(user.clone()));
            }
        }
    }

    fn direct(&mut self, address: Address) {
        self.direct.insert(address);
    }

    fn topic(&mut self, stream: &ResourceName, topic: &ResourceName, declared: &Address) {
        let live = Address::Topic(stream.clone(), topic.clone());
        self.declared_as.insert(live.clone(), declared.clone());
        self.direct(live);
    }

    fn targets(&mut self, grants: &Grants<ResourceName>) {
        for (stream, StreamGrants { allow: _, topics }) in &grants.streams {
            self.all.insert(Address::Stream(stream.clone()));
            let topics = topics.keys().cloned();
            self.all
                .extend(topics.map(|topic| Address::Topic(stream.clone(), topic)));
        }
    }
}

/// What is called otherwise before the renames of a plan.
struct FormerNames<'a> {
    streams: Vec<(&'a ResourceName, &'a ResourceName)>,
    topics: Vec<(&'a ResourceName, &'a ResourceName, &'a ResourceName)>,
}

impl<'a> FormerNames<'a> {
    fn of(steps: &'a [Step]) -> Self {
        let mut former = Self {
            streams: Vec::new(),
            topics: Vec::new(),
        };
        for step in steps {
            match &step.action {
                Action::RenameStream { from, to } => former.streams.push((from, to)),
                Action::UpdateTopic {
                    stream,
                    topic,
                    rename_to: Some(to),
                    settings: _,
                } => former.topics.push((stream, topic, to)),
                _ => {}
            }
        }
        former
    }

    /// Topics first: their steps call the stream by its new name.
    fn add_to(&self, addresses: &mut BTreeSet<Address>) {
        let mut found = Vec::new();
        for address in addresses.iter() {
            for (stream, from, to) in &self.topics {
                if address.stream() == Some(*stream) && address.topic() == Some(*to) {
                    found.push(renamed(address, stream, Some(*from)));
                }
            }
        }
        addresses.extend(found.drain(..).flatten());
        for address in addresses.iter() {
            for (from, to) in &self.streams {
                if address.stream() == Some(*to) {
                    found.push(renamed(address, from, address.topic()));
                }
            }
        }
        addresses.extend(found.into_iter().flatten());
    }
}

fn renamed(
    address: &Address,
    stream: &ResourceName,
    topic: Option<&ResourceName>,
) -> Option<Address> {
    match address {
        Address::Stream(_) => Some(Address::Stream(stream.clone())),
        Address::Topic(..) => Some(Address::Topic(stream.clone(), topic?.clone())),
        Address::ConsumerGroup(_, _, group) => Some(Address::ConsumerGroup(
            stream.clone(),
            topic?.clone(),
            group.clone(),
        )),
        Address::User(_) | Address::Token(..) => None,
    }
}
