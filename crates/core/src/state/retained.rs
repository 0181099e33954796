//! What stays on a server until somebody names it, whatever it is called by now.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::incarnation::Incarnation;
use super::observed::{AccessReading, ObservedState, ObservedStream, ObservedTopic};
use crate::address::Address;
use crate::name::ResourceName;

/// A thing that was there when `deletionPolicy: Retain` was applied to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetainedThing {
    /// As it was declared.
    pub address: Address,
    /// Which one; of a consumer group, which topic it is in: a group cannot be renamed, and
    /// the server tells no creation time of it.
    pub was: Incarnation,
}

impl RetainedThing {
    /// The thing of a declared name, where it is known which one that is.
    #[must_use]
    pub fn of(address: &Address, incarnations: &BTreeMap<Address, Incarnation>) -> Option<Self> {
        let told_by = match address {
            Address::ConsumerGroup(..) => &address.parent()?,
            Address::Stream(_) | Address::Topic(..) | Address::User(_) | Address::Token(..) => {
                address
            }
        };
        let was = *incarnations.get(told_by)?;
        let address = address.clone();
        Some(Self { address, was })
    }

    /// What it keeps under another name.
    pub(crate) fn key(&self) -> Key {
        Key::of(&self.address, self.was)
    }
}

/// What stays the same when a thing, or what it is in, gets another name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    kind: &'static str,
    was: Incarnation,
    group: Option<ResourceName>,
}

impl Key {
    fn of(address: &Address, was: Incarnation) -> Self {
        let group = match address {
            Address::ConsumerGroup(_, _, group) => Some(group.clone()),
            Address::Stream(_) | Address::Topic(..) | Address::User(_) | Address::Token(..) => None,
        };
        Self {
            kind: address.kind(),
            was,
            group,
        }
    }
}

/// Another project of which the record says that something is retained; `None` is what
/// belongs to no project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct OtherProject(pub Option<String>);

/// Something that is on the server and retained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What, as it is called now.
    pub address: Address,
    /// What it was declared as, where that is another name.
    pub declared_as: Option<Address>,
    /// Whose record says so, where it is not the own one.
    pub other: Option<OtherProject>,
}

/// What is removed only where somebody names it, since its `deletionPolicy` was `Retain`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retained {
    /// Whatever has these names.
    names: BTreeMap<Address, Option<OtherProject>>,
    /// These, whatever their names are.
    things: BTreeMap<Key, (Address, Option<OtherProject>)>,
    /// What manifests declare otherwise, whatever a record says.
    released: BTreeSet<Address>,
}

impl Retained {
    /// What manifests declare so, and what they declare otherwise.
    #[must_use]
    pub fn declared(names: BTreeSet<Address>, released: BTreeSet<Address>) -> Self {
        let names = names.into_iter().map(|name| (name, None));
        Self {
            names: names.collect(),
            things: BTreeMap::new(),
            released,
        }
    }

    /// Adds what the record of an apply says; of `other` where it was another project's.
    /// There a name counts only where it is not known which thing had it: who has the name
    /// by now is the own project's matter.
    pub fn add(
        &mut self,
        names: BTreeSet<Address>,
        things: BTreeSet<RetainedThing>,
        other: Option<&OtherProject>,
    ) {
        let known: BTreeSet<&Address> = things.iter().map(|thing| &thing.address).collect();
        for name in names {
            if self.released.contains(&name) {
                continue;
            }
            if other.is_none() {
                self.names.insert(name, None);
            } else if !known.contains(&name) {
                self.names.entry(name).or_insert_with(|| other.cloned());
            }
        }
        for thing in things {
            if self.released.contains(&thing.address) {
                continue;
            }
            let key = thing.key();
            let thing = (thing.address, other.cloned());
            if other.is_none() {
                self.things.insert(key, thing);
            } else {
                self.things.entry(key).or_insert(thing);
            }
        }
    }

    /// The names, as far as the own project says them.
    #[must_use]
    pub fn own_names(&self) -> BTreeSet<Address> {
        let own = self.names.iter().filter(|(_, other)| other.is_none());
        own.map(|(name, _)| name.clone()).collect()
    }

    /// Whether something by itself is retained; `was` tells which one it is, for a consumer
    /// group which topic it is in.
    #[must_use]
    pub fn one(&self, address: &Address, was: Option<Incarnation>) -> Option<Kept> {
        if let Some(other) = self.names.get(address) {
            return Some(Kept {
                address: address.clone(),
                declared_as: None,
                other: other.clone(),
            });
        }
        let (declared_as, other) = self.things.get(&Key::of(address, was?))?;
        Some(Kept {
            address: address.clone(),
            declared_as: (declared_as != address).then(|| declared_as.clone()),
            other: other.clone(),
        })
    }

    /// What is retained of a topic and its consumer groups. Where these were not read, those
    /// that are retained by their names are taken to be there.
    #[must_use]
    pub fn in_topic(&self, address: &Address, topic: &ObservedTopic) -> Vec<Kept> {
        let was = Incarnation::of_topic(topic);
        let mut kept: Vec<Kept> = self.one(address, Some(was)).into_iter().collect();
        let (Address::Topic(stream, name), false) = (address, self.is_nothing()) else {
            return kept;
        };
        match &topic.groups {
            Some(groups) => kept.extend(groups.keys().filter_map(|group| {
                let (stream, name) = (stream.clone(), name.clone());
                let group = Address::ConsumerGroup(stream, name, group.clone());
                self.one(&group, Some(was))
            })),
            None => {
                let named = self.names.iter();
                let named = named.filter(|(name, _)| *name != address && address.contains(name));
                kept.extend(named.map(|(name, other)| Kept {
                    address: name.clone(),
                    declared_as: None,
                    other: other.clone(),
                }));
            }
        }
        kept
    }

    /// What is retained of a stream and of everything in it.
    #[must_use]
    pub fn in_stream(&self, name: &ResourceName, stream: &ObservedStream) -> Vec<Kept> {
        let address = Address::Stream(name.clone());
        let was = Incarnation::of_stream(stream);
        let mut kept: Vec<Kept> = self.one(&address, Some(was)).into_iter().collect();
        if !self.is_nothing() {
            for (topic_name, topic) in &stream.topics {
                let address = Address::Topic(name.clone(), topic_name.clone());
                kept.extend(self.in_topic(&address, topic));
            }
        }
        kept
    }

    /// What is retained of something that is on the server, and of everything in it.
    #[must_use]
    pub fn of(&self, address: &Address, observed: &ObservedState) -> Vec<Kept> {
        let stream = || observed.streams.get(address.stream()?);
        let topic = || stream()?.topics.get(address.topic()?);
        match address {
            Address::Stream(name) => stream().map(|stream| self.in_stream(name, stream)),
            Address::Topic(..) => topic().map(|topic| self.in_topic(address, topic)),
            Address::ConsumerGroup(..) => {
                let topic = topic().map(Incarnation::of_topic);
                Some(self.one(address, topic).into_iter().collect())
            }
            Address::User(name) => {
                let user = match &observed.access {
                    AccessReading::Read(access) => access.users.get(name),
                    AccessReading::NotNeeded | AccessReading::Refused { .. } => None,
                };
                let was = user.map(Incarnation::of_user);
                Some(self.one(address, was).into_iter().collect())
            }
            Address::Token(..) => None,
        }
        .unwrap_or_default()
    }

    fn is_nothing(&self) -> bool {
        self.names.is_empty() && self.things.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{name, there_group, there_topic};

    fn retained(names: &[&str], observed: &ObservedState, other: Option<&str>) -> Retained {
        let names: BTreeSet<Address> = names.iter().map(|it| it.parse().unwrap()).collect();
        let topic: Address = "topic/orders/events".parse().unwrap();
        let was = Incarnation::of(observed, &topic).unwrap();
        let incarnations = BTreeMap::from([(topic, was)]);
        let things = names
            .iter()
            .filter_map(|it| RetainedThing::of(it, &incarnations));
        let things = things.collect();
        let other = other.map(|it| OtherProject(Some(it.to_owned())));
        let mut retained = Retained::default();
        retained.add(names, things, other.as_ref());
        retained
    }

    fn kept(retained: &Retained, stream: &str, observed: &ObservedState) -> Vec<String> {
        let kept = retained.in_stream(&name(stream), &observed.streams[&name(stream)]);
        kept.into_iter().map(|it| it.address.to_string()).collect()
    }

    #[test]
    fn a_group_goes_with_its_topic_and_not_with_its_number() {
        let mut observed = ObservedState::default();
        for group in ["billing", "audit"] {
            there_group(&mut observed, "orders", "events", group);
        }
        let retained = retained(&["group/orders/events/billing"], &observed, None);
        let stream = observed.streams.remove(&name("orders")).unwrap();
        observed.streams.insert(name("old"), stream);
        assert_eq!(
            kept(&retained, "old", &observed),
            ["group/old/events/billing"]
        );
        // Which groups there are may be unknown.
        for groups in [true, false] {
            let topic = there_topic(&mut observed, "orders", "events");
            topic.groups = groups.then(BTreeMap::new);
            topic.created_at_micros += 1;
            let expected = ["group/orders/events/billing"];
            let expected = if groups { &expected[..0] } else { &expected };
            assert_eq!(kept(&retained, "orders", &observed), expected);
        }
    }

    /// Who has a name now is decided by who declares it now.
    #[test]
    fn of_another_project_a_name_counts_only_where_its_thing_is_not_known() {
        let mut observed = ObservedState::default();
        there_topic(&mut observed, "orders", "events");
        there_topic(&mut observed, "orders", "audit");
        let names = ["topic/orders/events", "topic/orders/audit"];
        let (own, other) = (
            retained(&names, &observed, None),
            retained(&names, &observed, Some("shop")),
        );
        there_topic(&mut observed, "orders", "events").created_at_micros += 1;
        let both = ["topic/orders/audit", "topic/orders/events"];
        assert_eq!(kept(&own, "orders", &observed), both);
        assert_eq!(kept(&other, "orders", &observed), both[..1]);
    }
}
