use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::{EmbeddedServer, Fault, FaultKind, FaultPlan, FaultTarget};

use crate::support::{code, named, partitions, polled, send, server_and_client, texts, topic};

const SEND: FaultTarget = FaultTarget::Command(codes::SEND_MESSAGES_CODE);
const POLL: FaultTarget = FaultTarget::Command(codes::POLL_MESSAGES_CODE);
const STORE: FaultTarget = FaultTarget::Command(codes::STORE_CONSUMER_OFFSET_CODE);

async fn with_topic() -> (EmbeddedServer, IggyClient) {
    let (server, client) = server_and_client().await;
    topic(&client, &partitions(1)).await;
    (server, client)
}

#[tokio::test]
async fn a_lost_reply_to_a_send_leaves_the_messages_there() {
    let (server, client) = with_topic().await;
    server
        .faults()
        .set(FaultPlan::none().once(FaultKind::LostReply, SEND, 2));
    send(&client, 0, &["a"]).await.unwrap();
    assert_ne!(code(send(&client, 0, &["b"]).await), 0);
    // The producer cannot know; who sends again has it twice.
    send(&client, 0, &["b"]).await.unwrap();
    assert_eq!(texts(&polled(&client, 0, 0).await), ["a", "b", "b"]);
}

#[tokio::test]
async fn a_disconnect_before_a_send_leaves_nothing() {
    let (server, client) = with_topic().await;
    server
        .faults()
        .set(FaultPlan::none().once(FaultKind::Disconnect, SEND, 1));
    assert_ne!(code(send(&client, 0, &["a"]).await), 0);
    assert!(polled(&client, 0, 0).await.messages.is_empty());
}

#[tokio::test]
async fn a_send_that_is_refused_for_now_is_repeated_by_the_sdk_and_there_once() {
    let (server, client) = with_topic().await;
    for (kind, text) in [
        (FaultKind::TransientNotCommitted, "a"),
        (FaultKind::TransientNotAccepted, "b"),
    ] {
        server.faults().set(FaultPlan::none().with(Fault {
            kind,
            target: SEND,
            at: 1,
            times: 2,
        }));
        send(&client, 0, &[text]).await.unwrap();
    }
    assert_eq!(texts(&polled(&client, 0, 0).await), ["a", "b"]);
}

#[tokio::test]
async fn a_slow_send_is_waited_for() {
    let (server, client) = with_topic().await;
    let delay = Duration::from_millis(60);
    server
        .faults()
        .set(FaultPlan::none().once(FaultKind::Delay(delay), SEND, 1));
    let started = Instant::now();
    send(&client, 0, &["a"]).await.unwrap();
    assert!(started.elapsed() >= delay);
}

#[tokio::test]
async fn a_lost_reply_to_a_poll_leaves_its_commit_done() {
    let (server, client) = with_topic().await;
    send(&client, 0, &["a", "b", "c"]).await.unwrap();
    server
        .faults()
        .set(FaultPlan::none().once(FaultKind::LostReply, POLL, 1));
    let (s, t) = (named("s"), named("t"));
    let consumer = Consumer::new(named("c"));
    let next = PollingStrategy::next();
    // The SDK asks again by itself: a poll is a read to it. What the first one committed
    // is skipped.
    let second = client
        .poll_messages(&s, &t, Some(0), &consumer, &next, 1, true)
        .await
        .unwrap();
    assert_eq!(texts(&second), ["b"]);
}

#[tokio::test]
async fn a_lost_reply_to_a_stored_offset_leaves_it_stored() {
    let (server, client) = with_topic().await;
    send(&client, 0, &["a", "b", "c"]).await.unwrap();
    server
        .faults()
        .set(FaultPlan::none().once(FaultKind::LostReply, STORE, 1));
    let (s, t) = (named("s"), named("t"));
    let consumer = Consumer::new(named("c"));
    let stored = client
        .store_consumer_offset(&consumer, &s, &t, Some(0), 1)
        .await;
    assert_ne!(code(stored), 0);
    let offset = client
        .get_consumer_offset(&consumer, &s, &t, Some(0))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((offset.stored_offset, offset.current_offset), (1, 2));
}
