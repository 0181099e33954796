//! Messages as they are sent: made once, or taken from a topic and sent again.

use bytes::Bytes;
use iggy::prelude::{IggyError, IggyMessage, IggyMessageHeader};

use crate::error::{Reaction, classify};

/// A message to send, with all that a producer decides of it.
pub(crate) fn to_send(
    id: u128,
    origin_timestamp: u64,
    payload: Bytes,
    user_headers: Option<Bytes>,
) -> IggyMessage {
    let length = |bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    IggyMessage {
        header: IggyMessageHeader {
            id,
            origin_timestamp,
            user_headers_length: user_headers.as_ref().map_or(0, length),
            payload_length: length(&payload),
            ..IggyMessageHeader::default()
        },
        payload,
        user_headers,
    }
}

/// The same message with other headers; the payload is shared.
pub(crate) fn with_headers(
    message: &IggyMessage,
    user_headers: Option<Bytes>,
    has_short_ids: bool,
) -> IggyMessage {
    let id = match has_short_ids {
        true => short(message.header.id),
        false => message.header.id,
    };
    let payload = message.payload.clone();
    to_send(id, message.header.origin_timestamp, payload, user_headers)
}

/// The same message to send once more; the bytes are shared.
pub(crate) fn again(message: &IggyMessage) -> IggyMessage {
    with_headers(message, message.user_headers.clone(), false)
}

/// The lower half of a long id, which of a UUID is the random one: over HTTP ids travel
/// as numbers of JSON, and the SDK panics at a longer one.
fn short(id: u128) -> u128 {
    match id & u128::from(u64::MAX) {
        0 => id >> 64,
        half => half,
    }
}

/// Whether an error of a send says that the messages are there: it was done before, or
/// the confirmation cannot be read, which happens over HTTP (`iggy` 0.11.0,
/// `clients/producer.rs`, says so and does not repeat either).
pub(crate) fn is_sent(error: &IggyError) -> bool {
    let is_unread = matches!(
        error,
        IggyError::InvalidBytesResponse | IggyError::InvalidJsonResponse
    );
    is_unread || classify(error) == Reaction::Accept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_id_is_shortened_and_never_none() {
        assert_eq!(short((7 << 64) + 5), 5);
        assert_eq!(short(7 << 64), 7);
    }
}
