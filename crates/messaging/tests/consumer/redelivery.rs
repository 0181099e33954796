//! Messages that were not acknowledged.

use std::time::Duration;

use iggyctl_messaging::RedeliveryPolicy;
use iggyctl_messaging::codec::Json;

use crate::support::{member, next, plain, send, stored, take, with_topic};

#[tokio::test]
async fn a_message_comes_again_before_those_after_it() {
    let (server, connection) = with_topic(1).await;
    send(&connection, 0, 0..4).await;
    let mut consumer = plain(&connection).build(Json).unwrap();
    let mut seen = Vec::new();
    for _ in 0..6 {
        let message = next(&mut consumer).await;
        seen.push((message.payload, message.attempt));
        match (message.payload, message.attempt) {
            (1, 1) => message.nack("not now"),
            // Dropped without an answer.
            (1, 2) => drop(message),
            _ => message.ack(),
        }
    }
    assert_eq!(seen, [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1), (3, 1)]);
    consumer.commit().await.unwrap();
    assert_eq!(stored(&server.connection_string(), 0).await, Some(3));
}

#[tokio::test]
async fn others_go_on_where_order_does_not_matter() {
    let (_server, connection) = with_topic(1).await;
    send(&connection, 0, 0..3).await;
    let mut consumer = plain(&connection)
        .redelivery(RedeliveryPolicy {
            base_backoff: Duration::from_millis(100),
            keeps_order: false,
            ..RedeliveryPolicy::default()
        })
        .build(Json)
        .unwrap();
    next(&mut consumer).await.nack("not now");
    assert_eq!(take(&mut consumer, 3).await, [1, 2, 0]);
}

#[tokio::test]
async fn a_message_that_is_given_up_is_left_out() {
    let (server, connection) = with_topic(1).await;
    send(&connection, 0, 0..3).await;
    let mut consumer = plain(&connection).build(Json).unwrap();
    let first = next(&mut consumer).await;
    first.ack();
    for attempt in 1..=3 {
        let message = next(&mut consumer).await;
        assert_eq!((message.payload, message.attempt), (1, attempt));
        message.nack("never");
    }
    assert_eq!(take(&mut consumer, 1).await, [2]);
    consumer.commit().await.unwrap();
    assert_eq!(stored(&server.connection_string(), 0).await, Some(2));
}

/// The runtime of the first consumer ends without a word, as a process does that is
/// killed.
#[test]
fn what_was_handled_but_not_acknowledged_comes_again_after_a_crash() {
    let servers = tokio::runtime::Runtime::new().unwrap();
    let (server, connection) = servers.block_on(with_topic(1));
    servers.block_on(send(&connection, 0, 0..6));
    let address = server.connection_string();
    for is_group in [false, true] {
        let builder = |connection: &iggyctl_messaging::Connection| match is_group {
            true => member(connection),
            false => plain(connection),
        };
        let doomed = tokio::runtime::Runtime::new().unwrap();
        doomed.block_on(async {
            let connection = crate::support::connect(&address);
            let mut consumer = builder(&connection).build(Json).unwrap();
            assert_eq!(take(&mut consumer, 2).await, [0, 1]);
            consumer.commit().await.unwrap();
            let handled = next(&mut consumer).await;
            assert_eq!(handled.payload, 2);
            std::mem::forget((handled, consumer, connection));
        });
        doomed.shutdown_background();
        servers.block_on(async {
            let connection = crate::support::connect(&address);
            let mut consumer = builder(&connection).build(Json).unwrap();
            assert_eq!(take(&mut consumer, 4).await, [2, 3, 4, 5]);
        });
    }
}
