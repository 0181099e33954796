//! `persistence`: what was acknowledged before a restart is there afterwards, and
//! consumers go on where they were.

use super::messages::{expect_messages, numbered, send_in_batches};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop, expect_equal};
use crate::smoke::sdk::{From, Reader, Received, To};

const TOPIC: &str = "kept";
const PARTITIONS: u32 = 2;
const MESSAGES: u32 = 50;
/// Of each partition, before the restart.
const READ: u32 = 20;

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.can_restart()?;
    arena.topic(TOPIC, PARTITIONS).await?;
    for partition in 0..PARTITIONS {
        let sent = numbered(&format!("before-{partition}"), MESSAGES);
        send_in_batches(arena, TOPIC, To::Partition(partition), &sent, 10).await?;
        let read = read(arena, partition, READ).await?;
        let step = "read the first part before the restart";
        let (first, _) = sent.split_at(READ as usize);
        expect_messages(step, first, 0, &read)?;
    }

    arena.restart().await?;

    let found = arena.partitions(TOPIC).await?;
    let step = "find the topic with its partitions after the restart";
    expect_equal(step, &Some(PARTITIONS), &found)?;
    for partition in 0..PARTITIONS {
        let sent = numbered(&format!("before-{partition}"), MESSAGES);
        let stored = arena
            .client()?
            .stored_offset(&arena.stream, TOPIC, partition, Reader::Plain("resumes"))
            .await
            .step("look at the stored offset after the restart")?;
        let step = "find the offset that was stored before the restart";
        expect_equal(step, &Some(u64::from(READ) - 1), &stored)?;
        let read_on = read(arena, partition, MESSAGES).await?;
        let step = "go on with the rest after the restart";
        let (_, rest) = sent.split_at(READ as usize);
        expect_messages(step, rest, u64::from(READ), &read_on)?;

        let more = numbered(&format!("after-{partition}"), 10);
        send_in_batches(arena, TOPIC, To::Partition(partition), &more, 10).await?;
        let read = read(arena, partition, MESSAGES).await?;
        let step = "go on counting offsets after the restart";
        expect_messages(step, &more, u64::from(MESSAGES), &read)?;
    }
    Ok(())
}

async fn read(arena: &Arena, partition: u32, count: u32) -> Result<Vec<Received>, Failure> {
    let reader = Reader::Plain("resumes");
    arena
        .client()?
        .poll(
            &arena.stream,
            TOPIC,
            Some(partition),
            reader,
            From::Next,
            count,
            true,
        )
        .await
        .step(format!("read partition {partition}"))
}
