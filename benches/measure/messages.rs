//! Messages: our producer and consumer against the bare SDK, on the same server.
//!
//! The floor makes the same requests with the same batches, and nothing else: no
//! buffer, no confirmations, no acknowledgements, no metrics.

use std::time::{Duration, Instant};

use bytes::Bytes;
use iggy::prelude::{
    Consumer as SdkConsumer, Identifier, IggyMessage, MessageClient, Partitioning, PollingStrategy,
    StreamClient, TcpClient, TopicClient, TopicCreateOptions,
};
use iggyctl_embedded::EmbeddedServer;
use iggyctl_messaging::codec::Raw;
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

    fn batch(&self) -> usize {
        (BATCH_BYTES / self.bytes).clamp(1, BATCH_MESSAGES)
    }

    fn poll(&self) -> usize {
        (POLL_BYTES / self.bytes).clamp(1, BATCH_MESSAGES)
    }
}

/// Sends and reads each load, the two sides in turn.
pub(crate) fn throughput() -> Vec<Line> {
    let (runtime, servers) = runtimes();
    let mut lines = Vec::new();
    for load in &LOADS {
        let (mut sent, mut sent_bare) = (Vec::new(), Vec::new());
        let (mut read, mut read_bare) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            // A new one each time: messages of the run before would stay in memory.
            let server = start(&servers);
            runtime.block_on(async {
                make_topics(&server).await;
                sent.push(send(&server.connection_string(), "ours", load).await);
                sent_bare.push(send_bare(&server, load).await);
                read.push(consume(&server.connection_string(), "ours", load).await);
                read_bare.push(read_bare_sdk(&server, load).await);
            });
            servers.block_on(server.shutdown());
        }
        let Load { size, messages, .. } = load;
        lines.push(Line::times(
            format!("send {messages} messages of {size} (floor: the bare SDK, same batches)"),
            sent,
            sent_bare,
            "≤ 1.11",
        ));
        lines.push(Line::times(
            format!("consume and acknowledge {messages} messages of {size} (floor: the bare SDK polling, offsets kept)"),
            read,
            read_bare,
            "≤ 1.11",
        ));
    }
    lines
}

async fn make_topics(server: &EmbeddedServer) {
    let client = client(server).await;
    let stream = client.create_stream("bench").await.expect("a stream");
    let stream = Identifier::numeric(stream.id).expect("an id");
    for topic in ["ours", "bare"] {
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

async fn send(address: &str, topic: &str, load: &Load) -> Duration {
    let connection = Connection::open(address).expect("an address");
    connection.session().await.expect("a login");
    let payload = load.payload();
    let started = Instant::now();
    let producer = Producer::<Bytes>::builder(&connection, "bench", topic)
        .partitioning(OurPartitioning::Partition(0))
        .build(Raw)
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

async fn send_bare(server: &EmbeddedServer, load: &Load) -> Duration {
    let client = client(server).await;
    let payload = load.payload();
    let partition = Partitioning::partition_id(0);
    let started = Instant::now();
    let mut left = load.messages;
    while left > 0 {
        let count = left.min(load.batch());
        let mut messages: Vec<IggyMessage> = (0..count)
            .map(|_| {
                IggyMessage::builder()
                    .payload(payload.clone())
                    .build()
                    .expect("a message")
            })
            .collect();
        client
            .send_messages(&named("bench"), &named("bare"), &partition, &mut messages)
            .await
            .expect("a confirmation");
        left -= count;
    }
    started.elapsed()
}

async fn consume(address: &str, topic: &str, load: &Load) -> Duration {
    let connection = Connection::open(address).expect("an address");
    connection.session().await.expect("a login");
    let started = Instant::now();
    let mut consumer = Consumer::<Bytes>::plain(&connection, "reader", "bench", topic)
        .start(Start::First)
        .commit(Commit::Manual)
        .build(Raw)
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

async fn read_bare_sdk(server: &EmbeddedServer, load: &Load) -> Duration {
    let client: TcpClient = client(server).await;
    let consumer = SdkConsumer::new(named("reader"));
    let started = Instant::now();
    let mut next = 0_u64;
    while next < load.messages as u64 {
        let polled = client
            .poll_messages(
                &named("bench"),
                &named("bare"),
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
        send(&server.connection_string(), "ours", &GIBIBYTE).await;
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
    let time = runtime.block_on(consume(address, "ours", &GIBIBYTE));
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
