//! How fast messages go in and out, with one client of the official SDK: 1 kB each, in
//! batches of 100, in memory and in a folder.
//!
//! `cargo run --release -p iggyctl-embedded --example throughput [FOLDER]`

#![allow(clippy::print_stdout, reason = "the output of an example")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

const BATCHES: u32 = 3_000;
const BATCH: u32 = 100;
const PAYLOAD_BYTES: usize = 1_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let in_memory = EmbeddedServer::builder().start().await?;
    measure("memory", &in_memory).await?;
    in_memory.shutdown().await;

    let temporary = tempfile::tempdir()?;
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| temporary.path().to_owned(), Into::into);
    let in_folder = EmbeddedServer::builder().data_dir(folder).start().await?;
    measure("folder", &in_folder).await?;
    in_folder.shutdown().await;
    Ok(())
}

async fn measure(what: &str, server: &EmbeddedServer) -> Result<(), Box<dyn std::error::Error>> {
    let client = IggyClient::from_connection_string(&server.connection_string())?;
    client.connect().await?;
    let (stream, topic) = (Identifier::named("s")?, Identifier::named("t")?);
    client.create_stream("s").await?;
    let options = TopicCreateOptions {
        partitions_count: Some(1),
        ..Default::default()
    };
    client.create_topic(&stream, "t", &options).await?;
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

fn report(what: &str, did: &str, took: Duration) {
    let messages = f64::from(BATCHES * BATCH);
    let seconds = took.as_secs_f64();
    println!(
        "{what:<6} {did:<20} {:>9.0} messages/s {:>7.1} MB/s",
        messages / seconds,
        messages * PAYLOAD_BYTES as f64 / 1e6 / seconds
    );
}
