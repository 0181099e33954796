//! `partitioning`: a message that names its partition is there and nowhere else; all
//! messages of one key are in one partition, in order, whichever client sends them.

use std::collections::BTreeMap;

use bytes::Bytes;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{Outgoing, Producer};

use super::messages::{deliver, expect_messages, numbered};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop};
use crate::smoke::sdk::{Client, From, Reader, Received, Sent, To};

const PARTITIONS: u32 = 4;
const KEYS: u32 = 12;
/// Of each key, by the SDK and by iggyctl's own producer.
const MESSAGES: u32 = 5;

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    pinned(arena).await?;
    by_key(arena).await
}

async fn pinned(arena: &Arena) -> Result<(), Stop> {
    arena.topic("pinned", PARTITIONS).await?;
    let client = arena.client()?;
    let of = |partition: u32| numbered(&format!("partition-{partition}"), 5 + partition);
    for partition in 0..PARTITIONS {
        client
            .send(
                &arena.stream,
                "pinned",
                To::Partition(partition),
                &of(partition),
            )
            .await
            .step(format!("send to partition {partition}"))?;
    }
    for partition in 0..PARTITIONS {
        let read = read(arena, &client, "pinned", partition).await?;
        let step = format!("find in partition {partition} what was sent there");
        expect_messages(&step, &of(partition), 0, &read)?;
    }
    Ok(())
}

async fn by_key(arena: &Arena) -> Result<(), Stop> {
    arena.topic("keyed", PARTITIONS).await?;
    let client = arena.client()?;
    for number in 1..=MESSAGES {
        for key in 0..KEYS {
            let key = format!("key-{key}");
            let message = Sent::text(format!("{key}:{number}"));
            client
                .send(&arena.stream, "keyed", To::Key(&key), &[message])
                .await
                .step("send a message by its key with the SDK")?;
        }
    }
    let connection = arena.connection()?;
    let producer = Producer::<Bytes>::builder(&connection, &arena.stream, "keyed")
        .build(Raw)
        .step("make a producer")?;
    let mut more = Vec::new();
    let mut bytes = 0;
    for number in MESSAGES + 1..=2 * MESSAGES {
        for key in 0..KEYS {
            let key = format!("key-{key}");
            let payload = Bytes::from(format!("{key}:{number}"));
            bytes += payload.len();
            more.push(Outgoing::new(payload).key(key));
        }
    }
    deliver(arena, &producer, bytes, more).await?;

    let mut homes: BTreeMap<String, u32> = BTreeMap::new();
    let mut next: BTreeMap<String, u32> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        for message in read(arena, &client, "keyed", partition).await? {
            let text = String::from_utf8_lossy(&message.payload).into_owned();
            let (key, number) = text.split_once(':').unwrap_or((&text, ""));
            let home = *homes.entry(key.to_owned()).or_insert(partition);
            if home != partition {
                return Err(Failure::new(
                    "find all messages of a key in one partition",
                    format!("{key} in partition {home}"),
                    format!("it in partition {partition}, too"),
                )
                .into());
            }
            let due = next.entry(key.to_owned()).or_insert(1);
            if number != due.to_string() {
                return Err(Failure::new(
                    "find the messages of a key in the order they were sent",
                    format!("{key}:{due}"),
                    text,
                )
                .into());
            }
            *due += 1;
        }
    }
    let complete = next
        .values()
        .filter(|due| **due == 2 * MESSAGES + 1)
        .count();
    if complete != KEYS as usize {
        return Err(Failure::new(
            "find all messages of all keys",
            format!("{KEYS} keys with {} messages", 2 * MESSAGES),
            format!("{complete} of them"),
        )
        .into());
    }
    let used: std::collections::BTreeSet<u32> = homes.values().copied().collect();
    if used.len() < 2 {
        return Err(Failure::new(
            "share keys out over partitions",
            "keys in several partitions",
            format!("all {KEYS} keys in partition {used:?}"),
        )
        .into());
    }
    Ok(())
}

async fn read(
    arena: &Arena,
    client: &Client,
    topic: &str,
    partition: u32,
) -> Result<Vec<Received>, Failure> {
    let reader = Reader::Plain("partitioning");
    client
        .poll(
            &arena.stream,
            topic,
            Some(partition),
            reader,
            From::First,
            1000,
            false,
        )
        .await
        .step(format!("read partition {partition} of {topic}"))
}
