use std::time::Duration;

use bytes::Bytes;
use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

use crate::support::{named, polled, server_and_client, topic};

const MEGABYTE: u64 = 1024 * 1024;

/// Segments of one megabyte, that a message of half of it goes to at once.
fn small_segments() -> TopicCreateOptions {
    TopicCreateOptions {
        partitions_count: Some(1),
        segment_size: Some(IggyByteSize::from(MEGABYTE)),
        messages_required_to_save: Some(1),
        ..Default::default()
    }
}

async fn send_megabytes(client: &IggyClient, count: u64) {
    for _ in 0..2 * count {
        let payload = Bytes::from(vec![b'x'; 1024 * 512]);
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
}

async fn first_offset(client: &IggyClient) -> Option<u64> {
    let polled = polled(client, 0, 0).await;
    polled.messages.first().map(|message| message.header.offset)
}

async fn with_topic(options: &TopicCreateOptions) -> (EmbeddedServer, IggyClient) {
    let (server, client) = server_and_client().await;
    topic(&client, options).await;
    (server, client)
}

#[tokio::test]
async fn messages_are_removed_by_segments_when_they_are_too_old() {
    let (server, client) = with_topic(&TopicCreateOptions {
        message_expiry: Some(IggyExpiry::ExpireDuration(IggyDuration::from(
            Duration::from_secs(3600),
        ))),
        ..small_segments()
    })
    .await;
    send_megabytes(&client, 2).await;
    server.testing().advance_clock(Duration::from_secs(1800));
    send_megabytes(&client, 1).await;
    assert_eq!(server.testing().clean_segments(), 0);
    server.testing().advance_clock(Duration::from_secs(1801));
    assert_eq!(server.testing().clean_segments(), 1);
    assert_eq!(first_offset(&client).await, Some(4));
    let (s, t) = (named("s"), named("t"));
    let topic = client.get_topic(&s, &t).await.unwrap().unwrap();
    assert_eq!(topic.messages_count, 2);
    // What is in no full segment stays, however old it is.
    send_megabytes(&client, 1).await;
    server.testing().advance_clock(Duration::from_secs(7200));
    assert_eq!(server.testing().clean_segments(), 1);
    assert_eq!(first_offset(&client).await, None);
    let reply = client
        .send_messages(
            &s,
            &t,
            &Partitioning::partition_id(0),
            &mut ["next".parse().unwrap()],
        )
        .await
        .unwrap();
    assert_eq!(reply.confirmations[0].base_offset, 8);
    server.testing().advance_clock(Duration::from_secs(7200));
    assert_eq!(server.testing().clean_segments(), 0);
    assert_eq!(first_offset(&client).await, Some(8));
}

#[tokio::test]
async fn messages_are_removed_when_they_are_too_many() {
    // A partition keeps at least a segment with the largest batch there may be.
    let (server, client) = with_topic(&TopicCreateOptions {
        max_topic_size: Some(MaxTopicSize::from(70 * MEGABYTE)),
        ..small_segments()
    })
    .await;
    send_megabytes(&client, 69).await;
    assert_eq!(server.testing().clean_segments(), 0);
    send_megabytes(&client, 4).await;
    assert_eq!(server.testing().clean_segments(), 1);
    let first = first_offset(&client).await.unwrap();
    assert!((6..=8).contains(&first), "{first}");
    assert_eq!(server.testing().clean_segments(), 0);
}

#[tokio::test]
async fn what_a_consumer_has_not_read_is_kept() {
    let (server, client) = with_topic(&TopicCreateOptions {
        message_expiry: Some(IggyExpiry::ExpireDuration(IggyDuration::from(
            Duration::from_secs(60),
        ))),
        ..small_segments()
    })
    .await;
    send_megabytes(&client, 3).await;
    server.testing().advance_clock(Duration::from_secs(3600));
    let (s, t) = (named("s"), named("t"));
    let consumer = Consumer::new(named("slow"));
    for (read_to, first) in [(0, 0), (2, 2), (5, 6)] {
        client
            .store_consumer_offset(&consumer, &s, &t, Some(0), read_to)
            .await
            .unwrap();
        server.testing().clean_segments();
        assert_eq!(first_offset(&client).await.unwrap_or(6), first, "{read_to}");
    }
}
