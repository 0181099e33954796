//! A server, messages in it, and what a consumer gets of them.

use std::time::Duration;

use iggy::prelude::{
    Client, Consumer as SdkConsumer, ConsumerOffsetClient, Identifier, IggyClient,
};
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use iggyctl_messaging::codec::Json;
use iggyctl_messaging::connection::Backoff;
use iggyctl_messaging::{
    Connection, Consumer, ConsumerBuilder, Manifest, Message, Outgoing, Partitioning, Producer,
    RedeliveryPolicy,
};

/// Nothing takes longer, unless it never comes.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn server() -> EmbeddedServer {
    EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .start()
        .await
        .unwrap()
}

pub(crate) fn connect(address: &str) -> Connection {
    Connection::builder()
        .address(address)
        .unwrap()
        .backoff(Backoff {
            base: Duration::from_millis(5),
            max: Duration::from_millis(50),
            give_up_after: Some(Duration::from_secs(20)),
        })
        .build()
        .unwrap()
}

/// A server with the topic `stream/topic`, and a connection.
pub(crate) async fn with_topic(partitions: u32) -> (EmbeddedServer, Connection) {
    let server = server().await;
    let connection = connect(&server.connection_string());
    ensure(&connection, "topic", partitions).await;
    (server, connection)
}

pub(crate) async fn ensure(connection: &Connection, topic: &str, partitions: u32) {
    let manifest = Manifest::topic("stream", topic, partitions).unwrap();
    connection.ensure(&manifest).await.unwrap();
}

/// Sends numbers to one partition of `stream/topic`.
pub(crate) async fn send(
    connection: &Connection,
    partition: u32,
    numbers: impl IntoIterator<Item = u32>,
) {
    let producer = Producer::<u32>::builder(connection, "stream", "topic")
        .partitioning(Partitioning::Partition(partition))
        .build(Json)
        .unwrap();
    let messages = numbers.into_iter().map(Outgoing::new);
    for delivery in producer.enqueue_all(messages).await.unwrap() {
        delivery.await.unwrap();
    }
}

pub(crate) fn plain(connection: &Connection) -> ConsumerBuilder<u32> {
    quick(Consumer::plain(connection, "reader", "stream", "topic"))
}

pub(crate) fn member(connection: &Connection) -> ConsumerBuilder<u32> {
    quick(Consumer::group(connection, "group", "stream", "topic"))
}

fn quick(builder: ConsumerBuilder<u32>) -> ConsumerBuilder<u32> {
    builder
        .poll_interval(Duration::from_millis(5))
        .redelivery(RedeliveryPolicy {
            max_attempts: 3,
            base_backoff: Duration::from_millis(5),
            max_backoff: Duration::from_millis(20),
            keeps_order: true,
        })
}

pub(crate) async fn next(consumer: &mut Consumer<u32>) -> Message<u32> {
    tokio::time::timeout(LIMIT, consumer.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
}

/// So many messages, acknowledged.
pub(crate) async fn take(consumer: &mut Consumer<u32>, count: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        let message = next(consumer).await;
        numbers.push(message.payload);
        message.ack();
    }
    numbers
}

pub(crate) async fn bare_client(address: &str) -> IggyClient {
    let client = IggyClient::from_connection_string(address).unwrap();
    client.connect().await.unwrap();
    client
}

pub(crate) fn name(text: &str) -> Identifier {
    Identifier::named(text).unwrap()
}

/// What the server has stored of the plain consumer.
pub(crate) async fn stored(address: &str, partition: u32) -> Option<u64> {
    stored_of(address, &SdkConsumer::new(name("reader")), partition).await
}

/// What the server has stored of the group.
pub(crate) async fn stored_of_group(address: &str, partition: u32) -> Option<u64> {
    stored_of(address, &SdkConsumer::group(name("group")), partition).await
}

async fn stored_of(address: &str, consumer: &SdkConsumer, partition: u32) -> Option<u64> {
    bare_client(address)
        .await
        .get_consumer_offset(consumer, &name("stream"), &name("topic"), Some(partition))
        .await
        .unwrap()
        .map(|offset| offset.stored_offset)
}
