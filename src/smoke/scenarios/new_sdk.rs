//! `new-sdk`: the SDK's own producer and consumer, the consumer in a group that it makes
//! and joins by itself.

use super::messages::{expect_messages, numbered};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Step as _, Stop, expect_equal};
use crate::smoke::sdk::Reader;

const TOPIC: &str = "sample-topic";
const GROUP: &str = "new-sdk-consumer";
const MESSAGES: u32 = 50;
const BATCH: u32 = 10;

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.topic(TOPIC, 1).await?;
    let sent = numbered("message", MESSAGES);
    let sending = arena.client()?;
    let producer = sending
        .high_level_producer(&arena.stream, TOPIC, Some(0))
        .await
        .step("make the SDK's producer")?;
    for batch in sent.chunks(BATCH as usize) {
        producer
            .send(batch)
            .await
            .step("send with the SDK's producer")?;
    }
    producer.shutdown().await;

    let (first, second) = sent.split_at(sent.len() / 2);
    let client = arena.client()?;
    let mut read = Vec::new();
    {
        let mut consumer = client
            .high_level_consumer(&arena.stream, TOPIC, GROUP, BATCH)
            .await
            .step("make the SDK's consumer")?;
        for _ in first {
            let message = consumer.next().await.step("read with the SDK's consumer")?;
            read.push(message);
        }
        expect_messages("read with the SDK's consumer", first, 0, &read)?;
        for _ in second {
            let message = consumer
                .next()
                .await
                .step("read on with the SDK's consumer")?;
            read.push(message);
        }
        consumer.shutdown().await;
    }
    expect_messages("read all with the SDK's consumer", &sent, 0, &read)?;
    let stored = client
        .stored_offset(&arena.stream, TOPIC, 0, Reader::Group(GROUP))
        .await
        .step("look at the offset of the group")?;
    let step = "find that the consumer stored its offset";
    Ok(expect_equal(step, &Some(u64::from(MESSAGES) - 1), &stored)?)
}
