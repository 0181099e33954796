//! How fast messages go in and out, with one client of the official SDK: 1 kB each, in
//! batches of 100, in memory and in a folder.
//!
//! `cargo run --release -p iggyctl-embedded --example throughput [FOLDER [URI]]`
//!
//! With a URI the same is measured on a server that runs there, in the topic `t` of the
//! stream `s`, which has to be there, empty, with one partition.

#![allow(clippy::print_stdout, reason = "the output of an example")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

/// A server that is not embedded.
const OTHER: &str = "other";
const BATCHES: u32 = 3_000;
const BATCH: u32 = 100;
const SINGLE_SENDS: usize = 2_000;
const PAYLOAD_BYTES: usize = 1_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let in_memory = EmbeddedServer::builder().start().await?;
    measure("memory", &in_memory.connection_string()).await?;
    in_memory.shutdown().await;

    let temporary = tempfile::tempdir()?;
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| temporary.path().to_owned(), Into::into);
    let in_folder = EmbeddedServer::builder().data_dir(folder).start().await?;
    measure("folder", &in_folder.connection_string()).await?;
    in_folder.shutdown().await;
    if let Some(uri) = std::env::args().nth(2) {
        measure(OTHER, &uri).await?;
    }
    Ok(())
}

async fn measure(what: &str, uri: &str) -> Result<(), Box<dyn std::error::Error>> {
    let client = IggyClient::from_connection_string(uri)?;
    client.connect().await?;
    let (stream, topic) = (Identifier::named("s")?, Identifier::named("t")?);
    if what != OTHER {
        client.create_stream("s").await?;
        let options = TopicCreateOptions {
            partitions_count: Some(1),
            ..Default::default()
        };
        client.create_topic(&stream, "t", &options).await?;
    }
    let payload = Bytes::from(vec![b'x'; PAYLOAD_BYTES]);
    let partitioning = Partitioning::partition_id(0);
    let began = Instant::now();
    for _ in 0..BATCHES {
        let mut messages = (0..BATCH)
            .map(|_| IggyMessage::builder().payload(payload.clone()).build())
            .collect::<Result<Vec<_>, _>>()?;
        client
            .send_messages(&stream, &topic, &partitioning, &mut messages)
            .await?;
    }
    report(what, "sent", began.elapsed());
    latency(what, &client, &stream, &topic, &payload).await?;
    let consumer = Consumer::new(Identifier::named("c")?);
    for (read, commit) in [("polled", false), ("polled, offsets kept", true)] {
        let began = Instant::now();
        for batch in 0..BATCHES {
            let polled = client
                .poll_messages(
                    &stream,
                    &topic,
                    Some(0),
                    &consumer,
                    &PollingStrategy::offset(u64::from(batch * BATCH)),
                    BATCH,
                    commit,
                )
                .await?;
            assert_eq!(polled.count, BATCH);
        }
        report(what, read, began.elapsed());
    }
    Ok(())
}

/// One message at a time: how long its confirmation takes.
async fn latency(
    what: &str,
    client: &IggyClient,
    stream: &Identifier,
    topic: &Identifier,
    payload: &Bytes,
) -> Result<(), Box<dyn std::error::Error>> {
    let partitioning = Partitioning::partition_id(0);
    let mut times = Vec::new();
    for _ in 0..SINGLE_SENDS {
        let mut message = [IggyMessage::builder().payload(payload.clone()).build()?];
        let began = Instant::now();
        client
            .send_messages(stream, topic, &partitioning, &mut message)
            .await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{what:<6} one at a time: p50 {:?}, p99 {:?}",
        at(50),
        at(99)
    );
    Ok(())
}

fn report(what: &str, did: &str, took: Duration) {
    let messages = f64::from(BATCHES * BATCH);
    let seconds = took.as_secs_f64();
    println!(
        "{what:<6} {did:<20} {:>9.0} messages/s {:>7.1} MB/s",
        messages / seconds,
        messages * PAYLOAD_BYTES as f64 / 1e6 / seconds
    );
}
