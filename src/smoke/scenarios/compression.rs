//! `message-headers/message-compression`: the producer compresses, the server keeps
//! what it got, the consumer finds out by a header and decompresses.

use bytes::Bytes;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::compression::COMPRESSION_HEADER;
use iggyctl_messaging::{Compression, Consumer, Partitioning, Producer};

use super::messages::{deliver, shown, take};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop, expect_equal};
use crate::smoke::sdk::{From, Reader};

const TOPIC: &str = "compression-topic";
const MESSAGES: u32 = 1000;
/// How every LZ4 frame begins (LZ4 frame format, magic number).
const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.topic(TOPIC, 1).await?;
    let sent: Vec<Bytes> = (0..MESSAGES)
        .map(|number| {
            let line = format!("[INFO] request {number} was answered; ");
            Bytes::from(line.repeat(8))
        })
        .collect();
    let connection = arena.connection()?;
    let producer = Producer::<Bytes>::builder(&connection, &arena.stream, TOPIC)
        .partitioning(Partitioning::Partition(0))
        .compression(Compression::Lz4)
        .build(Raw)
        .step("make a producer that compresses")?;
    let bytes = sent.iter().map(Bytes::len).sum();
    deliver(arena, &producer, bytes, sent.iter().cloned()).await?;

    let kept = arena
        .client()?
        .poll(
            &arena.stream,
            TOPIC,
            Some(0),
            Reader::Plain("as-kept"),
            From::First,
            MESSAGES,
            false,
        )
        .await
        .step("read what the server keeps")?;
    let step = "look at what the server keeps";
    expect_equal(step, &sent.len(), &kept.len())?;
    for (message, payload) in kept.iter().zip(&sent) {
        let said = message.headers.text(COMPRESSION_HEADER);
        expect_equal(
            "read the header that says how it is compressed",
            &Some("lz4"),
            &said,
        )?;
        if !message.payload.starts_with(&MAGIC) || message.payload.len() >= payload.len() {
            let found = shown(&message.payload);
            return Err(Failure::new(step, "a payload that is compressed", found).into());
        }
    }

    let consumer = Consumer::<Bytes>::plain(&connection, "reader", &arena.stream, TOPIC)
        .build(Raw)
        .step("make a consumer")?;
    let mut read = Vec::new();
    take(
        arena,
        "read all messages",
        &mut [consumer],
        sent.len(),
        |_, message| {
            let (payload, acknowledgement) = message.into_parts();
            acknowledgement.ack();
            read.push(payload);
        },
    )
    .await?;
    for (expected, found) in sent.iter().zip(&read) {
        if expected != found {
            let step = "compare what was decompressed with what was sent";
            return Err(Failure::new(step, shown(expected), shown(found)).into());
        }
    }
    Ok(())
}
