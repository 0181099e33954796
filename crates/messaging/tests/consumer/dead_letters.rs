//! Messages that are put aside.

use std::time::Duration;

use bytes::Bytes;
use iggy_binary_protocol::codes::SEND_MESSAGES_CODE;
use iggyctl_embedded::{Fault, FaultKind, FaultPlan, FaultTarget};
use iggyctl_messaging::codec::{Json, Raw};
use iggyctl_messaging::consumer::dead_letters;
use iggyctl_messaging::{
    CONTENT_TYPE, Connection, Consumer, DeadLetters, Encryption, Headers, Manifest, Message,
    MessagingError, Outgoing, Producer,
};

use crate::support::{LIMIT, ensure, next, plain, send, stored, take, with_topic};

fn reader_of_the_dead(connection: &Connection) -> Consumer<Bytes> {
    Consumer::plain(connection, "undertaker", "stream", "dead")
        .build(Raw)
        .unwrap()
}

async fn next_dead(consumer: &mut Consumer<Bytes>) -> Message<Bytes> {
    let next = tokio::time::timeout(LIMIT, consumer.next()).await;
    next.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn a_dead_letter_has_what_the_message_had_and_where_it_comes_from() {
    let (server, connection) = with_topic(3).await;
    let producer = Producer::<u32>::builder(&connection, "stream", "topic")
        .build(Json)
        .unwrap();
    let headers = Headers::new().with("tenant", "acme").unwrap();
    let sent = Outgoing::new(7).partition(2).headers(headers);
    let confirmation = producer.send(sent).await.unwrap();
    let mut consumer = plain(&connection)
        .dead_letters(DeadLetters::to("stream", "dead"))
        .ensure(Manifest::topic("stream", "dead", 2).unwrap())
        .build(Json)
        .unwrap();
    for attempt in 1..=3 {
        next(&mut consumer).await.nack(format!("attempt {attempt}"));
    }
    let mut dead = reader_of_the_dead(&connection);
    let letter = next_dead(&mut dead).await;
    assert_eq!(letter.payload, "7");
    assert_eq!(letter.id, confirmation.id);
    let headers = &letter.headers;
    assert_eq!(headers.text("tenant"), Some("acme"));
    assert_eq!(headers.text(CONTENT_TYPE), Some("application/json"));
    assert_eq!(headers.text(dead_letters::STREAM), Some("stream"));
    assert_eq!(headers.text(dead_letters::TOPIC), Some("topic"));
    assert_eq!(headers.text(dead_letters::ERROR), Some("attempt 3"));
    let number = |key| headers.get(key).unwrap();
    assert_eq!(number(dead_letters::PARTITION).as_uint32(), Ok(2));
    assert_eq!(number(dead_letters::OFFSET).as_uint64(), Ok(0));
    assert_eq!(number(dead_letters::ATTEMPTS).as_uint32(), Ok(3));
    letter.ack();
    consumer.shutdown().await;
    assert_eq!(stored(&server.connection_string(), 2).await, Some(0));
}

#[tokio::test]
async fn what_cannot_be_decoded_or_decrypted_goes_there_at_once() {
    let (_server, connection) = with_topic(1).await;
    ensure(&connection, "dead", 1).await;
    let encryption = Encryption::aes_256_gcm(&[1; 32]).unwrap();
    let other = Encryption::aes_256_gcm(&[2; 32]).unwrap();
    let producer = |encryption: Option<&Encryption>| {
        let builder = Producer::<Bytes>::builder(&connection, "stream", "topic");
        match encryption {
            Some(encryption) => builder.encryption(encryption.clone()).build(Raw).unwrap(),
            None => builder.build(Raw).unwrap(),
        }
    };
    producer(Some(&encryption))
        .send(Bytes::from("no number"))
        .await
        .unwrap();
    producer(Some(&other)).send(Bytes::from("1")).await.unwrap();
    producer(None).send(Bytes::from("2")).await.unwrap();
    producer(Some(&encryption))
        .send(Bytes::from("3"))
        .await
        .unwrap();
    let mut consumer = plain(&connection)
        .encryption(encryption.clone())
        .dead_letters(DeadLetters::to("stream", "dead"))
        .build(Json)
        .unwrap();
    assert_eq!(take(&mut consumer, 1).await, [3]);
    let mut dead = Consumer::<Bytes>::plain(&connection, "undertaker", "stream", "dead")
        .encryption(encryption)
        .build(Raw)
        .unwrap();
    // Those that cannot be decrypted cannot be here, either, and are left out.
    let letter = next_dead(&mut dead).await;
    assert_eq!(letter.payload, "no number");
    let attempts = letter.headers.get(dead_letters::ATTEMPTS).unwrap();
    assert_eq!(attempts.as_uint32(), Ok(1));
    let error = letter.headers.text(dead_letters::ERROR).unwrap();
    assert!(error.contains("decoded"), "{error}");
    assert!(letter.headers.get(CONTENT_TYPE).is_some());
    letter.ack();
    consumer.commit().await.unwrap();
}

#[tokio::test]
async fn the_offset_waits_for_the_dead_letter() {
    let (server, connection) = with_topic(1).await;
    let address = server.connection_string();
    ensure(&connection, "dead", 1).await;
    send(&connection, 0, 0..3).await;
    let mut consumer = plain(&connection)
        .dead_letters(DeadLetters::to("stream", "dead"))
        .build(Json)
        .unwrap();
    take(&mut consumer, 1).await;
    let sends = FaultTarget::Command(SEND_MESSAGES_CODE);
    let twice = Fault {
        kind: FaultKind::Disconnect,
        target: sends,
        at: 1,
        times: 2,
    };
    let lost = FaultPlan::none()
        .with(twice)
        .once(FaultKind::LostReply, sends, 3);
    server.faults().set(lost);
    next(&mut consumer).await.reject("hopeless");
    take(&mut consumer, 1).await;
    let mut dead = reader_of_the_dead(&connection);
    let letter = next_dead(&mut dead).await;
    assert_eq!(letter.payload, "1");
    letter.ack();
    consumer.commit().await.unwrap();
    consumer.shutdown().await;
    assert_eq!(stored(&address, 0).await, Some(2));
    assert_eq!(server.requests().count(SEND_MESSAGES_CODE), 3 + 1 + 1);
}

#[tokio::test]
async fn without_their_topic_nothing_moves_past_them() {
    let (server, connection) = with_topic(1).await;
    send(&connection, 0, 0..3).await;
    let mut consumer = plain(&connection)
        .dead_letters(DeadLetters::to("stream", "dead"))
        .drain_timeout(Duration::from_millis(10))
        .build(Json)
        .unwrap();
    take(&mut consumer, 1).await;
    next(&mut consumer).await.reject("hopeless");
    let error = loop {
        match tokio::time::timeout(LIMIT, consumer.next()).await.unwrap() {
            Some(Ok(message)) => message.ack(),
            Some(Err(error)) => break error,
            None => panic!("it ended"),
        }
    };
    assert!(matches!(error, MessagingError::NoTopic { .. }), "{error}");
    consumer.commit().await.unwrap();
    let address = server.connection_string();
    assert_eq!(stored(&address, 0).await, Some(0));
    ensure(&connection, "dead", 1).await;
    let mut dead = reader_of_the_dead(&connection);
    next_dead(&mut dead).await.ack();
    // Waits for what is in hand, which is nothing, and stores what is behind it.
    consumer.shutdown().await;
    assert_eq!(stored(&address, 0).await, Some(2));
}
