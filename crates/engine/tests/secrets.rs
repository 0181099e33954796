//! No credential reaches a log, whatever level somebody switches on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iggyctl_embedded::EmbeddedServer;
use iggyctl_engine::broker::BrokerRead;
use iggyctl_engine::connect::{
    ConnectSettings, ConnectionPool, ServerAddress, ServerConnector, connect,
};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_trace_of_everything_shows_no_password_and_no_token() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("trace"))
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = EmbeddedServer::builder()
        .credentials("iggy", "hunter2-right")
        .start()
        .await
        .unwrap();
    let at = server.address();
    let settings = ConnectSettings {
        deadline: Duration::from_secs(1),
        ..ConnectSettings::default()
    };
    for (address, connects) in [
        (format!("iggy://iggy:hunter2-right@{at}"), true),
        (format!("iggy://iggy:hunter2-wrong@{at}"), false),
        (format!("iggy://hunter2-token@{at}"), false),
        (format!("iggy://iggy:hunter2-right@{at}?tls=true"), false),
        (format!("iggy+ws://iggy:hunter2-right@{at}"), false),
    ] {
        let ServerAddress::Remote(remote) = address.parse().unwrap() else {
            panic!("{address} is not remote");
        };
        let connector = ServerConnector::new(remote.clone(), settings);
        tracing::info!(?remote, %remote, ?connector, "connecting");
        let result = connect(&remote, settings).await;
        assert_eq!(result.is_ok(), connects, "{result:?}");
        tracing::info!(?result, "connected");
        if connects {
            let pool = ConnectionPool::new(connector);
            pool.acquire().await.unwrap().ping().await.unwrap();
            tracing::info!(?pool, "pooled");
            pool.close().await;
        }
    }

    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("TRACE"), "the log is on: {log}");
    assert!(log.contains("pooled"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}
