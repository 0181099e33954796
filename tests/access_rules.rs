//! The rules are written down twice: as words that allow rights, for plans, and as what
//! the embedded server enforces (which is held to a real one by the contract). Here they
//! are compared, for every command, every two words, and every place.

use std::collections::BTreeMap;

use iggyctl_core::access::{
    Grants, Operation, Scope, ServerPermission, StreamPermission, TopicPermission,
};
use iggyctl_embedded::{
    Action, GlobalPermissions, Permissions, StreamPermissions, TopicPermissions, may,
};

const STREAM: u32 = 7;
const TOPIC: u32 = 3;
const ELSEWHERE: u32 = 1;

/// A word of the server, somewhere.
#[derive(Debug, Clone, Copy)]
enum Word {
    Server(ServerPermission),
    Stream(u32, StreamPermission),
    Topic(u32, u32, TopicPermission),
}

fn words() -> Vec<Word> {
    let mut words: Vec<Word> = ServerPermission::ALL
        .iter()
        .map(|word| Word::Server(*word))
        .collect();
    for stream in [STREAM, ELSEWHERE] {
        words.extend(
            StreamPermission::ALL
                .iter()
                .map(|word| Word::Stream(stream, *word)),
        );
        for topic in [TOPIC, ELSEWHERE] {
            words.extend(
                TopicPermission::ALL
                    .iter()
                    .map(|word| Word::Topic(stream, topic, *word)),
            );
        }
    }
    words
}

fn as_grants(words: &[Word]) -> Grants<u32> {
    let mut grants = Grants::default();
    for word in words {
        match *word {
            Word::Server(word) => {
                grants.server.insert(word);
            }
            Word::Stream(stream, word) => {
                grants.streams.entry(stream).or_default().allow.insert(word);
            }
            Word::Topic(stream, topic, word) => {
                let stream = grants.streams.entry(stream).or_default();
                stream.topics.entry(topic).or_default().insert(word);
            }
        }
    }
    grants
}

fn as_permissions(words: &[Word]) -> Permissions {
    let mut server = GlobalPermissions::default();
    let mut streams: BTreeMap<usize, StreamPermissions> = BTreeMap::new();
    for word in words {
        match *word {
            Word::Server(word) => set_on_server(&mut server, word),
            Word::Stream(stream, word) => {
                set_on_stream(streams.entry(stream as usize).or_default(), word);
            }
            Word::Topic(stream, topic, word) => {
                let stream = streams.entry(stream as usize).or_default();
                let topics = stream.topics.get_or_insert_default();
                set_on_topic(topics.entry(topic as usize).or_default(), word);
            }
        }
    }
    Permissions {
        global: server,
        streams: Some(streams),
    }
}

fn set_on_server(server: &mut GlobalPermissions, word: ServerPermission) {
    *match word {
        ServerPermission::ManageServers => &mut server.manage_servers,
        ServerPermission::ReadServers => &mut server.read_servers,
        ServerPermission::ManageUsers => &mut server.manage_users,
        ServerPermission::ReadUsers => &mut server.read_users,
        ServerPermission::ManageStreams => &mut server.manage_streams,
        ServerPermission::ReadStreams => &mut server.read_streams,
        ServerPermission::ManageTopics => &mut server.manage_topics,
        ServerPermission::ReadTopics => &mut server.read_topics,
        ServerPermission::PollMessages => &mut server.poll_messages,
        ServerPermission::SendMessages => &mut server.send_messages,
    } = true;
}

fn set_on_stream(stream: &mut StreamPermissions, word: StreamPermission) {
    *match word {
        StreamPermission::ManageStream => &mut stream.manage_stream,
        StreamPermission::ReadStream => &mut stream.read_stream,
        StreamPermission::ManageTopics => &mut stream.manage_topics,
        StreamPermission::ReadTopics => &mut stream.read_topics,
        StreamPermission::PollMessages => &mut stream.poll_messages,
        StreamPermission::SendMessages => &mut stream.send_messages,
    } = true;
}

fn set_on_topic(topic: &mut TopicPermissions, word: TopicPermission) {
    *match word {
        TopicPermission::ManageTopic => &mut topic.manage_topic,
        TopicPermission::ReadTopic => &mut topic.read_topic,
        TopicPermission::PollMessages => &mut topic.poll_messages,
        TopicPermission::SendMessages => &mut topic.send_messages,
    } = true;
}

fn as_action(operation: Operation) -> Action {
    match operation {
        Operation::GetStreams => Action::GetStreams,
        Operation::CreateStream => Action::CreateStream,
        Operation::GetStream => Action::GetStream,
        Operation::UpdateStream => Action::UpdateStream,
        Operation::DeleteStream => Action::DeleteStream,
        Operation::PurgeStream => Action::PurgeStream,
        Operation::GetTopics => Action::GetTopics,
        Operation::GetTopic => Action::GetTopic,
        Operation::GetConsumerGroups => Action::GetGroups,
        Operation::GetConsumerGroup => Action::GetGroup,
        Operation::CreateConsumerGroup => Action::CreateGroup,
        Operation::DeleteConsumerGroup => Action::DeleteGroup,
        Operation::JoinConsumerGroup => Action::JoinGroup,
        Operation::LeaveConsumerGroup => Action::LeaveGroup,
        Operation::CreateTopic => Action::CreateTopic,
        Operation::UpdateTopic => Action::UpdateTopic,
        Operation::DeleteTopic => Action::DeleteTopic,
        Operation::PurgeTopic => Action::PurgeTopic,
        Operation::CreatePartitions => Action::CreatePartitions,
        Operation::DeletePartitions => Action::DeletePartitions,
        Operation::DeleteSegments => Action::DeleteSegments,
        Operation::PollMessages => Action::PollMessages,
        Operation::GetConsumerOffset => Action::GetOffset,
        Operation::StoreConsumerOffset => Action::StoreOffset,
        Operation::DeleteConsumerOffset => Action::DeleteOffset,
        Operation::SendMessages => Action::SendMessages,
        Operation::GetUser => Action::GetUser,
        Operation::GetUsers => Action::GetUsers,
        Operation::CreateUser => Action::CreateUser,
        Operation::UpdateUser => Action::UpdateUser,
        Operation::DeleteUser => Action::DeleteUser,
        Operation::UpdatePermissions => Action::UpdatePermissions,
        Operation::ChangePassword => Action::ChangePassword,
        Operation::GetStats => Action::GetStats,
        Operation::GetClients => Action::GetClients,
        Operation::GetClient => Action::GetClient,
        Operation::GetSnapshot => Action::GetSnapshot,
    }
}

#[test]
fn plans_and_the_server_mean_the_same_by_every_word() {
    let places = [
        Scope::Server,
        Scope::Stream(STREAM),
        Scope::Topic(STREAM, TOPIC),
    ];
    let mut allowed = 0;
    for first in words() {
        for second in words() {
            let words = [first, second];
            let rights = as_grants(&words).effective();
            let permissions = as_permissions(&words);
            for operation in Operation::ALL {
                let action = as_action(*operation);
                for place in &places {
                    let (stream, topic) = match *place {
                        Scope::Server => (None, None),
                        Scope::Stream(stream) => (Some(stream), None),
                        Scope::Topic(stream, topic) => (Some(stream), Some(topic)),
                    };
                    let by_server = may(Some(&permissions), action, stream, topic);
                    let by_plans = rights.allows(operation.right(), place);
                    assert_eq!(by_server, by_plans, "{words:?}: {operation:?} on {place:?}");
                    allowed += usize::from(by_server);
                }
            }
        }
    }
    assert!(allowed > 0);
}

#[test]
fn there_is_no_command_that_only_one_side_knows() {
    let actions: std::collections::BTreeSet<Action> =
        Operation::ALL.iter().copied().map(as_action).collect();
    assert_eq!(actions.into_iter().collect::<Vec<_>>(), Action::ALL);
}
