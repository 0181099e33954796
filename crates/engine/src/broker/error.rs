use std::fmt;

use iggyctl_core::address::Address;

/// A call on the broker that did not succeed.
///
/// Over the binary protocol only the numeric code crosses the wire: the names
/// and ids inside the SDK's error variants come back empty. So the context (the
/// operation and the address) is attached here, by the side that knows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct BrokerError {
    /// What it means for the caller.
    pub kind: BrokerErrorKind,
    /// The server's or the SDK's numeric code, when there was one.
    pub code: Option<u32>,
    /// The call.
    pub operation: Operation,
    /// The resource that the call was about; none for calls about the server.
    pub address: Option<Address>,
}

/// What a failed call means for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerErrorKind {
    /// The resource, or the one it is in, is not there.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The login may not do this.
    Unauthorized,
    /// The server (or the SDK before sending) said no; nothing was changed.
    Refused {
        /// The error in words.
        reason: String,
    },
    /// Whether it happened is not known: the reply was lost, came late, or said
    /// that the request may still commit. Read again before anything else.
    OutcomeUnknown {
        /// What happened to the reply.
        reason: String,
    },
    /// The request was never sent: there is no working connection.
    Unreachable {
        /// Why.
        reason: String,
    },
}

/// `InvalidCredentials` (`iggy_common` 0.11.0, error/iggy_error.rs).
const INVALID_CREDENTIALS: u32 = 42;

impl BrokerError {
    /// Whether a change of a password was refused because the one that was
    /// given as the current one is not.
    #[must_use]
    pub fn is_about_the_password(&self) -> bool {
        self.operation == Operation::ChangePassword && self.code == Some(INVALID_CREDENTIALS)
    }
}

impl BrokerErrorKind {
    /// Whether the same call may succeed on another connection, as far as
    /// the error itself tells. For a write, find out first whether it happened.
    #[must_use]
    pub fn is_about_the_connection(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. } | Self::Unreachable { .. } => true,
            Self::NotFound | Self::AlreadyExists | Self::Unauthorized | Self::Refused { .. } => {
                false
            }
        }
    }
}

impl fmt::Display for BrokerErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => formatter.write_str("not found"),
            Self::AlreadyExists => formatter.write_str("already exists"),
            Self::Unauthorized => formatter.write_str("the login may not do this"),
            Self::Refused { reason } => write!(formatter, "refused: {reason}"),
            Self::OutcomeUnknown { reason } => write!(formatter, "outcome unknown: {reason}"),
            Self::Unreachable { reason } => write!(formatter, "not reachable: {reason}"),
        }
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            code,
            operation,
            address,
        } = self;
        write!(formatter, "{operation}")?;
        if let Some(address) = address {
            write!(formatter, " {address}")?;
        }
        write!(formatter, ": {kind}")?;
        if let Some(code) = code {
            write!(formatter, " (code {code})")?;
        }
        Ok(())
    }
}

/// A call on the broker, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `ping`
    Ping,
    /// `get_me`
    Me,
    /// `get_stats`
    Stats,
    /// `get_streams`
    ListStreams,
    /// `get_stream`
    GetStream,
    /// `get_topic`
    GetTopic,
    /// `get_consumer_groups`
    ListConsumerGroups,
    /// `create_stream`
    CreateStream,
    /// `update_stream`
    RenameStream,
    /// `create_topic`
    CreateTopic,
    /// `update_topic`
    UpdateTopic,
    /// `create_partitions`
    CreatePartitions,
    /// `delete_partitions`
    DeletePartitions,
    /// `delete_stream`
    DeleteStream,
    /// `delete_topic`
    DeleteTopic,
    /// `delete_consumer_group`
    DeleteConsumerGroup,
    /// `get_consumer_offset`
    ReadOffset,
    /// `create_consumer_group`
    CreateConsumerGroup,
    /// `get_users`
    ListUsers,
    /// `get_user`
    GetUser,
    /// `get_personal_access_tokens`
    ListTokens,
    /// `create_user`
    CreateUser,
    /// `update_user` with a name
    RenameUser,
    /// `update_user` with a status
    SetUserStatus,
    /// `change_password`
    ChangePassword,
    /// `update_permissions`
    UpdatePermissions,
    /// `delete_user`
    DeleteUser,
    /// `create_personal_access_token`
    CreateToken,
    /// `delete_personal_access_token`
    DeleteToken,
    /// `send_messages`
    SendMessages,
    /// `poll_messages`
    PollMessages,
    /// `join_consumer_group`
    JoinGroup,
    /// `sync_consumer_group`
    ReadAssignment,
    /// `leave_consumer_group`
    LeaveGroup,
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ping => "ping",
            Self::Me => "read the own session",
            Self::Stats => "read the statistics",
            Self::ListStreams => "list the streams",
            Self::GetStream | Self::GetTopic => "read",
            Self::ListConsumerGroups => "list the consumer groups of",
            Self::CreateStream | Self::CreateTopic | Self::CreateConsumerGroup => "create",
            Self::RenameStream => "rename",
            Self::UpdateTopic => "update",
            Self::CreatePartitions => "add partitions to",
            Self::DeletePartitions => "remove partitions from",
            Self::DeleteStream | Self::DeleteTopic | Self::DeleteConsumerGroup => "delete",
            Self::ReadOffset => "read the stored offset of",
            Self::ListUsers => "list the users",
            Self::GetUser => "read the user",
            Self::ListTokens => "list the own access tokens",
            Self::CreateUser => "create the user",
            Self::RenameUser => "rename the user",
            Self::SetUserStatus => "change the status of the user",
            Self::ChangePassword => "change the password of the user",
            Self::UpdatePermissions => "replace the permissions of the user",
            Self::DeleteUser => "delete the user",
            Self::CreateToken => "create the access token",
            Self::DeleteToken => "delete the access token",
            Self::SendMessages => "send a message to",
            Self::PollMessages => "read messages of",
            Self::JoinGroup => "join",
            Self::ReadAssignment => "read the assignment of",
            Self::LeaveGroup => "leave",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_was_done_to_what_and_with_which_code() {
        let error = BrokerError {
            kind: BrokerErrorKind::Refused {
                reason: "too many topics".to_owned(),
            },
            code: Some(2021),
            operation: Operation::CreateTopic,
            address: Some("topic/orders/events".parse().unwrap()),
        };
        assert_eq!(
            error.to_string(),
            "create topic/orders/events: refused: too many topics (code 2021)"
        );
    }
}
