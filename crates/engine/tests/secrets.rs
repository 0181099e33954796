//! No credential reaches a log, whatever level somebody switches on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iggyctl_core::access::UserStatus;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::observed_access::PasswordCheck;
use iggyctl_embedded::EmbeddedServer;
use iggyctl_engine::broker::{BrokerRead, UserWrite};
use iggyctl_engine::connect::{
    Connect, ConnectSettings, ConnectionPool, Credentials, PasswordQuestion, ServerAddress,
    ServerConnector, check_passwords, connect,
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
async fn a_trace_of_users_and_tokens_shows_no_password_and_no_token() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("trace"))
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = EmbeddedServer::builder()
        .credentials("iggy", "hunter2-root")
        .start()
        .await
        .unwrap();
    let address = format!("iggy://iggy:hunter2-root@{}", server.address());
    let ServerAddress::Remote(remote) = address.parse().unwrap() else {
        panic!("{address} is not remote");
    };
    let connector = ServerConnector::new(remote, ConnectSettings::default());
    let root = connector.connect().await.unwrap();
    let (bob, ci) = ("bob".parse().unwrap(), "ci".parse().unwrap());
    let (old, new) = (Secret::new("hunter2-old\n%\""), Secret::new("hunter2-new"));
    let created = root.create_user(&bob, &old, UserStatus::Active).await;
    tracing::info!(?created, "created");
    let wrong = root.change_password(&bob, &new, &old).await;
    tracing::info!(?wrong, error = %wrong.as_ref().unwrap_err(), "not changed");
    root.change_password(&bob, &old, &new).await.unwrap();
    let questions = vec![PasswordQuestion {
        user: bob.clone(),
        status: UserStatus::Active,
        declared: old,
        previous: Some(new.clone()),
        lists_tokens: false,
    }];
    tracing::info!(?questions, "asked");
    let checks = check_passwords(&connector, questions).await.unwrap();
    assert_eq!(checks[&bob].password, PasswordCheck::Previous);
    let credentials = Credentials::Password {
        username: "bob".to_owned(),
        password: new,
    };
    let session = connector.log_in_as(&credentials).await.unwrap();
    let token = session.create_token(&ci, None).await.unwrap();
    let with_token = Credentials::Token(token.clone());
    tracing::info!(?token, ?with_token, ?session, "token");
    connector.log_in_as(&with_token).await.unwrap();
    session.delete_token(&ci).await.unwrap();
    let refused = connector.log_in_as(&with_token).await;
    tracing::info!(?refused, error = %refused.as_ref().unwrap_err(), "refused");

    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        log.contains("TRACE") && log.contains("refused"),
        "the log is on: {log}"
    );
    assert!(!log.contains("hunter2"), "{log}");
    assert!(!log.contains(token.expose()), "{log}");
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
