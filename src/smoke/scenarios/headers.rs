//! `message-headers/plain`, `message-headers/typed-headers` and
//! `message-headers/message-type`: what travels beside the payload.

use iggyctl_messaging::Headers;

use super::messages::{expect_messages, send_in_batches};
use super::orders::{Order, kinds};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop, expect_equal};
use crate::smoke::sdk::{From, Reader, Received, Sent, To, bytes_header, numbered_header};

const TOPIC: &str = "headers";
const BATCH: u32 = 10;

/// Texts by texts.
pub(in crate::smoke) async fn plain(arena: &Arena) -> Result<(), Stop> {
    let mut sent = Vec::new();
    for number in 1..=3 * BATCH {
        let headers = Headers::new()
            .with("tenant", if number % 2 == 0 { "even" } else { "odd" })
            .and_then(|headers| headers.with("number", &number.to_string()))
            .step("make headers")?;
        sent.push(Sent::text(format!("message-{number}")).headers(headers));
    }
    // One without any among them.
    if let Some(message) = sent.get_mut(7) {
        message.headers = Headers::new();
    }
    send_and_read(arena, &sent).await?;
    Ok(())
}

/// Keys and values of every kind that the sample has: texts, numbers, a truth value, raw
/// bytes.
pub(in crate::smoke) async fn typed(arena: &Arena) -> Result<(), Stop> {
    let mut sent = Vec::new();
    for number in 1..=3 * BATCH {
        let headers = Headers::new()
            .with("event_type", "user_action")
            .and_then(|it| it.with_value("important", number % 5 == 0))
            .and_then(|it| it.with_value("trace_id", i128::from(number) * 1_000_000_000_000))
            .and_then(|it| it.with_value("ratio", f64::from(number) * 2.0))
            .and_then(|it| it.with_value("number", number))
            .step("make headers")?;
        let headers = numbered_header(headers, 44, f64::from(number));
        let headers = bytes_header(headers, &[0xDE, 0xAD], &[0xBE, 0xEF, 0xCA, 0xFE])
            .step("make headers of bytes")?;
        let payload = format!(r#"{{"message_id":{number},"content":"typed"}}"#);
        sent.push(Sent::text(payload).headers(headers));
    }
    let read = send_and_read(arena, &sent).await?;
    for (number, message) in (1..).zip(&read) {
        let found = message.headers.get("trace_id");
        let found = found.and_then(|value| value.as_int128().ok());
        let step = "read a header of 128 bits back as what it was";
        expect_equal(step, &Some(i128::from(number) * 1_000_000_000_000), &found)?;
    }
    Ok(())
}

/// What a payload is, in a header, so that a reader knows before it looks.
pub(in crate::smoke) async fn message_type(arena: &Arena) -> Result<(), Stop> {
    let orders = kinds(3 * BATCH);
    let mut sent = Vec::new();
    for order in &orders {
        let headers = Headers::new()
            .with("message_type", order.kind())
            .step("make headers")?;
        let payload = order.to_json().step("write an order as JSON")?;
        sent.push(Sent::text(payload).headers(headers));
    }
    let read = send_and_read(arena, &sent).await?;
    for (order, message) in orders.iter().zip(&read) {
        let Some(kind) = message.headers.text("message_type") else {
            return Err(Failure::new("read the type", order.kind(), "no header").into());
        };
        let found = Order::from_json(kind, &message.payload).step("read an order by its type")?;
        expect_equal("read an order by its type", order, &found)?;
    }
    Ok(())
}

/// Sends all, and reads them back as they were.
async fn send_and_read(arena: &Arena, sent: &[Sent]) -> Result<Vec<Received>, Stop> {
    arena.topic(TOPIC, 1).await?;
    send_in_batches(arena, TOPIC, To::Partition(0), sent, BATCH).await?;
    let count = u32::try_from(sent.len()).unwrap_or(u32::MAX);
    let read = arena
        .client()?
        .poll(
            &arena.stream,
            TOPIC,
            Some(0),
            Reader::Plain("headers"),
            From::First,
            count,
            false,
        )
        .await
        .step("read all messages")?;
    expect_messages("read all messages with their headers", sent, 0, &read)?;
    Ok(read)
}
