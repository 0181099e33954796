//! The values of a plan.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Stage;
use crate::access::{Grants, TokenSlot, UserStatus};
use crate::address::Address;
use crate::diff::{Incarnation, RevocationReason, TokenCause, TokenLogin};
use crate::name::ResourceName;
use crate::quantity::MessageExpiry;
use crate::secret::{SecretSource, TokenSink};
use crate::state::desired::TopicSettings;
use crate::state::desired_token::TokenDestination;
use crate::state::desired_user::SecretReference;
use crate::state::observed_token::ObservedToken;
use crate::wording::counted;

/// Position of a step in its plan, from 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct StepId(pub u32);

/// One call on the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its position.
    pub id: StepId,
    /// It begins when every step of the stages before has ended.
    pub stage: Stage,
    /// The resource that it changes, by the name it has after the step.
    #[schemars(with = "String")]
    pub address: Address,
    /// The call.
    pub action: Action,
    /// Steps that must have been applied before; always earlier ones, and
    /// only those that no other of them needs already.
    pub needs: Vec<StepId>,
    /// What must hold on the server right before the call.
    pub preconditions: Vec<Precondition>,
    /// What may go wrong for the people who use the resource.
    pub risk: Risk,
    /// What the step costs the server.
    pub cost: Cost,
}

/// What to call, with everything that the call needs. Streams, topics and
/// groups are named as they are called at the moment of the step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Action {
    /// Create a stream.
    CreateStream {
        /// Its name.
        #[schemars(with = "String")]
        stream: ResourceName,
    },
    /// Give a stream another name in place.
    RenameStream {
        /// The name it has.
        #[schemars(with = "String")]
        from: ResourceName,
        /// The name it gets.
        #[schemars(with = "String")]
        to: ResourceName,
    },
    /// Create a topic with its first partitions (at most 1000 in this call).
    CreateTopic {
        /// The stream it is in.
        #[schemars(with = "String")]
        stream: ResourceName,
        /// Its name.
        #[schemars(with = "String")]
        topic: ResourceName,
        /// Partitions, 0 to 1000.
        partitions: u32,
        /// Declared settings only; the server derives the others.
        settings: TopicSettings,
    },
    /// Change the name or the updatable settings of a topic in one call.
    UpdateTopic {
        /// The stream it is in.
        #[schemars(with = "String")]
        stream: ResourceName,
        /// The name it has.
        #[schemars(with = "String")]
        topic: ResourceName,
        /// The name it gets, when it is renamed.
        #[schemars(with = "Option<String>")]
        rename_to: Option<ResourceName>,
        /// Only settings that change.
        settings: TopicSettings,
    },
    /// Add partitions at the end. Relative on the wire: after a lost reply the
    /// count is read again.
    AddPartitions {
        /// The stream.
        #[schemars(with = "String")]
        stream: ResourceName,
        /// The topic.
        #[schemars(with = "String")]
        topic: ResourceName,
        /// The count that must be there before.
        from: u32,
        /// The count afterwards; at most 1000 more.
        to: u32,
    },
    /// Remove the partitions with the highest ids, with their data. Never sent
    /// twice in one run.
    RemovePartitions {
        /// The stream.
        #[schemars(with = "String")]
        stream: ResourceName,
        /// The topic.
        #[schemars(with = "String")]
        topic: ResourceName,
        /// The count that must be there before.
        from: u32,
        /// The count afterwards; at most 1000 fewer.
        to: u32,
    },
    /// Create a consumer group.
    CreateConsumerGroup {
        /// The stream.
        #[schemars(with = "String")]
        stream: ResourceName,
        /// The topic.
        #[schemars(with = "String")]
        topic: ResourceName,
        /// Its name.
        #[schemars(with = "String")]
        group: ResourceName,
    },
    /// Delete a stream with everything in it.
    DeleteStream {
        /// The stream.
        #[schemars(with = "String")]
        stream: ResourceName,
        /// Which one: another one of that name is not deleted.
        found: Incarnation,
        /// The topics that it had: with one more it is not deleted.
        #[schemars(with = "Vec<String>")]
        topics: Vec<ResourceName>,
        /// Whether it is deleted only while it holds nothing.
        only_if_empty: bool,
    },
    /// Delete a topic with everything in it.
    DeleteTopic {
        /// The stream.
        #[schemars(with = "String")]
        stream: ResourceName,
        /// The topic.
        #[schemars(with = "String")]
        topic: ResourceName,
        /// Which one: another one of that name is not deleted.
        found: Incarnation,
        /// Whether it is deleted only while it holds nothing.
        only_if_empty: bool,
    },
    /// Delete a consumer group with its offsets.
    DeleteConsumerGroup {
        /// The stream.
        #[schemars(with = "String")]
        stream: ResourceName,
        /// The topic.
        #[schemars(with = "String")]
        topic: ResourceName,
        /// The group.
        #[schemars(with = "String")]
        group: ResourceName,
        /// Which one: another one of that name is not deleted.
        found: Incarnation,
    },
    /// Create a user, without permissions.
    CreateUser {
        /// Its name.
        #[schemars(with = "String")]
        user: ResourceName,
        /// Whether it may log in.
        status: UserStatus,
        /// Where its password comes from.
        #[schemars(with = "SecretSource")]
        password: SecretReference,
    },
    /// Give a user another name in place.
    RenameUser {
        /// The name it has.
        #[schemars(with = "String")]
        from: ResourceName,
        /// The name it gets.
        #[schemars(with = "String")]
        to: ResourceName,
    },
    /// Let a user log in, or no longer.
    SetUserStatus {
        /// The user.
        #[schemars(with = "String")]
        user: ResourceName,
        /// The status it gets.
        status: UserStatus,
    },
    /// Delete a user, with its password and its tokens.
    DeleteUser {
        /// The user.
        #[schemars(with = "String")]
        user: ResourceName,
    },
    /// Replace a password; the server wants to see the live one. Where the new
    /// one turns out to be live already, that is as good. Both may be the same,
    /// to make sure that it is.
    ChangePassword {
        /// The user.
        #[schemars(with = "String")]
        user: ResourceName,
        /// Where the live password comes from.
        #[schemars(with = "SecretSource")]
        from: SecretReference,
        /// Where the new password comes from.
        #[schemars(with = "SecretSource")]
        to: SecretReference,
    },
    /// Replace all permissions of a user. The names become ids right before the
    /// call.
    SetPermissions {
        /// The user.
        #[schemars(with = "String")]
        user: ResourceName,
        /// All that it may do, by the names of the moment.
        grants: Grants<ResourceName>,
    },
    /// Create an access token, as its user, and write its value where it belongs.
    CreateToken {
        /// The user.
        #[schemars(with = "String")]
        user: ResourceName,
        /// The name that is declared.
        #[schemars(with = "String")]
        token: ResourceName,
        /// Which of its names on the server it gets.
        slot: TokenSlot,
        /// Why.
        cause: TokenCause,
        /// How long it is valid.
        #[schemars(with = "String")]
        expiry: MessageExpiry,
        /// How to become the user.
        login: TokenLogin,
        /// Where the value goes.
        #[schemars(with = "TokenSink")]
        write_to: TokenDestination,
        /// The one that a later step revokes because of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        revokes: Option<TokenSlot>,
        /// Whether what is there belonged to a user that is no more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        takes_over: bool,
    },
    /// Revoke an access token, as its user.
    RevokeToken {
        /// The user.
        #[schemars(with = "String")]
        user: ResourceName,
        /// The name that is declared.
        #[schemars(with = "String")]
        token: ResourceName,
        /// Which of its names on the server it has.
        slot: TokenSlot,
        /// Why it may go.
        reason: RevocationReason,
        /// What was there when the plan was made: another one is not revoked.
        found: FoundToken,
        /// How to become the user.
        login: TokenLogin,
        /// Where it is noted that this was still to be done.
        #[schemars(with = "Option<TokenSink>")]
        #[serde(skip_serializing_if = "Option::is_none")]
        noted_in: Option<TokenDestination>,
    },
}

/// A token of the server as a plan found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum FoundToken {
    /// None: it is gone already.
    Missing,
    /// One without an end.
    Endless,
    /// One that ends.
    Ending {
        /// When, in microseconds since the Unix epoch.
        at_micros: u64,
    },
}

impl From<Option<ObservedToken>> for FoundToken {
    fn from(found: Option<ObservedToken>) -> Self {
        match found {
            None => Self::Missing,
            Some(ObservedToken {
                expires_at_micros: None,
            }) => Self::Endless,
            Some(ObservedToken {
                expires_at_micros: Some(at_micros),
            }) => Self::Ending { at_micros },
        }
    }
}

/// What must hold on the server right before a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Precondition {
    /// Nothing has this name.
    Absent {
        /// The name.
        #[schemars(with = "String")]
        address: Address,
    },
    /// It holds no messages and has no consumer groups.
    Empty {
        /// The stream or topic.
        #[schemars(with = "String")]
        address: Address,
    },
    /// Something has this name.
    Present {
        /// The name.
        #[schemars(with = "String")]
        address: Address,
    },
    /// The topic has exactly this many partitions.
    Partitions {
        /// The topic.
        #[schemars(with = "String")]
        address: Address,
        /// How many.
        count: u32,
    },
}

/// What a step may cost the people who use the resource.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Risk {
    /// Nothing that exists is touched.
    Safe,
    /// Clients can notice: a rename, other key routing, less retention.
    Risky,
    /// Data is lost, or a user is gone for good.
    Destructive,
}

/// What a step costs the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Requests when nothing goes wrong.
    pub requests: u32,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateStream { .. } => formatter.write_str("create stream"),
            Self::RenameStream { from, .. } => {
                write!(formatter, "rename from {}", Address::Stream(from.clone()))
            }
            Self::CreateTopic { partitions, .. } => {
                write!(
                    formatter,
                    "create topic with {}",
                    counted(*partitions, "partition")
                )
            }
            Self::UpdateTopic {
                stream,
                topic,
                rename_to: Some(_),
                ..
            } => write!(
                formatter,
                "rename from {}",
                Address::Topic(stream.clone(), topic.clone())
            ),
            Self::UpdateTopic {
                rename_to: None, ..
            } => formatter.write_str("update settings"),
            Self::AddPartitions { from, to, .. } => {
                write!(formatter, "add partitions {from} → {to}")
            }
            Self::RemovePartitions { from, to, .. } => {
                write!(formatter, "remove partitions {from} → {to}")
            }
            Self::CreateConsumerGroup { .. } => formatter.write_str("create consumer group"),
            Self::DeleteStream { .. } => formatter.write_str("delete stream"),
            Self::DeleteTopic { .. } => formatter.write_str("delete topic"),
            Self::DeleteConsumerGroup { .. } => formatter.write_str("delete consumer group"),
            Self::CreateUser { .. } => formatter.write_str("create user"),
            Self::RenameUser { from, .. } => {
                write!(formatter, "rename from {}", Address::User(from.clone()))
            }
            Self::SetUserStatus { status, .. } => write!(formatter, "make {status}"),
            Self::DeleteUser { .. } => formatter.write_str("delete user"),
            Self::ChangePassword { from, to, .. } if from == to => {
                formatter.write_str("confirm password")
            }
            Self::ChangePassword { .. } => formatter.write_str("change password"),
            Self::SetPermissions { .. } => formatter.write_str("set permissions"),
            Self::CreateToken { token, slot, .. } => {
                write!(formatter, "create token {}", slot.name_of(token))
            }
            Self::RevokeToken { token, slot, .. } => {
                write!(formatter, "revoke token {}", slot.name_of(token))
            }
        }
    }
}
