//! `late-topic`: consumers that begin before their topic exists wait for it, and miss
//! nothing.

use bytes::Bytes;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{Consumer, Message};

use super::messages::{expect_messages, numbered, send_in_batches, take};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop};
use crate::smoke::sdk::{Received, To};

const TOPIC: &str = "later";
const MESSAGES: u32 = 20;
/// Long enough for several attempts of the consumers.
const BEFORE: std::time::Duration = std::time::Duration::from_millis(250);

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    let connection = arena.connection()?;
    let quick = std::time::Duration::from_millis(20);
    let plain = Consumer::<Bytes>::plain(&connection, "plain", &arena.stream, TOPIC)
        .poll_interval(quick)
        .build(Raw)
        .step("make a consumer of a topic that is not there")?;
    let member = Consumer::<Bytes>::group(&connection, "group", &arena.stream, TOPIC)
        .poll_interval(quick)
        .build(Raw)
        .step("make a member of a group of a topic that is not there")?;
    let mut readers = [("the plain consumer", [plain]), ("the group", [member])];
    for (who, consumers) in &mut readers {
        for consumer in consumers {
            let early = tokio::time::timeout(BEFORE, consumer.next()).await;
            let found = match early {
                Err(_) => continue,
                Ok(None) => "it ended".to_owned(),
                Ok(Some(Err(error))) => error.to_string(),
                Ok(Some(Ok(message))) => format!("a message at offset {}", message.offset),
            };
            let step = format!("wait with {who} for a topic that is not there");
            return Err(Failure::new(step, "nothing", found).into());
        }
    }

    arena.topic(TOPIC, 1).await?;
    let sent = numbered("message", MESSAGES);
    send_in_batches(arena, TOPIC, To::Partition(0), &sent, 10).await?;
    for (who, consumers) in &mut readers {
        let step = format!("read from the first message on with {who}");
        let mut read = Vec::new();
        let each = |_, message: Message<Bytes>| {
            let offset = message.offset;
            let (payload, acknowledgement) = message.into_parts();
            acknowledgement.ack();
            read.push(Received {
                offset,
                payload,
                headers: iggyctl_messaging::Headers::new(),
            });
        };
        take(arena, &step, consumers, MESSAGES as usize, each).await?;
        expect_messages(&step, &sent, 0, &read)?;
    }
    Ok(())
}
