//! Permissions, held against every command there is.

use std::collections::BTreeMap;

use iggy::prelude::*;
use iggy_binary_protocol::{COMMAND_TABLE, WireEncode, codes};
use iggyctl_embedded::{
    Action, EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing, may,
};

use crate::support::{client_as, client_of, code, named, server_and_client, user};

/// What everybody may do.
const FREE: [u32; 9] = [
    codes::PING_CODE,
    codes::GET_CLUSTER_METADATA_CODE,
    codes::DESCRIBE_OPTIONS_CODE,
    codes::GET_ME_CODE,
    codes::LOGOUT_USER_CODE,
    codes::GET_PERSONAL_ACCESS_TOKENS_CODE,
    codes::CREATE_PERSONAL_ACCESS_TOKEN_CODE,
    codes::DELETE_PERSONAL_ACCESS_TOKEN_CODE,
    codes::SYNC_CONSUMER_GROUP_CODE,
];

/// What this server does not have, whoever asks.
const MISSING: [u32; 6] = [
    codes::POLL_MESSAGES_ON_PRIMARY_CODE,
    codes::ATTACH_CONSUMER_SESSION_CODE,
    codes::FLUSH_UNSAVED_BUFFER_CODE,
    codes::GET_POLL_ROUTING_CODE,
    codes::GET_CONSUMER_OFFSET_ROUTING_CODE,
    codes::LOGIN_USER_CODE,
];

fn body(code: u32) -> Vec<u8> {
    // Stream 0, topic 0.
    let stream = [1, 4, 0, 0, 0, 0].to_vec();
    let topic = [stream.clone(), stream.clone()].concat();
    let name = [1, b'x'].to_vec();
    let one = 1_u32.to_le_bytes().to_vec();
    let consumer = [&[1_u8][..], &stream].concat();
    let first_partition = vec![1, 0, 0, 0, 0];
    match code {
        codes::GET_STATS_CODE
        | codes::GET_CLIENTS_CODE
        | codes::GET_USERS_CODE
        | codes::GET_STREAMS_CODE => vec![],
        codes::GET_SNAPSHOT_FILE_CODE => vec![3, 1, 100],
        codes::GET_CLIENT_CODE => one,
        codes::GET_USER_CODE
        | codes::DELETE_USER_CODE
        | codes::GET_STREAM_CODE
        | codes::GET_TOPICS_CODE
        | codes::DELETE_STREAM_CODE
        | codes::PURGE_STREAM_CODE => stream,
        codes::CREATE_USER_CODE => [&[3, b'b', b'o', b'b', 3, b'b', b'o', b'b', 1, 0][..]].concat(),
        codes::UPDATE_USER_CODE => [stream, vec![0, 0]].concat(),
        codes::UPDATE_PERMISSIONS_CODE => [stream, vec![0]].concat(),
        codes::CHANGE_PASSWORD_CODE => [stream, vec![1, b'x', 1, b'y']].concat(),
        codes::CREATE_STREAM_CODE => name,
        codes::UPDATE_STREAM_CODE => [stream, name].concat(),
        codes::CREATE_TOPIC_CODE => [stream, one, name].concat(),
        codes::UPDATE_TOPIC_CODE => [topic, name].concat(),
        codes::GET_TOPIC_CODE
        | codes::DELETE_TOPIC_CODE
        | codes::PURGE_TOPIC_CODE
        | codes::GET_CONSUMER_GROUPS_CODE => topic,
        codes::CREATE_PARTITIONS_CODE | codes::DELETE_PARTITIONS_CODE => [topic, one].concat(),
        codes::DELETE_SEGMENTS_CODE => [topic, one.clone(), one].concat(),
        codes::CREATE_CONSUMER_GROUP_CODE => [topic, name].concat(),
        codes::GET_CONSUMER_GROUP_CODE
        | codes::DELETE_CONSUMER_GROUP_CODE
        | codes::JOIN_CONSUMER_GROUP_CODE
        | codes::LEAVE_CONSUMER_GROUP_CODE => [topic, stream].concat(),
        codes::POLL_MESSAGES_CODE => {
            use iggy_binary_protocol::requests::messages::PollMessagesRequest;
            use iggy_binary_protocol::{WireConsumer, WireIdentifier, WirePollingStrategy};
            PollMessagesRequest {
                consumer: WireConsumer::consumer(WireIdentifier::numeric(1)),
                stream_id: WireIdentifier::numeric(0),
                topic_id: WireIdentifier::numeric(0),
                partition_id: Some(0),
                strategy: WirePollingStrategy { kind: 1, value: 0 },
                count: 1,
                auto_commit: false,
            }
            .to_bytes()
            .to_vec()
        }
        codes::SEND_MESSAGES_CODE => {
            // Length, stream and topic, balanced, no message.
            [vec![18, 0, 0, 0], topic, vec![1, 0], vec![0; 4]].concat()
        }
        codes::GET_CONSUMER_OFFSET_CODE => [consumer, topic, vec![0; 5]].concat(),
        codes::STORE_CONSUMER_OFFSET_CODE => {
            [consumer, topic, first_partition, vec![0; 8 + 1]].concat()
        }
        codes::DELETE_CONSUMER_OFFSET_CODE => [consumer, topic, first_partition, vec![0]].concat(),
        other => panic!("how does a request of {other} look?"),
    }
}

#[tokio::test]
async fn a_user_without_permissions_is_refused_everything_but_its_own() {
    let (server, root) = server_and_client().await;
    root.create_stream("s").await.unwrap();
    let options = TopicCreateOptions::default();
    root.create_topic(&named("s"), "t", &options).await.unwrap();
    user(&root, "bob", None).await;
    let bob = client_as(&server, "bob", "password").await;
    let mut refused = 0;
    for command in COMMAND_TABLE {
        let login = [
            codes::LOGIN_REGISTER_CODE,
            codes::LOGIN_REGISTER_WITH_PAT_CODE,
            codes::LOGIN_WITH_PERSONAL_ACCESS_TOKEN_CODE,
        ];
        if [&FREE[..], &MISSING, &login]
            .concat()
            .contains(&command.code)
        {
            continue;
        }
        let result = bob
            .send_binary_request(command.code, body(command.code).into())
            .await;
        assert_eq!(code(result), 41, "{} {}", command.code, command.name);
        refused += 1;
    }
    assert_eq!(refused, Action::ALL.len());
    assert_eq!(code(bob.get_personal_access_tokens().await), 0);
    let myself = bob.get_user(&named("bob")).await.unwrap().unwrap();
    assert_eq!(myself.username, "bob");
}

#[tokio::test]
async fn what_is_missing_is_missing_before_it_is_forbidden() {
    let (server, root) = server_and_client().await;
    root.create_stream("s").await.unwrap();
    user(&root, "bob", None).await;
    let bob = client_as(&server, "bob", "password").await;
    let (s, none) = (named("s"), named("none"));
    assert_eq!(code(bob.get_stream(&s).await), 41);
    assert!(bob.get_stream(&none).await.unwrap().is_none());
    assert_eq!(code(bob.delete_stream(&none).await), 1009);
    assert_eq!(code(bob.delete_topic(&s, &none).await), 2010);
    assert!(bob.get_user(&none).await.unwrap().is_none());
    // Of users it does not matter which one.
    assert_eq!(code(bob.delete_user(&none).await), 41);
}

#[tokio::test]
async fn a_grant_applies_to_whatever_has_the_id() {
    let (server, root) = server_and_client().await;
    let grant = |streams: BTreeMap<usize, StreamPermissions>| Permissions {
        global: GlobalPermissions::default(),
        streams: Some(streams),
    };
    let read = StreamPermissions {
        read_stream: true,
        ..Default::default()
    };
    root.create_stream("a").await.unwrap();
    root.create_stream("b").await.unwrap();
    user(&root, "bob", Some(grant([(1, read.clone())].into()))).await;
    let bob = client_as(&server, "bob", "password").await;
    assert_eq!(code(bob.get_stream(&named("a")).await), 41);
    assert_eq!(code(bob.get_stream(&named("b")).await), 0);
    let before = server.access();
    root.delete_stream(&named("b")).await.unwrap();
    root.create_stream("other").await.unwrap();
    assert_eq!(code(bob.get_stream(&named("other")).await), 0);

    // The snapshot tells the one from the other, and asks the same rules.
    let after = server.access();
    assert_eq!(before.streams[&1].name, "b");
    assert_eq!(after.streams[&1].name, "other");
    assert!(before.streams[&1].created_at < after.streams[&1].created_at);
    assert_eq!(after.users[&1].name, "bob");
    assert!(after.may(1, Action::GetStream, Some(1), None));
    assert!(!after.may(1, Action::GetStream, Some(0), None));
    assert!(after.may(0, Action::DeleteUser, None, None));
    assert!(!after.may(7, Action::GetStream, Some(1), None));
    let bobs = after.users[&1].permissions.as_ref();
    assert!(may(bobs, Action::GetTopic, Some(1), Some(5)));

    // And it is over with the next request.
    root.update_permissions(&named("bob"), Some(grant([(0, read)].into())))
        .await
        .unwrap();
    assert_eq!(code(bob.get_stream(&named("other")).await), 41);
    assert_eq!(code(bob.get_stream(&named("a")).await), 0);
}

#[tokio::test]
async fn who_may_manage_users_may_raise_itself() {
    let (server, root) = server_and_client().await;
    let manager = Permissions {
        global: GlobalPermissions {
            manage_users: true,
            ..Default::default()
        },
        streams: None,
    };
    user(&root, "bob", Some(manager)).await;
    let bob = client_as(&server, "bob", "password").await;
    assert_eq!(code(bob.create_stream("s").await), 41);
    bob.update_permissions(&named("bob"), Some(Permissions::root()))
        .await
        .unwrap();
    bob.create_stream("s").await.unwrap();
}

#[tokio::test]
async fn every_write_leaves_a_moment() {
    let server = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .record_access()
        .start()
        .await
        .unwrap();
    let root = client_of(&server).await;
    root.create_stream("s").await.unwrap();
    assert_eq!(code(root.create_stream("s").await), 1012);
    server
        .faults()
        .set(FaultPlan::none().once(FaultKind::LostReply, FaultTarget::Writes, 1));
    let lost = root
        .create_user("bob", "password", UserStatus::Active, None)
        .await;
    assert_ne!(code(lost), 0);
    root.delete_stream(&named("s")).await.unwrap();
    let moments = server.access_moments();
    let seen: Vec<_> = moments
        .iter()
        .map(|moment| {
            (
                moment.command,
                moment.access.streams.len(),
                moment.access.users.len(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (codes::CREATE_STREAM_CODE, 1, 1),
            (codes::CREATE_USER_CODE, 1, 2),
            (codes::DELETE_STREAM_CODE, 0, 2),
        ]
    );
    assert!(server.access_moments().is_empty());
}
