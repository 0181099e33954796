//! `dead-letters`: what cannot be handled is put aside with the reason, and does not hold
//! up what comes after it.

use bytes::Bytes;
use iggyctl_messaging::codec::Json;
use iggyctl_messaging::consumer::dead_letters;
use iggyctl_messaging::{Consumer, DeadLetters, Message, RedeliveryPolicy};

use super::messages::{send_in_batches, shown, take};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop, expect_equal};
use crate::smoke::sdk::{From, Reader, Received, Sent, To};

const TOPIC: &str = "tasks";
const DEAD: &str = "dead-letters";
const READER: &str = "worker";
const MESSAGES: u32 = 20;
/// Is refused each time.
const POISON: u32 = 7;
/// Is no JSON.
const BROKEN: u32 = 13;
const ATTEMPTS: u32 = 3;

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.topic(TOPIC, 1).await?;
    arena.topic(DEAD, 1).await?;
    let sent: Vec<Sent> = (0..MESSAGES)
        .map(|number| match number {
            BROKEN => Sent::text("{ this is no JSON"),
            _ => Sent::text(number.to_string()),
        })
        .collect();
    send_in_batches(arena, TOPIC, To::Partition(0), &sent, 10).await?;

    let connection = arena.connection()?;
    let consumer = Consumer::<u32>::plain(&connection, READER, &arena.stream, TOPIC)
        .poll_interval(std::time::Duration::from_millis(20))
        .dead_letters(DeadLetters::to(&arena.stream, DEAD))
        .redelivery(RedeliveryPolicy {
            max_attempts: ATTEMPTS,
            base_backoff: std::time::Duration::from_millis(5),
            max_backoff: std::time::Duration::from_millis(20),
            keeps_order: true,
        })
        .build(Json)
        .step("make a consumer")?;
    let mut consumers = [consumer];
    let mut handled = Vec::new();
    let mut attempts = 0;
    // All but the broken one, and the refused one as often as it is tried.
    let count = (MESSAGES - 1 + ATTEMPTS - 1) as usize;
    let each = |_, message: Message<u32>| {
        if message.payload == POISON {
            attempts += 1;
            message.nack("refused by the smoke test");
        } else {
            handled.push(message.payload);
            message.ack();
        }
    };
    take(
        arena,
        "handle all messages but two",
        &mut consumers,
        count,
        each,
    )
    .await?;
    let good: Vec<u32> = (0..MESSAGES)
        .filter(|number| ![POISON, BROKEN].contains(number))
        .collect();
    expect_equal("handle all messages but two, in order", &good, &handled)?;
    expect_equal("try the refused one again", &ATTEMPTS, &attempts)?;

    let letters = letters(arena).await?;
    for (letter, offset, tries, reason) in [
        (
            letters.first(),
            POISON,
            ATTEMPTS,
            "refused by the smoke test",
        ),
        (letters.get(1), BROKEN, 1, "cannot be decoded"),
    ] {
        let Some(letter) = letter else { continue };
        check(arena, letter, &sent, offset, tries, reason)?;
    }
    for consumer in &consumers {
        consumer.commit().await.step("store what was handled")?;
    }
    let stored = arena
        .client()?
        .stored_offset(&arena.stream, TOPIC, 0, Reader::Plain(READER))
        .await
        .step("look at the stored offset")?;
    let step = "go past what was put aside";
    Ok(expect_equal(step, &Some(u64::from(MESSAGES) - 1), &stored)?)
}

/// Both letters, once they are there.
async fn letters(arena: &Arena) -> Result<Vec<Received>, Stop> {
    let client = arena.client()?;
    let mut came = 0;
    let waiting = async {
        loop {
            let letters = client
                .poll(
                    &arena.stream,
                    DEAD,
                    Some(0),
                    Reader::Plain("undertaker"),
                    From::First,
                    10,
                    false,
                )
                .await
                .step("read the dead letters")?;
            came = letters.len();
            if came >= 2 {
                return Ok::<_, Failure>(letters);
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let ended = tokio::time::timeout(arena.patience / 2, waiting).await;
    let letters = ended.unwrap_or_else(|_| {
        let found = format!("{came} within {:?}", arena.patience / 2);
        Err(Failure::new("read the dead letters", "2 letters", found))
    })?;
    expect_equal("put exactly two messages aside", &2, &letters.len())?;
    Ok(letters)
}

fn check(
    arena: &Arena,
    letter: &Received,
    sent: &[Sent],
    offset: u32,
    attempts: u32,
    reason: &str,
) -> Result<(), Failure> {
    let payload = sent
        .get(offset as usize)
        .map(|message| message.payload.clone())
        .unwrap_or_default();
    let step = format!("find message {offset} among the dead letters as it was");
    expect_equal(step, &shown(&payload), &shown(&letter.payload))?;
    let headers = &letter.headers;
    for (header, expected) in [
        (dead_letters::STREAM, arena.stream.as_str()),
        (dead_letters::TOPIC, TOPIC),
    ] {
        let step = format!("read the header {header}");
        expect_equal(step, &Some(expected), &headers.text(header))?;
    }
    let number = |name| headers.get(name).and_then(|value| value.as_uint32().ok());
    for (header, expected) in [
        (dead_letters::PARTITION, 0),
        (dead_letters::ATTEMPTS, attempts),
    ] {
        let step = format!("read the header {header}");
        expect_equal(step, &Some(expected), &number(header))?;
    }
    let found = headers
        .get(dead_letters::OFFSET)
        .and_then(|value| value.as_uint64().ok());
    let step = format!("read the header {}", dead_letters::OFFSET);
    expect_equal(step, &Some(u64::from(offset)), &found)?;
    let said = headers.text(dead_letters::ERROR).unwrap_or_default();
    if said.contains(reason) {
        return Ok(());
    }
    let step = format!("read the header {}", dead_letters::ERROR);
    let found = shown(&Bytes::from(said.to_owned()));
    Err(Failure::new(
        step,
        format!("something with `{reason}`"),
        found,
    ))
}
