use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use iggy::prelude::*;
use iggy_binary_protocol::batch::{BATCH_HEADER_SIZE, BATCH_MESSAGE_HEADER_SIZE};
use iggy_binary_protocol::requests::messages::{RawMessage, SendMessagesEncoder};
use iggy_binary_protocol::responses::messages::SendMessagesResponse;
use iggy_binary_protocol::{WireDecode, WireIdentifier, WirePartitioning, codes};

use crate::support::{
    client_of, code, named, partitions, polled, send, server_and_client, texts, topic,
};

#[tokio::test]
async fn producer_and_consumers_of_the_sdk_work_together() {
    let (server, client) = server_and_client().await;
    let producer = client
        .producer("s", "t")
        .unwrap()
        .create_topic_if_not_exists(3, IggyExpiry::NeverExpire, MaxTopicSize::Unlimited)
        .partitioning(Partitioning::messages_key_str("order-17").unwrap())
        .build();
    producer.init().await.unwrap();
    for first in (0..30).step_by(10) {
        let messages = (first..first + 10)
            .map(|number: u128| {
                IggyMessage::builder()
                    .id(number + 1)
                    .payload(Bytes::from(number.to_string()))
                    .user_headers(BTreeMap::from([(
                        HeaderKey::from_str("number").unwrap(),
                        HeaderValue::from(u32::try_from(number).unwrap()),
                    )]))
                    .build()
                    .unwrap()
            })
            .collect();
        producer.send(messages).await.unwrap();
    }
    let other = client_of(&server).await;
    let mut consumer = other
        .consumer_group("workers", "s", "t")
        .unwrap()
        .create_consumer_group_if_not_exists()
        .auto_join_consumer_group()
        .polling_strategy(PollingStrategy::next())
        .auto_commit(AutoCommit::When(AutoCommitWhen::ConsumingEachMessage))
        .batch_length(7)
        .without_poll_interval()
        .build();
    consumer.init().await.unwrap();
    for number in 0..30_u128 {
        let received = consumer.next().await.unwrap().unwrap();
        let message = &received.message;
        assert_eq!(message.payload, number.to_string());
        assert_eq!(message.header.id, number + 1);
        assert_eq!(message.header.offset, u64::try_from(number).unwrap());
        let headers = message.user_headers_map().unwrap().unwrap();
        let header = &headers[&HeaderKey::from_str("number").unwrap()];
        assert_eq!(header.as_uint32().unwrap(), u32::try_from(number).unwrap());
    }
    consumer.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_server_chooses_the_partition_of_a_key_as_the_sdk_does() {
    let (_server, client) = server_and_client().await;
    topic(&client, &partitions(7)).await;
    let mut used = BTreeSet::new();
    for number in 0..40 {
        let key = format!("key-{number}");
        let mut message = [IggyMessage::from_str("m").unwrap()];
        let by_sdk = client
            .send_messages(
                &named("s"),
                &named("t"),
                &Partitioning::messages_key_str(&key).unwrap(),
                &mut message,
            )
            .await
            .unwrap();
        let by_server = send_raw(
            &client,
            WirePartitioning::MessagesKey(key.into_bytes()),
            |_| {},
        )
        .await
        .unwrap();
        let chosen = by_server.confirmations[0].partition_id;
        assert_eq!(by_sdk.confirmations[0].partition_id, chosen);
        used.insert(chosen);
    }
    assert_eq!(used.len(), 7);
}

/// Sends one message, after something was done to the bytes of its batch.
async fn send_raw(
    client: &IggyClient,
    partitioning: WirePartitioning,
    damage: impl FnOnce(&mut Vec<u8>),
) -> Result<SendMessagesResponse, IggyError> {
    let message = RawMessage {
        id: 1,
        origin_timestamp: 1,
        headers: None,
        payload: b"payload",
    };
    let (s, t) = (
        WireIdentifier::named("s").unwrap(),
        WireIdentifier::named("t").unwrap(),
    );
    let mut body = BytesMut::new();
    SendMessagesEncoder::encode(&mut body, &s, &t, &partitioning, &[message]).unwrap();
    let metadata = u32::from_le_bytes(body[..4].try_into().unwrap()) as usize;
    let mut batch = body.split_off(4 + metadata).to_vec();
    damage(&mut batch);
    body.extend_from_slice(&batch);
    let reply = client
        .send_binary_request(codes::SEND_MESSAGES_CODE, body.freeze())
        .await?;
    Ok(SendMessagesResponse::decode_from(&reply).unwrap())
}

#[tokio::test]
async fn a_batch_that_does_not_hold_is_refused() {
    let (_server, client) = server_and_client().await;
    topic(&client, &partitions(1)).await;
    let payload = BATCH_HEADER_SIZE + BATCH_MESSAGE_HEADER_SIZE;
    let to = || WirePartitioning::PartitionId(0);
    let result = send_raw(&client, to(), |batch| batch[payload] ^= 1).await;
    assert_eq!(code(result), 4027);
    let result = send_raw(&client, to(), |batch| batch[40] ^= 1).await;
    assert_eq!(code(result), 4039);
    for cut in [1, payload, 300] {
        let result = send_raw(&client, to(), |batch| batch.truncate(batch.len() - cut)).await;
        assert_eq!(code(result), 3, "{cut}");
    }
    let result = send_raw(&client, to(), |batch| batch.push(0)).await;
    assert_eq!(code(result), 3);
    let result = send_raw(&client, to(), Vec::clear).await;
    assert_eq!(code(result), 3);
    // Nothing of it arrived, and the connection goes on.
    assert!(polled(&client, 0, 0).await.messages.is_empty());
    send_raw(&client, to(), |_| {}).await.unwrap();
    assert_eq!(texts(&polled(&client, 0, 0).await), ["payload"]);
}

#[tokio::test]
async fn a_poll_of_more_than_a_frame_holds_comes_in_parts() {
    let (_server, client) = server_and_client().await;
    topic(&client, &partitions(1)).await;
    for _ in 0..9 {
        let payload = Bytes::from(vec![b'x'; 8_000_000]);
        let mut message = [IggyMessage::builder().payload(payload).build().unwrap()];
        client
            .send_messages(
                &named("s"),
                &named("t"),
                &Partitioning::partition_id(0),
                &mut message,
            )
            .await
            .unwrap();
    }
    let first = polled(&client, 0, 0).await;
    assert_eq!((first.messages.len(), first.current_offset), (8, 8));
    assert_eq!(polled(&client, 0, 8).await.messages.len(), 1);
}

#[tokio::test]
async fn partitions_of_a_member_that_is_gone_go_to_the_others() {
    let (server, client) = server_and_client().await;
    topic(&client, &partitions(2)).await;
    let (s, t, g) = (named("s"), named("t"), named("g"));
    client.create_consumer_group(&s, &t, "g").await.unwrap();
    for partition in 0..2 {
        send(&client, partition, &["a", "b"]).await.unwrap();
    }
    let consumer = Consumer::group(g.clone());
    let next = async |member: &IggyClient| {
        member
            .poll_messages(&s, &t, None, &consumer, &PollingStrategy::next(), 10, false)
            .await
            .unwrap()
    };
    let gone = client_of(&server).await;
    gone.join_consumer_group(&s, &t, &g).await.unwrap();
    let stays = client_of(&server).await;
    stays.join_consumer_group(&s, &t, &g).await.unwrap();
    assert_eq!(next(&gone).await.messages.len(), 2);
    drop(gone);
    while client
        .get_consumer_group(&s, &t, &g)
        .await
        .unwrap()
        .unwrap()
        .members_count
        == 2
    {
        tokio::task::yield_now().await;
    }
    // It committed nothing, so its messages come again.
    let mut partitions = BTreeSet::new();
    for _ in 0..10 {
        let polled = next(&stays).await;
        if polled.messages.len() == 2 {
            partitions.insert(polled.partition_id);
        }
    }
    assert_eq!(partitions, BTreeSet::from([0, 1]));
}

#[tokio::test]
async fn a_member_that_is_silent_for_too_long_loses_its_session() {
    let (server, client) = server_and_client().await;
    topic(&client, &partitions(2)).await;
    let (s, t, g) = (named("s"), named("t"), named("g"));
    client.create_consumer_group(&s, &t, "g").await.unwrap();
    let silent = client_of(&server).await;
    silent.join_consumer_group(&s, &t, &g).await.unwrap();
    server.testing().advance_clock(Duration::from_secs(35));
    assert_eq!(server.testing().evict_silent_members(), 0);
    server.testing().advance_clock(Duration::from_secs(2));
    // The other one is silent as well, but in no group.
    assert_eq!(server.testing().evict_silent_members(), 1);
    let members = async || {
        let group = client.get_consumer_group(&s, &t, &g).await.unwrap();
        group.unwrap().members_count
    };
    while members().await > 0 {
        tokio::task::yield_now().await;
    }
    // The SDK connects and logs in again by itself, sooner or later, and may join again.
    while code(silent.get_streams().await) != 0 {
        tokio::task::yield_now().await;
    }
    silent.join_consumer_group(&s, &t, &g).await.unwrap();
    assert_eq!(members().await, 1);
}

#[tokio::test]
async fn a_partition_that_is_not_committed_is_handed_over_after_30_seconds() {
    let (server, client) = server_and_client().await;
    topic(&client, &partitions(1)).await;
    let (s, t, g) = (named("s"), named("t"), named("g"));
    client.create_consumer_group(&s, &t, "g").await.unwrap();
    client.create_partitions(&s, &t, 1).await.unwrap();
    send(&client, 1, &["a"]).await.unwrap();
    let slow = client_of(&server).await;
    slow.join_consumer_group(&s, &t, &g).await.unwrap();
    let consumer = Consumer::group(g.clone());
    let next = PollingStrategy::next();
    let polled = slow
        .poll_messages(&s, &t, Some(1), &consumer, &next, 1, false)
        .await
        .unwrap();
    assert_eq!(polled.messages.len(), 1);
    let waiting = client_of(&server).await;
    waiting.join_consumer_group(&s, &t, &g).await.unwrap();
    let owned = async || {
        let group = client
            .get_consumer_group(&s, &t, &g)
            .await
            .unwrap()
            .unwrap();
        let mut owned: Vec<u32> = group.members.iter().map(|m| m.partitions_count).collect();
        owned.sort_unstable();
        owned
    };
    assert_eq!(owned().await, [0, 2]);
    server.testing().advance_clock(Duration::from_secs(29));
    server.testing().hand_over_partitions();
    assert_eq!(owned().await, [0, 2]);
    server.testing().advance_clock(Duration::from_secs(2));
    server.testing().hand_over_partitions();
    assert_eq!(owned().await, [1, 1]);
}
