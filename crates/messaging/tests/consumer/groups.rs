//! Members that come, go and die.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iggy::prelude::{
    Client, Consumer as SdkConsumer, ConsumerGroupClient, ConsumerOffsetClient, IggyClient,
    MessageClient, PollingStrategy,
};
use iggy_binary_protocol::codes::{POLL_MESSAGES_CODE, STORE_CONSUMER_OFFSET_CODE};
use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget};
use iggyctl_messaging::codec::Json;
use iggyctl_messaging::{Connection, Consumer, Outgoing, Partitioning, Producer};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::{
    LIMIT, bare_client, connect, member, name, next, send, stored_of_group, take, with_topic,
};

const MESSAGES: u32 = 3000;
const KEYS: u32 = 30;
const PARTITIONS: u32 = 6;

/// What was handled, in this order, by all members.
#[derive(Clone)]
struct Log {
    handled: Arc<Mutex<Vec<u32>>>,
    distinct: Arc<watch::Sender<usize>>,
}

impl Log {
    fn new() -> Self {
        Self {
            handled: Arc::default(),
            distinct: Arc::new(watch::Sender::new(0)),
        }
    }

    fn write(&self, number: u32) {
        let mut handled = self.handled.lock().unwrap();
        let is_new = !handled.contains(&number);
        handled.push(number);
        if is_new {
            self.distinct.send_modify(|count| *count += 1);
        }
    }

    async fn reaches(&self, count: usize) {
        let mut distinct = self.distinct.subscribe();
        let reached = distinct.wait_for(|reached| *reached >= count);
        tokio::time::timeout(LIMIT, reached).await.unwrap().unwrap();
    }
}

/// How many messages the group has stored to have read.
async fn stored_in_total(client: &IggyClient) -> u64 {
    let group = SdkConsumer::group(name("group"));
    let (stream, topic) = (name("stream"), name("topic"));
    let mut total = 0;
    for partition in 0..PARTITIONS {
        let stored = client
            .get_consumer_offset(&group, &stream, &topic, Some(partition))
            .await
            .unwrap();
        // As far as its last message.
        total += stored.map_or(0, |offset| offset.stored_offset + 1);
    }
    total
}

/// A member that handles and acknowledges all it gets.
fn spawn_member(connection: &Connection, log: &Log) -> JoinHandle<usize> {
    let mut consumer = member(connection).batch_length(40).build(Json).unwrap();
    let log = log.clone();
    tokio::spawn(async move {
        let mut count = 0;
        while let Some(message) = consumer.next().await {
            let message = message.unwrap();
            log.write(message.payload);
            count += 1;
            message.ack();
            tokio::task::yield_now().await;
        }
        count
    })
}

/// A member of the bare SDK that takes messages and is gone.
async fn dies_with_messages(address: &str) {
    let client: IggyClient = bare_client(address).await;
    let (stream, topic, group) = (name("stream"), name("topic"), name("group"));
    client
        .join_consumer_group(&stream, &topic, &group)
        .await
        .unwrap();
    for _ in 0..5 {
        client
            .poll_messages(
                &stream,
                &topic,
                None,
                &SdkConsumer::group(group.clone()),
                &PollingStrategy::next(),
                10,
                false,
            )
            .await
            .unwrap();
    }
    client.disconnect().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_keys_keep_their_order_while_members_come_and_go() {
    let (server, connection) = with_topic(PARTITIONS).await;
    let address = server.connection_string();
    let producer = Producer::<u32>::builder(&connection, "stream", "topic")
        .partitioning(Partitioning::key(|number: &u32| {
            format!("key-{}", number % KEYS)
        }))
        .batch_messages(20)
        .build(Json)
        .unwrap();
    let (progress, mut sent) = watch::channel(0);
    let log = Log::new();
    let sending = tokio::spawn({
        let log = log.clone();
        async move {
            for number in 0..MESSAGES {
                producer.send(Outgoing::new(number)).await.unwrap();
                progress.send_replace(number);
                // Not far ahead, so that members change under traffic.
                if number > 300 {
                    log.reaches(number as usize - 300).await;
                }
            }
        }
    });
    let connections: Vec<Connection> = (0..3).map(|_| connect(&address)).collect();
    let third = |part: u32| MESSAGES * part / 6;
    let first = spawn_member(&connections[0], &log);
    let second = spawn_member(&connections[1], &log);
    sent.wait_for(|number| *number > third(1)).await.unwrap();
    let last = spawn_member(&connections[2], &log);
    sent.wait_for(|number| *number > third(2)).await.unwrap();
    dies_with_messages(&address).await;
    sent.wait_for(|number| *number > third(3)).await.unwrap();
    connections[0].shutdown().await;
    sent.wait_for(|number| *number > third(4)).await.unwrap();
    let plan = FaultPlan::none()
        .once(
            FaultKind::Disconnect,
            FaultTarget::Command(POLL_MESSAGES_CODE),
            3,
        )
        .once(
            FaultKind::LostReply,
            FaultTarget::Command(STORE_CONSUMER_OFFSET_CODE),
            5,
        );
    server.faults().set(plan);
    sent.wait_for(|number| *number > third(5)).await.unwrap();
    let again = connect(&address);
    let fourth = spawn_member(&again, &log);
    sending.await.unwrap();
    log.reaches(MESSAGES as usize).await;
    // What somebody handled and could not store any more comes again, to another one.
    let looking = bare_client(&address).await;
    let all_stored = async {
        while stored_in_total(&looking).await < u64::from(MESSAGES) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, all_stored).await.unwrap();
    for connection in [&connections[1], &connections[2], &again] {
        connection.shutdown().await;
    }
    let mut counts = Vec::new();
    for member in [first, second, last, fourth] {
        counts.push(member.await.unwrap());
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");

    let handled = log.handled.lock().unwrap().clone();
    let mut seen = BTreeSet::new();
    let mut by_key: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for number in handled {
        if seen.insert(number) {
            by_key.entry(number % KEYS).or_default().push(number);
        }
    }
    assert_eq!(seen, (0..MESSAGES).collect());
    for (key, numbers) in by_key {
        assert!(numbers.is_sorted(), "key {key}: {numbers:?}");
    }
    assert_eq!(stored_in_total(&looking).await, u64::from(MESSAGES));
}

#[tokio::test]
async fn members_of_one_connection_share_the_partitions() {
    let (_server, connection) = with_topic(2).await;
    let mut first = member(&connection).build(Json).unwrap();
    let mut second = member(&connection).build(Json).unwrap();
    // Each gets something in the end.
    let mut numbers = 0..;
    let mut got: Option<u32> = None;
    while got.is_none() {
        let number = numbers.next().unwrap();
        send(&connection, 0, [number]).await;
        send(&connection, 1, [number]).await;
        let both = futures::future::select(
            Box::pin(async {
                loop {
                    take(&mut first, 1).await;
                }
            }),
            Box::pin(next(&mut second)),
        );
        let short = tokio::time::timeout(Duration::from_millis(100), both).await;
        if let Ok(futures::future::Either::Right((message, _))) = short {
            got = Some(message.payload);
            message.ack();
        }
    }
}

/// A partition goes to the next member as soon as what the first has of it is
/// acknowledged, and nothing comes twice.
#[tokio::test]
async fn a_member_finishes_what_it_has_of_a_partition_that_it_lets_go() {
    let (server, connection) = with_topic(2).await;
    send(&connection, 0, 0..10).await;
    send(&connection, 1, 100..110).await;
    let mut first: Consumer<u32> = member(&connection).build(Json).unwrap();
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(next(&mut first).await);
    }
    let mut second = member(&connection).build(Json).unwrap();
    // It is a member when it polls, and gets nothing yet.
    let nothing = tokio::time::timeout(Duration::from_millis(1500), second.next()).await;
    assert!(nothing.is_err());
    let mut numbers: Vec<u32> = held.iter().map(|message| message.payload).collect();
    held.into_iter().for_each(iggyctl_messaging::Message::ack);
    first.commit().await.unwrap();
    send(&connection, 0, 10..12).await;
    send(&connection, 1, 110..112).await;
    let began = std::time::Instant::now();
    numbers.extend(take(&mut second, 2).await);
    numbers.extend(take(&mut first, 2).await);
    // Long before the 30 s after which a server takes it away.
    assert!(began.elapsed() < Duration::from_secs(10));
    numbers.sort_unstable();
    assert_eq!(numbers, (0..12).chain(100..112).collect::<Vec<_>>());
    connection.shutdown().await;
    for partition in 0..2 {
        let stored = stored_of_group(&server.connection_string(), partition).await;
        assert_eq!(stored, Some(11));
    }
}
