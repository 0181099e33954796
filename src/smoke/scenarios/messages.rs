//! What was sent, compared with what was read.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::smoke::failure::Failure;
use crate::smoke::sdk::{Received, Sent};

/// Texts `name-1`, `name-2` and so on.
pub(super) fn numbered(name: &str, count: u32) -> Vec<Sent> {
    (1..=count)
        .map(|number| Sent::text(format!("{name}-{number}")))
        .collect()
}

/// Fails unless exactly these messages were read, in this order, with their headers and
/// with offsets that go up one by one.
pub(super) fn expect_messages(
    step: &str,
    sent: &[Sent],
    first_offset: u64,
    received: &[Received],
) -> Result<(), Failure> {
    if received.len() != sent.len() {
        return Err(Failure::new(
            step,
            format!("{} messages", sent.len()),
            format!("{} messages", received.len()),
        ));
    }
    for ((expected, found), offset) in sent.iter().zip(received).zip(first_offset..) {
        if found.offset != offset {
            return Err(Failure::new(
                step,
                format!("offset {offset}"),
                format!("offset {}", found.offset),
            ));
        }
        if found.payload != expected.payload {
            return Err(Failure::new(
                step,
                format!("{} at offset {offset}", shown(&expected.payload)),
                shown(&found.payload),
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
    Ok(())
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
        let _ = write!(text, "{separator}{key:?} = {value:?}");
    }
    text
}
