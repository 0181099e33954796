use super::right::Right;
use crate::quantity::closed_set;

/// A command of the server that a right is needed for, by the name that the
/// server gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names of the server's commands say it")]
pub enum Operation {
    GetStreams,
    CreateStream,
    GetStream,
    UpdateStream,
    DeleteStream,
    PurgeStream,
    GetTopics,
    GetTopic,
    GetConsumerGroups,
    GetConsumerGroup,
    CreateConsumerGroup,
    DeleteConsumerGroup,
    JoinConsumerGroup,
    LeaveConsumerGroup,
    CreateTopic,
    UpdateTopic,
    DeleteTopic,
    PurgeTopic,
    CreatePartitions,
    DeletePartitions,
    DeleteSegments,
    PollMessages,
    GetConsumerOffset,
    StoreConsumerOffset,
    DeleteConsumerOffset,
    SendMessages,
    GetUser,
    GetUsers,
    CreateUser,
    UpdateUser,
    DeleteUser,
    UpdatePermissions,
    ChangePassword,
    GetStats,
    GetClients,
    GetClient,
    GetSnapshot,
}

closed_set!(Operation, "a command of the server, such as `get_topic`", {
    GetStreams => "get_streams",
    CreateStream => "create_stream",
    GetStream => "get_stream",
    UpdateStream => "update_stream",
    DeleteStream => "delete_stream",
    PurgeStream => "purge_stream",
    GetTopics => "get_topics",
    GetTopic => "get_topic",
    GetConsumerGroups => "get_consumer_groups",
    GetConsumerGroup => "get_consumer_group",
    CreateConsumerGroup => "create_consumer_group",
    DeleteConsumerGroup => "delete_consumer_group",
    JoinConsumerGroup => "join_consumer_group",
    LeaveConsumerGroup => "leave_consumer_group",
    CreateTopic => "create_topic",
    UpdateTopic => "update_topic",
    DeleteTopic => "delete_topic",
    PurgeTopic => "purge_topic",
    CreatePartitions => "create_partitions",
    DeletePartitions => "delete_partitions",
    DeleteSegments => "delete_segments",
    PollMessages => "poll_messages",
    GetConsumerOffset => "get_consumer_offset",
    StoreConsumerOffset => "store_consumer_offset",
    DeleteConsumerOffset => "delete_consumer_offset",
    SendMessages => "send_messages",
    GetUser => "get_user",
    GetUsers => "get_users",
    CreateUser => "create_user",
    UpdateUser => "update_user",
    DeleteUser => "delete_user",
    UpdatePermissions => "update_permissions",
    ChangePassword => "change_password",
    GetStats => "get_stats",
    GetClients => "get_clients",
    GetClient => "get_client",
    GetSnapshot => "get_snapshot",
});

impl Operation {
    /// The right that it needs. Reading oneself and changing the own password
    /// need none: [`Self::GetUser`] and [`Self::ChangePassword`] are about
    /// other users.
    #[must_use]
    pub fn right(self) -> Right {
        match self {
            Self::GetStreams => Right::ListStreams,
            Self::CreateStream => Right::CreateStream,
            Self::GetStream => Right::ReadStream,
            Self::UpdateStream | Self::DeleteStream | Self::PurgeStream => Right::ChangeStream,
            Self::GetTopics => Right::ListTopics,
            Self::GetTopic
            | Self::GetConsumerGroups
            | Self::GetConsumerGroup
            | Self::CreateConsumerGroup
            | Self::DeleteConsumerGroup
            | Self::JoinConsumerGroup
            | Self::LeaveConsumerGroup => Right::ReadTopic,
            Self::CreateTopic => Right::CreateTopic,
            Self::UpdateTopic
            | Self::DeleteTopic
            | Self::PurgeTopic
            | Self::CreatePartitions
            | Self::DeletePartitions
            | Self::DeleteSegments => Right::ChangeTopic,
            Self::PollMessages
            | Self::GetConsumerOffset
            | Self::StoreConsumerOffset
            | Self::DeleteConsumerOffset => Right::PollMessages,
            Self::SendMessages => Right::SendMessages,
            Self::GetUser | Self::GetUsers => Right::ReadUsers,
            Self::CreateUser
            | Self::UpdateUser
            | Self::DeleteUser
            | Self::UpdatePermissions
            | Self::ChangePassword => Right::ManageUsers,
            Self::GetStats | Self::GetClients | Self::GetClient | Self::GetSnapshot => {
                Right::ReadServers
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_right_is_needed_for_something() {
        let needed: BTreeSet<Right> = Operation::ALL.iter().map(|one| one.right()).collect();
        assert_eq!(needed, Right::ALL.iter().copied().collect());
    }

    #[test]
    fn a_command_that_is_named_like_a_right_needs_that_right() {
        let mut alike = 0;
        for operation in Operation::ALL {
            if let Ok(right) = operation.as_str().parse::<Right>() {
                alike += 1;
                assert_eq!(operation.right(), right);
            }
        }
        assert_eq!(alike, 4, "create_stream, create_topic, poll and send");
    }
}
