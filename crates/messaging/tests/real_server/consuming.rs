//! Consumers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use iggyctl_messaging::codec::Json;
use iggyctl_messaging::{
    Connection, Consumer, ConsumerBuilder, DeadLetters, Manifest, Message, Outgoing, Partitioning,
    Producer, RedeliveryPolicy, Start,
};
use tokio::sync::mpsc;

use crate::server::Server;

type Scenario = fn(PathBuf) -> BoxFuture<'static, ()>;

pub(crate) fn all() -> Vec<(&'static str, Scenario)> {
    vec![
        ("consume_tcp", |program| plain(program, "iggy").boxed()),
        ("consume_http", |program| {
            plain(program, "iggy+http").boxed()
        }),
        ("consume_quic", |program| {
            plain(program, "iggy+quic").boxed()
        }),
        ("consume_web_socket", |program| {
            plain(program, "iggy+ws").boxed()
        }),
        ("late_topic", |program| late_topic(program).boxed()),
        ("consume_through_restart", |program| {
            through_restart(program).boxed()
        }),
        ("members_come_and_go", |program| {
            members_come_and_go(program).boxed()
        }),
        ("a_member_lets_go", |program| lets_go(program).boxed()),
    ]
}

const LIMIT: Duration = Duration::from_secs(60);

async fn ensure(connection: &Connection, topic: &str, partitions: u32) {
    let manifest = Manifest::topic("stream", topic, partitions).unwrap();
    connection.ensure(&manifest).await.unwrap();
}

async fn send(connection: &Connection, partition: u32, numbers: impl IntoIterator<Item = u32>) {
    let producer = Producer::<u32>::builder(connection, "stream", "topic")
        .partitioning(Partitioning::Partition(partition))
        .build(Json)
        .unwrap();
    let messages = numbers.into_iter().map(Outgoing::new);
    for delivery in producer.enqueue_all(messages).await.unwrap() {
        delivery.await.unwrap();
    }
}

fn reader(connection: &Connection) -> ConsumerBuilder<u32> {
    Consumer::plain(connection, "reader-of-numbers", "stream", "topic").redelivery(
        RedeliveryPolicy {
            max_attempts: 2,
            base_backoff: Duration::from_millis(5),
            ..RedeliveryPolicy::default()
        },
    )
}

fn member(connection: &Connection) -> ConsumerBuilder<u32> {
    Consumer::group(connection, "group", "stream", "topic").batch_length(50)
}

async fn next(consumer: &mut Consumer<u32>) -> Message<u32> {
    let next = tokio::time::timeout(LIMIT, consumer.next()).await;
    next.unwrap().unwrap().unwrap()
}

async fn take(consumer: &mut Consumer<u32>, count: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        let message = next(consumer).await;
        numbers.push(message.payload);
        message.ack();
    }
    numbers
}

/// Reads, repeats, puts aside, and goes on where it stopped.
async fn plain(program: PathBuf, scheme: &str) {
    let server = Server::start(program);
    let tcp = Connection::open(&server.address("iggy")).unwrap();
    ensure(&tcp, "topic", 2).await;
    ensure(&tcp, "dead", 1).await;
    send(&tcp, 0, 0..20).await;
    send(&tcp, 1, 20..40).await;
    let connection = Connection::open(&server.address(scheme)).unwrap();
    let mut consumer = reader(&connection)
        .batch_length(7)
        .dead_letters(DeadLetters::to("stream", "dead"))
        .build(Json)
        .unwrap();
    let mut numbers = BTreeSet::new();
    let mut attempts = 0;
    while numbers.len() < 29 || attempts < 2 {
        let message = next(&mut consumer).await;
        if message.payload == 5 {
            attempts += 1;
            assert_eq!(message.attempt, attempts);
            message.nack("hopeless");
        } else {
            assert!(numbers.insert(message.payload));
            message.ack();
        }
    }
    connection.shutdown().await;
    let connection = Connection::open(&server.address(scheme)).unwrap();
    let mut consumer = reader(&connection).build(Json).unwrap();
    while numbers.len() < 39 {
        numbers.extend(take(&mut consumer, 1).await);
    }
    let expected: BTreeSet<u32> = (0..40).filter(|number| *number != 5).collect();
    assert_eq!(numbers, expected);
    let mut dead = Consumer::<u32>::plain(&connection, "undertaker", "stream", "dead")
        .build(Json)
        .unwrap();
    assert_eq!(take(&mut dead, 1).await, [5]);
    for (start, first) in [(Start::First, 0), (Start::Last, 19), (Start::Offset(7), 7)] {
        let mut consumer = reader(&connection)
            .partition(0)
            .start(start)
            .build(Json)
            .unwrap();
        assert_eq!(take(&mut consumer, 1).await, [first], "{start:?}");
    }
    connection.shutdown().await;
}

async fn late_topic(program: PathBuf) {
    let server = Server::start(program);
    let connection = Connection::open(&server.address("iggy")).unwrap();
    let mut readers = [
        reader(&connection).start(Start::Last).build(Json).unwrap(),
        reader(&connection).partition(0).build(Json).unwrap(),
        member(&connection).build(Json).unwrap(),
    ];
    for reader in &mut readers {
        let early = tokio::time::timeout(Duration::from_millis(100), reader.next()).await;
        assert!(early.is_err());
    }
    ensure(&connection, "topic", 1).await;
    send(&connection, 0, 0..3).await;
    for reader in &mut readers {
        assert_eq!(take(reader, 3).await, [0, 1, 2]);
    }
}

async fn through_restart(program: PathBuf) {
    for is_group in [false, true] {
        let mut server = Server::start(program.clone());
        let connection = Connection::open(&server.address("iggy")).unwrap();
        ensure(&connection, "topic", 2).await;
        send(&connection, 0, 0..20).await;
        let mut consumer = match is_group {
            true => member(&connection).build(Json).unwrap(),
            false => reader(&connection).build(Json).unwrap(),
        };
        assert_eq!(take(&mut consumer, 10).await, (0..10).collect::<Vec<_>>());
        let in_hand = next(&mut consumer).await;
        consumer.commit().await.unwrap();
        server = tokio::task::spawn_blocking(move || {
            server.restart();
            server
        })
        .await
        .unwrap();
        send(&connection, 1, 100..110).await;
        in_hand.ack();
        let mut numbers = take(&mut consumer, 19).await;
        numbers.sort_unstable();
        assert_eq!(numbers, (11..20).chain(100..110).collect::<Vec<_>>());
        connection.shutdown().await;
        drop(server);
    }
}

/// Handles and acknowledges all it gets, and says what.
fn spawn_member(connection: &Connection, handled: &mpsc::UnboundedSender<u32>) {
    let mut consumer = member(connection).build(Json).unwrap();
    let handled = handled.clone();
    tokio::spawn(async move {
        while let Some(message) = consumer.next().await {
            let message = message.unwrap();
            let _ = handled.send(message.payload);
            message.ack();
        }
    });
}

async fn members_come_and_go(program: PathBuf) {
    const MESSAGES: u32 = 1500;
    const KEYS: u32 = 20;
    let server = Server::start(program);
    let address = server.address("iggy");
    let connection = Connection::open(&address).unwrap();
    ensure(&connection, "topic", 6).await;
    let (handled, mut log) = mpsc::unbounded_channel();
    let connections: Vec<Connection> = (0..4)
        .map(|_| Connection::open(&address).unwrap())
        .collect();
    spawn_member(&connections[0], &handled);
    spawn_member(&connections[1], &handled);
    let producer = Producer::<u32>::builder(&connection, "stream", "topic")
        .partitioning(Partitioning::key(|number: &u32| {
            format!("key-{}", number % KEYS)
        }))
        .build(Json)
        .unwrap();
    for number in 0..MESSAGES {
        producer.send(number).await.unwrap();
        match number {
            300 => spawn_member(&connections[2], &handled),
            700 => connections[0].shutdown().await,
            1100 => spawn_member(&connections[3], &handled),
            _ => {}
        }
    }
    let mut seen = BTreeSet::new();
    let mut by_key: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    while seen.len() < MESSAGES as usize {
        let number = tokio::time::timeout(LIMIT, log.recv())
            .await
            .unwrap()
            .unwrap();
        if seen.insert(number) {
            by_key.entry(number % KEYS).or_default().push(number);
        }
    }
    for (key, numbers) in by_key {
        assert!(numbers.is_sorted(), "key {key}: {numbers:?}");
    }
    for connection in connections {
        connection.shutdown().await;
    }
}

async fn lets_go(program: PathBuf) {
    let server = Server::start(program);
    let connection = Connection::open(&server.address("iggy")).unwrap();
    ensure(&connection, "topic", 2).await;
    send(&connection, 0, 0..10).await;
    send(&connection, 1, 100..110).await;
    let mut first = member(&connection).build(Json).unwrap();
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(next(&mut first).await);
    }
    let mut second = member(&connection).build(Json).unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(1500), second.next()).await;
    assert!(nothing.is_err());
    let mut numbers: Vec<u32> = held.iter().map(|message| message.payload).collect();
    held.into_iter().for_each(Message::ack);
    first.commit().await.unwrap();
    send(&connection, 0, 10..12).await;
    send(&connection, 1, 110..112).await;
    let began = std::time::Instant::now();
    numbers.extend(take(&mut second, 2).await);
    numbers.extend(take(&mut first, 2).await);
    assert!(began.elapsed() < Duration::from_secs(15));
    numbers.sort_unstable();
    assert_eq!(numbers, (0..12).chain(100..112).collect::<Vec<_>>());
    connection.shutdown().await;
}
