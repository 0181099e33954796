//! What a collector gets over OTLP.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use iggyctl_embedded::EmbeddedServer;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::observe::opentelemetry::OpenTelemetry;
use iggyctl_messaging::{Connection, Manifest, Producer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Path and body of each request.
type Received = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Takes everything and says yes.
fn collector() -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let received = Received::default();
    let shared = Arc::clone(&received);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || serve(stream.unwrap(), &shared));
        }
    });
    (address, received)
}

fn serve(stream: TcpStream, received: &Received) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let path = first.split(' ').nth(1).unwrap().to_owned();
        received.lock().unwrap().push((path, body));
        writer
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    }
}

#[test]
fn metrics_spans_and_events_arrive() {
    let (address, received) = collector();
    let telemetry = OpenTelemetry::to(&format!("http://{address}"), "orders-service").unwrap();
    telemetry.install_recorder().unwrap();
    assert!(telemetry.install_recorder().is_err());
    tracing_subscriber::registry()
        .with(telemetry.layer())
        .init();

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = EmbeddedServer::builder().start().await.unwrap();
        let connection = Connection::open(&server.connection_string()).unwrap();
        let manifest = Manifest::topic("stream", "topic", 1).unwrap();
        connection.ensure(&manifest).await.unwrap();
        let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
            .build(Raw)
            .unwrap();
        producer.send(Bytes::from("m")).await.unwrap();
        connection.shutdown().await;
    });
    telemetry.shutdown();

    // Names are in clear in protobuf.
    let received = received.lock().unwrap();
    for (path, texts) in [
        (
            "/v1/metrics",
            &["iggy_emit_total", "iggy_emit_latency_seconds"][..],
        ),
        ("/v1/traces", &["send", "partition"]),
        ("/v1/logs", &["emit_success", "base_offset"]),
    ] {
        let bodies: Vec<_> = received.iter().filter(|(its, _)| its == path).collect();
        for text in texts.iter().chain(&["orders-service", "stream"]) {
            let is_there = bodies.iter().any(|(_, body)| {
                body.windows(text.len())
                    .any(|window| window == text.as_bytes())
            });
            assert!(is_there, "no {text} in {path}");
        }
    }
}
