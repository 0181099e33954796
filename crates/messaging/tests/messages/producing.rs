use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use iggy::prelude::{
    Identifier, IggyClient, IggyMessage, MessageClient, Partitioning as SdkPartitioning,
};
use iggy_binary_protocol::codes::SEND_MESSAGES_CODE;
use iggyctl_messaging::codec::{Json, Raw};
use iggyctl_messaging::{
    CONTENT_TYPE, Compression, Connection, Headers, MessagingError, Outgoing, Partitioning,
    Producer, ProducerBuilder,
};

use crate::support::{bare_client, messages_in, server, texts, to, with_topic};

fn raw(connection: &Connection) -> ProducerBuilder<Bytes> {
    Producer::builder(connection, "stream", "topic")
}

#[tokio::test]
async fn a_message_arrives_with_what_belongs_to_it() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = Producer::<String>::builder(&connection, "stream", "topic")
        .build(Json)
        .unwrap();
    let headers = Headers::new()
        .with("tenant", "acme")
        .unwrap()
        .with_value("attempt", 3_u32)
        .unwrap();
    let first = producer.send("one".to_owned()).await.unwrap();
    let second = Outgoing::new("two".to_owned()).headers(headers).id(77);
    let second = producer.send(second).await.unwrap();
    assert_eq!((first.partition, first.offset), (0, Some(0)));
    assert_eq!((second.id, second.offset), (77, Some(1)));

    let client = bare_client(&server).await;
    let messages = messages_in(&client, 0).await;
    assert_eq!(texts(&messages), ["\"one\"", "\"two\""]);
    assert_eq!(messages[0].header.id, first.id);
    assert_eq!(messages[1].header.id, 77);
    let first = Headers::from(messages[0].user_headers_map().unwrap().unwrap());
    assert_eq!(first.text(CONTENT_TYPE), Some("application/json"));
    assert_eq!(first.len(), 1);
    let second = Headers::from(messages[1].user_headers_map().unwrap().unwrap());
    assert_eq!(second.text(CONTENT_TYPE), Some("application/json"));
    assert_eq!(second.text("tenant"), Some("acme"));
    assert_eq!(second.get("attempt").unwrap().as_uint32(), Ok(3));
}

#[tokio::test]
async fn balanced_batches_take_turns_and_pinned_ones_stay() {
    let server = server().await;
    let connection = with_topic(&server, 3).await;
    let balanced = raw(&connection).build(Raw).unwrap();
    let mut partitions = Vec::new();
    for _ in 0..6 {
        partitions.push(balanced.send(Bytes::from("m")).await.unwrap().partition);
    }
    assert_eq!(partitions, [0, 1, 2, 0, 1, 2]);

    let pinned = raw(&connection)
        .partitioning(Partitioning::Partition(2))
        .build(Raw)
        .unwrap();
    for _ in 0..3 {
        assert_eq!(pinned.send(Bytes::from("m")).await.unwrap().partition, 2);
    }
    let elsewhere = Outgoing::new(Bytes::from("m")).partition(1);
    assert_eq!(pinned.send(elsewhere).await.unwrap().partition, 1);
}

async fn bare_send(client: &IggyClient, partitioning: &SdkPartitioning, text: &str) -> u32 {
    let sent = client
        .send_messages(
            &Identifier::named("stream").unwrap(),
            &Identifier::named("topic").unwrap(),
            partitioning,
            &mut [IggyMessage::from(text)],
        )
        .await
        .unwrap();
    sent.confirmations[0].partition_id
}

#[tokio::test]
async fn a_key_goes_where_the_bare_sdk_sends_it() {
    let server = server().await;
    let connection = with_topic(&server, 7).await;
    let producer = raw(&connection)
        .partitioning(Partitioning::key(|payload: &Bytes| payload.clone()))
        .build(Raw)
        .unwrap();
    let client = bare_client(&server).await;
    let mut seen = BTreeSet::new();
    let keys: Vec<String> = (0..40).map(|number| format!("key-{number}")).collect();
    let ours = producer
        .enqueue_all(keys.iter().map(|key| Bytes::from(key.clone())))
        .await
        .unwrap();
    for (key, ours) in keys.iter().zip(join_all(ours).await) {
        let theirs = SdkPartitioning::messages_key_str(key).unwrap();
        let theirs = bare_send(&client, &theirs, key).await;
        assert_eq!(ours.unwrap().partition, theirs, "{key}");
        seen.insert(theirs);
    }
    assert_eq!(seen.len(), 7, "the keys are no test of all partitions");

    let by_key = Outgoing::new(Bytes::from("other")).key("key-0");
    let theirs = SdkPartitioning::messages_key_str("key-0").unwrap();
    let theirs = bare_send(&client, &theirs, "again").await;
    assert_eq!(producer.send(by_key).await.unwrap().partition, theirs);
}

#[tokio::test]
async fn many_go_together_and_each_is_told_its_offset() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = raw(&connection).batch_messages(100).build(Raw).unwrap();
    let payloads = (0..1000).map(|number| Bytes::from(number.to_string()));
    let deliveries = producer.enqueue_all(payloads).await.unwrap();
    for (delivery, expected) in deliveries.into_iter().zip(0..) {
        assert_eq!(delivery.await.unwrap().offset, Some(expected));
    }
    assert_eq!(server.requests().count(SEND_MESSAGES_CODE), 10);
    let client = bare_client(&server).await;
    let expected: Vec<String> = (0..1000).map(|number: u32| number.to_string()).collect();
    assert_eq!(texts(&messages_in(&client, 0).await), expected);
}

#[tokio::test]
async fn a_batch_has_a_limit_in_bytes() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = raw(&connection).batch_bytes(10_000).build(Raw).unwrap();
    // One that is bigger than a batch goes alone.
    let sizes = [3000, 3000, 3000, 3000, 50_000, 3000];
    let payloads = sizes.map(|size| Bytes::from(vec![1; size]));
    for delivery in producer.enqueue_all(payloads).await.unwrap() {
        delivery.await.unwrap();
    }
    assert_eq!(server.requests().count(SEND_MESSAGES_CODE), 4);
}

#[tokio::test]
async fn lingering_gathers_what_comes_one_by_one() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = raw(&connection)
        .linger(Duration::from_secs(60))
        .batch_messages(5)
        .build(Raw)
        .unwrap();
    let mut deliveries = Vec::new();
    for _ in 0..5 {
        deliveries.push(producer.enqueue(Bytes::from("m")).await.unwrap());
    }
    // Full, so it does not wait for a minute.
    for delivery in join_all(deliveries).await {
        delivery.unwrap();
    }
    assert_eq!(server.requests().count(SEND_MESSAGES_CODE), 1);
    let waits = producer.enqueue(Bytes::from("m")).await.unwrap();
    producer.flush().await;
    waits.await.unwrap();
    assert_eq!(server.requests().count(SEND_MESSAGES_CODE), 2);
    assert_eq!(producer.buffered_bytes(), 0);
}

#[tokio::test]
async fn nothing_that_was_taken_in_is_lost_at_a_shutdown() {
    let server = server().await;
    let connection = with_topic(&server, 2).await;
    let producer = raw(&connection)
        .linger(Duration::from_secs(60))
        .build(Raw)
        .unwrap();
    let payloads = (0..2500).map(|number| Bytes::from(number.to_string()));
    // Nobody waits for these.
    drop(producer.enqueue_all(payloads).await.unwrap());
    connection.shutdown().await;
    let client = bare_client(&server).await;
    let there = messages_in(&client, 0).await.len() + messages_in(&client, 1).await.len();
    assert_eq!(there, 2500);
    let late = producer.enqueue(Bytes::from("late")).await;
    assert!(matches!(late, Err(MessagingError::Closed)));
    producer.shutdown().await;
}

#[tokio::test]
async fn a_dropped_producer_still_sends() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = raw(&connection).build(Raw).unwrap();
    let delivery = producer.enqueue(Bytes::from("last words")).await.unwrap();
    drop(producer);
    assert_eq!(delivery.await.unwrap().offset, Some(0));
}

#[tokio::test]
async fn producers_share_one_connection() {
    let server = server().await;
    let connection = to(&[&server.connection_string()]).build().unwrap();
    let manifest = iggyctl_messaging::Manifest::topic("stream", "topic", 1).unwrap();
    connection.ensure(&manifest).await.unwrap();
    let before = server.testing().connections();
    let producers: Vec<_> = (0..5)
        .map(|_| raw(&connection).build(Raw).unwrap())
        .collect();
    let sent = join_all(producers.iter().map(|it| it.send(Bytes::from("m")))).await;
    assert!(sent.iter().all(Result::is_ok));
    assert!(server.testing().connections() <= before, "one for all");
}

#[tokio::test]
async fn a_name_of_digits_is_a_name() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let session = connection.session().await.unwrap();
    use iggy::prelude::{StreamClient, TopicClient};
    // The manifest refuses such names; another tool may have made them.
    session.client().create_stream("7").await.unwrap();
    session
        .client()
        .create_topic(
            &Identifier::named("7").unwrap(),
            "8",
            &iggy::prelude::TopicCreateOptions {
                partitions_count: Some(1),
                ..Default::default()
            },
        )
        .await
        .unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "7", "8")
        .build(Raw)
        .unwrap();
    assert_eq!(
        producer.send(Bytes::from("m")).await.unwrap().offset,
        Some(0)
    );
}

#[tokio::test]
async fn compressed_as_the_official_sample_does_it() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = raw(&connection)
        .compression(Compression::Lz4)
        .build(Raw)
        .unwrap();
    let long = "a line of a log, ".repeat(50);
    producer.send(Bytes::from(long.clone())).await.unwrap();
    producer.send(Bytes::from("short")).await.unwrap();

    let client = bare_client(&server).await;
    let messages = messages_in(&client, 0).await;
    let headers = Headers::from(messages[0].user_headers_map().unwrap().unwrap());
    assert_eq!(headers.text("iggy-compression"), Some("lz4"));
    assert!(messages[0].payload.len() < long.len() / 4);
    // What the sample's consumer does.
    let mut decompressed = String::new();
    std::io::Read::read_to_string(
        &mut lz4_flex::frame::FrameDecoder::new(messages[0].payload.as_ref()),
        &mut decompressed,
    )
    .unwrap();
    assert_eq!(decompressed, long);
    let headers = Headers::from(messages[1].user_headers_map().unwrap().unwrap());
    assert_eq!(headers.text("iggy-compression"), None);
    assert_eq!(messages[1].payload.as_ref(), b"short");
}
