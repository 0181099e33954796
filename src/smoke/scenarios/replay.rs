//! `replay`: what was consumed once is read again, by a new group from the beginning and
//! by copying a range of it to another topic as it was.

use bytes::Bytes;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{Consumer, Headers, Message, Start};

use super::messages::{expect_messages, send_in_batches, take};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop};
use crate::smoke::sdk::{From, Reader, Received, Sent, To};

const TOPIC: &str = "events";
const COPY: &str = "events-again";
const MESSAGES: u32 = 40;
const RANGE: std::ops::Range<u32> = 10..30;

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.topic(TOPIC, 1).await?;
    arena.topic(COPY, 1).await?;
    let mut sent = Vec::new();
    for number in 0..MESSAGES {
        let headers = Headers::new()
            .with_value("number", number)
            .step("make headers")?;
        sent.push(Sent::text(format!("event-{number}")).headers(headers));
    }
    send_in_batches(arena, TOPIC, To::Partition(0), &sent, 10).await?;
    for (group, start) in [("first", Start::Next), ("second", Start::First)] {
        let step = format!("read everything with the {group} group");
        let read = read_all(arena, group, start, &step).await?;
        expect_messages(&step, &sent, 0, &read)?;
    }

    let client = arena.client()?;
    let poll = async |topic: &str, from, count| {
        let reader = Reader::Plain("replay");
        client
            .poll(&arena.stream, topic, Some(0), reader, from, count, false)
            .await
    };
    let first = u64::from(RANGE.start);
    let count = RANGE.end - RANGE.start;
    let step = "read a range of what was consumed before";
    let range = poll(TOPIC, From::Offset(first), count).await.step(step)?;
    let originals = sent
        .get(RANGE.start as usize..RANGE.end as usize)
        .unwrap_or_default();
    expect_messages(step, originals, first, &range)?;
    let copies: Vec<Sent> = range
        .into_iter()
        .map(|message| Sent {
            payload: message.payload,
            headers: message.headers,
        })
        .collect();
    send_in_batches(arena, COPY, To::Partition(0), &copies, 10).await?;
    let step = "find the range in the other topic as it was";
    let found = poll(COPY, From::First, MESSAGES).await.step(step)?;
    Ok(expect_messages(step, originals, 0, &found)?)
}

async fn read_all(
    arena: &Arena,
    group: &str,
    start: Start,
    step: &str,
) -> Result<Vec<Received>, Failure> {
    let connection = arena.connection()?;
    let consumer = Consumer::<Bytes>::group(&connection, group, &arena.stream, TOPIC)
        .start(start)
        .poll_interval(std::time::Duration::from_millis(20))
        .build(Raw)
        .step("make a consumer of the group")?;
    let mut read = Vec::new();
    let mut consumers = [consumer];
    let each = |_, message: Message<Bytes>| {
        let offset = message.offset;
        let headers = message.headers.clone();
        let (payload, acknowledgement) = message.into_parts();
        acknowledgement.ack();
        read.push(Received {
            offset,
            payload,
            headers,
        });
    };
    take(arena, step, &mut consumers, MESSAGES as usize, each).await?;
    for consumer in &consumers {
        consumer.shutdown().await;
    }
    Ok(read)
}
