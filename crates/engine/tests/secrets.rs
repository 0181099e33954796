//! No credential reaches a log, whatever level somebody switches on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iggyctl_core::access::{TokenSlot, UserStatus};
use iggyctl_core::address::Address;
use iggyctl_core::diagnostic::Origin;
use iggyctl_core::quantity::MessageExpiry;
use iggyctl_core::secret::{Secret, SecretSource, TokenSink};
use iggyctl_core::state::desired_token::TokenDestination;
use iggyctl_core::state::desired_user::SecretReference;
use iggyctl_core::state::observed_access::PasswordCheck;
use iggyctl_embedded::EmbeddedServer;
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::Supplies;
use iggyctl_engine::broker::{BrokerRead, UserWrite};
use iggyctl_engine::connect::{
    Connect, ConnectSettings, ConnectionPool, Credentials, PasswordQuestion, ServerAddress,
    ServerConnector, check_passwords, connect,
};
use iggyctl_engine::delivery::{
    Beginning, Delivery, FileSinks, NewFile, TokenOwner, TokenSinks as _,
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

/// What a panic with these in scope would print: whatever is unwrapped, expected or
/// asserted is shown as `Debug`, and errors also as they are told to people.
#[tokio::test]
async fn a_panic_shows_no_secret_of_anything_that_holds_one() {
    const MARK: &str = "hunter2-'\"%41\n-marked";
    let secret = Secret::new(MARK);
    let address: Address = "token/bob/ci".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin {
        file: folder.path().join("users.yaml").to_str().unwrap().into(),
        line: 1,
        column: 1,
    };
    let destination = TokenDestination {
        sink: TokenSink::File("ci".to_owned()),
        origin: origin.clone(),
    };
    let owner = TokenOwner {
        created_at_micros: 7,
        server: None,
    };
    let delivery = Delivery {
        token: &address,
        owner,
        slot: TokenSlot::First,
        expiry: MessageExpiry::NEVER,
        revokes: None,
        value: &secret,
    };
    let sinks = FileSinks::new(None);
    let beginning = Beginning {
        token: &address,
        owner,
        takes_over: false,
        slot: TokenSlot::First,
        revokes: None,
    };
    sinks.begin(&destination, &beginning).await.unwrap();
    sinks.deliver(&destination, &delivery).await.unwrap();
    let value = sinks.value(&destination).await.unwrap();
    assert_eq!(value.as_ref().map(Secret::expose), Some(MARK));
    let reference = SecretReference {
        source: SecretSource::Env("PASSWORD".to_owned()),
        origin,
    };
    let secrets: Secrets = [(reference, secret.clone())].into_iter().collect();
    let supplies = Supplies::new(&secrets, &sinks);
    let password = Credentials::Password {
        username: "bob".to_owned(),
        password: secret.clone(),
    };
    let token = Credentials::Token(secret.clone());
    let text = "iggy://bob:hunter2-%27%22%2541%0A-marked@127.0.0.1:1";
    let remote: ServerAddress = text.parse().unwrap();
    let wrong = "iggy://bob:hunter2-%zz@[::1".parse::<ServerAddress>();
    let ServerAddress::Remote(inner) = remote.clone() else {
        panic!("it is remote");
    };
    let connector = ServerConnector::new(inner, ConnectSettings::default());
    let refused = connector.log_in_as(&token).await;
    let error = refused.as_ref().err();
    let question = PasswordQuestion {
        user: "bob".parse().unwrap(),
        status: UserStatus::Active,
        declared: secret.clone(),
        previous: Some(secret.clone()),
        lists_tokens: true,
    };
    let new_file = NewFile::claim(&folder.path().join("new")).unwrap();
    let shown: Vec<(&str, Show<'_>)> = vec![
        ("secret", debug(secret.clone())),
        ("value", debug(value)),
        ("delivery", debug(delivery)),
        ("sinks", debug(sinks.clone())),
        ("secrets", debug(secrets.clone())),
        ("supplies", debug(supplies)),
        ("password", debug(password)),
        ("token", debug(token)),
        ("remote", debug(remote.clone())),
        ("address", Box::new(move || remote.to_string())),
        ("wrong", debug(wrong)),
        ("question", debug(question)),
        ("new file", debug(new_file)),
        (
            "error",
            Box::new(|| format!("{error:?} {}", error.unwrap())),
        ),
        ("pool", debug(ConnectionPool::new(connector))),
    ];
    for (name, show) in shown {
        let shown = show();
        assert!(!shown.contains("hunter2"), "{name}: {shown}");
        assert!(!shown.contains("marked"), "{name}: {shown}");
    }

    // And a panic is no more than that, with its backtrace.
    let said = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&said);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let backtrace = std::backtrace::Backtrace::force_capture();
        *heard.lock().unwrap() = format!("{panic}\n{panic:?}\n{backtrace}");
    }));
    let ended = std::panic::catch_unwind(|| {
        let refused: Vec<Result<(), _>> = vec![Err(Credentials::Token(Secret::new(MARK)))];
        refused
            .into_iter()
            .collect::<Result<(), _>>()
            .expect("a value");
    });
    std::panic::set_hook(usual);
    assert!(ended.is_err());
    let said = said.lock().unwrap();
    assert!(said.contains("a value"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

type Show<'a> = Box<dyn Fn() -> String + 'a>;

fn debug<'a>(value: impl std::fmt::Debug + 'a) -> Show<'a> {
    Box::new(move || format!("{value:?}\n{value:#?}"))
}
