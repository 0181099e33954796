//! What the manifests declare about users.

use std::collections::BTreeSet;

use crate::access::{Preset, ServerPermission, StreamPermission, TopicPermission, UserStatus};
use crate::diagnostic::Origin;
use crate::name::{NamePattern, ResourceName};
use crate::secret::SecretSource;

/// A user of the desired state.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredUser {
    /// The name it had before; acts only while the target is missing and the
    /// source is there and not declared otherwise.
    pub previous_name: Option<ResourceName>,
    /// Whether it may log in; absent is not managed (active at creation).
    pub status: Option<UserStatus>,
    /// Where its password comes from; absent is not managed.
    pub password: Option<SecretReference>,
    /// Where the password before comes from.
    pub previous_password: Option<SecretReference>,
    /// All its permissions; absent is not managed.
    pub permissions: Option<DesiredPermissions>,
    /// Where it was declared.
    pub origin: Origin,
}

/// What a user is to be granted, in the words of the manifest: patterns are
/// expanded and names are looked up when the state of the server is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DesiredPermissions {
    /// A bundle on the whole server.
    pub preset: Option<Preset>,
    /// Rights on the whole server.
    pub allow: BTreeSet<ServerPermission>,
    /// Rights on streams, in the order of the manifest.
    pub streams: Vec<StreamRule>,
}

/// Rights on the streams that a name or pattern means.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRule {
    /// The name, or a pattern of declared streams.
    pub name: NameOrPattern,
    /// Whether the stream may be missing.
    pub optional: bool,
    /// A bundle on the stream.
    pub preset: Option<Preset>,
    /// Rights on the stream.
    pub allow: BTreeSet<StreamPermission>,
    /// Rights on its topics.
    pub topics: Vec<TopicRule>,
    /// Where it was declared.
    pub origin: Origin,
}

/// Rights on the topics that a name or pattern means.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicRule {
    /// The name, or a pattern of declared topics.
    pub name: NameOrPattern,
    /// Whether the topic may be missing.
    pub optional: bool,
    /// A bundle on the topic.
    pub preset: Option<Preset>,
    /// Rights on the topic.
    pub allow: BTreeSet<TopicPermission>,
    /// Where it was declared.
    pub origin: Origin,
}

/// One name, or all declared names of a form.
#[derive(Debug, Clone, PartialEq)]
pub enum NameOrPattern {
    /// Exactly this name, declared or on the server.
    Name(ResourceName),
    /// Every declared name that matches.
    Pattern(NamePattern),
}

/// Where a secret comes from, and who says so: a relative path begins at the
/// folder of that manifest.
///
/// In a plan only the source is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretReference {
    /// The source.
    pub source: SecretSource,
    /// Where the manifest names it.
    pub origin: Origin,
}

impl serde::Serialize for SecretReference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

/// The source alone: where it was declared is for the reader to say.
impl<'de> serde::Deserialize<'de> for SecretReference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            source: SecretSource::deserialize(deserializer)?,
            origin: Origin::unknown(),
        })
    }
}
