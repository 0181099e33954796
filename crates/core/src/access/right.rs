use serde::Serialize;

use super::permission::{ServerPermission, StreamPermission, TopicPermission};
use super::scope::Level;
use crate::quantity::closed_set;

/// Something that a user is able to do, as far as the server tells abilities
/// apart. What every user may do is none of them: its own tokens, record and
/// password, `ping`, `get_me`, cluster metadata, `describe_options`, and the
/// synchronisation of a group it has joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// List all streams; the list is never filtered.
    ListStreams,
    /// Create streams.
    CreateStream,
    /// Read a stream and the settings of all its topics.
    ReadStream,
    /// Rename, purge and delete a stream.
    ChangeStream,
    /// List the topics of a stream with their settings.
    ListTopics,
    /// Read a topic, and everything with its consumer groups: deleting one too.
    ReadTopic,
    /// Create topics in a stream.
    CreateTopic,
    /// Change, purge and delete a topic, its partitions and segments.
    ChangeTopic,
    /// Read messages, and read, move and delete the offsets of any consumer.
    PollMessages,
    /// Send messages.
    SendMessages,
    /// Read other users with their permissions.
    ReadUsers,
    /// Create, change and delete users and give anyone any permission, oneself
    /// included.
    ManageUsers,
    /// Figures, clients and snapshots of the server.
    ReadServers,
}

closed_set!(Right, "an ability, such as `send_messages` or `read_topic`", {
    ListStreams => "list_streams",
    CreateStream => "create_stream",
    ReadStream => "read_stream",
    ChangeStream => "change_stream",
    ListTopics => "list_topics",
    ReadTopic => "read_topic",
    CreateTopic => "create_topic",
    ChangeTopic => "change_topic",
    PollMessages => "poll_messages",
    SendMessages => "send_messages",
    ReadUsers => "read_users",
    ManageUsers => "manage_users",
    ReadServers => "read_servers",
});

/// The permissions of which any one is enough for a right: on the server, on
/// the stream concerned, on the topic concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyOf {
    /// On the server.
    pub server: &'static [ServerPermission],
    /// On the stream.
    pub stream: &'static [StreamPermission],
    /// On the topic.
    pub topic: &'static [TopicPermission],
}

impl Right {
    /// The server's rule for this right (its `permissioner_rules`, of 0.9).
    /// Permissions add up, none takes away.
    #[must_use]
    pub fn any_of(self) -> AnyOf {
        use ServerPermission as Server;
        use StreamPermission as Stream;
        use TopicPermission as Topic;

        match self {
            Self::ListStreams => AnyOf {
                server: &[Server::ManageStreams, Server::ReadStreams],
                stream: &[],
                topic: &[],
            },
            Self::CreateStream => AnyOf {
                server: &[Server::ManageStreams],
                stream: &[],
                topic: &[],
            },
            Self::ReadStream => AnyOf {
                server: &[Server::ManageStreams, Server::ReadStreams],
                stream: &[Stream::ManageStream, Stream::ReadStream],
                topic: &[],
            },
            Self::ChangeStream => AnyOf {
                server: &[Server::ManageStreams],
                stream: &[Stream::ManageStream],
                topic: &[],
            },
            Self::ListTopics => AnyOf {
                server: READ_TOPICS_OF_THE_SERVER,
                stream: READ_TOPICS_OF_A_STREAM,
                topic: &[],
            },
            Self::ReadTopic => AnyOf {
                server: READ_TOPICS_OF_THE_SERVER,
                stream: READ_TOPICS_OF_A_STREAM,
                topic: &[Topic::ManageTopic, Topic::ReadTopic],
            },
            Self::CreateTopic => AnyOf {
                server: &[Server::ManageStreams, Server::ManageTopics],
                stream: &[Stream::ManageStream, Stream::ManageTopics],
                topic: &[],
            },
            Self::ChangeTopic => AnyOf {
                server: &[Server::ManageStreams, Server::ManageTopics],
                stream: &[Stream::ManageStream, Stream::ManageTopics],
                topic: &[Topic::ManageTopic],
            },
            Self::PollMessages => AnyOf {
                server: &[
                    Server::ManageStreams,
                    Server::ReadStreams,
                    Server::ManageTopics,
                    Server::ReadTopics,
                    Server::PollMessages,
                ],
                stream: &[
                    Stream::ManageStream,
                    Stream::ReadStream,
                    Stream::ManageTopics,
                    Stream::ReadTopics,
                    Stream::PollMessages,
                ],
                topic: &[Topic::ManageTopic, Topic::ReadTopic, Topic::PollMessages],
            },
            Self::SendMessages => AnyOf {
                server: &[
                    Server::ManageStreams,
                    Server::ManageTopics,
                    Server::SendMessages,
                ],
                stream: &[
                    Stream::ManageStream,
                    Stream::ManageTopics,
                    Stream::SendMessages,
                ],
                topic: &[Topic::ManageTopic, Topic::SendMessages],
            },
            Self::ReadUsers => AnyOf {
                server: &[Server::ManageUsers, Server::ReadUsers],
                stream: &[],
                topic: &[],
            },
            Self::ManageUsers => AnyOf {
                server: &[Server::ManageUsers],
                stream: &[],
                topic: &[],
            },
            Self::ReadServers => AnyOf {
                server: &[Server::ManageServers, Server::ReadServers],
                stream: &[],
                topic: &[],
            },
        }
    }

    /// The narrowest thing that this right can be given for alone.
    #[must_use]
    pub fn level(self) -> Level {
        let AnyOf {
            server: _,
            stream,
            topic,
        } = self.any_of();
        if !topic.is_empty() {
            Level::Topic
        } else if !stream.is_empty() {
            Level::Stream
        } else {
            Level::Server
        }
    }
}

const READ_TOPICS_OF_THE_SERVER: &[ServerPermission] = &[
    ServerPermission::ManageStreams,
    ServerPermission::ReadStreams,
    ServerPermission::ManageTopics,
    ServerPermission::ReadTopics,
];

const READ_TOPICS_OF_A_STREAM: &[StreamPermission] = &[
    StreamPermission::ManageStream,
    StreamPermission::ReadStream,
    StreamPermission::ManageTopics,
    StreamPermission::ReadTopics,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_is_given_at_the_level_of_its_narrowest_word() {
        let at = |level| -> Vec<&str> {
            let rights = Right::ALL.iter().filter(|right| right.level() == level);
            rights.map(|right| right.as_str()).collect()
        };
        assert_eq!(
            at(Level::Server).join(" "),
            "list_streams create_stream read_users manage_users read_servers"
        );
        assert_eq!(
            at(Level::Stream).join(" "),
            "read_stream change_stream list_topics create_topic"
        );
        assert_eq!(
            at(Level::Topic).join(" "),
            "read_topic change_topic poll_messages send_messages"
        );
    }
}
