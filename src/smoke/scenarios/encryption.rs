//! `encryption`: the server never sees what it keeps (AES-256-GCM by the clients); who
//! has another key reads nothing.

use bytes::Bytes;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{
    Consumer, DeadLetters, Encryption, Headers, Message, Outgoing, Partitioning, Producer,
};

use super::messages::{deliver, shown, take};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop, expect_equal};
use crate::smoke::sdk::Reader;

const TOPIC: &str = "secrets";
const REFUSED: &str = "unreadable";
const MESSAGES: u32 = 20;
/// In every message; nobody but the clients may see it.
const MARK: &str = "nobody else may read this";

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.topic(TOPIC, 1).await?;
    arena.topic(REFUSED, 1).await?;
    let key = |byte| Encryption::aes_256_gcm(&[byte; 32]).step("make a key");
    let connection = arena.connection()?;
    let producer = Producer::<Bytes>::builder(&connection, &arena.stream, TOPIC)
        .partitioning(Partitioning::Partition(0))
        .encryption(key(1)?)
        .build(Raw)
        .step("make a producer that encrypts")?;
    let mut sent = Vec::new();
    let mut bytes = 0;
    for number in 1..=MESSAGES {
        let headers = Headers::new().with("who", MARK).step("make headers")?;
        let payload = Bytes::from(format!("{MARK}: {number}"));
        bytes += payload.len();
        sent.push(Outgoing::new(payload).headers(headers));
    }
    deliver(arena, &producer, bytes, sent).await?;

    let kept = arena
        .client()?
        .poll_raw(&arena.stream, TOPIC, 0, Reader::Plain("as-kept"), MESSAGES)
        .await
        .step("read what the server keeps")?;
    expect_equal(
        "count what the server keeps",
        &(MESSAGES as usize),
        &kept.len(),
    )?;
    for (payload, headers) in &kept {
        for (what, bytes) in [("payload", payload), ("headers", headers)] {
            if bytes.is_empty() || contains(bytes, MARK) {
                let step = format!("look at the {what} that the server keeps");
                return Err(Failure::new(step, "something unreadable", shown(bytes)).into());
            }
        }
    }

    let mut consumers = [reader(arena, &connection, "with-key", key(1)?)?];
    let mut read = Vec::new();
    let each = |_, message: Message<Bytes>| {
        let who = message.headers.text("who").map(str::to_owned);
        let (payload, acknowledgement) = message.into_parts();
        acknowledgement.ack();
        read.push((shown(&payload), who));
    };
    let step = "read with the key";
    take(arena, step, &mut consumers, MESSAGES as usize, each).await?;
    let expected: Vec<_> = (1..=MESSAGES)
        .map(|number| {
            let payload = Bytes::from(format!("{MARK}: {number}"));
            (shown(&payload), Some(MARK.to_owned()))
        })
        .collect();
    expect_equal(step, &expected, &read)?;
    without_the_key(arena, &connection, key(2)?).await
}

/// With another key nothing is read, and everything is put aside.
async fn without_the_key(
    arena: &Arena,
    connection: &iggyctl_messaging::Connection,
    key: Encryption,
) -> Result<(), Stop> {
    let mut consumer = reader(arena, connection, "without-key", key)?;
    let client = arena.client()?;
    let all_aside = async {
        loop {
            let aside = client
                .poll_raw(&arena.stream, REFUSED, 0, Reader::Plain("as-kept"), 1000)
                .await
                .step("read what was put aside")?;
            if aside.len() >= MESSAGES as usize {
                return Ok::<_, Failure>(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let step = "read with another key";
    let waiting = tokio::time::timeout(arena.patience, all_aside);
    tokio::select! {
        read = consumer.next() => Err(match read {
            Some(Ok(message)) => Failure::new(step, "nothing", shown(&message.payload)),
            Some(Err(error)) => Failure::new(step, "nothing", error.to_string()),
            None => Failure::new(step, "nothing", "the consumer ended"),
        }
        .into()),
        ended = waiting => match ended {
            Ok(ended) => Ok(ended?),
            Err(_) => Err(Failure::new(step, "all messages put aside", "fewer of them").into()),
        },
    }
}

fn reader(
    arena: &Arena,
    connection: &iggyctl_messaging::Connection,
    name: &str,
    key: Encryption,
) -> Result<Consumer<Bytes>, Failure> {
    Consumer::plain(connection, name, &arena.stream, TOPIC)
        .poll_interval(std::time::Duration::from_millis(20))
        .encryption(key)
        .dead_letters(DeadLetters::to(&arena.stream, REFUSED))
        .build(Raw)
        .step("make a consumer that decrypts")
}

fn contains(bytes: &Bytes, text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
