//! Test kit: who may do what, at one moment.

use std::collections::BTreeMap;

use iggy_common::Permissions;

use crate::rules::permissions::{Action, may};
use crate::state::{Metadata, Stream, Topic, User, Users};

/// Everything that decides who may do what, taken at one moment: for tests that look at
/// a server between two steps of a change. It holds no passwords, no tokens, no hashes.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessSnapshot {
    /// Users by id.
    pub users: BTreeMap<u32, UserAccess>,
    /// Streams by id.
    pub streams: BTreeMap<u32, StreamIncarnation>,
}

/// A snapshot right after a write; see
/// [`record_access`](crate::EmbeddedServerBuilder::record_access).
#[derive(Debug, Clone, PartialEq)]
pub struct AccessMoment {
    /// The command code of the write, see `iggy_binary_protocol::codes`.
    pub command: u32,
    /// The user id that made it.
    pub by: u32,
    /// What it left.
    pub access: AccessSnapshot,
}

/// A user, as far as access goes.
#[derive(Debug, Clone, PartialEq)]
pub struct UserAccess {
    /// The name to log in with.
    pub name: String,
    /// Microseconds since the Unix epoch. No two things of a server have the same, so
    /// with the id it tells who has the id from who had it; root has 1.
    pub created_at: u64,
    /// Whether new logins are let in; live connections go on.
    pub active: bool,
    /// As sent; `None` for none at all.
    pub permissions: Option<Permissions>,
    /// Names of the tokens, and when they expire, in microseconds since the Unix epoch;
    /// `None` for never. Expired ones stay until they are deleted or cleaned up.
    pub tokens: BTreeMap<String, Option<u64>>,
}

/// A stream that has an id now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamIncarnation {
    /// The name it has now.
    pub name: String,
    /// Microseconds since the Unix epoch; see [`UserAccess::created_at`].
    pub created_at: u64,
    /// Topics by id.
    pub topics: BTreeMap<u32, TopicIncarnation>,
}

/// A topic that has an id now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicIncarnation {
    /// The name it has now.
    pub name: String,
    /// Microseconds since the Unix epoch; see [`UserAccess::created_at`].
    pub created_at: u64,
}

impl AccessSnapshot {
    /// Whether whoever has this user id may do this, by the rules the server enforces;
    /// see [`may`]. Nobody may do anything with an id that no user has.
    #[must_use]
    pub fn may(&self, user: u32, action: Action, stream: Option<u32>, topic: Option<u32>) -> bool {
        let permissions = self
            .users
            .get(&user)
            .and_then(|user| user.permissions.as_ref());
        may(permissions, action, stream, topic)
    }

    pub(crate) fn of(metadata: &Metadata) -> Self {
        let Metadata { streams, users } = metadata;
        Self {
            users: users
                .iter()
                .map(|(id, user)| (id, UserAccess::of(id, user, users)))
                .collect(),
            streams: streams
                .iter()
                .map(|(id, stream)| (id, StreamIncarnation::of(stream)))
                .collect(),
        }
    }
}

impl UserAccess {
    fn of(id: u32, user: &User, users: &Users) -> Self {
        let User {
            name,
            created_at,
            active,
            password: _,
            permissions,
        } = user;
        Self {
            name: name.as_str().to_owned(),
            created_at: *created_at,
            active: *active,
            permissions: permissions.clone(),
            tokens: users
                .tokens(id)
                .map(|(name, token)| (name.to_owned(), token.expires_at))
                .collect(),
        }
    }
}

impl StreamIncarnation {
    fn of(stream: &Stream) -> Self {
        let Stream {
            name,
            created_at,
            topics,
        } = stream;
        Self {
            name: name.as_str().to_owned(),
            created_at: *created_at,
            topics: topics
                .iter()
                .map(|(id, topic)| (id, TopicIncarnation::of(topic)))
                .collect(),
        }
    }
}

impl TopicIncarnation {
    fn of(topic: &Topic) -> Self {
        Self {
            name: topic.name.as_str().to_owned(),
            created_at: topic.created_at,
        }
    }
}
