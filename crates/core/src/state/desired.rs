//! What the manifests declare, after every document was validated and merged.

use std::collections::{BTreeMap, BTreeSet};

use super::deletion_policy::DeletionPolicy;
use super::desired_token::DesiredToken;
use super::desired_user::DesiredUser;
pub use super::ownership::{OwnedNames, Ownership, Scope};
use super::retained::Retained;
use crate::address::Address;
use crate::diagnostic::Origin;
use crate::name::ResourceName;
use crate::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};

/// Everything that a set of manifests declares.
///
/// Only `manifest::compile` makes one, so holding a value means that it was
/// validated: names are legal, nothing is declared twice, renames have no
/// cycle, quantities are within the server's limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DesiredState {
    /// Name of the `IggyTopology`, if there is one: the owner of history and pruning.
    pub project: Option<String>,
    /// The name of the context that it is for, if it says so.
    pub context: Option<String>,
    /// What `--prune` may touch.
    pub owns: Ownership,
    /// What becomes of declared resources once nobody declares them, where that is said.
    pub deletion_policies: BTreeMap<Address, DeletionPolicy>,
    /// Streams that are declared, or that are only named as the parent of something declared.
    pub streams: BTreeMap<ResourceName, DesiredStream>,
    /// Users that are declared.
    pub users: BTreeMap<ResourceName, DesiredUser>,
    /// Access tokens that are declared, by user and token; the user may be one
    /// that nobody declares.
    pub tokens: BTreeMap<ResourceName, BTreeMap<ResourceName, DesiredToken>>,
}

/// An address that is of no declared access token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no manifest declares {0} as an access token")]
pub struct NoSuchToken(pub Address);

impl DesiredState {
    /// How many streams, topics, consumer groups, users and tokens are declared.
    #[must_use]
    pub fn count(&self) -> usize {
        let of_topic = |topic: &DesiredTopic| {
            usize::from(topic.presence == Presence::Declared) + topic.groups.len()
        };
        let of_stream = |stream: &DesiredStream| {
            let topics: usize = stream.topics.values().map(of_topic).sum();
            usize::from(stream.presence == Presence::Declared) + topics
        };
        self.streams.values().map(of_stream).sum::<usize>()
            + self.users.len()
            + self.tokens.values().map(BTreeMap::len).sum::<usize>()
    }

    /// The same project, declaring nothing and owning exactly what it declared: what is
    /// left to do is to remove that.
    #[must_use]
    pub fn emptied(&self) -> Self {
        let mut exactly = BTreeSet::new();
        for (name, stream) in &self.streams {
            if stream.presence == Presence::Declared {
                exactly.insert(Address::Stream(name.clone()));
            }
            for (topic_name, topic) in &stream.topics {
                if topic.presence == Presence::Declared {
                    exactly.insert(Address::Topic(name.clone(), topic_name.clone()));
                }
                exactly.extend(topic.groups.keys().map(|group| {
                    Address::ConsumerGroup(name.clone(), topic_name.clone(), group.clone())
                }));
            }
        }
        exactly.extend(self.users.keys().cloned().map(Address::User));
        Self {
            project: self.project.clone(),
            context: self.context.clone(),
            owns: Ownership {
                exactly,
                retained: Retained::declared(self.retained(), self.released()),
                ..Ownership::default()
            },
            ..Self::default()
        }
    }

    /// What stays on the server once nobody declares it, unless somebody names it.
    #[must_use]
    pub fn retained(&self) -> BTreeSet<Address> {
        let policies = self.deletion_policies.iter();
        policies
            .filter(|(_, policy)| **policy == DeletionPolicy::Retain)
            .map(|(address, _)| address.clone())
            .collect()
    }

    /// What goes once nobody declares it, by its own word.
    fn released(&self) -> BTreeSet<Address> {
        let policies = self.deletion_policies.iter();
        policies
            .filter(|(_, policy)| **policy != DeletionPolicy::Retain)
            .map(|(address, _)| address.clone())
            .collect()
    }

    /// Whether a manifest names the resource, be it only as a parent.
    #[must_use]
    pub fn names(&self, address: &Address) -> bool {
        self.origin(address).is_some()
    }

    /// Whether a manifest declares the resource.
    #[must_use]
    pub fn declares(&self, address: &Address) -> bool {
        let stream = || self.streams.get(address.stream()?);
        let topic = |name| stream().and_then(|stream| stream.topics.get(name));
        match address {
            Address::Stream(_) => stream().is_some_and(|it| it.presence == Presence::Declared),
            Address::Topic(_, name) => {
                topic(name).is_some_and(|it| it.presence == Presence::Declared)
            }
            Address::ConsumerGroup(_, name, group) => {
                topic(name).is_some_and(|topic| topic.groups.contains_key(group))
            }
            Address::User(user) => self.users.contains_key(user),
            Address::Token(user, token) => self.token(user, token).is_some(),
        }
    }

    /// Where a resource is declared, or first named.
    #[must_use]
    pub fn origin(&self, address: &Address) -> Option<&Origin> {
        let topic = |stream, topic| self.streams.get(stream)?.topics.get(topic);
        match address {
            Address::Stream(stream) => Some(&self.streams.get(stream)?.origin),
            Address::Topic(stream, name) => Some(&topic(stream, name)?.origin),
            Address::ConsumerGroup(stream, name, group) => {
                Some(&topic(stream, name)?.groups.get(group)?.origin)
            }
            Address::User(user) => Some(&self.users.get(user)?.origin),
            Address::Token(user, name) => Some(&self.token(user, name)?.origin),
        }
    }

    /// Has a declared token replaced, whatever its state.
    ///
    /// # Errors
    /// When no manifest declares such a token.
    pub fn request_rotation(&mut self, address: &Address) -> Result<(), NoSuchToken> {
        let token = match address {
            Address::Token(user, token) => self
                .tokens
                .get_mut(user)
                .and_then(|tokens| tokens.get_mut(token)),
            _ => None,
        };
        token.ok_or_else(|| NoSuchToken(address.clone()))?.rotate = true;
        Ok(())
    }

    /// Takes every request to replace a token back.
    pub fn forget_rotations(&mut self) {
        for token in self.tokens.values_mut().flat_map(BTreeMap::values_mut) {
            token.rotate = false;
        }
    }

    /// A declared token.
    #[must_use]
    pub fn token(&self, user: &ResourceName, token: &ResourceName) -> Option<&DesiredToken> {
        self.tokens.get(user)?.get(token)
    }
}

/// Whether a manifest declares a resource or only names it as a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Declared: created when missing.
    Declared,
    /// Named by `spec.stream` or `spec.topic` only: looked up, and blocked when
    /// missing, never created.
    Parent,
}

/// A stream of the desired state.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredStream {
    /// Declared, or only named as a parent.
    pub presence: Presence,
    /// The name it had before; acts only while the target is missing and the
    /// source is there and not declared otherwise.
    pub previous_name: Option<ResourceName>,
    /// Whether the manifest holds a list of topics for it; without one its
    /// other topics are never looked at.
    pub topics_listed: bool,
    /// Its topics by name.
    pub topics: BTreeMap<ResourceName, DesiredTopic>,
    /// Where it was declared (or first named).
    pub origin: Origin,
}

/// A topic of the desired state.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredTopic {
    /// Declared, or only named as a parent.
    pub presence: Presence,
    /// The name it had before, see [`DesiredStream::previous_name`].
    pub previous_name: Option<ResourceName>,
    /// Number of partitions; absent is not managed (one at creation).
    pub partitions: Option<u32>,
    /// Its declared settings; absent ones are not managed.
    pub settings: TopicSettings,
    /// Whether the manifest holds a list of consumer groups for it.
    pub groups_listed: bool,
    /// Its consumer groups by name.
    pub groups: BTreeMap<ResourceName, DesiredConsumerGroup>,
    /// Where it was declared (or first named).
    pub origin: Origin,
}

/// A consumer group of the desired state; the server keeps no settings for one.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredConsumerGroup {
    /// Where it was declared.
    pub origin: Origin,
}

/// The settings of a topic that a manifest can declare, each absent when it is
/// not managed.
///
/// The same struct carries what a step sends, so a comparison that destructures
/// it cannot forget a field.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct TopicSettings {
    /// How long a message is kept. Updatable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_expiry: Option<MessageExpiry>,
    /// How large the topic may grow. Updatable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_topic_size: Option<MaxTopicSize>,
    /// Compression recorded for the topic. Updatable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Size of one segment file. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_size: Option<ByteSize>,
    /// When a message counts as stored. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<Durability>,
    /// When a consumer offset counts as stored. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_offset_durability: Option<Durability>,
    /// Flush after this many messages. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_required_to_save: Option<u32>,
    /// Flush after this many bytes. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_of_messages_required_to_save: Option<ByteSize>,
    /// Reserve segment files up front. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preallocate_segments: Option<bool>,
}
