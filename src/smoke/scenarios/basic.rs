//! `basic`: a producer, and a consumer that asks for what comes next and lets the server
//! store how far it is. A second connection of the same consumer goes on there.

use super::messages::{expect_messages, numbered};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Step as _, Stop, expect_equal};
use crate::smoke::sdk::{Client, From, Reader, Received, To};

const TOPIC: &str = "sample-topic";
const PARTITION: u32 = 0;
const MESSAGES: u32 = 40;
const BATCH: u32 = 10;

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.topic(TOPIC, 1).await?;
    let sent = numbered("message", MESSAGES);
    let producer = arena.client()?;
    for batch in sent.chunks(BATCH as usize) {
        producer
            .send(&arena.stream, TOPIC, To::Partition(PARTITION), batch)
            .await
            .step("send a batch of 10 messages")?;
    }

    let (first_half, second_half) = sent.split_at(sent.len() / 2);
    let half = MESSAGES / 2;
    let read = read(arena, &arena.client()?, half).await?;
    expect_messages("read the first half with next", first_half, 0, &read)?;

    // As after a restart of the consumer: only the server knows how far it was.
    let again = arena.client()?;
    let read = self::read(arena, &again, half).await?;
    let step = "go on with the second half on a new connection";
    expect_messages(step, second_half, u64::from(half), &read)?;
    let more = poll(arena, &again).await?.len();
    Ok(expect_equal("read after the last message", &0, &more)?)
}

/// So many messages in batches, or as many as come.
async fn read(arena: &Arena, client: &Client, count: u32) -> Result<Vec<Received>, Stop> {
    let mut read = Vec::new();
    for _ in 0..count / BATCH {
        read.extend(poll(arena, client).await?);
    }
    Ok(read)
}

async fn poll(arena: &Arena, client: &Client) -> Result<Vec<Received>, Stop> {
    Ok(client
        .poll(
            &arena.stream,
            TOPIC,
            Some(PARTITION),
            Reader::Plain("basic"),
            From::Next,
            BATCH,
            true,
        )
        .await
        .step("read the next 10 messages")?)
}
