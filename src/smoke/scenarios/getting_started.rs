//! `getting-started`: a producer of five batches of ten messages, and a consumer that
//! asks for them by offset and stores nothing.

use super::messages::{expect_messages, numbered};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Step as _, Stop, expect_equal};
use crate::smoke::sdk::{From, Reader, To};

const TOPIC: &str = "sample-topic";
const BATCHES: u32 = 5;
const MESSAGES_PER_BATCH: u32 = 10;
const PARTITION: u32 = 0;

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.topic(TOPIC, 1).await?;
    let sent = numbered("message", BATCHES * MESSAGES_PER_BATCH);

    let producer = arena.client()?;
    for batch in sent.chunks(MESSAGES_PER_BATCH as usize) {
        producer
            .send(&arena.stream, TOPIC, To::Partition(PARTITION), batch)
            .await
            .step("send a batch of 10 messages")?;
    }

    let consumer = arena.client()?;
    let poll = async |offset| {
        consumer
            .poll(
                &arena.stream,
                TOPIC,
                Some(PARTITION),
                Reader::Plain("getting-started"),
                From::Offset(offset),
                MESSAGES_PER_BATCH,
                false,
            )
            .await
            .step(format!("read 10 messages from offset {offset}"))
    };
    let mut offset = 0;
    for batch in sent.chunks(MESSAGES_PER_BATCH as usize) {
        let step = format!("read 10 messages from offset {offset}");
        expect_messages(&step, batch, offset, &poll(offset).await?)?;
        offset += u64::from(MESSAGES_PER_BATCH);
    }
    let more = poll(offset).await?.len();
    Ok(expect_equal("read after the last message", &0, &more)?)
}
