use std::time::{Duration, Instant};

use futures::future::join_all;
use iggy::prelude::{
    Client, IggyClient, IggyError, PersonalAccessTokenClient, PersonalAccessTokenExpiry,
    StreamClient, SystemClient, UserClient,
};
use iggy_binary_protocol::codes::{LOGIN_REGISTER_CODE, PING_CODE};
use iggyctl_core::secret::Secret;
use iggyctl_embedded::EmbeddedServer;
use iggyctl_messaging::connection::{Backoff, Credentials, Loss};
use iggyctl_messaging::{Connection, MessagingError};

use crate::support::{dead_port, quick_backoff, server, to};

fn password(username: &str, password: &str) -> Credentials {
    Credentials::Password {
        username: username.to_owned(),
        password: Secret::new(password),
    }
}

#[tokio::test]
async fn nothing_is_connected_until_it_is_needed_and_then_once_for_all() {
    let server = server().await;
    let connection = to(&[&server.connection_string()]).build().unwrap();
    assert_eq!(server.testing().connections(), 0);
    assert!(!connection.health().await.connected);

    let sessions = join_all((0..20).map(|_| {
        let clone = connection.clone();
        async move { clone.session().await.unwrap().generation() }
    }))
    .await;
    assert_eq!(sessions, [1; 20]);
    assert_eq!(server.requests().count(LOGIN_REGISTER_CODE), 1);

    let health = connection.health().await;
    assert!(health.connected);
    assert!(health.latency.unwrap() < Duration::from_secs(1));
    assert!(health.server_version.is_some());
    assert_eq!(health.last_error, None);
    let address = health.address.unwrap();
    assert!(!address.contains('@'), "{address}");
}

#[tokio::test]
async fn the_second_host_is_taken_when_the_first_is_away_and_when_it_goes_away() {
    let dead = format!("iggy://iggy:iggy@127.0.0.1:{}", dead_port().await);
    let (first, second) = (server().await, server().await);
    let connection = to(&[
        &dead,
        &first.connection_string(),
        &second.connection_string(),
    ])
    .build()
    .unwrap();
    let session = connection.session().await.unwrap();
    assert_eq!(session.address().unwrap().port, first.address().port());

    first.shutdown().await;
    let error = session.client().get_streams().await.unwrap_err();
    connection.lost(&session, error);
    let session = connection.session().await.unwrap();
    assert_eq!(session.generation(), 2);
    assert_eq!(session.address().unwrap().port, second.address().port());
    assert!(connection.health().await.last_error.is_some());
}

#[tokio::test]
async fn a_server_that_restarts_is_waited_for_by_all_and_connected_to_once() {
    let first = server().await;
    let address = first.address();
    let connection = to(&[&first.connection_string()]).build().unwrap();
    let session = connection.session().await.unwrap();
    first.shutdown().await;
    // Everybody may report the same loss, a late report says nothing.
    connection.lost(&session, Loss::NoAnswer);
    connection.lost(&session, IggyError::Disconnected);

    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let clone = connection.clone();
            tokio::spawn(async move { clone.session().await.unwrap().generation() })
        })
        .collect();
    let second = EmbeddedServer::builder()
        .listen(address)
        .start()
        .await
        .unwrap();
    for generation in join_all(waiting).await {
        assert_eq!(generation.unwrap(), 2);
    }
    connection.lost(&session, IggyError::Disconnected);
    assert_eq!(connection.session().await.unwrap().generation(), 2);
    assert_eq!(second.requests().count(LOGIN_REGISTER_CODE), 1);
}

#[tokio::test]
async fn a_wrong_password_is_said_at_once() {
    let server = server().await;
    let connection = to(&[&server.connection_string()])
        .credentials(password("iggy", "secret-word"))
        .backoff(Backoff {
            give_up_after: None,
            ..quick_backoff()
        })
        .build()
        .unwrap();
    let error = connection.session().await.unwrap_err();
    let MessagingError::Connect { attempts: 1, .. } = error else {
        panic!("{error}");
    };
    assert!(error.to_string().contains("refuses the login"), "{error}");
    let shown = format!(
        "{error} {error:?} {connection:?} {:?}",
        connection.health().await
    );
    assert!(!shown.contains("secret-word"), "{shown}");
}

#[tokio::test]
async fn waiting_ends_where_the_settings_say() {
    let dead = format!("iggy://iggy:iggy@127.0.0.1:{}", dead_port().await);
    let connection = to(&[&dead])
        .backoff(Backoff {
            give_up_after: Some(Duration::from_millis(100)),
            ..quick_backoff()
        })
        .build()
        .unwrap();
    let started = Instant::now();
    let error = connection.session().await.unwrap_err();
    let MessagingError::Connect { attempts, .. } = error else {
        panic!("{error}");
    };
    assert!(attempts > 1, "{attempts}");
    assert!(started.elapsed() < Duration::from_secs(5));
    let health = connection.health().await;
    assert!(health.last_error.unwrap().contains("nothing listens"));
}

#[tokio::test]
async fn shutdown_ends_who_waits_for_a_connection() {
    let dead = format!("iggy://iggy:iggy@127.0.0.1:{}", dead_port().await);
    let connection = to(&[&dead])
        .backoff(Backoff {
            give_up_after: None,
            ..quick_backoff()
        })
        .build()
        .unwrap();
    let waiting = {
        let clone = connection.clone();
        tokio::spawn(async move { clone.session().await })
    };
    connection.shutdown().await;
    assert!(matches!(
        waiting.await.unwrap(),
        Err(MessagingError::Closed)
    ));
    assert!(matches!(
        connection.session().await,
        Err(MessagingError::Closed)
    ));
}

#[tokio::test]
async fn another_user_gets_a_connection_of_its_own_and_the_same_one_twice() {
    let server = server().await;
    let root = to(&[&server.connection_string()]).build().unwrap();
    let session = root.session().await.unwrap();
    session
        .client()
        .create_user("alice", "secret-1", Default::default(), None)
        .await
        .unwrap();
    let alice = root
        .with_credentials(password("alice", "secret-1"))
        .unwrap();
    let again = root
        .with_credentials(password("alice", "secret-1"))
        .unwrap();
    let her = alice.session().await.unwrap();
    assert_ne!(
        her.client().get_me().await.unwrap().client_id,
        session.client().get_me().await.unwrap().client_id
    );
    again.session().await.unwrap();
    assert_eq!(server.requests().count(LOGIN_REGISTER_CODE), 2);
    assert!(her.client().get_streams().await.is_err());

    alice.shutdown().await;
    assert!(again.session().await.is_err());
    assert!(root.health().await.connected);
}

#[tokio::test]
async fn a_server_in_this_process_lives_as_long_as_its_connections() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("embedded:{}", folder.path().display());
    let root = Connection::open(&address).unwrap();
    let session = root.session().await.unwrap();
    session.client().create_stream("orders").await.unwrap();
    session
        .client()
        .create_user("alice", "secret-1", Default::default(), None)
        .await
        .unwrap();
    let alice = root
        .with_credentials(password("alice", "secret-1"))
        .unwrap();
    alice.session().await.unwrap();
    root.shutdown().await;
    assert!(alice.health().await.connected);
    alice.shutdown().await;
    drop(session);

    // The folder is free again, and what was in it is there.
    let later = Connection::open(&address).unwrap();
    let session = later.session().await.unwrap();
    assert_eq!(session.client().get_streams().await.unwrap().len(), 1);
    later.shutdown().await;
}

#[tokio::test]
async fn a_client_that_is_brought_along_is_used_and_stays_connected() {
    let server = server().await;
    let client = IggyClient::from_connection_string(&server.connection_string()).unwrap();
    client.connect().await.unwrap();
    let connection = Connection::from_client(client);
    let session = connection.session().await.unwrap();
    session.client().create_stream("orders").await.unwrap();
    connection.lost(&session, IggyError::Disconnected);
    assert_eq!(connection.session().await.unwrap().generation(), 2);
    assert!(connection.health().await.connected);
    connection.shutdown().await;
    assert!(session.client().ping().await.is_ok());
    assert!(connection.with_credentials(password("a", "b")).is_err());
}

#[tokio::test]
async fn a_connection_that_nobody_uses_notices_that_its_server_is_gone() {
    let first = server().await;
    let address = first.address();
    let connection = to(&[&first.connection_string()])
        .heartbeat(Duration::from_millis(5))
        .build()
        .unwrap();
    connection.session().await.unwrap();
    while first.requests().count(PING_CODE) < 3 {
        tokio::task::yield_now().await;
    }
    first.shutdown().await;
    // Not `health`, which would ask, and notice by itself.
    while !format!("{connection:?}").contains("session: None") {
        tokio::task::yield_now().await;
    }
    assert!(connection.health().await.last_error.is_some());
    let second = EmbeddedServer::builder().listen(address).start().await;
    assert_eq!(connection.session().await.unwrap().generation(), 2);
    drop(second);
}

#[tokio::test]
async fn a_token_logs_in_as_its_user() {
    let server = server().await;
    let root = to(&[&server.connection_string()]).build().unwrap();
    let session = root.session().await.unwrap();
    let token = session
        .client()
        .create_personal_access_token("ci", PersonalAccessTokenExpiry::NeverExpire)
        .await
        .unwrap();
    let by_token = root
        .with_credentials(Credentials::Token(Secret::new(token.token.clone())))
        .unwrap();
    let session = by_token.session().await.unwrap();
    assert_eq!(session.client().get_me().await.unwrap().user_id, Some(0));
    assert!(!format!("{by_token:?} {session:?}").contains(&token.token));
    // In an address, as on the command line.
    let address = format!("iggy://{}@{}", token.token, server.address());
    let in_address = to(&[&address]).build().unwrap();
    assert!(in_address.session().await.is_ok());
}
