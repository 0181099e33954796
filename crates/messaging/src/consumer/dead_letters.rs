//! Headers of dead letters: where a message comes from, and why it is here.
//!
//! The payload is the one that was sent, byte for byte, compressed and encrypted as it
//! was; the id (over HTTP its lower 64 bits) and all headers stay, too, and these come to
//! them. A consumer with the same codec and encryption reads dead letters as it reads the
//! messages. Headers that cannot be read (another key, damaged) stay behind, and those
//! that do not fit beside these do, as well.

use iggy::prelude::IggyMessage;

use super::board::Dead;
use super::incoming::headers_of;
use crate::encryption::{Encryption, encrypted};
use crate::error::MessagingError;
use crate::headers::Headers;
use crate::readdressed::with_headers;

/// The stream it was in, a text.
pub const STREAM: &str = "dead-letter-stream";
/// The topic it was in, a text.
pub const TOPIC: &str = "dead-letter-topic";
/// The partition it was in, an unsigned number of 32 bits.
pub const PARTITION: &str = "dead-letter-partition";
/// Its offset there, an unsigned number of 64 bits.
pub const OFFSET: &str = "dead-letter-offset";
/// What was wrong the last time, a text of at most 255 bytes.
pub const ERROR: &str = "dead-letter-error";
/// How often it was tried, an unsigned number of 32 bits.
pub const ATTEMPTS: &str = "dead-letter-attempts";

/// On a message that was a dead letter and was sent back: how often it had been tried
/// until then, an unsigned number of 32 bits. When it becomes one again, the attempts
/// are counted on.
pub const ATTEMPTS_BEFORE: &str = "dead-letter-attempts-before";

/// What the headers of a dead letter say. A message is one when it has all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The stream it was in.
    pub stream: String,
    /// The topic it was in.
    pub topic: String,
    /// The partition it was in.
    pub partition: u32,
    /// Its offset there.
    pub offset: u64,
    /// What was wrong the last time.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
}

impl DeadLetter {
    /// None for the headers of a message that is none.
    #[must_use]
    pub fn of(headers: &Headers) -> Option<Self> {
        Some(Self {
            stream: headers.text(STREAM)?.to_owned(),
            topic: headers.text(TOPIC)?.to_owned(),
            partition: headers.get(PARTITION)?.as_uint32().ok()?,
            offset: headers.get(OFFSET)?.as_uint64().ok()?,
            error: headers.text(ERROR)?.to_owned(),
            attempts: headers.get(ATTEMPTS)?.as_uint32().ok()?,
        })
    }

    /// The headers that the message had, and how often it was tried.
    pub(crate) fn taken_out(&self, mut headers: Headers) -> Result<Headers, MessagingError> {
        for key in [STREAM, TOPIC, PARTITION, OFFSET, ERROR, ATTEMPTS] {
            headers.remove(key);
        }
        headers.with_value(ATTEMPTS_BEFORE, self.attempts)
    }
}

/// How often a message had been tried before it was sent back.
fn attempts_before(headers: &Headers) -> u32 {
    let before = headers.get(ATTEMPTS_BEFORE);
    before.and_then(|it| it.as_uint32().ok()).unwrap_or(0)
}

/// What a header may have (`iggy_common` 0.11.0, `types/message/user_headers.rs`).
const LONGEST_VALUE: usize = 255;

/// The message to send.
pub(super) fn letter(
    dead: &Dead,
    stream: &str,
    topic: &str,
    encryption: Option<&Encryption>,
    has_short_ids: bool,
) -> Result<IggyMessage, MessagingError> {
    let Dead {
        ticket,
        message,
        attempts,
        error,
    } = dead;
    let mut own = headers_of(message, encryption).unwrap_or_default();
    let attempts = attempts.saturating_add(attempts_before(&own));
    own.remove(ATTEMPTS_BEFORE);
    let describe = |headers: Headers| {
        headers
            .with(STREAM, stream)?
            .with(TOPIC, topic)?
            .with_value(PARTITION, ticket.partition)?
            .with_value(OFFSET, ticket.offset)?
            .with(ERROR, shortened(error))?
            .with_value(ATTEMPTS, attempts)?
            .to_wire()
    };
    let wire = match describe(own) {
        Ok(wire) => wire,
        Err(_) => describe(Headers::new())?,
    };
    let headers = encrypted(wire, encryption)?;
    Ok(with_headers(message, headers, has_short_ids))
}

/// Cut where a character ends; never empty.
fn shortened(error: &str) -> &str {
    if error.is_empty() {
        return "unknown";
    }
    let mut end = error.len().min(LONGEST_VALUE);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    &error[..end]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use iggy::prelude::IggyMessageHeader;

    use super::*;
    use crate::consumer::board::Ticket;
    use crate::consumer::fetched::Fetched;

    fn dead(headers: Option<Bytes>, error: &str) -> Dead {
        let message = IggyMessage {
            header: IggyMessageHeader {
                id: 9,
                ..IggyMessageHeader::default()
            },
            payload: Bytes::from("payload"),
            user_headers: headers,
        };
        Dead {
            ticket: Ticket {
                partition: 3,
                epoch: 1,
                offset: 17,
            },
            message: Fetched::all(vec![message]).next().unwrap(),
            attempts: 5,
            error: error.to_owned(),
        }
    }

    #[test]
    fn a_letter_has_what_the_message_had_and_says_why() {
        let own = Headers::new().with("tenant", "acme").unwrap();
        let encryption = Encryption::aes_256_gcm(&[1; 32]).unwrap();
        let wire = own.to_wire().unwrap().unwrap();
        for encryption in [None, Some(&encryption)] {
            let wire = match encryption {
                None => wire.clone(),
                Some(encryption) => encryption.encrypt(&wire).unwrap(),
            };
            let long = "ä".repeat(200);
            let letter = letter(&dead(Some(wire), &long), "s", "t", encryption, false).unwrap();
            assert_eq!(
                (letter.header.id, letter.payload.as_ref()),
                (9, &b"payload"[..])
            );
            let headers = headers_of(&letter, encryption).unwrap();
            assert_eq!(headers.text("tenant"), Some("acme"));
            assert_eq!(
                (headers.text(STREAM), headers.text(TOPIC)),
                (Some("s"), Some("t"))
            );
            assert_eq!(headers.get(PARTITION).unwrap().as_uint32(), Ok(3));
            assert_eq!(headers.get(OFFSET).unwrap().as_uint64(), Ok(17));
            assert_eq!(headers.get(ATTEMPTS).unwrap().as_uint32(), Ok(5));
            assert_eq!(headers.text(ERROR).unwrap(), "ä".repeat(127));
        }
    }

    #[test]
    fn headers_that_cannot_be_read_stay_behind() {
        let dead = dead(Some(Bytes::from_static(b"nonsense")), "");
        let letter = letter(&dead, "s", "t", None, true).unwrap();
        let headers = headers_of(&letter, None).unwrap();
        assert_eq!(headers.len(), 6);
        assert_eq!(letter.header.id, 9);
        assert_eq!(headers.text(ERROR), Some("unknown"));
    }
}
