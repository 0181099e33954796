//! Everything that is declared, with how the server has it.

use std::collections::{BTreeMap, BTreeSet};

use super::attribute::{self, Attributes, NAME, PERMISSIONS};
use crate::access::TokenSlot;
use crate::address::Address;
use crate::diff::{BlockReason, Change, ChangeSet, Difference, live_grants};
use crate::name::ResourceName;
use crate::quantity::MessageExpiry;
use crate::state::desired::{DesiredState, Presence};
use crate::state::observed::{AccessReading, ObservedState, ObservedTopic};
use crate::state::observed_access::ObservedAccess;

/// A declared resource.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) address: Address,
    /// By the names that the server has for it and for what it is in.
    pub(super) live: Address,
    pub(super) standing: Standing,
    /// Whether its permissions are managed.
    manages_permissions: bool,
    /// What it is granted, by scope, in the words of a manifest with the names that the
    /// server has.
    pub(super) granted: BTreeMap<String, String>,
}

/// How the server has it.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    There(Attributes),
    Missing,
    /// A token that is missing, and that may have ended by itself.
    MayHaveEnded,
    Unreadable(String),
    /// A token, which only its user may list.
    Unseen,
}

impl Thing {
    /// Whether anything is said about the attribute.
    pub(super) fn declares(&self, attribute: &str) -> bool {
        match &self.standing {
            Standing::There(attributes) => {
                attribute == NAME
                    || attributes.contains_key(attribute)
                    || attribute.starts_with(PERMISSIONS) && self.manages_permissions
            }
            _ => false,
        }
    }
}

/// All declared resources of one comparison.
pub(super) struct Things {
    pub(super) all: Vec<Thing>,
}

impl Things {
    /// What the server calls those of them that it has.
    pub(super) fn live(&self) -> BTreeSet<&Address> {
        let there = |thing: &&Thing| !matches!(thing.standing, Standing::Missing);
        self.all.iter().filter(there).map(|it| &it.live).collect()
    }

    pub(super) fn new(
        desired: &DesiredState,
        observed: &ObservedState,
        changes: &ChangeSet,
    ) -> Self {
        let found = Found::new(observed, changes);
        let mut all = Vec::new();
        for (name, stream) in &desired.streams {
            let address = Address::Stream(name.clone());
            let live_name = found.live_name(&address).unwrap_or(name);
            let live = Address::Stream(live_name.clone());
            if stream.presence == Presence::Declared {
                let standing = found.standing(&address, || {
                    observed.streams.get(live_name)?;
                    Some(attribute::of_name(live_name, name).into_iter().collect())
                });
                all.push(thing(address, live, standing));
            }
            for (topic_name, topic) in &stream.topics {
                let address = Address::Topic(name.clone(), topic_name.clone());
                let live_topic = found.live_name(&address).unwrap_or(topic_name);
                let live = Address::Topic(live_name.clone(), live_topic.clone());
                if topic.presence == Presence::Declared {
                    let standing = found.standing(&address, || {
                        let there = found.topic(live_name, live_topic)?;
                        let change = found.changes.get(&address).copied();
                        let mut attributes = attribute::of_topic(topic, there, change);
                        attributes.extend(attribute::of_name(live_topic, topic_name));
                        Some(attributes)
                    });
                    all.push(thing(address, live, standing));
                }
                for group in topic.groups.keys() {
                    let (name, topic_name) = (name.clone(), topic_name.clone());
                    let address = Address::ConsumerGroup(name, topic_name, group.clone());
                    let (stream, topic) = (live_name.clone(), live_topic.clone());
                    let live = Address::ConsumerGroup(stream, topic, group.clone());
                    let standing = found.standing(&address, || Some(Attributes::new()));
                    all.push(thing(address, live, standing));
                }
            }
        }
        for (name, user) in &desired.users {
            let address = Address::User(name.clone());
            let live_name = found.live_name(&address).unwrap_or(name);
            let live = Address::User(live_name.clone());
            let standing = found.standing(&address, || {
                let there = found.access?.users.get(live_name)?;
                let change = found.changes.get(&address).copied();
                let mut attributes = attribute::of_user(user, there, change);
                attributes.extend(attribute::of_name(live_name, name));
                Some(attributes)
            });
            all.push(Thing {
                manages_permissions: user.permissions.is_some(),
                granted: found.granted(live_name),
                ..thing(address, live, standing)
            });
        }
        for (user, tokens) in &desired.tokens {
            let owner = Address::User(user.clone());
            let live_user = found.live_name(&owner).unwrap_or(user);
            for (name, token) in tokens {
                let address = Address::Token(user.clone(), name.clone());
                let live = Address::Token(live_user.clone(), name.clone());
                let standing = found.token(live_user, name, token.expiry);
                all.push(thing(address, live, standing));
            }
        }
        Self { all }
    }
}

fn thing(address: Address, live: Address, standing: Standing) -> Thing {
    Thing {
        address,
        live,
        standing,
        manages_permissions: false,
        granted: BTreeMap::new(),
    }
}

struct Found<'a> {
    observed: &'a ObservedState,
    access: Option<&'a ObservedAccess>,
    changes: BTreeMap<&'a Address, &'a Change>,
}

impl<'a> Found<'a> {
    fn new(observed: &'a ObservedState, changes: &'a ChangeSet) -> Self {
        let changes = changes.changes.iter();
        Self {
            observed,
            access: access(observed),
            // What is stripped of others is no difference of what is declared.
            changes: changes
                .filter(|change| !matches!(change.difference, Difference::StripStaleGrants(_)))
                .map(|change| (&change.address, change))
                .collect(),
        }
    }

    /// The last name that the server has for it, where it is another one.
    fn live_name(&self, address: &Address) -> Option<&'a ResourceName> {
        match &self.changes.get(address)?.difference {
            Difference::RenameStream { from } => Some(from),
            Difference::ChangeTopic(topic) => topic.renamed_from.as_ref(),
            Difference::ChangeUser(user) => user.renamed_from.as_ref(),
            _ => None,
        }
    }

    fn granted(&self, user: &ResourceName) -> BTreeMap<String, String> {
        let granted = self.access.and_then(|access| {
            let user = access.users.get(user)?;
            live_grants(&user.grants, access).ok()
        });
        granted.map_or_else(BTreeMap::new, |it| attribute::words(&it.grants))
    }

    fn topic(&self, stream: &ResourceName, topic: &ResourceName) -> Option<&'a ObservedTopic> {
        self.observed.streams.get(stream)?.topics.get(topic)
    }

    fn standing(
        &self,
        address: &Address,
        attributes: impl FnOnce() -> Option<Attributes>,
    ) -> Standing {
        let unreadable = |change: &Change| {
            let reasons = change.obstacles.iter();
            let mut reasons = reasons.filter_map(|obstacle| match obstacle {
                BlockReason::NotReadable { reason } => Some(reason.clone()),
                _ => None,
            });
            let reason = reasons.next();
            Standing::Unreadable(reason.unwrap_or("what it is in could not be read".to_owned()))
        };
        match self.changes.get(address) {
            None => {}
            Some(change) => match &change.difference {
                Difference::Unknown => return unreadable(change),
                Difference::CreateStream
                | Difference::CreateTopic { .. }
                | Difference::CreateConsumerGroup
                | Difference::CreateUser(_) => return Standing::Missing,
                Difference::RenameStream { .. }
                | Difference::ChangeTopic(_)
                | Difference::ChangeUser(_)
                | Difference::ChangeToken(_)
                | Difference::StripStaleGrants(_)
                | Difference::DeleteStream(_)
                | Difference::DeleteTopic(_)
                | Difference::DeleteConsumerGroup(_)
                | Difference::PruneUser(_) => {}
            },
        }
        attributes().map_or_else(
            || Standing::Unreadable("it was not read".to_owned()),
            Standing::There,
        )
    }

    /// Tokens are compared by name alone: whose value was delivered where, and whether one
    /// is to be replaced, is for a plan, which sees the sinks.
    fn token(&self, user: &ResourceName, name: &ResourceName, expiry: MessageExpiry) -> Standing {
        let access = match &self.observed.access {
            AccessReading::Refused { reason } => return Standing::Unreadable(reason.clone()),
            AccessReading::NotNeeded => return Standing::Unseen,
            AccessReading::Read(access) => access,
        };
        let Some(owner) = access.users.get(user) else {
            return Standing::Missing;
        };
        let Some(tokens) = &owner.tokens else {
            return Standing::Unseen;
        };
        let slots = [TokenSlot::First, TokenSlot::Second];
        if slots
            .iter()
            .any(|slot| tokens.contains_key(&slot.name_of(name)))
        {
            return Standing::There(Attributes::new());
        }
        match expiry == MessageExpiry::NEVER {
            true => Standing::Missing,
            false => Standing::MayHaveEnded,
        }
    }
}

pub(super) fn access(observed: &ObservedState) -> Option<&ObservedAccess> {
    match &observed.access {
        AccessReading::Read(access) => Some(access),
        AccessReading::NotNeeded | AccessReading::Refused { .. } => None,
    }
}
