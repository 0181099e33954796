//! What consumers get when things go wrong.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use iggy_binary_protocol::codes::{
    GET_CONSUMER_OFFSET_CODE, GET_TOPIC_CODE, JOIN_CONSUMER_GROUP_CODE, POLL_MESSAGES_CODE,
    STORE_CONSUMER_OFFSET_CODE, SYNC_CONSUMER_GROUP_CODE,
};
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};
use iggyctl_messaging::codec::Json;

use crate::support::{
    connect, ensure, member, next, plain, send, stored, stored_of_group, take, with_topic,
};

#[tokio::test]
async fn a_lost_reply_loses_and_repeats_nothing() {
    for is_group in [false, true] {
        let (server, connection) = with_topic(2).await;
        let address = server.connection_string();
        send(&connection, 0, 0..50).await;
        send(&connection, 1, 100..150).await;
        let mut plan = FaultPlan::none();
        for (code, at) in [
            (GET_TOPIC_CODE, 1),
            (GET_CONSUMER_OFFSET_CODE, 2),
            (JOIN_CONSUMER_GROUP_CODE, 1),
            (SYNC_CONSUMER_GROUP_CODE, 2),
            (POLL_MESSAGES_CODE, 1),
            (POLL_MESSAGES_CODE, 4),
            (STORE_CONSUMER_OFFSET_CODE, 1),
            (STORE_CONSUMER_OFFSET_CODE, 3),
        ] {
            plan = plan.once(FaultKind::LostReply, FaultTarget::Command(code), at);
        }
        plan = plan.once(
            FaultKind::Disconnect,
            FaultTarget::Command(POLL_MESSAGES_CODE),
            6,
        );
        server.faults().set(plan);
        let mut consumer = match is_group {
            true => member(&connection).batch_length(10).build(Json).unwrap(),
            false => plain(&connection).batch_length(10).build(Json).unwrap(),
        };
        let mut numbers = Vec::new();
        for round in 0..10 {
            numbers.extend(take(&mut consumer, 10).await);
            if round % 2 == 0 {
                consumer.commit().await.unwrap();
            }
        }
        consumer.commit().await.unwrap();
        let distinct: BTreeSet<u32> = numbers.iter().copied().collect();
        assert_eq!(distinct.len(), 100, "{numbers:?}");
        // Nobody else had the partitions, so nothing came twice, either.
        assert_eq!(numbers.len(), 100);
        for partition in 0..2 {
            let stored = match is_group {
                true => stored_of_group(&address, partition).await,
                false => stored(&address, partition).await,
            };
            assert_eq!(stored, Some(49));
        }
    }
}

async fn start(folder: &std::path::Path, address: Option<SocketAddr>) -> EmbeddedServer {
    let builder = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .data_dir(folder);
    match address {
        Some(address) => builder.listen(address).start().await.unwrap(),
        None => builder.start().await.unwrap(),
    }
}

#[tokio::test]
async fn a_consumer_goes_on_when_the_server_was_restarted() {
    for is_group in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path(), None).await;
        let address = server.address();
        let connection = connect(&server.connection_string());
        ensure(&connection, "topic", 2).await;
        send(&connection, 0, 0..20).await;
        let mut consumer = match is_group {
            true => member(&connection).build(Json).unwrap(),
            false => plain(&connection).build(Json).unwrap(),
        };
        assert_eq!(take(&mut consumer, 10).await, (0..10).collect::<Vec<_>>());
        let in_hand = next(&mut consumer).await;
        consumer.commit().await.unwrap();
        server.shutdown().await;
        let server = start(folder.path(), Some(address)).await;
        send(&connection, 1, 100..110).await;
        in_hand.ack();
        let mut numbers = take(&mut consumer, 19).await;
        numbers.sort_unstable();
        let expected: Vec<u32> = (11..20).chain(100..110).collect();
        assert_eq!(numbers, expected);
        connection.shutdown().await;

        // And another one where it stopped.
        let connection = connect(&server.connection_string());
        send(&connection, 0, [20]).await;
        let mut other = match is_group {
            true => member(&connection).build(Json).unwrap(),
            false => plain(&connection).build(Json).unwrap(),
        };
        assert_eq!(take(&mut other, 1).await, [20]);
        connection.shutdown().await;
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_topic_that_is_made_anew_is_read_from_its_beginning() {
    use iggy::prelude::TopicClient;
    for is_group in [false, true] {
        let (server, connection) = with_topic(1).await;
        send(&connection, 0, 0..5).await;
        let mut consumer = match is_group {
            true => member(&connection).build(Json).unwrap(),
            false => plain(&connection).build(Json).unwrap(),
        };
        take(&mut consumer, 5).await;
        consumer.commit().await.unwrap();
        let client = crate::support::bare_client(&server.connection_string()).await;
        let (stream, topic) = (
            crate::support::name("stream"),
            crate::support::name("topic"),
        );
        client.delete_topic(&stream, &topic).await.unwrap();
        // Until it has seen that the topic is gone; otherwise it would be the same one.
        server.requests().reset();
        while server.requests().count(GET_TOPIC_CODE)
            + server.requests().count(JOIN_CONSUMER_GROUP_CODE)
            == 0
        {
            tokio::task::yield_now().await;
        }
        ensure(&connection, "topic", 1).await;
        send(&connection, 0, 10..12).await;
        assert_eq!(take(&mut consumer, 2).await, [10, 11]);
    }
}
