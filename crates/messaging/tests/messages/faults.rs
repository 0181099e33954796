//! What happens to messages when things go wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use iggy::prelude::{Identifier, IggyMessage, PartitionClient};
use iggy_binary_protocol::codes::{GET_TOPIC_CODE, SEND_MESSAGES_CODE};
use iggyctl_embedded::{Fault, FaultKind, FaultPlan, FaultTarget};
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::connection::Backoff;
use iggyctl_messaging::{Compression, Encryption, MessagingError, Partitioning, Producer};

use crate::support::{
    bare_client, messages_in, quick_backoff, quick_retry, server, texts, to, with_topic,
};

const SENDS: FaultTarget = FaultTarget::Command(SEND_MESSAGES_CODE);

#[tokio::test]
async fn a_message_whose_reply_is_lost_is_there_with_one_id_and_the_same_bytes() {
    let server = server().await;
    let connection = with_topic(&server, 3).await;
    let encryption = Encryption::aes_256_gcm(&[3; 32]).unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .retry(quick_retry(3))
        .compression(Compression::Lz4)
        .encryption(encryption)
        .build(Raw)
        .unwrap();
    let lost = FaultPlan::none().once(FaultKind::LostReply, SENDS, 1);
    server.faults().set(lost);
    let confirmation = producer.send(Bytes::from(vec![5; 500])).await.unwrap();
    assert_eq!(confirmation.partition, 0);

    // Twice in the same partition: the server could not know that it was the same.
    let client = bare_client(&server).await;
    let messages = messages_in(&client, 0).await;
    assert_eq!(messages.len(), 2);
    assert_eq!(confirmation.offset, Some(1));
    let same = |message: &IggyMessage| {
        (
            message.header.id,
            message.header.origin_timestamp,
            message.payload.clone(),
            message.user_headers.clone(),
        )
    };
    assert_eq!(same(&messages[0]), same(&messages[1]));
    assert_eq!(messages[0].header.id, confirmation.id);
    assert!(messages_in(&client, 1).await.is_empty());
    let health = connection.health().await;
    assert!(health.connected && health.last_error.is_some());
}

#[tokio::test]
async fn a_message_that_never_arrived_is_there_once() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .retry(quick_retry(5))
        .build(Raw)
        .unwrap();
    // Also while it asks how many partitions there are.
    let plan = FaultPlan::none()
        .once(
            FaultKind::Disconnect,
            FaultTarget::Command(GET_TOPIC_CODE),
            1,
        )
        .with(Fault {
            kind: FaultKind::Disconnect,
            target: SENDS,
            at: 1,
            times: 2,
        })
        .once(FaultKind::TransientNotCommitted, SENDS, 3);
    server.faults().set(plan);
    let confirmation = producer.send(Bytes::from("m")).await.unwrap();
    assert_eq!(confirmation.offset, Some(0));
    let client = bare_client(&server).await;
    assert_eq!(texts(&messages_in(&client, 0).await), ["m"]);
}

#[tokio::test]
async fn retries_end_and_the_next_message_begins_anew() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .retry(quick_retry(2))
        .build(Raw)
        .unwrap();
    let always = FaultPlan::none().always(FaultKind::Disconnect, SENDS);
    server.faults().set(always);
    let error = producer.send(Bytes::from("m")).await.unwrap_err();
    let MessagingError::GaveUp { attempts: 3, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(server.requests().count(SEND_MESSAGES_CODE), 3);
    server.faults().clear();
    producer.send(Bytes::from("n")).await.unwrap();
    let client = bare_client(&server).await;
    assert_eq!(texts(&messages_in(&client, 0).await), ["n"]);
}

#[tokio::test]
async fn the_next_server_of_the_list_is_used_when_the_first_goes_away() {
    let (first, second) = (server().await, server().await);
    with_topic(&second, 2).await;
    with_topic(&first, 2).await;
    let connection = to(&[&first.connection_string(), &second.connection_string()])
        .build()
        .unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .retry(quick_retry(10))
        .partitioning(Partitioning::key(|_| "key"))
        .build(Raw)
        .unwrap();
    let before = producer.send(Bytes::from("before")).await.unwrap();
    let client = bare_client(&first).await;
    assert_eq!(messages_in(&client, before.partition).await.len(), 1);
    first.shutdown().await;
    let after = producer.send(Bytes::from("after")).await.unwrap();
    assert_eq!(after.partition, before.partition);
    let client = bare_client(&second).await;
    assert_eq!(
        texts(&messages_in(&client, after.partition).await),
        ["after"]
    );
}

#[tokio::test]
async fn keys_of_a_partition_that_was_taken_away_go_to_another() {
    let server = server().await;
    let connection = with_topic(&server, 5).await;
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .retry(quick_retry(3))
        .partitioning(Partitioning::key(|payload: &Bytes| payload.clone()))
        .build(Raw)
        .unwrap();
    let keys: Vec<Bytes> = (0..30)
        .map(|number| Bytes::from(format!("key-{number}")))
        .collect();
    let send_all = async || {
        let mut partitions = BTreeMap::new();
        let deliveries = producer.enqueue_all(keys.iter().cloned()).await.unwrap();
        for (key, delivery) in keys.iter().zip(deliveries) {
            partitions.insert(key.clone(), delivery.await.unwrap().partition);
        }
        partitions
    };
    let before = send_all().await;
    assert!(before.values().any(|partition| *partition == 4));

    let client = bare_client(&server).await;
    let (stream, topic) = (
        Identifier::named("stream").unwrap(),
        Identifier::named("topic").unwrap(),
    );
    client.delete_partitions(&stream, &topic, 3).await.unwrap();
    let after = send_all().await;
    assert!(after.values().all(|partition| *partition < 2), "{after:?}");

    let pinned = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .partitioning(Partitioning::Partition(4))
        .build(Raw)
        .unwrap();
    let error = pinned.send(Bytes::from("m")).await.unwrap_err();
    assert!(
        matches!(error, MessagingError::Refused { code: 20, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever_for_a_server_that_is_away() {
    let server = server().await;
    with_topic(&server, 1).await;
    let connection = to(&[&server.connection_string()])
        .shutdown_timeout(Duration::from_millis(100))
        .backoff(Backoff {
            give_up_after: None,
            ..quick_backoff()
        })
        .build()
        .unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .build(Raw)
        .unwrap();
    producer.send(Bytes::from("before")).await.unwrap();
    server.shutdown().await;
    let delivery = producer.enqueue(Bytes::from("after")).await.unwrap();
    connection.shutdown().await;
    let ended = delivery.await;
    assert!(matches!(ended, Err(MessagingError::Closed)), "{ended:?}");
}
