use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::access::{StaleGrants, UserPruning};
use super::basis::Basis;
use super::setting::Setting;
pub use super::token_change::{
    Revocation, RevocationReason, TokenCause, TokenChange, TokenLogin, TokenNotice, TokenNoticeKind,
};
use crate::access::{Grants, UserStatus};
use crate::address::Address;
use crate::name::ResourceName;
use crate::state::desired::TopicSettings;
use crate::state::desired_user::SecretReference;

/// How the desired state differs from the observed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// What differs, as a tree read top-down: a stream, each of its topics
    /// followed by the topic's groups, the next stream.
    pub changes: Vec<Change>,
    /// What the project owns and no manifest declares, in the same order; it
    /// changes only where pruning is asked for.
    pub prunable: Vec<Change>,
    /// Renames that do not happen although somebody may expect them to.
    pub notices: Vec<Notice>,
    /// What is to be known about tokens that stay as they are.
    pub token_notices: Vec<TokenNotice>,
    /// How many declared resources do not differ.
    pub unchanged: Tally,
    /// The fingerprint of what was compared.
    pub basis: Basis,
    /// Streams that have their previous name, by their declared one.
    pub(super) stream_renames: BTreeMap<ResourceName, ResourceName>,
}

impl ChangeSet {
    /// The name that a declared stream has on the server until it is renamed.
    #[must_use]
    pub fn live_stream_name<'a>(&'a self, declared: &'a ResourceName) -> &'a ResourceName {
        self.stream_renames.get(declared).unwrap_or(declared)
    }
}

/// How many resources of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Streams.
    pub streams: u32,
    /// Topics.
    pub topics: u32,
    /// Consumer groups.
    pub groups: u32,
    /// Users.
    pub users: u32,
    /// Access tokens.
    pub tokens: u32,
}

impl Tally {
    /// All kinds together.
    #[must_use]
    pub fn total(self) -> u32 {
        let Self {
            streams,
            topics,
            groups,
            users,
            tokens,
        } = self;
        streams + topics + groups + users + tokens
    }
}

/// A resource that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The resource, by the name that is declared.
    pub address: Address,
    /// What differs.
    pub difference: Difference,
    /// What stands in the way. Those of a [`Difference::ChangeTopic`] hold back
    /// only the attribute that they name; any other holds back the resource and
    /// everything inside it.
    pub obstacles: Vec<BlockReason>,
}

impl Change {
    /// Whether an obstacle holds back all of it, rather than one attribute.
    #[must_use]
    pub fn can_be_held_back(&self) -> bool {
        match self.difference {
            Difference::ChangeTopic(_)
            | Difference::ChangeUser(_)
            | Difference::StripStaleGrants(_)
            | Difference::PruneUser(_) => false,
            Difference::Unknown
            | Difference::CreateStream
            | Difference::RenameStream { .. }
            | Difference::CreateTopic { .. }
            | Difference::CreateConsumerGroup
            | Difference::CreateUser(_)
            | Difference::ChangeToken(_) => true,
        }
    }
}

/// What differs about a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The stream is missing.
    CreateStream,
    /// The stream has its previous name.
    RenameStream {
        /// The name it has.
        from: ResourceName,
    },
    /// The topic is missing.
    CreateTopic {
        /// Declared partitions, or the one that a topic gets by default.
        partitions: u32,
        /// Declared settings.
        settings: TopicSettings,
    },
    /// The topic is there and differs.
    ChangeTopic(Box<TopicChange>),
    /// The consumer group is missing.
    CreateConsumerGroup,
    /// The user is missing.
    CreateUser(Box<UserCreation>),
    /// The user is there and differs.
    ChangeUser(Box<UserChange>),
    /// Nobody declares the user, and it holds grants on what is no longer
    /// there, which a create of this change set would open to it.
    StripStaleGrants(Box<StaleGrants>),
    /// Nobody declares the user, and the project owns it.
    PruneUser(Box<UserPruning>),
    /// A token is to be created or revoked.
    ChangeToken(Box<TokenChange>),
    /// It could not be read, or something that it is in could not.
    Unknown,
}

/// How a topic that is there differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicChange {
    /// The name it has, when that is its previous one.
    pub renamed_from: Option<ResourceName>,
    /// Settings that can be changed in place and differ.
    pub settings: Vec<SettingChange>,
    /// The number of partitions, when it differs.
    pub partitions: Option<PartitionChange>,
    /// How many declared attributes do not differ.
    pub unchanged_attributes: u32,
    /// What the topic holds.
    pub holds: Holdings,
}

/// A user that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCreation {
    /// Whether it may log in.
    pub status: UserStatus,
    /// Where its password comes from; without one it cannot be created.
    pub password: Option<SecretReference>,
    /// What it is granted; `None` when that is not managed.
    pub grants: Option<Grants<ResourceName>>,
}

/// How a user that is there differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserChange {
    /// The name it has, when that is its previous one.
    pub renamed_from: Option<ResourceName>,
    /// The status, when it differs: what the server has, and what is declared.
    pub status: Option<(UserStatus, UserStatus)>,
    /// The password, when the declared one is not the live one.
    pub password: Option<PasswordChange>,
    /// The permissions, when they differ.
    pub permissions: Option<PermissionChange>,
    /// How many declared attributes do not differ.
    pub unchanged_attributes: u32,
}

/// A password that is replaced; or, where both are the same, one that is only
/// made sure to be the live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordChange {
    /// Where the live one comes from.
    pub from: SecretReference,
    /// Where the declared one comes from.
    pub to: SecretReference,
}

/// Permissions with what the server has and what is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionChange {
    /// What the server has, by declared names.
    pub from: Grants<ResourceName>,
    /// How many streams and topics that are no longer there it speaks of.
    pub gone: u32,
    /// What is declared, by declared names.
    pub to: Grants<ResourceName>,
    /// What both allow, by the names that the server has now: written before
    /// anything is created or renamed. `None` when what is there allows no
    /// more than what is declared.
    pub narrowed: Option<Grants<ResourceName>>,
}

/// A setting with what the server has and what is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingChange {
    /// What the server has.
    pub from: Setting,
    /// What is declared: the same setting, another value.
    pub to: Setting,
}

impl SettingChange {
    /// Whether the server may drop messages because of it that it keeps now.
    #[must_use]
    pub fn lowers_retention(&self) -> bool {
        match (self.from, self.to) {
            (Setting::MessageExpiry(_), Setting::MessageExpiry(_))
            | (Setting::MaxTopicSize(_), Setting::MaxTopicSize(_)) => {
                self.to.canonical() < self.from.canonical()
            }
            _ => false,
        }
    }
}

/// A number of partitions with what the server has and what is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionChange {
    /// What the server has.
    pub from: u32,
    /// What is declared.
    pub to: u32,
}

/// What a topic holds; both are eventually consistent on the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Messages stored.
    pub messages: u64,
    /// Bytes stored.
    pub bytes: u64,
}

/// A rename that does not happen although the previous name is on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The resource by its declared name.
    pub address: Address,
    /// The previous name, which something on the server still has.
    pub previous: Address,
    /// Why nothing is renamed.
    pub why: RenameIgnored,
}

/// Why a rename does not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenameIgnored {
    /// Both names exist, and nobody declares the previous one.
    BothThere,
    /// The previous name is declared, too, and what should take its place in
    /// turn is not there.
    PreviousStays {
        /// What is not there: a previous name further back.
        missing: Address,
    },
}

/// What of the own login a change could take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LoginAttribute {
    /// Its name.
    Name,
    /// That it is active.
    Status,
    /// Some of its permissions.
    Permissions,
}

/// Why a change is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(
    tag = "code",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum BlockReason {
    /// A setting that the server takes only at creation differs.
    CreateOnly {
        /// Its name in the manifest.
        field: String,
        /// What the server has.
        from: String,
        /// What the manifest declares.
        to: String,
    },
    /// The manifest declares a setting that this server does not know.
    UnknownSetting {
        /// Its name in the manifest.
        field: String,
        /// What the manifest declares.
        to: String,
    },
    /// The topic may not be limited to less than one of its segments (1019).
    BelowSegmentSize {
        /// What the manifest declares as `maxTopicSize`.
        max_topic_size: String,
        /// The segment size that the topic has, or will get.
        segment_size: String,
    },
    /// The new topic would preallocate more than the server takes at creation.
    PreallocationTooLarge {
        /// Declared partitions, or the one that a topic gets by default.
        partitions: u32,
        /// The segment size that the topic will get.
        segment_size: String,
        /// How much the server takes for all partitions together.
        limit: String,
    },
    /// Fewer partitions are declared than there are.
    PartitionShrink {
        /// What the server has.
        from: u32,
        /// What the manifest declares.
        to: u32,
        /// Messages in the topic: an upper bound of what would be lost.
        messages: u64,
    },
    /// The parent of a granular document is neither declared nor on the server.
    ParentMissing {
        /// The parent.
        #[schemars(with = "String")]
        parent: Address,
    },
    /// A new user needs a password.
    PasswordMissing,
    /// Neither the declared password nor the previous one is the live one, and
    /// the server changes a password only for somebody who knows it.
    PasswordUnknown {
        /// Whether a previous password is declared.
        with_previous: bool,
    },
    /// The permissions name something that is neither declared nor on the server.
    GrantTargetMissing {
        /// What they name.
        #[schemars(with = "String")]
        target: Address,
    },
    /// The server does not let this be changed of its root user (48, 49).
    RootProtected {
        /// Its name in the manifest.
        field: String,
    },
    /// It is the user that this connection is logged in as, and the change
    /// could lock it out.
    OwnLogin {
        /// What would change.
        attribute: LoginAttribute,
    },
    /// It is the user that this connection is logged in as, and pruning would
    /// take it away.
    OwnLoginUndeclared,
    /// A user that nobody declares holds grants on something that was deleted,
    /// and the server would give their number to this.
    StaleGrants {
        /// The user.
        #[schemars(with = "String")]
        user: Address,
    },
    /// Only its user can create a token, and how to log in as it is not declared.
    TokenNeedsPassword,
    /// A token is to be replaced at once, and there is no way to do so.
    RotationImpossible {
        /// Why.
        reason: String,
    },
    /// Where the value of the token goes is something that is never overwritten.
    SinkUnusable {
        /// Why.
        reason: String,
    },
    /// What is there could not be read.
    NotReadable {
        /// The server's reason.
        reason: String,
    },
    /// It needs something that is itself blocked.
    DependsOnBlocked {
        /// What it needs.
        #[schemars(with = "String")]
        address: Address,
    },
}
