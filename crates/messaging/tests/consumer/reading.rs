//! Where consumers begin, what they store, and when they end.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use iggyctl_messaging::codec::{Json, Raw};
use iggyctl_messaging::{
    CONTENT_TYPE, Commit, Compression, Consumer, Encryption, Headers, MessagingError, Outgoing,
    Producer, Start,
};

use crate::support::{
    connect, ensure, member, next, plain, send, server, stored, take, with_topic,
};

#[tokio::test]
async fn all_partitions_are_read_each_in_its_order_and_offsets_resume() {
    let (server, connection) = with_topic(3).await;
    for partition in 0..3 {
        send(
            &connection,
            partition,
            (0..40).map(|it| partition * 100 + it),
        )
        .await;
    }
    let mut consumer = plain(&connection).batch_length(7).build(Json).unwrap();
    let numbers = take(&mut consumer, 90).await;
    for partition in 0..3 {
        let its: Vec<u32> = numbers
            .iter()
            .copied()
            .filter(|number| number / 100 == partition)
            .collect();
        let expected: Vec<u32> = (0..)
            .map(|it| partition * 100 + it)
            .take(its.len())
            .collect();
        assert_eq!(its, expected);
    }
    connection.shutdown().await;
    assert!(consumer.next().await.is_none());
    assert!(consumer.next().await.is_none());
    assert!(matches!(
        consumer.commit().await,
        Err(MessagingError::Closed)
    ));

    let connection = connect(&server.connection_string());
    let mut consumer = plain(&connection).build(Json).unwrap();
    let mut all = numbers;
    all.extend(take(&mut consumer, 30).await);
    all.sort_unstable();
    let expected: Vec<u32> = (0..3)
        .flat_map(|p| (0..40).map(move |it| p * 100 + it))
        .collect();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn only_what_is_acknowledged_in_order_is_stored() {
    let (server, connection) = with_topic(1).await;
    let address = server.connection_string();
    send(&connection, 0, 0..10).await;
    let mut consumer = plain(&connection).build(Json).unwrap();
    let mut held = None;
    for number in 0..10 {
        let message = next(&mut consumer).await;
        assert_eq!(
            (message.payload, message.offset),
            (number, u64::from(number))
        );
        match number {
            5 => held = Some(message),
            _ => message.ack(),
        }
    }
    consumer.commit().await.unwrap();
    assert_eq!(stored(&address, 0).await, Some(4));
    let (payload, acknowledgement) = held.unwrap().into_parts();
    assert_eq!(payload, 5);
    acknowledgement.ack();
    consumer.commit().await.unwrap();
    assert_eq!(stored(&address, 0).await, Some(9));
}

#[tokio::test]
async fn no_more_than_a_batch_is_in_hand() {
    let (_server, connection) = with_topic(2).await;
    send(&connection, 0, 0..20).await;
    send(&connection, 1, 20..40).await;
    let mut consumer = plain(&connection).batch_length(6).build(Json).unwrap();
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(next(&mut consumer).await);
    }
    let more = tokio::time::timeout(Duration::from_millis(200), consumer.next()).await;
    assert!(more.is_err());
    held.into_iter().for_each(iggyctl_messaging::Message::ack);
    assert_eq!(take(&mut consumer, 34).await.len(), 34);
}

#[tokio::test]
async fn it_begins_where_it_is_told() {
    let (_server, connection) = with_topic(1).await;
    send(&connection, 0, 0..5).await;
    let mut consumer = plain(&connection)
        .start(Start::Offset(3))
        .build(Json)
        .unwrap();
    let third = next(&mut consumer).await;
    assert_eq!(third.payload, 3);
    let time = third.timestamp;
    third.ack();
    consumer.shutdown().await;

    send(&connection, 0, 5..8).await;
    for (start, expected) in [
        (Start::Next, 4),
        (Start::First, 0),
        (Start::Last, 7),
        (Start::Timestamp(time + 1), 5),
    ] {
        let mut consumer = plain(&connection)
            .start(start)
            .commit(Commit::Never)
            .build(Json)
            .unwrap();
        let count = 8 - expected as usize;
        let numbers = take(&mut consumer, count).await;
        assert_eq!(numbers, (expected..8).collect::<Vec<_>>(), "{start:?}");
        consumer.shutdown().await;
    }
    // In a group a stored offset wins.
    let mut first = member(&connection).start(Start::Last).build(Json).unwrap();
    assert_eq!(take(&mut first, 1).await, [7]);
    first.shutdown().await;
    send(&connection, 0, 8..10).await;
    let mut second = member(&connection).start(Start::First).build(Json).unwrap();
    assert_eq!(take(&mut second, 2).await, [8, 9]);
}

#[tokio::test]
async fn the_ways_to_commit() {
    for (commit, expected) in [
        (Commit::Manual, None),
        // The third is still in hand.
        (Commit::Handled, Some(1)),
        (Commit::Delivered, Some(2)),
        (Commit::Polled, Some(9)),
        (Commit::Never, None),
    ] {
        let (server, connection) = with_topic(1).await;
        send(&connection, 0, 0..10).await;
        let mut consumer = plain(&connection)
            .commit(commit)
            .drain_timeout(Duration::from_millis(10))
            .build(Json)
            .unwrap();
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(next(&mut consumer).await);
        }
        consumer.shutdown().await;
        let stored = stored(&server.connection_string(), 0).await;
        assert_eq!(stored, expected, "{commit:?}");
    }
}

#[tokio::test]
async fn a_topic_that_is_not_there_yet_is_waited_for() {
    for is_group in [false, true] {
        let server = server().await;
        let connection = connect(&server.connection_string());
        let mut consumer = match is_group {
            true => member(&connection).start(Start::Last).build(Json).unwrap(),
            false => plain(&connection).start(Start::Last).build(Json).unwrap(),
        };
        let early = tokio::time::timeout(Duration::from_millis(150), consumer.next()).await;
        assert!(early.is_err());
        ensure(&connection, "topic", 1).await;
        send(&connection, 0, 0..3).await;
        // All came after the consumer.
        assert_eq!(take(&mut consumer, 3).await, [0, 1, 2]);
    }
}

#[tokio::test]
async fn a_consumer_of_a_closed_connection_ends() {
    let (_server, connection) = with_topic(1).await;
    connection.shutdown().await;
    for mut consumer in [
        plain(&connection).build(Json).unwrap(),
        member(&connection).build(Json).unwrap(),
    ] {
        let end = tokio::time::timeout(crate::support::LIMIT, consumer.next()).await;
        assert!(end.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_shutdown_waits_for_what_is_in_hand() {
    let (server, connection) = with_topic(1).await;
    send(&connection, 0, 0..3).await;
    let mut consumer = plain(&connection).build(Json).unwrap();
    let message = next(&mut consumer).await;
    let closing = tokio::spawn({
        let connection = connection.clone();
        async move { connection.shutdown().await }
    });
    connection.closing().await;
    assert!(consumer.next().await.is_none());
    message.ack();
    closing.await.unwrap();
    assert_eq!(stored(&server.connection_string(), 0).await, Some(0));
}

#[tokio::test]
async fn what_a_producer_made_of_a_value_is_undone() {
    let (_server, connection) = with_topic(2).await;
    let encryption = Encryption::aes_256_gcm(&[7; 32]).unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .compression(Compression::Lz4)
        .encryption(encryption.clone())
        .build(Raw)
        .unwrap();
    let payload = Bytes::from("again, ".repeat(100));
    let sent = Outgoing::new(payload.clone())
        .headers(Headers::new().with("tenant", "acme").unwrap())
        .partition(1);
    let confirmation = producer.send(sent).await.unwrap();
    let mut consumer = Consumer::<Bytes>::plain(&connection, "reader", "stream", "topic")
        .encryption(encryption)
        .build(Raw)
        .unwrap();
    let message = StreamExt::next(&mut consumer).await.unwrap().unwrap();
    assert_eq!(message.payload, payload);
    assert_eq!(message.headers.text("tenant"), Some("acme"));
    assert_eq!(
        message.headers.text(CONTENT_TYPE),
        Some("application/octet-stream")
    );
    assert_eq!((message.id, message.partition), (confirmation.id, 1));
    assert!(message.timestamp >= message.origin_timestamp && message.origin_timestamp > 0);
    message.ack();
}

#[tokio::test]
async fn partitions_that_are_added_are_read() {
    let (_server, connection) = with_topic(1).await;
    send(&connection, 0, [0]).await;
    let mut consumer = member(&connection).build(Json).unwrap();
    assert_eq!(take(&mut consumer, 1).await, [0]);
    ensure(&connection, "topic", 4).await;
    send(&connection, 3, [3]).await;
    assert_eq!(take(&mut consumer, 1).await, [3]);
}

#[tokio::test]
async fn what_was_there_is_read_to_its_end_and_not_further() {
    let (server, connection) = with_topic(3).await;
    for partition in [0, 2] {
        send(&connection, partition, 0..25).await;
    }
    for commit in [Commit::Never, Commit::Manual, Commit::Handled] {
        let mut reader = plain(&connection)
            .start(Start::First)
            .batch_length(10)
            .commit(commit)
            .until_end()
            .build(Json)
            .unwrap();
        assert_eq!(take(&mut reader, 50).await.len(), 50);
        let end = tokio::time::timeout(Duration::from_secs(10), reader.next()).await;
        assert!(end.unwrap().is_none(), "{commit:?}");
    }
    assert_eq!(stored(&server.connection_string(), 2).await, Some(24));

    // A group goes on behind what is stored, and a message that comes back is waited for.
    let mut member = member(&connection).until_end().build(Json).unwrap();
    next(&mut member).await.nack("not yet");
    let numbers = take(&mut member, 50).await;
    assert_eq!(numbers.len(), 50);
    assert!(member.next().await.is_none());
}

#[tokio::test]
async fn without_a_topic_reading_to_the_end_is_an_error() {
    let server = server().await;
    let connection = connect(&server.connection_string());
    let mut reader = plain(&connection).until_end().build(Json).unwrap();
    assert!(matches!(
        reader.next().await,
        Some(Err(MessagingError::NoTopic { .. }))
    ));
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_not_passed_over_when_that_is_wanted() {
    let (server, connection) = with_topic(1).await;
    send(&connection, 0, [7]).await;
    let key = Encryption::aes_256_gcm(&[7; 32]).unwrap();
    let mut reader = plain(&connection)
        .encryption(key)
        .report_unreadable()
        .build(Json)
        .unwrap();
    let error = reader.next().await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            MessagingError::Unreadable {
                partition: 0,
                offset: 0,
                ..
            }
        ),
        "{error}"
    );
    reader.shutdown().await;
    assert_eq!(stored(&server.connection_string(), 0).await, None);
    let mut reader = plain(&connection).build(Json).unwrap();
    assert_eq!(take(&mut reader, 1).await, [7]);
}

#[tokio::test]
async fn connecting_at_once_does_not_wait_for_a_server_that_is_not_there() {
    let (server, connection) = with_topic(4).await;
    connection.connect().await.unwrap();
    assert_eq!(connection.partitions("stream", "topic").await.unwrap(), 4);
    assert!(matches!(
        connection.partitions("stream", "other").await,
        Err(MessagingError::NoTopic { .. })
    ));
    let address = server.connection_string();
    server.shutdown().await;
    // By default it would be looked for for a minute.
    let connection = iggyctl_messaging::Connection::open(&address).unwrap();
    let tried = tokio::time::timeout(Duration::from_secs(20), connection.connect()).await;
    assert!(matches!(
        tried.unwrap(),
        Err(MessagingError::Connect { attempts: 1, .. })
    ));
}
