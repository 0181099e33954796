//! Desired states put together and cut down, without looking at a manifest again.
//!
//! The operator compiles each object by itself, decides which object may have what, and
//! compares and applies what is left of all of them as one.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{DesiredState, DesiredStream, DesiredTopic, Presence};
use super::desired_user::NameOrPattern;
use crate::address::Address;
use crate::name::ResourceName;

impl DesiredState {
    /// Every resource that is declared, parents before what is in them.
    pub fn declared(&self) -> impl Iterator<Item = Address> + '_ {
        let streams = self.streams.iter().flat_map(|(name, stream)| {
            let own = (stream.presence == Presence::Declared)
                .then(|| Address::Stream(name.clone()))
                .into_iter();
            own.chain(stream.topics.iter().flat_map(move |(topic_name, topic)| {
                let own = (topic.presence == Presence::Declared)
                    .then(|| Address::Topic(name.clone(), topic_name.clone()))
                    .into_iter();
                own.chain(topic.groups.keys().map(move |group| {
                    Address::ConsumerGroup(name.clone(), topic_name.clone(), group.clone())
                }))
            }))
        });
        let users = self.users.keys().cloned().map(Address::User);
        let tokens = self.tokens.iter().flat_map(|(user, tokens)| {
            let names = tokens.keys();
            names.map(move |name| Address::Token(user.clone(), name.clone()))
        });
        streams.chain(users).chain(tokens)
    }

    /// What is left when only some of it is declared. What others are in, and is not kept
    /// itself, is only named: looked up, and never created or changed.
    #[must_use]
    pub fn keeping(&self, keeps: impl Fn(&Address) -> bool) -> Self {
        let mut kept = self.clone();
        kept.streams.retain(|name, stream| {
            stream.topics.retain(|topic_name, topic| {
                topic.groups.retain(|group, _| {
                    let group =
                        Address::ConsumerGroup(name.clone(), topic_name.clone(), group.clone());
                    keeps(&group)
                });
                if !keeps(&Address::Topic(name.clone(), topic_name.clone())) {
                    topic.become_parent();
                }
                topic.presence == Presence::Declared || !topic.groups.is_empty()
            });
            if !keeps(&Address::Stream(name.clone())) {
                stream.become_parent();
            }
            stream.presence == Presence::Declared || !stream.topics.is_empty()
        });
        kept.users
            .retain(|name, _| keeps(&Address::User(name.clone())));
        kept.tokens.retain(|user, tokens| {
            tokens.retain(|name, _| keeps(&Address::Token(user.clone(), name.clone())));
            !tokens.is_empty()
        });
        kept
    }

    /// Adds what another state declares of what is only named here: what something is in, and
    /// what a user may use.
    pub fn complete_from(&mut self, others: &Self) {
        let mut named: BTreeMap<ResourceName, BTreeSet<ResourceName>> = BTreeMap::new();
        for (name, stream) in &self.streams {
            let parents = stream.topics.iter();
            let parents = parents.filter(|(_, topic)| topic.presence == Presence::Parent);
            let topics = named.entry(name.clone()).or_default();
            topics.extend(parents.map(|(topic, _)| topic.clone()));
        }
        let users = self.users.values();
        let permissions = users.filter_map(|user| user.permissions.as_ref());
        for rule in permissions.flat_map(|permissions| &permissions.streams) {
            if let NameOrPattern::Name(name) = &rule.name {
                let topics = rule.topics.iter().filter_map(|topic| match &topic.name {
                    NameOrPattern::Name(name) => Some(name.clone()),
                    NameOrPattern::Pattern(_) => None,
                });
                named.entry(name.clone()).or_default().extend(topics);
            }
        }
        let mut completing = Self::default();
        for (name, topics) in named {
            let theirs = others.streams.get_key_value(&name);
            if let Some((name, theirs)) = theirs
                && theirs.presence == Presence::Declared
            {
                let part = theirs.with_topics(&topics);
                completing.streams.insert(name.clone(), part);
            }
        }
        for user in self.tokens.keys() {
            if let Some(theirs) = others.users.get(user) {
                completing.users.insert(user.clone(), theirs.clone());
            }
        }
        self.join(&completing);
    }

    /// Adds what another state declares. Where both declare the same, this one's word holds.
    /// What is owned, the project and the context are no part of it.
    pub fn join(&mut self, other: &Self) {
        let Self {
            project: _,
            context: _,
            owns: _,
            deletion_policies,
            streams,
            users,
            tokens,
        } = other;
        for (address, policy) in deletion_policies {
            self.deletion_policies
                .entry(address.clone())
                .or_insert(*policy);
        }
        for (name, stream) in streams {
            match self.streams.get_mut(name) {
                Some(mine) => mine.join(stream),
                None => {
                    self.streams.insert(name.clone(), stream.clone());
                }
            }
        }
        join_names(&mut self.users, users);
        for (user, tokens) in tokens {
            let mine = self.tokens.entry(user.clone()).or_default();
            join_names(mine, tokens);
        }
    }
}

fn join_names<T: Clone>(mine: &mut BTreeMap<ResourceName, T>, others: &BTreeMap<ResourceName, T>) {
    for (name, other) in others {
        mine.entry(name.clone()).or_insert_with(|| other.clone());
    }
}

impl DesiredStream {
    /// It with no more than these topics, without their groups.
    fn with_topics(&self, names: &BTreeSet<ResourceName>) -> Self {
        let declared = names.iter().filter_map(|name| {
            let topic = self.topics.get(name)?;
            let alone = DesiredTopic {
                groups: BTreeMap::new(),
                groups_listed: false,
                ..topic.clone()
            };
            (topic.presence == Presence::Declared).then(|| (name.clone(), alone))
        });
        Self {
            presence: self.presence,
            previous_name: self.previous_name.clone(),
            topics_listed: false,
            topics: declared.collect(),
            origin: self.origin.clone(),
        }
    }

    fn become_parent(&mut self) {
        self.presence = Presence::Parent;
        self.previous_name = None;
        self.topics_listed = false;
    }

    fn join(&mut self, other: &Self) {
        let Self {
            presence,
            previous_name,
            topics_listed,
            topics,
            origin,
        } = other;
        if (self.presence, *presence) == (Presence::Parent, Presence::Declared) {
            self.presence = Presence::Declared;
            self.previous_name.clone_from(previous_name);
            self.origin = origin.clone();
        }
        self.topics_listed |= topics_listed;
        for (name, topic) in topics {
            match self.topics.get_mut(name) {
                Some(mine) => mine.join(topic),
                None => {
                    self.topics.insert(name.clone(), topic.clone());
                }
            }
        }
    }
}

impl DesiredTopic {
    fn become_parent(&mut self) {
        let groups = std::mem::take(&mut self.groups);
        *self = Self {
            presence: Presence::Parent,
            previous_name: None,
            partitions: None,
            settings: super::desired::TopicSettings::default(),
            groups_listed: false,
            groups,
            origin: self.origin.clone(),
        };
    }

    fn join(&mut self, other: &Self) {
        if (self.presence, other.presence) == (Presence::Parent, Presence::Declared) {
            let groups = std::mem::take(&mut self.groups);
            *self = other.clone();
            join_names(&mut self.groups, &groups);
            return;
        }
        self.groups_listed |= other.groups_listed;
        join_names(&mut self.groups, &other.groups);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{SourceFile, Variables, compile};
    use crate::testing::name;

    fn state(spec: &str) -> DesiredState {
        let text = format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: a }}\nspec: {spec}\n"
        );
        let source = SourceFile::new("a.yaml", text.into_bytes());
        compile(&[source], &Variables::default()).unwrap().state
    }

    fn addresses(state: &DesiredState) -> Vec<String> {
        state
            .declared()
            .map(|address| address.to_string())
            .collect()
    }

    const ORDERS: &str = "{ streams: [{ name: orders, topics: [{ name: events, partitions: 3, consumerGroups: [a, b] }, { name: more }] }], users: [{ name: ann }] }";

    #[test]
    fn all_that_is_declared_is_named() {
        assert_eq!(
            addresses(&state(ORDERS)),
            [
                "stream/orders",
                "topic/orders/events",
                "group/orders/events/a",
                "group/orders/events/b",
                "topic/orders/more",
                "user/ann"
            ]
        );
    }

    #[test]
    fn what_is_not_kept_is_only_a_parent() {
        let kept = state(ORDERS).keeping(|it| it.to_string() == "group/orders/events/a");
        assert_eq!(addresses(&kept), ["group/orders/events/a"]);
        let events = &kept.streams.values().next().unwrap().topics[&name("events")];
        assert_eq!(events.presence, Presence::Parent);
        assert_eq!(events.partitions, None);
        assert!(state(ORDERS).keeping(|_| false).streams.is_empty());
    }

    #[test]
    fn what_is_only_named_is_completed() {
        let others = state(ORDERS);
        let mut group = others.keeping(|it| it.to_string() == "group/orders/events/a");
        group.complete_from(&others);
        assert_eq!(
            addresses(&group),
            [
                "stream/orders",
                "topic/orders/events",
                "group/orders/events/a"
            ]
        );
        // Its own word holds, and nothing that it does not name is added.
        let mut own = state(
            "{ streams: [{ name: orders, topics: [{ name: events, partitions: 1 }] }], users: [{ name: bob, permissions: { streams: [{ name: orders, topics: [{ name: more, preset: consumer }] }, { name: elsewhere, preset: consumer }] } }] }",
        );
        own.complete_from(&others);
        assert_eq!(
            addresses(&own),
            [
                "stream/orders",
                "topic/orders/events",
                "topic/orders/more",
                "user/bob"
            ]
        );
        let events = &own.streams[&name("orders")].topics[&name("events")];
        assert_eq!(events.partitions, Some(1));
    }

    #[test]
    fn what_is_taken_apart_joins_to_what_it_was() {
        let whole = state(ORDERS);
        for which in [0, 1] {
            let part = |part: usize| {
                let names: Vec<String> = addresses(&whole);
                whole.keeping(|address| {
                    let place = names.iter().position(|it| *it == address.to_string());
                    place.is_some_and(|place| place % 2 == part)
                })
            };
            let mut joined = part(which);
            joined.join(&part(1 - which));
            assert_eq!(addresses(&joined), addresses(&whole));
            let events = &joined.streams[&name("orders")].topics[&name("events")];
            assert_eq!(
                events,
                &whole.streams[&name("orders")].topics[&name("events")]
            );
        }
    }
}
