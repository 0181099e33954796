use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::{Holder, StaleGrants, UserPruning};
use super::basis::Basis;
use super::removal::{GroupRemoval, StreamRemoval, TopicRemoval};
use super::setting::Setting;
pub use super::token_change::{
    Revocation, RevocationReason, TokenCause, TokenChange, TokenLogin, TokenNotice, TokenNoticeKind,
};
use crate::access::{Grants, UserStatus};
use crate::address::Address;
use crate::name::ResourceName;
use crate::state::desired::{DesiredState, TopicSettings};
use crate::state::desired_user::SecretReference;
use crate::state::{Kept, OtherProject};

/// How the desired state differs from the observed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// What differs, as a tree read top-down: a stream, each of its topics
    /// followed by the topic's groups, the next stream.
    pub changes: Vec<Change>,
    /// What the project owns and no manifest declares, in the same order; it
    /// changes only where pruning is asked for.
    pub prunable: Vec<Change>,
    /// Who has grants on streams and topics of `prunable`, by the user's name on the
    /// server.
    pub holders: BTreeMap<ResourceName, Holder>,
    /// How much is declared, and how much of what is owned is there.
    pub extent: Extent,
    /// Renames that do not happen although somebody may expect them to.
    pub notices: Vec<Notice>,
    /// What is to be known about tokens that stay as they are.
    pub token_notices: Vec<TokenNotice>,
    /// How many declared resources do not differ.
    pub unchanged: Tally,
    /// The fingerprint of what was compared.
    pub basis: Basis,
    /// What is called otherwise on the server.
    pub(super) live_names: DeclaredToLive,
}

/// The names that declared streams and topics have on the server until they are renamed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DeclaredToLive {
    pub(super) streams: BTreeMap<ResourceName, ResourceName>,
    /// By the declared names of stream and topic.
    pub(super) topics: BTreeMap<(ResourceName, ResourceName), ResourceName>,
}

impl DeclaredToLive {
    fn stream<'a>(&'a self, declared: &'a ResourceName) -> &'a ResourceName {
        self.streams.get(declared).unwrap_or(declared)
    }

    /// What a resource is in by its live names; the last name stays, since a resource that
    /// is to be deleted is not renamed.
    pub(super) fn of(&self, address: &Address) -> Address {
        match address {
            Address::Topic(stream, topic) => {
                Address::Topic(self.stream(stream).clone(), topic.clone())
            }
            Address::ConsumerGroup(stream, topic, group) => {
                let of = (stream.clone(), topic.clone());
                let live_topic = self.topics.get(&of).unwrap_or(topic);
                let live_stream = self.stream(stream);
                Address::ConsumerGroup(live_stream.clone(), live_topic.clone(), group.clone())
            }
            address => address.clone(),
        }
    }
}

impl BlockReason {
    /// The word for it in JSON (`holdsData`), for programs.
    #[must_use]
    pub fn code(&self) -> String {
        // The serializer has the words; it cannot fail for what is no map with odd keys.
        let value = serde_json::to_value(self).unwrap_or_default();
        let code = value.get("code").and_then(serde_json::Value::as_str);
        code.unwrap_or_default().to_owned()
    }

    /// What stands in the way where something is retained; nothing where nothing is.
    pub(super) fn retained(kept: Vec<Kept>) -> Vec<Self> {
        if kept.is_empty() {
            return Vec::new();
        }
        let mut what = Vec::new();
        let mut formerly = BTreeMap::new();
        let mut elsewhere = BTreeSet::new();
        for Kept {
            address,
            declared_as,
            other,
        } in kept
        {
            if let Some(declared_as) = declared_as {
                formerly.insert(address.clone(), declared_as);
            }
            elsewhere.extend(other);
            what.push(address);
        }
        vec![Self::Retained {
            what,
            formerly,
            elsewhere,
        }]
    }
}

impl ChangeSet {
    /// The address of a change with the names that the server has now for what it is in.
    #[must_use]
    pub fn live_address(&self, change: &Change) -> Address {
        self.live_names.of(&change.address)
    }

    /// The name that a declared stream has on the server until it is renamed.
    #[must_use]
    pub fn live_stream_name<'a>(&'a self, declared: &'a ResourceName) -> &'a ResourceName {
        self.live_names.stream(declared)
    }
}

/// How large what is declared is beside what is owned: by this a plan that deletes most
/// of it is told from one that tidies up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Streams, topics, consumer groups, users and tokens that manifests declare.
    pub declared: u32,
    /// How many of them the server has.
    pub declared_there: u32,
    /// What the server has of what is owned and not declared; the topics of a stream
    /// count, too.
    pub prunable: u32,
}

impl Extent {
    pub(super) fn of(
        desired: &DesiredState,
        unchanged: &Tally,
        changes: &[Change],
        prunable: &[Change],
    ) -> Self {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let changed = changes.iter().filter(|change| change.is_there());
        Self {
            declared: number(desired.count()),
            declared_there: unchanged.total().saturating_add(number(changed.count())),
            prunable: prunable.iter().map(Change::weight).sum(),
        }
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
    /// Whether what changes is on the server and declared.
    fn is_there(&self) -> bool {
        matches!(
            self.difference,
            Difference::RenameStream { .. }
                | Difference::ChangeTopic(_)
                | Difference::ChangeUser(_)
        )
    }

    /// How many resources are gone afterwards, where it removes something: what is in a
    /// stream counts, and groups inside a topic do not.
    #[must_use]
    pub fn weight(&self) -> u32 {
        match &self.difference {
            Difference::DeleteStream(stream) => {
                u32::try_from(stream.topics.len()).map_or(u32::MAX, |topics| topics + 1)
            }
            Difference::DeleteTopic(_) | Difference::DeleteConsumerGroup(_) => 1,
            Difference::PruneUser(user) => u32::from(!user.is_tombstone()),
            _ => 0,
        }
    }

    /// Whether a stream, topic or consumer group would be deleted.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        matches!(
            self.difference,
            Difference::DeleteStream(_)
                | Difference::DeleteTopic(_)
                | Difference::DeleteConsumerGroup(_)
        )
    }

    /// Whether an obstacle holds back all of it, rather than one attribute.
    #[must_use]
    pub fn can_be_held_back(&self) -> bool {
        match self.difference {
            Difference::ChangeTopic(_)
            | Difference::ChangeUser(_)
            | Difference::StripStaleGrants(_)
            | Difference::DeleteStream(_)
            | Difference::DeleteTopic(_)
            | Difference::DeleteConsumerGroup(_)
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
    /// Nobody declares the stream, and the project owns it.
    DeleteStream(Box<StreamRemoval>),
    /// Nobody declares the topic, and the project owns it.
    DeleteTopic(Box<TopicRemoval>),
    /// Nobody declares the consumer group, and the project owns it.
    DeleteConsumerGroup(GroupRemoval),
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
    /// How many of its messages are older than the expiry that it gets, where it gets a
    /// lower one; `None` when that is not known.
    pub expires_at_once: Option<u64>,
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

/// What would be lost with a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stake {
    /// Messages stored; eventually consistent.
    pub messages: u64,
    /// Bytes stored; eventually consistent.
    pub bytes: u64,
    /// When the oldest message came, in microseconds since the Unix epoch; `null` when
    /// there is none, or when that is not known.
    pub oldest_micros: Option<u64>,
    /// Topics that go with a stream.
    pub topics: u32,
    /// Those of them that nobody asked to remove.
    #[schemars(with = "Vec<String>")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unasked: Vec<Address>,
    /// The consumer groups that go with it, or the one that it is.
    pub groups: Vec<GroupStake>,
    /// Topics whose groups are not known: they may have some.
    pub groups_unknown: u32,
}

/// A consumer group that would be lost, with its offsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupStake {
    /// The group.
    #[schemars(with = "String")]
    pub address: Address,
    /// Members that are connected now.
    pub members: u32,
    /// Messages that it has not read; `null` when that is not known.
    pub lag: Option<u64>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Its `deletionPolicy`, or that of something in it, was `Retain`, and nobody named it.
    Retained {
        /// What is retained.
        #[schemars(with = "Vec<String>")]
        what: Vec<Address>,
        /// What of that was declared under another name, and which.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        #[schemars(with = "BTreeMap<String, String>")]
        formerly: BTreeMap<Address, Address>,
        /// The other projects of which the records say so.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        elsewhere: BTreeSet<OtherProject>,
    },
    /// It goes with messages, or with offsets of readers, and nobody named it.
    HoldsData(Box<Stake>),
    /// A user keeps grants on it, which would apply to whatever gets its number next.
    StillGranted {
        /// The user.
        #[schemars(with = "String")]
        user: Address,
    },
    /// It needs something that is itself blocked.
    DependsOnBlocked {
        /// What it needs.
        #[schemars(with = "String")]
        address: Address,
    },
}
