//! A server and a client, and what the tests say often.

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};

/// A server in memory and a client logged in to it.
pub(crate) async fn server_and_client() -> (EmbeddedServer, IggyClient) {
    let server = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .start()
        .await
        .unwrap();
    let client = client_of(&server).await;
    (server, client)
}

/// A client logged in to a server; it never reconnects by itself for long.
pub(crate) async fn client_of(server: &EmbeddedServer) -> IggyClient {
    let options = "reconnection_retries=3&reconnection_interval=10ms&reestablish_after=0s";
    let client =
        IggyClient::from_connection_string(&format!("{}?{options}", server.connection_string()))
            .unwrap();
    client.connect().await.unwrap();
    client
}

/// A client that is connected, and not logged in.
pub(crate) async fn stranger_of(server: &EmbeddedServer) -> IggyClient {
    let client = IggyClient::builder()
        .with_tcp()
        .with_server_address(server.address().to_string())
        .with_reconnection_max_retries(Some(0))
        .with_reestablish_after(IggyDuration::from(0))
        .build()
        .unwrap();
    client.connect().await.unwrap();
    client
}

/// A client logged in with a password.
pub(crate) async fn client_as(server: &EmbeddedServer, name: &str, password: &str) -> IggyClient {
    let client = stranger_of(server).await;
    client.login_user(name, password).await.unwrap();
    client
}

/// The code of an attempt to log in with a password; 0 when it is let in.
pub(crate) async fn login(server: &EmbeddedServer, name: &str, password: &str) -> u32 {
    code(stranger_of(server).await.login_user(name, password).await)
}

/// The code of an attempt to log in with a token; 0 when it is let in.
pub(crate) async fn token_login(server: &EmbeddedServer, token: &str) -> u32 {
    let client = stranger_of(server).await;
    code(client.login_with_personal_access_token(token).await)
}

/// Creates an active user; its id.
pub(crate) async fn user(client: &IggyClient, name: &str, permissions: Option<Permissions>) -> u32 {
    client
        .create_user(name, "password", UserStatus::Active, permissions)
        .await
        .unwrap()
        .id
}

/// A name as an identifier.
pub(crate) fn named(name: &str) -> Identifier {
    Identifier::named(name).unwrap()
}

/// Creates `s/t`.
pub(crate) async fn topic(client: &IggyClient, options: &TopicCreateOptions) {
    client.create_stream("s").await.unwrap();
    client
        .create_topic(&named("s"), "t", options)
        .await
        .unwrap();
}

/// Options of a topic with so many partitions.
pub(crate) fn partitions(count: u32) -> TopicCreateOptions {
    TopicCreateOptions {
        partitions_count: Some(count),
        ..Default::default()
    }
}

/// Sends texts to a partition of `s/t`.
pub(crate) async fn send(
    client: &IggyClient,
    partition: u32,
    texts: &[&str],
) -> Result<(), IggyError> {
    let mut messages: Vec<IggyMessage> = texts.iter().map(|text| text.parse().unwrap()).collect();
    let partitioning = Partitioning::partition_id(partition);
    client
        .send_messages(&named("s"), &named("t"), &partitioning, &mut messages)
        .await
        .map(|_| ())
}

/// What a partition of `s/t` holds, from an offset on.
pub(crate) async fn polled(client: &IggyClient, partition: u32, offset: u64) -> PolledMessages {
    client
        .poll_messages(
            &named("s"),
            &named("t"),
            Some(partition),
            &Consumer::new(named("reader")),
            &PollingStrategy::offset(offset),
            100_000,
            false,
        )
        .await
        .unwrap()
}

/// The payloads of messages.
pub(crate) fn texts(polled: &PolledMessages) -> Vec<String> {
    polled
        .messages
        .iter()
        .map(|message| String::from_utf8(message.payload.to_vec()).unwrap())
        .collect()
}

/// The code of an error; 0 for success.
pub(crate) fn code<T>(result: Result<T, IggyError>) -> u32 {
    result.err().map_or(0, |error| error.as_code())
}
