//! The walk-through of the README, on an embedded server: stop, restart, resume.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking"
)]

use examples_running::Program;
use getting_started::Event;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};

const TOPOLOGY: &str = include_str!("../topology.yaml");
const PRODUCER: &str = env!("CARGO_BIN_EXE_producer");
const CONSUMER: &str = env!("CARGO_BIN_EXE_consumer");

/// The offset and the id of a line of the consumer.
fn read(line: &str) -> (u64, u64) {
    let (offset, event) = line
        .strip_prefix("offset ")
        .and_then(|line| line.split_once(": "))
        .expect(line);
    let mut fields = event.splitn(3, ", ");
    let id = fields.next().expect(line);
    assert_eq!(fields.next(), Some(&*format!("message {id}")));
    let ts = fields.next().expect(line);
    assert!(ts.parse::<jiff::Timestamp>().is_ok(), "{ts}");
    (offset.parse().expect(line), id.parse().expect(line))
}

/// So many messages of a producer that is started and stopped.
async fn produce(server: &str, count: usize) -> usize {
    let mut producer = Program::start(PRODUCER, &[], server);
    let mut lines = producer.lines(count).await;
    lines.extend(producer.interrupt().await);
    for (line, id) in lines.iter().zip(1..) {
        assert!(
            line.starts_with(&format!("sent {id}: partition 0, offset ")),
            "{line}"
        );
    }
    lines.len()
}

#[tokio::test]
async fn a_consumer_goes_on_where_it_stopped_also_after_the_server_was_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let server = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .data_dir(folder.path())
        .start()
        .await
        .unwrap();
    examples_running::apply(&server, TOPOLOGY).await;
    let (address, uri) = (server.address(), server.connection_string());

    let first = produce(&uri, 2).await;
    let mut consumer = Program::start(CONSUMER, &[], &uri);
    let mut seen: Vec<(u64, u64)> = Vec::new();
    for line in consumer.lines(first).await {
        seen.push(read(&line));
    }
    assert!(consumer.interrupt().await.is_empty());

    // Nobody reads meanwhile.
    let second = produce(&uri, 2).await;
    server.shutdown().await;
    let server = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .data_dir(folder.path())
        .listen(address)
        .start()
        .await
        .unwrap();

    let mut consumer = Program::start(CONSUMER, &[], &uri);
    for line in consumer.lines(second).await {
        seen.push(read(&line));
    }
    assert!(consumer.interrupt().await.is_empty());

    // Each once, in order: ids begin anew with the producer, offsets do not.
    let ids = (1..=first as u64).chain(1..=second as u64);
    let expected: Vec<(u64, u64)> = (0..).zip(ids).collect();
    assert_eq!(seen, expected);
    server.shutdown().await;
}

#[tokio::test]
async fn a_running_consumer_gets_what_is_sent_and_survives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let start = |address| {
        EmbeddedServer::builder()
            .password_hashing(PasswordHashing::Fast)
            .data_dir(folder.path())
            .listen(address)
            .start()
    };
    let server = start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    examples_running::apply(&server, TOPOLOGY).await;
    let (address, uri) = (server.address(), server.connection_string());

    let mut consumer = Program::start(CONSUMER, &[], &uri);
    let mut producer = Program::start(PRODUCER, &[], &uri);
    assert_eq!(read(&consumer.line().await), (0, 1));
    server.shutdown().await;
    let server = start(address).await.unwrap();
    assert_eq!(read(&consumer.line().await), (1, 2));
    for (line, id) in producer.lines(2).await.iter().zip(1..) {
        assert!(line.starts_with(&format!("sent {id}: ")), "{line}");
    }
    producer.interrupt().await;
    consumer.interrupt().await;
    server.shutdown().await;
}

#[test]
fn the_message_is_the_json_that_the_readme_shows() {
    let event = Event {
        id: 1,
        text: "message 1".to_owned(),
        ts: "2026-01-31T12:00:00Z".to_owned(),
    };
    let json = serde_json::to_string(&event).unwrap();
    assert_eq!(
        json,
        r#"{"id":1,"text":"message 1","ts":"2026-01-31T12:00:00Z"}"#
    );
    assert!(include_str!("../README.md").contains(&json));
}
