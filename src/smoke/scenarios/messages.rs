//! What was sent, compared with what was read; and the steps that many scenarios have.

use std::fmt::Write as _;

use bytes::Bytes;
use futures::StreamExt as _;
use iggyctl_messaging::{Consumer, Message, Outgoing, Producer};

use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _};
use crate::smoke::sdk::{Received, Sent, To};

/// Texts `name-1`, `name-2` and so on.
pub(super) fn numbered(name: &str, count: u32) -> Vec<Sent> {
    (1..=count)
        .map(|number| Sent::text(format!("{name}-{number}")))
        .collect()
}

/// Sends messages over a connection of their own, so many in one request.
pub(super) async fn send_in_batches(
    arena: &Arena,
    topic: &str,
    to: To<'_>,
    messages: &[Sent],
    batch: u32,
) -> Result<(), Failure> {
    let client = arena.client()?;
    for batch in messages.chunks(batch.max(1) as usize) {
        client
            .send(&arena.stream, topic, to, batch)
            .await
            .step(format!("send a batch of {} messages", batch.len()))?;
    }
    Ok(())
}

/// Sends values with a producer, and waits until the server has all of them. `bytes` is
/// what their payloads have together.
pub(super) async fn deliver<M: Into<Outgoing<Bytes>>>(
    arena: &Arena,
    producer: &Producer<Bytes>,
    bytes: usize,
    messages: impl IntoIterator<Item = M>,
) -> Result<(), Failure> {
    let deliveries = producer
        .enqueue_all(messages)
        .await
        .step("give messages to the producer")?;
    arena.recorder.messages(deliveries.len(), bytes);
    for delivery in deliveries {
        delivery.await.step("have a message confirmed")?;
    }
    Ok(())
}

/// What has a size as a payload.
pub(super) trait Payload: Send + 'static {
    /// In bytes.
    fn size(&self) -> usize;
}

impl Payload for Bytes {
    fn size(&self) -> usize {
        self.len()
    }
}

/// In JSON.
impl Payload for u32 {
    fn size(&self) -> usize {
        self.to_string().len()
    }
}

/// Takes so many messages from several consumers, whoever has one; fails when they do
/// not come.
pub(super) async fn take<T: Payload>(
    arena: &Arena,
    step: &str,
    consumers: &mut [Consumer<T>],
    count: usize,
    mut each: impl FnMut(usize, Message<T>),
) -> Result<(), Failure> {
    let mut came = 0;
    let taking = async {
        let streams = consumers
            .iter_mut()
            .enumerate()
            .map(|(which, consumer)| consumer.map(move |message| (which, message)));
        let mut all = futures::stream::select_all(streams);
        while came < count {
            let Some((which, message)) = all.next().await else {
                return Err(Failure::new(step, "another message", "the consumer ended"));
            };
            let message = message.step(step)?;
            arena.recorder.messages(1, message.payload.size());
            each(which, message);
            came += 1;
        }
        Ok(())
    };
    let ended = tokio::time::timeout(arena.patience, taking).await;
    ended.unwrap_or_else(|_| {
        Err(Failure::new(
            step,
            format!("{count} messages"),
            format!("{came} messages within {:?}", arena.patience),
        ))
    })
}

/// Fails unless exactly these messages were read, in this order, with their headers and
/// with offsets that go up one by one.
pub(super) fn expect_messages(
    step: &str,
    sent: &[Sent],
    first_offset: u64,
    received: &[Received],
) -> Result<(), Failure> {
    for ((expected, found), offset) in sent.iter().zip(received).zip(first_offset..) {
        if found.payload != expected.payload {
            return Err(Failure::new(
                step,
                format!("{} at offset {offset}", shown(&expected.payload)),
                format!("{} at offset {}", shown(&found.payload), found.offset),
            ));
        }
        if found.offset != offset {
            return Err(Failure::new(
                step,
                format!("{} at offset {offset}", shown(&expected.payload)),
                format!("it at offset {}", found.offset),
            ));
        }
        if found.headers != expected.headers {
            return Err(Failure::new(
                step,
                format!("headers {} at offset {offset}", headers(&expected.headers)),
                headers(&found.headers),
            ));
        }
    }
    if received.len() == sent.len() {
        return Ok(());
    }
    Err(Failure::new(
        step,
        format!("{} messages", sent.len()),
        format!("{} messages", received.len()),
    ))
}

/// A payload as a person reads it, cut where it becomes long.
pub(super) fn shown(payload: &Bytes) -> String {
    const LONGEST: usize = 60;
    let text = String::from_utf8_lossy(payload);
    match text.char_indices().nth(LONGEST) {
        None => format!("`{text}`"),
        Some((end, _)) => format!("`{}…` ({} bytes)", &text[..end], payload.len()),
    }
}

fn headers(headers: &iggyctl_messaging::Headers) -> String {
    if headers.is_empty() {
        return "none".to_owned();
    }
    let mut text = String::new();
    for (key, value) in headers {
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{separator}{} = {}",
            key.to_string_value(),
            value.to_string_value()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use iggyctl_messaging::Headers;

    use super::*;

    fn received(offset: u64, text: &str) -> Received {
        Received {
            offset,
            payload: Bytes::from(text.to_owned()),
            headers: Headers::new(),
        }
    }

    #[test]
    fn every_difference_is_found_and_said() {
        let sent = numbered("message", 2);
        let good = [received(5, "message-1"), received(6, "message-2")];
        assert_eq!(expect_messages("read", &sent, 5, &good), Ok(()));
        let with_header = {
            let mut message = received(6, "message-2");
            message.headers = Headers::new().with("a", "b").unwrap();
            [received(5, "message-1"), message]
        };
        for (bad, expected, found) in [
            (
                &[received(6, "message-1"), received(7, "message-2")][..],
                "`message-1` at offset 5",
                "it at offset 6",
            ),
            (
                &[received(5, "message-2"), received(6, "message-1")][..],
                "`message-1` at offset 5",
                "`message-2` at offset 5",
            ),
            (&good[..1], "2 messages", "1 messages"),
            (&with_header[..], "headers none at offset 6", "a = b"),
        ] {
            let failure = expect_messages("read", &sent, 5, bad).unwrap_err();
            assert_eq!(
                (failure.expected.as_str(), failure.found.as_str()),
                (expected, found)
            );
        }
        assert_eq!(shown(&Bytes::from("ä".repeat(70))).chars().count(), 75);
    }
}
