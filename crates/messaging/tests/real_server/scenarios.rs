use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use iggy::prelude::{
    Aes256GcmEncryptor, Client, ClientWrapper, Consumer, EncryptorKind, Identifier, IggyClient,
    IggyMessage, MessageClient, Partitioning as SdkPartitioning, PollingStrategy, TcpClient,
};
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::connection::Backoff;
use iggyctl_messaging::{
    CONTENT_TYPE, Compression, Connection, Encryption, Headers, Manifest, MessagingError, Outgoing,
    Partitioning, Producer, RetryPolicy,
};

use crate::server::Server;

type Scenario = fn(PathBuf) -> BoxFuture<'static, ()>;

pub(crate) fn all() -> Vec<(&'static str, Scenario)> {
    vec![
        ("tcp", |program| transport(program, "iggy").boxed()),
        ("http", |program| transport(program, "iggy+http").boxed()),
        ("quic", |program| transport(program, "iggy+quic").boxed()),
        ("web_socket", |program| {
            transport(program, "iggy+ws").boxed()
        }),
        ("keys", |program| keys(program).boxed()),
        ("encryption", |program| encryption(program).boxed()),
        ("refusals", |program| refusals(program).boxed()),
        ("restarts", |program| restarts(program).boxed()),
    ]
}

const PARTITIONS: u32 = 3;

async fn started(program: PathBuf) -> (Server, Connection) {
    let server = Server::start(program);
    let connection = Connection::open(&server.address("iggy")).unwrap();
    let manifest = Manifest::topic("stream", "topic", PARTITIONS).unwrap();
    connection.ensure(&manifest).await.unwrap();
    (server, connection)
}

async fn bare_client(server: &Server) -> IggyClient {
    let client = IggyClient::from_connection_string(&server.address("iggy")).unwrap();
    client.connect().await.unwrap();
    client
}

fn name(text: &str) -> Identifier {
    Identifier::named(text).unwrap()
}

async fn messages_in(client: &IggyClient, partition: u32) -> Vec<IggyMessage> {
    let mut messages = Vec::new();
    loop {
        let polled = client
            .poll_messages(
                &name("stream"),
                &name("topic"),
                Some(partition),
                &Consumer::new(name("reader")),
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

async fn transport(program: PathBuf, scheme: &str) {
    let (server, _) = started(program).await;
    let connection = Connection::open(&server.address(scheme)).unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .batch_messages(50)
        .build(Raw)
        .unwrap();
    let message = |number: u32| {
        let headers = Headers::new().with_value("number", number).unwrap();
        Outgoing::new(Bytes::from(number.to_string())).headers(headers)
    };
    let deliveries = producer.enqueue_all((0..300).map(message)).await.unwrap();
    let mut ids = Vec::new();
    for delivery in deliveries {
        let confirmation = delivery.await.unwrap();
        ids.push((confirmation.partition, confirmation.offset, confirmation.id));
    }
    let health = connection.health().await;
    assert!(health.connected, "{health:?}");
    assert!(health.server_version.is_some(), "{health:?}");

    let client = bare_client(&server).await;
    let mut there = 0;
    for partition in 0..PARTITIONS {
        for message in messages_in(&client, partition).await {
            let number: usize = message.payload_as_string().unwrap().parse().unwrap();
            let expected = (partition, Some(message.header.offset), message.header.id);
            assert_eq!(ids[number], expected);
            let headers = Headers::from(message.user_headers_map().unwrap().unwrap());
            let value = headers.get("number").unwrap().as_uint32().unwrap();
            assert_eq!(value as usize, number);
            assert!(headers.text(CONTENT_TYPE).is_some());
            there += 1;
        }
    }
    assert_eq!(there, 300);
    connection.shutdown().await;
}

async fn keys(program: PathBuf) {
    let (server, connection) = started(program).await;
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .partitioning(Partitioning::key(|payload: &Bytes| payload.clone()))
        .build(Raw)
        .unwrap();
    let client = bare_client(&server).await;
    for number in 0..30 {
        let key = format!("key-{number}");
        let ours = producer.send(Bytes::from(key.clone())).await.unwrap();
        let theirs = client
            .send_messages(
                &name("stream"),
                &name("topic"),
                &SdkPartitioning::messages_key_str(&key).unwrap(),
                &mut [IggyMessage::from("theirs")],
            )
            .await
            .unwrap();
        assert_eq!(ours.partition, theirs.confirmations[0].partition_id);
        assert_eq!(
            ours.offset.map(|offset| offset + 1),
            Some(theirs.confirmations[0].base_offset)
        );
    }
}

async fn encryption(program: PathBuf) {
    let (server, connection) = started(program).await;
    let key = [4; 32];
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .partitioning(Partitioning::Partition(0))
        .encryption(Encryption::aes_256_gcm(&key).unwrap())
        .compression(Compression::Lz4)
        .build(Raw)
        .unwrap();
    let long = Bytes::from("secret, ".repeat(100));
    producer.send(long.clone()).await.unwrap();
    let encryptor = EncryptorKind::Aes256Gcm(Aes256GcmEncryptor::new(&key).unwrap());
    let tcp = TcpClient::from_connection_string(&server.address("iggy")).unwrap();
    let client = IggyClient::create(ClientWrapper::Tcp(tcp), None, Some(Arc::new(encryptor)));
    client.connect().await.unwrap();
    let messages = messages_in(&client, 0).await;
    let headers = Headers::from(messages[0].user_headers_map().unwrap().unwrap());
    let algorithm = headers.text("iggy-compression").unwrap();
    let payload =
        iggyctl_messaging::compression::decompress(algorithm, &messages[0].payload).unwrap();
    assert_eq!(payload, long);
}

async fn refusals(program: PathBuf) {
    let (_server, connection) = started(program).await;
    let to = |topic: &str, partition| {
        Producer::<Bytes>::builder(&connection, "stream", topic)
            .partitioning(partition)
            .build(Raw)
            .unwrap()
    };
    let nowhere = to("topic", Partitioning::Partition(99));
    let error = nowhere.send(Bytes::from("m")).await.unwrap_err();
    assert!(matches!(error, MessagingError::Refused { .. }), "{error:?}");
    let nothing = to("nothing", Partitioning::Balanced);
    let error = nothing.send(Bytes::from("m")).await.unwrap_err();
    assert!(matches!(error, MessagingError::NoTopic { .. }), "{error:?}");
    let nothing = to("nothing", Partitioning::Partition(0));
    let error = nothing.send(Bytes::from("m")).await.unwrap_err();
    assert!(matches!(error, MessagingError::Refused { .. }), "{error:?}");
}

async fn restarts(program: PathBuf) {
    const MESSAGES: u32 = 4000;
    let (mut server, _) = started(program).await;
    let connection = Connection::builder()
        .address(&server.address("iggy"))
        .unwrap()
        .backoff(Backoff {
            base: Duration::from_millis(20),
            max: Duration::from_millis(200),
            give_up_after: Some(Duration::from_secs(60)),
        })
        .build()
        .unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .batch_messages(20)
        .buffer_bytes(16 * 1024)
        .retry(RetryPolicy {
            max_retries: 20,
            base_backoff: Duration::from_millis(10),
            max_backoff: Duration::from_millis(200),
        })
        .build(Raw)
        .unwrap();
    let (progress, mut reached) = tokio::sync::watch::channel(0);
    let sending = tokio::spawn(async move {
        let mut deliveries = Vec::new();
        for number in 0..MESSAGES {
            let key = format!("key-{}", number % 7);
            let message = Outgoing::new(Bytes::from(format!("{number}"))).key(key);
            deliveries.push(producer.enqueue(message).await.unwrap());
            progress.send_replace(number);
        }
        for delivery in deliveries {
            delivery.await.unwrap();
        }
    });
    for round in 1..=2 {
        reached
            .wait_for(|number| *number >= MESSAGES * round / 3)
            .await
            .unwrap();
        server = tokio::task::spawn_blocking(move || {
            server.restart();
            server
        })
        .await
        .unwrap();
    }
    sending.await.unwrap();
    assert!(connection.session().await.unwrap().generation() >= 3);

    let client = bare_client(&server).await;
    let mut distinct = BTreeSet::new();
    for partition in 0..PARTITIONS {
        let mut seen = BTreeSet::new();
        let first: Vec<u32> = messages_in(&client, partition)
            .await
            .iter()
            .map(|message| message.payload_as_string().unwrap().parse().unwrap())
            .filter(|number| seen.insert(*number))
            .collect();
        assert!(first.is_sorted(), "{first:?}");
        distinct.extend(first);
    }
    assert_eq!(distinct, (0..MESSAGES).collect());
}
