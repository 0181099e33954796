//! Servers to test against, and waiting without sleeping.

use std::time::Duration;

use iggy::prelude::{
    Client, Consumer, Identifier, IggyClient, IggyMessage, MessageClient, PollingStrategy,
};
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use iggyctl_messaging::connection::{Backoff, ConnectionBuilder};
use iggyctl_messaging::{Connection, Manifest, RetryPolicy};

/// Quick, so that a test that waits for a server takes no time.
pub(crate) fn quick_backoff() -> Backoff {
    Backoff {
        base: Duration::from_millis(5),
        max: Duration::from_millis(20),
        give_up_after: Some(Duration::from_secs(10)),
    }
}

pub(crate) async fn server() -> EmbeddedServer {
    EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .start()
        .await
        .unwrap()
}

pub(crate) fn to(addresses: &[&str]) -> ConnectionBuilder {
    let builder = Connection::builder()
        .backoff(quick_backoff())
        .connect_timeout(Duration::from_secs(2));
    addresses.iter().fold(builder, |builder, address| {
        builder.address(address).unwrap()
    })
}

/// A port on which nothing listens.
pub(crate) async fn dead_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// A connection to a server that has the topic `stream/topic` with this many
/// partitions.
pub(crate) async fn with_topic(server: &EmbeddedServer, partitions: u32) -> Connection {
    let connection = to(&[&server.connection_string()]).build().unwrap();
    let manifest = Manifest::topic("stream", "topic", partitions).unwrap();
    connection.ensure(&manifest).await.unwrap();
    server.requests().reset();
    connection
}

/// Quick retries.
pub(crate) fn quick_retry(max_retries: u32) -> RetryPolicy {
    RetryPolicy {
        max_retries,
        base_backoff: Duration::from_millis(2),
        max_backoff: Duration::from_millis(20),
    }
}

/// A client of the SDK with nothing of ours.
pub(crate) async fn bare_client(server: &EmbeddedServer) -> IggyClient {
    let client = IggyClient::from_connection_string(&server.connection_string()).unwrap();
    client.connect().await.unwrap();
    client
}

/// Everything in a partition of `stream/topic`, as a bare client reads it.
pub(crate) async fn messages_in(client: &IggyClient, partition: u32) -> Vec<IggyMessage> {
    let mut messages = Vec::new();
    loop {
        let polled = client
            .poll_messages(
                &Identifier::named("stream").unwrap(),
                &Identifier::named("topic").unwrap(),
                Some(partition),
                &Consumer::new(Identifier::named("reader").unwrap()),
                &PollingStrategy::offset(messages.len() as u64),
                1000,
                false,
            )
            .await
            .unwrap();
        if polled.messages.is_empty() {
            return messages;
        }
        messages.extend(polled.messages);
    }
}

/// The payloads as texts.
pub(crate) fn texts(messages: &[IggyMessage]) -> Vec<String> {
    messages
        .iter()
        .map(|message| message.payload_as_string().unwrap())
        .collect()
}
