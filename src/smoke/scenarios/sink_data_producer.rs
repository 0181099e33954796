//! `sink-data-producer`: large batches of JSON records, shared out over the partitions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop, expect_equal};
use crate::smoke::sdk::{From, Reader, Sent};

const TOPIC: &str = "records";
const PARTITIONS: u32 = 4;
const BATCHES: u32 = 20;
const SOURCES: [&str; 6] = ["browser", "mobile", "desktop", "email", "network", "other"];
const STATES: [&str; 5] = ["active", "inactive", "blocked", "deleted", "unknown"];

/// As the sinks of the connectors take them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    user_id: String,
    user_type: u8,
    email: String,
    source: String,
    state: String,
    created_at: String,
    message: String,
}

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.topic(TOPIC, PARTITIONS).await?;
    let client = arena.client()?;
    let producer = client
        .high_level_producer(&arena.stream, TOPIC, None)
        .await
        .step("make the SDK's producer")?;
    let mut sent = BTreeMap::new();
    for batch in 0..BATCHES {
        let mut messages = Vec::new();
        // The sample's are of 100 to 500.
        for _ in 0..100 + (batch * 67) % 400 {
            let record = record(sent.len());
            let json = serde_json::to_string(&record).step("write a record as JSON")?;
            messages.push(Sent::text(json));
            sent.insert(record.user_id.clone(), record);
        }
        let step = format!("send a batch of {} records", messages.len());
        producer.send(&messages).await.step(step)?;
    }
    producer.shutdown().await;

    let mut read = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let records = read_partition(arena, partition).await?;
        if records.is_empty() {
            let step = "share records out over the partitions";
            let found = format!("none in partition {partition}");
            return Err(Failure::new(step, "some in each", found).into());
        }
        for record in records {
            if let Some(twice) = read.insert(record.user_id.clone(), record) {
                let found = format!("{} twice", twice.user_id);
                return Err(Failure::new("read all records", "each once", found).into());
            }
        }
    }
    expect_equal("count the records", &sent.len(), &read.len())?;
    for (expected, found) in sent.values().zip(read.values()) {
        expect_equal("compare each record with what was sent", expected, found)?;
    }
    Ok(())
}

async fn read_partition(arena: &Arena, partition: u32) -> Result<Vec<Record>, Stop> {
    let client = arena.client()?;
    let mut records = Vec::new();
    let mut offset = 0;
    loop {
        let step = format!("read partition {partition} from offset {offset}");
        let batch = client
            .poll(
                &arena.stream,
                TOPIC,
                Some(partition),
                Reader::Plain("sink"),
                From::Offset(offset),
                1000,
                false,
            )
            .await
            .step(&step)?;
        if batch.is_empty() {
            return Ok(records);
        }
        for message in batch {
            expect_equal(&step, &offset, &message.offset)?;
            records.push(serde_json::from_slice(&message.payload).step("read a record")?);
            offset += 1;
        }
    }
}

fn record(number: usize) -> Record {
    Record {
        user_id: format!("user_{number}"),
        user_type: u8::try_from(number % 5).unwrap_or_default(),
        email: format!("user{number}@example.com"),
        source: SOURCES[number % SOURCES.len()].to_owned(),
        state: STATES[number % STATES.len()].to_owned(),
        created_at: format!("2026-01-{:02}T00:00:00Z", number % 28 + 1),
        message: "x".repeat(10 + number % 90),
    }
}
