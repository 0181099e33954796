//! Who may do what: the permission rules of the real server, one function for each
//! row of them, and nothing else.
//!
//! A user's permissions are three levels of flags: of the server, of a stream by id,
//! of a topic by id. The levels add up; nothing takes away. They are keyed by ids, not
//! by what had the id when they were given, so they apply to whatever has it now.
//!
//! The rules were read from the real server's permission rules and are held to a
//! running one by the contract suite.

use std::collections::BTreeMap;

use iggy_common::{GlobalPermissions, Permissions, StreamPermissions, TopicPermissions};

/// What a request does, as far as permissions tell requests apart.
///
/// Left out is what every user may do: ping, `get_me`, `describe_options`, cluster
/// metadata, one's own tokens, reading one's own user, changing one's own password,
/// and the synchronisation of a group that one has joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Create a stream.
    CreateStream,
    /// List all streams; there is no list of only those one may see.
    GetStreams,
    /// Read one stream with the headers of its topics.
    GetStream,
    /// Rename a stream.
    UpdateStream,
    /// Delete a stream.
    DeleteStream,
    /// Empty a stream.
    PurgeStream,
    /// List the topics of a stream.
    GetTopics,
    /// Read one topic.
    GetTopic,
    /// Create a topic.
    CreateTopic,
    /// Rename a topic, or change its settings.
    UpdateTopic,
    /// Delete a topic.
    DeleteTopic,
    /// Empty a topic.
    PurgeTopic,
    /// Add partitions.
    CreatePartitions,
    /// Remove partitions.
    DeletePartitions,
    /// Delete segments.
    DeleteSegments,
    /// List the consumer groups of a topic.
    GetGroups,
    /// Read a consumer group.
    GetGroup,
    /// Create a consumer group.
    CreateGroup,
    /// Delete a consumer group.
    DeleteGroup,
    /// Join a consumer group.
    JoinGroup,
    /// Leave a consumer group.
    LeaveGroup,
    /// Poll messages.
    PollMessages,
    /// Read a consumer's offset.
    GetOffset,
    /// Store a consumer's offset.
    StoreOffset,
    /// Delete a consumer's offset.
    DeleteOffset,
    /// Send messages.
    SendMessages,
    /// Read another user.
    GetUser,
    /// List all users.
    GetUsers,
    /// Create a user.
    CreateUser,
    /// Rename, activate or deactivate any user.
    UpdateUser,
    /// Delete any user.
    DeleteUser,
    /// Change the permissions of any user, oneself included.
    UpdatePermissions,
    /// Change the password of another user.
    ChangePassword,
    /// Read the figures of the server.
    GetStats,
    /// List the connected clients.
    GetClients,
    /// Read one connected client.
    GetClient,
    /// Take a snapshot.
    GetSnapshot,
}

impl Action {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 37] = [
        Self::CreateStream,
        Self::GetStreams,
        Self::GetStream,
        Self::UpdateStream,
        Self::DeleteStream,
        Self::PurgeStream,
        Self::GetTopics,
        Self::GetTopic,
        Self::CreateTopic,
        Self::UpdateTopic,
        Self::DeleteTopic,
        Self::PurgeTopic,
        Self::CreatePartitions,
        Self::DeletePartitions,
        Self::DeleteSegments,
        Self::GetGroups,
        Self::GetGroup,
        Self::CreateGroup,
        Self::DeleteGroup,
        Self::JoinGroup,
        Self::LeaveGroup,
        Self::PollMessages,
        Self::GetOffset,
        Self::StoreOffset,
        Self::DeleteOffset,
        Self::SendMessages,
        Self::GetUser,
        Self::GetUsers,
        Self::CreateUser,
        Self::UpdateUser,
        Self::DeleteUser,
        Self::UpdatePermissions,
        Self::ChangePassword,
        Self::GetStats,
        Self::GetClients,
        Self::GetClient,
        Self::GetSnapshot,
    ];
}

/// Whether a user with these permissions may do this to the stream and topic with these
/// ids. `None` for permissions is a user without any, or none that exists. A scope that
/// an action does not look at may be `None`.
///
/// Root has all permissions of the server and so needs no rule of its own.
#[must_use]
pub fn may(
    permissions: Option<&Permissions>,
    action: Action,
    stream: Option<u32>,
    topic: Option<u32>,
) -> bool {
    let Some(permissions) = permissions else {
        return false;
    };
    let grants = Grants::of(permissions, stream, topic);
    match action {
        Action::CreateStream => create_stream(&grants),
        Action::GetStreams => list_streams(&grants),
        Action::GetStream => read_stream(&grants),
        Action::UpdateStream | Action::DeleteStream | Action::PurgeStream => manage_stream(&grants),
        Action::GetTopics => list_topics(&grants),
        Action::GetTopic
        | Action::GetGroups
        | Action::GetGroup
        | Action::CreateGroup
        | Action::DeleteGroup
        | Action::JoinGroup
        | Action::LeaveGroup => read_topic(&grants),
        Action::CreateTopic => create_topic(&grants),
        Action::UpdateTopic
        | Action::DeleteTopic
        | Action::PurgeTopic
        | Action::CreatePartitions
        | Action::DeletePartitions
        | Action::DeleteSegments => manage_topic(&grants),
        Action::PollMessages | Action::GetOffset | Action::StoreOffset | Action::DeleteOffset => {
            poll(&grants)
        }
        Action::SendMessages => send(&grants),
        Action::GetUser | Action::GetUsers => read_users(&grants),
        Action::CreateUser
        | Action::UpdateUser
        | Action::DeleteUser
        | Action::UpdatePermissions
        | Action::ChangePassword => manage_users(&grants),
        Action::GetStats | Action::GetClients | Action::GetClient | Action::GetSnapshot => {
            read_servers(&grants)
        }
    }
}

/// The flags of each level that apply to one scope; a level without an entry has none.
struct Grants<'user> {
    server: &'user GlobalPermissions,
    stream: Option<&'user StreamPermissions>,
    topic: Option<&'user TopicPermissions>,
}

impl<'user> Grants<'user> {
    fn of(permissions: &'user Permissions, stream: Option<u32>, topic: Option<u32>) -> Self {
        let stream = by_id(permissions.streams.as_ref(), stream);
        Self {
            server: &permissions.global,
            stream,
            topic: stream.and_then(|stream| by_id(stream.topics.as_ref(), topic)),
        }
    }

    fn in_stream(&self, any: impl Fn(&StreamPermissions) -> bool) -> bool {
        self.stream.is_some_and(any)
    }

    fn in_topic(&self, any: impl Fn(&TopicPermissions) -> bool) -> bool {
        self.topic.is_some_and(any)
    }
}

fn by_id<T>(entries: Option<&BTreeMap<usize, T>>, id: Option<u32>) -> Option<&T> {
    entries?.get(&usize::try_from(id?).ok()?)
}

/// Nothing of a single stream helps.
fn create_stream(grants: &Grants<'_>) -> bool {
    grants.server.manage_streams
}

/// Nothing of a single stream helps, and the list is not filtered.
fn list_streams(grants: &Grants<'_>) -> bool {
    grants.server.manage_streams || grants.server.read_streams
}

fn read_stream(grants: &Grants<'_>) -> bool {
    list_streams(grants) || grants.in_stream(|stream| stream.manage_stream || stream.read_stream)
}

fn manage_stream(grants: &Grants<'_>) -> bool {
    grants.server.manage_streams || grants.in_stream(|stream| stream.manage_stream)
}

fn list_topics(grants: &Grants<'_>) -> bool {
    let server = grants.server;
    server.manage_streams
        || server.read_streams
        || server.manage_topics
        || server.read_topics
        || grants.in_stream(|stream| {
            stream.manage_stream || stream.read_stream || stream.manage_topics || stream.read_topics
        })
}

/// Also everything about consumer groups, their creation and deletion included.
fn read_topic(grants: &Grants<'_>) -> bool {
    list_topics(grants) || grants.in_topic(|topic| topic.manage_topic || topic.read_topic)
}

fn create_topic(grants: &Grants<'_>) -> bool {
    grants.server.manage_streams
        || grants.server.manage_topics
        || grants.in_stream(|stream| stream.manage_stream || stream.manage_topics)
}

fn manage_topic(grants: &Grants<'_>) -> bool {
    create_topic(grants) || grants.in_topic(|topic| topic.manage_topic)
}

/// Whoever may read a topic may poll it.
fn poll(grants: &Grants<'_>) -> bool {
    read_topic(grants)
        || grants.server.poll_messages
        || grants.in_stream(|stream| stream.poll_messages)
        || grants.in_topic(|topic| topic.poll_messages)
}

/// Whoever may manage a topic may send to it.
fn send(grants: &Grants<'_>) -> bool {
    manage_topic(grants)
        || grants.server.send_messages
        || grants.in_stream(|stream| stream.send_messages)
        || grants.in_topic(|topic| topic.send_messages)
}

fn read_users(grants: &Grants<'_>) -> bool {
    grants.server.manage_users || grants.server.read_users
}

/// It is enough to give oneself everything else.
fn manage_users(grants: &Grants<'_>) -> bool {
    grants.server.manage_users
}

fn read_servers(grants: &Grants<'_>) -> bool {
    grants.server.manage_servers || grants.server.read_servers
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: u32 = 7;
    const TOPIC: u32 = 3;

    /// A right by its name, given alone: `server.`, `stream.` or `topic.` and the flag.
    fn only(right: &str) -> Permissions {
        let mut server = GlobalPermissions::default();
        let mut stream = StreamPermissions::default();
        let mut topic = TopicPermissions::default();
        let flag = match right {
            "server.manage_servers" => &mut server.manage_servers,
            "server.read_servers" => &mut server.read_servers,
            "server.manage_users" => &mut server.manage_users,
            "server.read_users" => &mut server.read_users,
            "server.manage_streams" => &mut server.manage_streams,
            "server.read_streams" => &mut server.read_streams,
            "server.manage_topics" => &mut server.manage_topics,
            "server.read_topics" => &mut server.read_topics,
            "server.poll_messages" => &mut server.poll_messages,
            "server.send_messages" => &mut server.send_messages,
            "stream.manage_stream" => &mut stream.manage_stream,
            "stream.read_stream" => &mut stream.read_stream,
            "stream.manage_topics" => &mut stream.manage_topics,
            "stream.read_topics" => &mut stream.read_topics,
            "stream.poll_messages" => &mut stream.poll_messages,
            "stream.send_messages" => &mut stream.send_messages,
            "topic.manage_topic" => &mut topic.manage_topic,
            "topic.read_topic" => &mut topic.read_topic,
            "topic.poll_messages" => &mut topic.poll_messages,
            "topic.send_messages" => &mut topic.send_messages,
            other => panic!("no right is called {other}"),
        };
        *flag = true;
        stream.topics = Some(BTreeMap::from([(TOPIC as usize, topic)]));
        Permissions {
            global: server,
            streams: Some(BTreeMap::from([(STREAM as usize, stream)])),
        }
    }

    const RIGHTS: [&str; 20] = [
        "server.manage_servers",
        "server.read_servers",
        "server.manage_users",
        "server.read_users",
        "server.manage_streams",
        "server.read_streams",
        "server.manage_topics",
        "server.read_topics",
        "server.poll_messages",
        "server.send_messages",
        "stream.manage_stream",
        "stream.read_stream",
        "stream.manage_topics",
        "stream.read_topics",
        "stream.poll_messages",
        "stream.send_messages",
        "topic.manage_topic",
        "topic.read_topic",
        "topic.poll_messages",
        "topic.send_messages",
    ];

    /// The rows: actions, and the rights of which any one is enough.
    fn rows() -> Vec<(Vec<Action>, Vec<&'static str>)> {
        use Action::*;
        let list_topics = [
            "server.manage_streams",
            "server.read_streams",
            "server.manage_topics",
            "server.read_topics",
            "stream.manage_stream",
            "stream.read_stream",
            "stream.manage_topics",
            "stream.read_topics",
        ];
        let read_topic = [
            &list_topics[..],
            &["topic.manage_topic", "topic.read_topic"],
        ]
        .concat();
        let create_topic = [
            "server.manage_streams",
            "server.manage_topics",
            "stream.manage_stream",
            "stream.manage_topics",
        ];
        let manage_topic = [&create_topic[..], &["topic.manage_topic"]].concat();
        let poll = [
            &read_topic[..],
            &[
                "server.poll_messages",
                "stream.poll_messages",
                "topic.poll_messages",
            ],
        ]
        .concat();
        let send = [
            &manage_topic[..],
            &[
                "server.send_messages",
                "stream.send_messages",
                "topic.send_messages",
            ],
        ]
        .concat();
        vec![
            (vec![CreateStream], vec!["server.manage_streams"]),
            (
                vec![GetStreams],
                vec!["server.manage_streams", "server.read_streams"],
            ),
            (
                vec![GetStream],
                vec![
                    "server.manage_streams",
                    "server.read_streams",
                    "stream.manage_stream",
                    "stream.read_stream",
                ],
            ),
            (
                vec![UpdateStream, DeleteStream, PurgeStream],
                vec!["server.manage_streams", "stream.manage_stream"],
            ),
            (vec![GetTopics], list_topics.to_vec()),
            (
                vec![
                    GetTopic,
                    GetGroups,
                    GetGroup,
                    CreateGroup,
                    DeleteGroup,
                    JoinGroup,
                    LeaveGroup,
                ],
                read_topic,
            ),
            (vec![CreateTopic], create_topic.to_vec()),
            (
                vec![
                    UpdateTopic,
                    DeleteTopic,
                    PurgeTopic,
                    CreatePartitions,
                    DeletePartitions,
                    DeleteSegments,
                ],
                manage_topic,
            ),
            (
                vec![PollMessages, GetOffset, StoreOffset, DeleteOffset],
                poll,
            ),
            (vec![SendMessages], send),
            (
                vec![GetUser, GetUsers],
                vec!["server.manage_users", "server.read_users"],
            ),
            (
                vec![
                    CreateUser,
                    UpdateUser,
                    DeleteUser,
                    UpdatePermissions,
                    ChangePassword,
                ],
                vec!["server.manage_users"],
            ),
            (
                vec![GetStats, GetClients, GetClient, GetSnapshot],
                vec!["server.manage_servers", "server.read_servers"],
            ),
        ]
    }

    #[test]
    fn each_action_needs_one_of_its_row() {
        for (actions, enough) in rows() {
            for action in actions {
                let allowed: Vec<&str> = RIGHTS
                    .into_iter()
                    .filter(|right| may(Some(&only(right)), action, Some(STREAM), Some(TOPIC)))
                    .collect();
                let mut expected = enough.clone();
                expected.sort_by_key(|right| RIGHTS.iter().position(|known| known == right));
                assert_eq!(allowed, expected, "{action:?}");
            }
        }
    }

    #[test]
    fn every_action_is_in_one_row() {
        let mut actions: Vec<Action> = rows().into_iter().flat_map(|row| row.0).collect();
        actions.sort_unstable();
        assert_eq!(actions, Action::ALL);
    }

    #[test]
    fn rights_of_a_stream_or_topic_end_there() {
        for right in RIGHTS {
            for action in Action::ALL {
                let permissions = only(right);
                let here = may(Some(&permissions), action, Some(STREAM), Some(TOPIC));
                let in_other_stream = may(Some(&permissions), action, Some(0), Some(TOPIC));
                let in_other_topic = may(Some(&permissions), action, Some(STREAM), Some(0));
                assert_eq!(
                    in_other_stream,
                    here && right.starts_with("server."),
                    "{right} {action:?}"
                );
                assert_eq!(
                    in_other_topic,
                    here && !right.starts_with("topic."),
                    "{right} {action:?}"
                );
            }
        }
    }

    #[test]
    fn without_permissions_nothing_and_with_roots_everything() {
        for action in Action::ALL {
            assert!(!may(None, action, Some(STREAM), Some(TOPIC)));
            let empty = Permissions::default();
            assert!(!may(Some(&empty), action, Some(STREAM), Some(TOPIC)));
            assert!(may(Some(&Permissions::root()), action, None, None));
        }
    }
}
