//! Metrics, events and spans of consumers, in a program of their own: who collects
//! them does so for the whole process.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iggy_binary_protocol::codes::POLL_MESSAGES_CODE;
use iggyctl_embedded::{EmbeddedServer, Fault, FaultKind, FaultPlan, FaultTarget};
use iggyctl_messaging::codec::Json;
use iggyctl_messaging::observe::prometheus::Prometheus;
use iggyctl_messaging::{Connection, Consumer, Manifest, Producer, RedeliveryPolicy};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_is_handled_repeated_and_given_up_can_be_seen() {
    let metrics = Prometheus::install().unwrap();
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("iggyctl_messaging=debug"))
        .with_ansi(false)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let server = EmbeddedServer::builder().start().await.unwrap();
    let connection = Connection::open(&server.connection_string()).unwrap();
    let manifest = Manifest::topic("stream", "topic", 1).unwrap();
    connection.ensure(&manifest).await.unwrap();
    let producer = Producer::<String>::builder(&connection, "stream", "topic")
        .build(Json)
        .unwrap();
    for number in 0..10 {
        producer.send(format!("secret {number}")).await.unwrap();
    }
    let polls = FaultTarget::Command(POLL_MESSAGES_CODE);
    server.faults().set(FaultPlan::none().with(Fault {
        kind: FaultKind::Disconnect,
        target: polls,
        at: 1,
        // The SDK repeats a poll once by itself.
        times: 4,
    }));
    let mut consumer = Consumer::<String>::plain(&connection, "reader", "stream", "topic")
        .redelivery(RedeliveryPolicy {
            max_attempts: 2,
            base_backoff: Duration::from_millis(2),
            ..RedeliveryPolicy::default()
        })
        .build(Json)
        .unwrap();
    for _ in 0..9 {
        let message = consumer.next().await.unwrap().unwrap();
        if message.offset == 3 {
            message.nack("not a payload");
        } else {
            message.ack();
        }
        consumer.commit().await.unwrap();
    }
    let last = consumer.next().await.unwrap().unwrap();
    assert_eq!(last.offset, 8);
    consumer.commit().await.unwrap();

    let labels = "stream=\"stream\",topic=\"topic\",consumer=\"reader\"";
    let page = metrics.render();
    for line in [
        format!("iggy_consume_total{{{labels}}} 7"),
        format!("iggy_redelivered_total{{{labels}}} 1"),
        format!("iggy_dead_lettered_total{{{labels}}} 1"),
        // The one in hand and the one behind it.
        format!("iggy_consume_lag{{{labels},partition=\"0\"}} 2"),
        "# TYPE iggy_consume_lag gauge".to_owned(),
    ] {
        assert!(page.contains(&line), "{line} in\n{page}");
    }
    drop(last);
    connection.shutdown().await;

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let find = |parts: &[&str]| {
        assert!(
            text.lines()
                .any(|line| parts.iter().all(|part| line.contains(part))),
            "{parts:?} in\n{text}"
        );
    };
    let common = [
        "stream=\"stream\"",
        "topic=\"topic\"",
        "consumer=\"reader\"",
    ];
    for parts in [
        &[
            "event=\"consume_success\"",
            "partition=0",
            "messages=1",
            "offset=2",
        ][..],
        &[
            "event=\"consume_retry\"",
            "partition=0",
            "offset=3",
            "attempts=1",
            "pause_millis=2",
            "error=\"not a payload\"",
        ],
        // Of the poll.
        &[
            "event=\"consume_retry\"",
            "attempts=1",
            "pause_millis=",
            "connect",
        ],
        &[
            "event=\"consume_failure\"",
            "partition=0",
            "offset=3",
            "attempts=2",
            "outcome=\"skipped\"",
            "error=\"not a payload\"",
        ],
    ] {
        find(&[parts, &common].concat());
    }
    find(&["poll{", "stream=\"stream\"", "partition=0", "close"]);
    find(&["retry{", "stream=\"stream\"", "partition=0", "close"]);
    find(&["acknowledge{", "partition=0", "offset=2", "close"]);
    assert!(!text.contains("secret"), "{text}");
}
