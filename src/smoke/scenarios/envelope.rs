//! `message-envelope`: messages of several kinds in one topic, told apart by what is
//! around them.

use bytes::Bytes;

use super::messages::{expect_messages, send_in_batches};
use super::orders::{Envelope, Order, kinds};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Step as _, Stop, expect_equal};
use crate::smoke::sdk::{From, Reader, Sent, To};

const TOPIC: &str = "orders";
const MESSAGES: u32 = 30;

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.topic(TOPIC, 1).await?;
    let orders = kinds(MESSAGES);
    let mut sent = Vec::new();
    for order in &orders {
        let envelope = Envelope {
            message_type: order.kind().to_owned(),
            payload: order.to_json().step("write an order as JSON")?,
        };
        let json = serde_json::to_string(&envelope).step("write an envelope as JSON")?;
        sent.push(Sent::text(json));
    }
    send_in_batches(arena, TOPIC, To::Partition(0), &sent, 10).await?;
    let read = arena
        .client()?
        .poll(
            &arena.stream,
            TOPIC,
            Some(0),
            Reader::Plain("envelope"),
            From::Next,
            MESSAGES,
            true,
        )
        .await
        .step("read all envelopes")?;
    expect_messages("read all envelopes", &sent, 0, &read)?;
    for (order, message) in orders.iter().zip(&read) {
        let envelope: Envelope =
            serde_json::from_slice(&message.payload).step("read an envelope")?;
        let found = Order::from_json(&envelope.message_type, &Bytes::from(envelope.payload))
            .step("read an order out of its envelope")?;
        expect_equal("read an order out of its envelope", order, &found)?;
    }
    Ok(())
}
