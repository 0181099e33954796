//! Messages: our producer and consumer against the bare SDK, on the same server.
//!
//! Against two floors: the SDK's client, which makes the same requests with the same
//! batches and nothing else (no buffer, no confirmations, no acknowledgements); and the
//! SDK's own producer and consumer, which a service would use otherwise.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use iggy::prelude::{
    AutoCommit, AutoCommitWhen, Client as _, Consumer as SdkConsumer, DirectConfig, Identifier,
    IggyClient, IggyMessage, MessageClient as _, Partitioning, PollingStrategy, StreamClient as _,
    TcpClient, TopicClient as _, TopicCreateOptions,
};
use iggyctl_embedded::EmbeddedServer;
use iggyctl_messaging::codec::Untyped;
use iggyctl_messaging::{
    Commit, Connection, Consumer, Partitioning as OurPartitioning, Producer, Start,
};

use crate::Line;
use crate::part::{Part, peak_memory, start_part};
use crate::server::{client, runtimes, start};

const RUNS: usize = 5;

/// What a request holds on both sides: 1000 messages or 1 MiB, the defaults of our
/// producer.
const BATCH_MESSAGES: usize = 1000;
const BATCH_BYTES: usize = 1024 * 1024;

/// As much as our consumer asks for when it knows the size, half of what it may hold.
const POLL_BYTES: usize = 4 * 1024 * 1024;

struct Load {
    size: &'static str,
    bytes: usize,
    messages: usize,
}

const LOADS: [Load; 3] = [
    Load {
        size: "100 B",
        bytes: 100,
        messages: 300_000,
    },
    Load {
        size: "1 kB",
        bytes: 1_000,
        messages: 100_000,
    },
    Load {
        size: "100 kB",
        bytes: 100_000,
        messages: 2_000,
    },
];

impl Load {
    fn payload(&self) -> Bytes {
        Bytes::from(vec![b'x'; self.bytes])
    }

    fn some(&self, count: usize) -> Vec<IggyMessage> {
        let payload = self.payload();
        let message = || IggyMessage::builder().payload(payload.clone()).build();
        (0..count).map(|_| message().expect("a message")).collect()
    }

    fn batch(&self) -> usize {
        (BATCH_BYTES / self.bytes).clamp(1, BATCH_MESSAGES)
    }

    fn poll(&self) -> usize {
        (POLL_BYTES / self.bytes).clamp(1, BATCH_MESSAGES)
    }
}

/// Three ways to do the same, each into a topic of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Ours,
    Client,
    HighLevel,
}

const WAYS: [Way; 3] = [Way::Ours, Way::Client, Way::HighLevel];

impl Way {
    fn topic(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Client => "client",
            Self::HighLevel => "high-level",
        }
    }

    async fn send(self, server: &EmbeddedServer, load: &Load) -> Duration {
        match self {
            Self::Ours => send(&server.connection_string(), load).await,
            Self::Client => send_by_client(server, load).await,
            Self::HighLevel => send_by_producer(&server.connection_string(), load).await,
        }
    }

    async fn read(self, server: &EmbeddedServer, load: &Load) -> Duration {
        match self {
            Self::Ours => consume(&server.connection_string(), load).await,
            Self::Client => poll_by_client(server, load).await,
            Self::HighLevel => poll_by_consumer(&server.connection_string(), load).await,
        }
    }
}

/// Sends and reads each load, the three ways in turn.
pub(crate) fn throughput() -> Vec<Line> {
    let (runtime, servers) = runtimes();
    let mut lines = Vec::new();
    for load in &LOADS {
        let mut sent: BTreeMap<Way, Vec<Duration>> = BTreeMap::new();
        let mut read: BTreeMap<Way, Vec<Duration>> = BTreeMap::new();
        for run in 0..RUNS {
            // A new one each time: messages of the run before would stay in memory.
            let server = start(&servers);
            runtime.block_on(async {
                make_topics(&server).await;
                // Who is first finds other memory than who comes later.
                let mut ways = WAYS;
                ways.rotate_left(run % WAYS.len());
                for way in ways {
                    sent.entry(way)
                        .or_default()
                        .push(way.send(&server, load).await);
                }
                for way in ways {
                    read.entry(way)
                        .or_default()
                        .push(way.read(&server, load).await);
                }
            });
            servers.block_on(server.shutdown());
        }
        let Load { size, messages, .. } = load;
        for (floor, by) in [
            (Way::Client, "client, same batches"),
            (Way::HighLevel, "IggyProducer, same batches"),
        ] {
            lines.push(Line::times(
                format!("send {messages} messages of {size} (floor: the SDK's {by})"),
                sent[&Way::Ours].clone(),
                sent[&floor].clone(),
                "≤ 1.11",
            ));
        }
        for (floor, by) in [
            (Way::Client, "client polling, offsets kept with each poll"),
            (Way::HighLevel, "IggyConsumer, offsets kept with each poll"),
        ] {
            lines.push(Line::times(
                format!(
                    "consume and acknowledge {messages} messages of {size} (floor: the SDK's {by})"
                ),
                read[&Way::Ours].clone(),
                read[&floor].clone(),
                "≤ 1.11",
            ));
        }
    }
    lines
}

async fn make_topics(server: &EmbeddedServer) {
    let client = client(server).await;
    let stream = client.create_stream("bench").await.expect("a stream");
    let stream = Identifier::numeric(stream.id).expect("an id");
    for topic in WAYS.map(Way::topic) {
        let options = TopicCreateOptions {
            partitions_count: Some(1),
            ..TopicCreateOptions::default()
        };
        client
            .create_topic(&stream, topic, &options)
            .await
            .expect("a topic");
    }
}

async fn send(address: &str, load: &Load) -> Duration {
    let connection = Connection::open(address).expect("an address");
    connection.session().await.expect("a login");
    let payload = load.payload();
    let started = Instant::now();
    let producer = Producer::<Bytes>::builder(&connection, "bench", Way::Ours.topic())
        .partitioning(OurPartitioning::Partition(0))
        .build(Untyped)
        .expect("a producer");
    let mut left = load.messages;
    while left > 0 {
        let count = left.min(load.batch());
        producer
            .enqueue_all((0..count).map(|_| payload.clone()))
            .await
            .expect("room");
        left -= count;
    }
    producer.flush().await;
    let elapsed = started.elapsed();
    connection.shutdown().await;
    elapsed
}

async fn send_by_client(server: &EmbeddedServer, load: &Load) -> Duration {
    let client = client(server).await;
    let partition = Partitioning::partition_id(0);
    let started = Instant::now();
    let mut left = load.messages;
    while left > 0 {
        let count = left.min(load.batch());
        let mut messages = load.some(count);
        client
            .send_messages(
                &named("bench"),
                &named(Way::Client.topic()),
                &partition,
                &mut messages,
            )
            .await
            .expect("a confirmation");
        left -= count;
    }
    started.elapsed()
}

async fn consume(address: &str, load: &Load) -> Duration {
    let connection = Connection::open(address).expect("an address");
    connection.session().await.expect("a login");
    let started = Instant::now();
    let mut consumer = Consumer::<Bytes>::plain(&connection, "reader", "bench", Way::Ours.topic())
        .start(Start::First)
        .commit(Commit::Manual)
        .build(Untyped)
        .expect("a consumer");
    for index in 0..load.messages {
        let message = consumer
            .next()
            .await
            .expect("there is more")
            .expect("a message");
        assert_eq!(message.offset, index as u64);
        message.ack();
    }
    consumer.commit().await.expect("offsets are kept");
    let elapsed = started.elapsed();
    connection.shutdown().await;
    elapsed
}

async fn poll_by_client(server: &EmbeddedServer, load: &Load) -> Duration {
    let client: TcpClient = client(server).await;
    let consumer = SdkConsumer::new(named("reader"));
    let started = Instant::now();
    let mut next = 0_u64;
    while next < load.messages as u64 {
        let polled = client
            .poll_messages(
                &named("bench"),
                &named(Way::Client.topic()),
                Some(0),
                &consumer,
                &PollingStrategy::offset(next),
                u32::try_from(load.poll()).expect("a batch"),
                true,
            )
            .await
            .expect("messages");
        for message in polled.messages {
            assert_eq!(message.header.offset, next);
            next += 1;
        }
    }
    started.elapsed()
}

async fn high_level_client(address: &str) -> IggyClient {
    let client = IggyClient::from_connection_string(address).expect("an address");
    client.connect().await.expect("a login");
    client
}

async fn send_by_producer(address: &str, load: &Load) -> Duration {
    let client = high_level_client(address).await;
    let batch = u32::try_from(load.batch()).expect("a batch");
    let producer = client
        .producer("bench", Way::HighLevel.topic())
        .expect("names")
        .direct(DirectConfig::builder().batch_length(batch).build())
        .partitioning(Partitioning::partition_id(0))
        .build();
    producer.init().await.expect("a topic");
    let started = Instant::now();
    let mut left = load.messages;
    while left > 0 {
        let count = left.min(load.batch());
        producer
            .send(load.some(count))
            .await
            .expect("a confirmation");
        left -= count;
    }
    let elapsed = started.elapsed();
    producer.shutdown().await;
    client.shutdown().await.expect("an end");
    elapsed
}

async fn poll_by_consumer(address: &str, load: &Load) -> Duration {
    let client = high_level_client(address).await;
    let mut consumer = client
        .consumer("reader", "bench", Way::HighLevel.topic(), 0)
        .expect("names")
        .polling_strategy(PollingStrategy::next())
        .auto_commit(AutoCommit::When(AutoCommitWhen::PollingMessages))
        .batch_length(u32::try_from(load.poll()).expect("a batch"))
        .without_poll_interval()
        .build();
    consumer.init().await.expect("a topic");
    let started = Instant::now();
    for index in 0..load.messages {
        let received = consumer
            .next()
            .await
            .expect("there is more")
            .expect("a message");
        assert_eq!(received.message.header.offset, index as u64);
    }
    let elapsed = started.elapsed();
    drop(consumer);
    client.shutdown().await.expect("an end");
    elapsed
}

/// A GiB, in messages of 100 kB.
const GIBIBYTE: Load = Load {
    size: "100 kB",
    bytes: 100_000,
    messages: (1 << 30) / 100_000,
};

/// Reads a GiB in a process of its own; the server keeps it in a folder.
pub(crate) fn memory() -> Vec<Line> {
    let (runtime, servers) = runtimes();
    let folder = tempfile::tempdir().expect("a folder");
    let server = servers
        .block_on(
            EmbeddedServer::builder()
                .data_dir(folder.path().to_owned())
                .start(),
        )
        .expect("a server");
    runtime.block_on(async {
        make_topics(&server).await;
        send(&server.connection_string(), &GIBIBYTE).await;
    });
    let Part { peak_bytes, .. } = start_part("consume", &server.connection_string());
    servers.block_on(server.shutdown());
    vec![Line::numbers(
        "peak memory of a 1 GiB consume in messages of 100 kB (floor: one of its batches)",
        "MiB",
        peak_bytes / 1048576.0,
        POLL_BYTES as f64 / 1048576.0,
        "≤ 100 MB",
    )]
}

/// The process that reads.
pub(crate) fn run_part(address: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let time = runtime.block_on(consume(address, &GIBIBYTE));
    println!(
        "{} {} {}",
        time.as_secs_f64(),
        peak_memory(),
        GIBIBYTE.bytes * GIBIBYTE.messages
    );
}

fn named(name: &str) -> Identifier {
    Identifier::named(name).expect("a name")
}
