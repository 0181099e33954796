//! `consumer-groups`: members share out the partitions, and share them out anew when one
//! comes or goes; every message reaches exactly one member, in the order of its partition.

use std::collections::BTreeMap;

use bytes::Bytes;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{Consumer, Message};

use super::messages::{numbered, take};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop, expect_equal};
use crate::smoke::sdk::{Client, Reader, To};

const TOPIC: &str = "shared";
const GROUP: &str = "workers";
const PARTITIONS: u32 = 6;
/// In each partition, each time.
const MESSAGES: u32 = 10;

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.topic(TOPIC, PARTITIONS).await?;
    let client = arena.client()?;
    let mut log = Log::default();

    let mut members = vec![join(arena)?];
    shares(arena, &client, 1).await?;
    round(arena, &client, &mut members, &mut log, "one member").await?;

    for count in 2..=3 {
        members.push(join(arena)?);
        shares(arena, &client, count).await?;
    }
    round(arena, &client, &mut members, &mut log, "three members").await?;

    if let Some(gone) = members.pop() {
        gone.shutdown().await;
    }
    shares(arena, &client, 2).await?;
    round(
        arena,
        &client,
        &mut members,
        &mut log,
        "two of three members",
    )
    .await?;

    for partition in 0..PARTITIONS {
        let stored = client
            .stored_offset(&arena.stream, TOPIC, partition, Reader::Group(GROUP))
            .await
            .step("look at the offsets of the group")?;
        let step = format!("find the last offset of partition {partition} stored for the group");
        expect_equal(step, &Some(u64::from(3 * MESSAGES) - 1), &stored)?;
    }
    Ok(())
}

fn join(arena: &Arena) -> Result<Consumer<Bytes>, Failure> {
    let connection = arena.connection()?;
    Consumer::group(&connection, GROUP, &arena.stream, TOPIC)
        .poll_interval(std::time::Duration::from_millis(20))
        .build(Raw)
        .step("make a member of the group")
}

/// Waits until there are so many members, each with partitions, and every partition has
/// one member. How many each has is the server's business: it moves as few as it can.
async fn shares(arena: &Arena, client: &Client, count: usize) -> Result<(), Failure> {
    let step = format!("share {PARTITIONS} partitions out over {count} members");
    let mut found = String::new();
    let settled = async {
        loop {
            let members = client
                .group_members(&arena.stream, TOPIC, GROUP)
                .await
                .step(&step)?;
            found = format!("{members:?}");
            let all_have_some = members.iter().all(|partitions| !partitions.is_empty());
            let is_complete = members.len() == count && all_have_some;
            let mut all: Vec<u32> = members.into_iter().flatten().collect();
            all.sort_unstable();
            if is_complete && all.into_iter().eq(0..PARTITIONS) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let ended = tokio::time::timeout(arena.patience, settled).await;
    ended.unwrap_or_else(|_| {
        let expected = "each partition once, and some for each member";
        Err(Failure::new(&step, expected, found))
    })
}

/// What was read, by partition, and by whom.
#[derive(Default)]
struct Log {
    by_partition: BTreeMap<u32, Vec<(u64, Bytes)>>,
}

/// Sends to each partition, and lets the members read: each message once, in order, and
/// each partition by one of them.
async fn round(
    arena: &Arena,
    client: &Client,
    members: &mut [Consumer<Bytes>],
    log: &mut Log,
    who: &str,
) -> Result<(), Failure> {
    for partition in 0..PARTITIONS {
        let sent = numbered(&format!("{who}, partition {partition}, message"), MESSAGES);
        client
            .send(&arena.stream, TOPIC, To::Partition(partition), &sent)
            .await
            .step("send to each partition")?;
    }
    let count = (PARTITIONS * MESSAGES) as usize;
    let mut readers: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let step = format!("read with {who}");
    take(
        arena,
        &step,
        members,
        count,
        |which, message: Message<Bytes>| {
            let (partition, offset) = (message.partition, message.offset);
            let (payload, acknowledgement) = message.into_parts();
            acknowledgement.ack();
            readers.entry(partition).or_default().push(which);
            let read = log.by_partition.entry(partition).or_default();
            read.push((offset, payload));
        },
    )
    .await?;
    // What is acknowledged and not yet stored may come again when members come and go.
    for member in members.iter() {
        member.commit().await.step("store what was acknowledged")?;
    }
    for (partition, mut readers) in readers {
        readers.dedup();
        if readers.len() > 1 {
            let found = format!("members {readers:?}");
            let step = format!("read partition {partition} by one member");
            return Err(Failure::new(step, "one member", found));
        }
    }
    for partition in 0..PARTITIONS {
        let read = log.by_partition.entry(partition).or_default();
        let sent = numbered(&format!("{who}, partition {partition}, message"), MESSAGES);
        let before = read.len().saturating_sub(sent.len());
        let step = format!("read partition {partition} with {who}, each message once and in order");
        let found: Vec<_> = read.iter().skip(before).cloned().collect();
        let offsets = u64::try_from(before).unwrap_or(u64::MAX)..;
        let expected: Vec<_> = offsets
            .zip(sent.into_iter().map(|message| message.payload))
            .collect();
        expect_equal(step, &expected, &found)?;
    }
    Ok(())
}
