//! The server's own words (`iggy_common` 0.11.0,
//! `types/permissions/permissions_global.rs`).

use serde::{Deserialize, Serialize};

use crate::quantity::closed_set;

/// A right on the whole server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerPermission {
    /// Figures, clients and snapshots of the server.
    ManageServers,
    /// The same as [`Self::ManageServers`] today.
    ReadServers,
    /// Create, change and delete users, the own one included.
    ManageUsers,
    /// Read all users with their permissions.
    ReadUsers,
    /// Everything with streams and with all that is in them.
    ManageStreams,
    /// Read all streams and all that is in them, messages included.
    ReadStreams,
    /// Everything with the topics of all streams.
    ManageTopics,
    /// Read the topics of all streams, messages included.
    ReadTopics,
    /// Read the messages of all topics.
    PollMessages,
    /// Send messages to all topics.
    SendMessages,
}

/// A right on one stream and all its topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamPermission {
    /// Everything with the stream and all that is in it.
    ManageStream,
    /// Read the stream and all that is in it, messages included.
    ReadStream,
    /// Everything with its topics.
    ManageTopics,
    /// Read its topics, messages included.
    ReadTopics,
    /// Read the messages of all its topics.
    PollMessages,
    /// Send messages to all its topics.
    SendMessages,
}

/// A right on one topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopicPermission {
    /// Everything with the topic.
    ManageTopic,
    /// Read the topic, messages included.
    ReadTopic,
    /// Read its messages.
    PollMessages,
    /// Send messages to it.
    SendMessages,
}

closed_set!(ServerPermission, "a right on the server, such as `read_streams`", {
    ManageServers => "manage_servers",
    ReadServers => "read_servers",
    ManageUsers => "manage_users",
    ReadUsers => "read_users",
    ManageStreams => "manage_streams",
    ReadStreams => "read_streams",
    ManageTopics => "manage_topics",
    ReadTopics => "read_topics",
    PollMessages => "poll_messages",
    SendMessages => "send_messages",
});

closed_set!(StreamPermission, "a right on a stream, such as `read_stream`", {
    ManageStream => "manage_stream",
    ReadStream => "read_stream",
    ManageTopics => "manage_topics",
    ReadTopics => "read_topics",
    PollMessages => "poll_messages",
    SendMessages => "send_messages",
});

closed_set!(TopicPermission, "a right on a topic, such as `send_messages`", {
    ManageTopic => "manage_topic",
    ReadTopic => "read_topic",
    PollMessages => "poll_messages",
    SendMessages => "send_messages",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_by_both_readers() {
        for value in ServerPermission::ALL {
            assert_eq!(value.as_str().parse(), Ok(*value));
            assert_eq!(serde_json::to_value(value).unwrap(), value.as_str());
        }
        for value in StreamPermission::ALL {
            assert_eq!(value.as_str().parse(), Ok(*value));
            assert_eq!(serde_json::to_value(value).unwrap(), value.as_str());
        }
        for value in TopicPermission::ALL {
            assert_eq!(value.as_str().parse(), Ok(*value));
            assert_eq!(serde_json::to_value(value).unwrap(), value.as_str());
        }
    }
}
