//! `stream-builder`: a producer and a consumer out of one configuration of the SDK, and
//! messages handed to a callback until it is told to stop.

use super::messages::expect_messages;
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Step as _, Stop};
use crate::smoke::sdk::Sent;

const TOPIC: &str = "test_topic";

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    // The SDK would make both, but one of 0.11 cannot on every server of 0.9.
    arena.topic(TOPIC, 1).await?;
    let sent = ["Hello World", "Hola Iggy", "Hi Apache"].map(Sent::text);
    let client = arena.client()?;
    let read = client
        .stream_builder(&arena.stream, TOPIC, &sent)
        .await
        .step("send and read with what the stream builder made")?;
    Ok(expect_messages(
        "compare what the callback got with what was sent",
        &sent,
        0,
        &read,
    )?)
}
