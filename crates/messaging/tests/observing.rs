//! Metrics and events, in a program of their own: who collects them does so for the
//! whole process.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use iggy_binary_protocol::codes::SEND_MESSAGES_CODE;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::observe::prometheus::Prometheus;
use iggyctl_messaging::{Connection, Manifest, Producer, RetryPolicy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing_subscriber::EnvFilter;

#[tokio::test]
async fn what_is_sent_and_what_fails_is_counted_and_shown_as_a_page() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let metrics = Prometheus::serve(address).unwrap();
    assert!(Prometheus::install().is_err());

    let server = EmbeddedServer::builder().start().await.unwrap();
    let connection = Connection::open(&server.connection_string()).unwrap();
    let manifest = Manifest::topic("metered", "topic", 2).unwrap();
    connection.ensure(&manifest).await.unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "metered", "topic")
        .retry(RetryPolicy::never())
        .build(Raw)
        .unwrap();
    let payloads = (0..30).map(|_| Bytes::from("m"));
    drop(producer.enqueue_all(payloads).await.unwrap());
    producer.flush().await;
    let sends = FaultTarget::Command(SEND_MESSAGES_CODE);
    let always = FaultPlan::none().always(FaultKind::Disconnect, sends);
    server.faults().set(always);
    producer.send(Bytes::from("m")).await.unwrap_err();

    let labels = "{stream=\"metered\",topic=\"topic\"}";
    let mut page = String::new();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    stream.read_to_string(&mut page).await.unwrap();
    for text in [&page, &metrics.render()] {
        for line in [
            format!("iggy_emit_total{labels} 30"),
            format!("iggy_emit_failure_total{labels} 1"),
            format!("iggy_emit_latency_seconds_count{labels} 30"),
            "# TYPE iggy_emit_latency_seconds histogram".to_owned(),
        ] {
            assert!(text.contains(&line), "{line} in\n{text}");
        }
    }
}

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
async fn success_retry_and_failure_are_events_in_spans_with_fixed_fields() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("iggyctl_messaging=debug"))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let server = EmbeddedServer::builder().start().await.unwrap();
    let connection = Connection::open(&server.connection_string()).unwrap();
    let manifest = Manifest::topic("stream", "topic", 1).unwrap();
    connection.ensure(&manifest).await.unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .retry(RetryPolicy {
            max_retries: 1,
            base_backoff: Duration::from_millis(2),
            max_backoff: Duration::from_millis(20),
        })
        .build(Raw)
        .unwrap();
    let sends = FaultTarget::Command(SEND_MESSAGES_CODE);
    server
        .faults()
        .set(FaultPlan::none().once(FaultKind::Disconnect, sends, 1));
    producer.send(Bytes::from("payload")).await.unwrap();
    server
        .faults()
        .set(FaultPlan::none().always(FaultKind::Disconnect, sends));
    producer.send(Bytes::from("payload")).await.unwrap_err();

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let line_with = |event: &str| {
        text.lines()
            .find(|line| line.contains(event) && line.contains("stream=\"stream\""))
            .unwrap_or_else(|| panic!("no {event} in:\n{text}"))
    };
    for (event, fields) in [
        (
            "event=\"emit_success\"",
            &["attempts=2", "base_offset=0", "latency_micros="][..],
        ),
        (
            "event=\"emit_retry\"",
            &["attempts=1", "pause_millis=", "error="],
        ),
        ("event=\"emit_failure\"", &["messages=1", "error="]),
    ] {
        let line = line_with(event);
        for field in ["stream=\"stream\"", "topic=\"topic\"", "partition=0"]
            .iter()
            .chain(fields)
        {
            assert!(line.contains(field), "{field} in {line}");
        }
    }
    assert!(!text.contains("payload\""), "{text}");
}
