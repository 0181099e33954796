use iggy::prelude::*;

use crate::support::{client_of, code, named, server_and_client};

#[tokio::test]
async fn a_ping_is_answered() {
    let (_server, client) = server_and_client().await;
    client.ping().await.unwrap();
}

#[tokio::test]
async fn stats_count_everything() {
    let (server, client) = server_and_client().await;
    client.create_stream("s").await.unwrap();
    let options = TopicCreateOptions {
        partitions_count: Some(4),
        ..Default::default()
    };
    client
        .create_topic(&named("s"), "t", &options)
        .await
        .unwrap();
    client
        .create_consumer_group(&named("s"), &named("t"), "g")
        .await
        .unwrap();
    server
        .testing()
        .set_partition_counters("s", "t", 1, 7, 700)
        .unwrap();
    let stats = client.get_stats().await.unwrap();
    assert_eq!(stats.process_id, std::process::id());
    assert_eq!((stats.streams_count, stats.topics_count), (1, 1));
    assert_eq!((stats.partitions_count, stats.segments_count), (4, 4));
    assert_eq!((stats.consumer_groups_count, stats.clients_count), (1, 1));
    assert_eq!(stats.messages_count, 7);
    assert_eq!(stats.messages_size_bytes.as_bytes_u64(), 700);
    assert!(stats.iggy_server_version.starts_with("0.9.0-iggyctl."));
}

#[tokio::test]
async fn clients_are_listed_while_they_are_connected() {
    let (server, client) = server_and_client().await;
    let other = client_of(&server).await;
    let me = client.get_me().await.unwrap();
    assert_eq!((me.user_id, me.transport.as_str()), (Some(0), "TCP"));
    let listed = client.get_clients().await.unwrap();
    assert_eq!(listed.len(), 2);
    let other_id = other.get_me().await.unwrap().client_id;
    assert_ne!(me.client_id, other_id);
    let seen = client.get_client(other_id).await.unwrap().unwrap();
    assert_eq!(seen.client_id, other_id);
    assert!(client.get_client(4711).await.unwrap().is_none());

    // Gone from the list, without a login on its connection.
    other.logout_user().await.unwrap();
    let seen = client.get_client(other_id).await.unwrap();
    assert!(seen.is_none_or(|client| client.user_id.is_none()));
}

#[tokio::test]
async fn the_cluster_has_exactly_one_node_where_the_client_is() {
    let (server, client) = server_and_client().await;
    let cluster = client.get_cluster_metadata().await.unwrap();
    assert_eq!(cluster.name, "single-node");
    assert_eq!(cluster.nodes.len(), 1);
    let node = &cluster.nodes[0];
    assert_eq!(
        (node.ip.as_str(), node.endpoints.tcp),
        ("127.0.0.1", server.address().port())
    );
    assert_eq!(node.role, ClusterNodeRole::Leader);
    assert_eq!(node.status, ClusterNodeStatus::Healthy);
}

#[tokio::test]
async fn the_catalogue_is_that_of_the_build() {
    let (_server, client) = server_and_client().await;
    let topic = client.describe_options(OptionsScope::Topic).await.unwrap();
    let keys: Vec<&str> = topic.iter().map(|spec| spec.key.as_str()).collect();
    assert_eq!(keys, iggy_common::TOPIC_OPTION_KEYS);
    let segment_size = &topic[3];
    assert_eq!(segment_size.kind, HeaderKind::Uint64);
    assert_eq!(segment_size.default_value, (1_u64 << 30).to_le_bytes());
    for scope in [OptionsScope::Stream, OptionsScope::User] {
        assert!(client.describe_options(scope).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn there_is_root_and_nobody_else() {
    let (_server, client) = server_and_client().await;
    let users = client.get_users().await.unwrap();
    assert_eq!(users.len(), 1);
    assert_eq!((users[0].id, users[0].username.as_str()), (0, "iggy"));
    assert_eq!(users[0].created_at.as_micros(), 1);
    let root = client.get_user(&named("iggy")).await.unwrap().unwrap();
    assert!(root.permissions.unwrap().global.manage_servers);
    assert!(client.get_user(&named("bob")).await.unwrap().is_none());
    assert!(
        client
            .get_personal_access_tokens()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let (_server, client) = server_and_client().await;
    client.create_stream("s").await.unwrap();
    let (s, t) = (named("s"), named("t"));
    assert_eq!(
        code(
            client
                .snapshot(SnapshotCompression::Deflated, vec![SystemSnapshotType::All])
                .await
        ),
        5
    );
    assert_eq!(code(client.flush_unsaved_buffer(&s, &t, 0, true).await), 5);
    // A code nobody knows, one that only several nodes need, and a write sent as
    // a read.
    for (unknown, expected) in [(4711, 3), (103, 5)] {
        let result = client
            .send_binary_request(unknown, bytes::Bytes::new())
            .await;
        assert_eq!(code(result), expected, "{unknown}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_command() {
    use iggy_binary_protocol::codes;
    let (server, client) = server_and_client().await;
    let log = server.requests();
    assert_eq!(log.count(codes::LOGIN_REGISTER_CODE), 1);
    log.reset();
    client.create_stream("s").await.unwrap();
    client.get_stream(&named("s")).await.unwrap();
    client.get_stream(&named("s")).await.unwrap();
    assert_eq!(log.count(codes::GET_STREAM_CODE), 2);
    assert_eq!(log.count(codes::CREATE_STREAM_CODE), 1);
    assert_eq!(log.counts().get(&codes::GET_TOPIC_CODE), None);
}

#[tokio::test]
async fn malformed_bodies_are_refused_but_where_the_real_server_shrugs() {
    use iggy_binary_protocol::codes;
    let (_server, client) = server_and_client().await;
    for (command, expected) in [
        (codes::GET_STREAM_CODE, 3),
        (codes::GET_TOPIC_CODE, 3),
        (codes::GET_CONSUMER_GROUPS_CODE, 3),
        (codes::CREATE_TOPIC_CODE, 3),
        (codes::UPDATE_STREAM_CODE, 3),
        (codes::CREATE_PARTITIONS_CODE, 3),
        (codes::DESCRIBE_OPTIONS_CODE, 3),
        (codes::GET_CLIENT_CODE, 0),
        (codes::SYNC_CONSUMER_GROUP_CODE, 0),
    ] {
        let result = client
            .send_binary_request(command, bytes::Bytes::from_static(&[9]))
            .await;
        assert_eq!(code(result), expected, "{command}");
    }
}
