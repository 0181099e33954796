//! From a message to the one that is sent again. Pure.

use bytes::Bytes;
use iggy::prelude::IggyMessage;

use crate::consumer::dead_letters::DeadLetter;
use crate::consumer::incoming::headers_of;
use crate::encryption::{Encryption, encrypted};
use crate::error::MessagingError;
use crate::headers::Headers;
use crate::readdressed::with_headers;

/// The stream that a replayed message was taken from, a text.
pub const STREAM: &str = "replay-stream";
/// The topic that it was taken from, a text.
pub const TOPIC: &str = "replay-topic";
/// The partition that it was taken from, an unsigned number of 32 bits.
pub const PARTITION: &str = "replay-partition";
/// Its offset there, an unsigned number of 64 bits.
pub const OFFSET: &str = "replay-offset";

/// Where a message was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'place> {
    pub(super) stream: &'place str,
    pub(super) topic: &'place str,
    pub(super) partition: u32,
}

/// What became of the headers.
#[derive(Debug)]
pub(super) struct Copied {
    pub(super) message: IggyMessage,
    /// Whether it says where it comes from.
    pub(super) is_marked: bool,
}

/// How copies are made.
#[derive(Debug, Default)]
pub(super) struct Copying {
    pub(super) encryption: Option<Encryption>,
    pub(super) has_short_ids: bool,
}

impl Copying {
    /// The headers of a message; none when they cannot be read.
    pub(super) fn headers(&self, message: &IggyMessage) -> Option<Headers> {
        headers_of(message, self.encryption.as_ref()).ok()
    }

    /// With the same payload, id, time and headers, and those that say where it was.
    pub(super) fn copy(
        &self,
        message: &IggyMessage,
        headers: Option<Headers>,
        origin: Origin<'_>,
    ) -> Copied {
        let marked = headers.and_then(|headers| {
            let wire = marked(headers, origin, message.header.offset).ok()?;
            encrypted(wire, self.encryption.as_ref()).ok()?
        });
        let is_marked = marked.is_some();
        let headers = marked.or_else(|| message.user_headers.clone());
        Copied {
            message: self.with_headers(message, headers),
            is_marked,
        }
    }

    /// The message that a dead letter was, and where it belongs; none when it does not
    /// say so.
    pub(super) fn resurrect(
        &self,
        message: &IggyMessage,
        origin: Origin<'_>,
    ) -> Option<(DeadLetter, IggyMessage)> {
        let headers = self.headers(message)?;
        let letter = DeadLetter::of(&headers)?;
        let headers = letter.taken_out(headers).ok()?;
        let mut copied = self.copy(message, Some(headers.clone()), origin);
        if !copied.is_marked {
            // There was room for the headers of a dead letter, so there is for none.
            let wire = headers.to_wire().ok()?;
            let wire = encrypted(wire, self.encryption.as_ref()).ok()?;
            copied.message = self.with_headers(message, wire);
        }
        Some((letter, copied.message))
    }

    fn with_headers(&self, message: &IggyMessage, headers: Option<Bytes>) -> IggyMessage {
        with_headers(message, headers, self.has_short_ids)
    }
}

fn marked(
    headers: Headers,
    origin: Origin<'_>,
    offset: u64,
) -> Result<Option<Bytes>, MessagingError> {
    let Origin {
        stream,
        topic,
        partition,
    } = origin;
    headers
        .with(STREAM, stream)?
        .with(TOPIC, topic)?
        .with_value(PARTITION, partition)?
        .with_value(OFFSET, offset)?
        .to_wire()
}

#[cfg(test)]
mod tests {
    use iggy::prelude::IggyMessageHeader;

    use super::*;
    use crate::consumer::dead_letters;

    const ORIGIN: Origin<'_> = Origin {
        stream: "s",
        topic: "t",
        partition: 3,
    };

    fn message(headers: Option<Bytes>) -> IggyMessage {
        IggyMessage {
            header: IggyMessageHeader {
                id: 9,
                offset: 17,
                origin_timestamp: 5,
                ..IggyMessageHeader::default()
            },
            payload: Bytes::from("payload"),
            user_headers: headers,
        }
    }

    #[test]
    fn a_copy_has_what_the_message_had_and_says_where_it_was() {
        let own = Headers::new().with("tenant", "acme").unwrap();
        let wire = own.to_wire().unwrap().unwrap();
        for encryption in [None, Some(Encryption::aes_256_gcm(&[1; 32]).unwrap())] {
            let wire = match &encryption {
                None => wire.clone(),
                Some(encryption) => encryption.encrypt(&wire).unwrap(),
            };
            let copying = Copying {
                encryption,
                has_short_ids: false,
            };
            let message = message(Some(wire));
            let copied = copying.copy(&message, copying.headers(&message), ORIGIN);
            assert!(copied.is_marked);
            let header = &copied.message.header;
            assert_eq!((header.id, header.origin_timestamp), (9, 5));
            assert_eq!(copied.message.payload, "payload");
            let headers = copying.headers(&copied.message).unwrap();
            assert_eq!(headers.text("tenant"), Some("acme"));
            assert_eq!(
                (headers.text(STREAM), headers.text(TOPIC)),
                (Some("s"), Some("t"))
            );
            assert_eq!(headers.get(PARTITION).unwrap().as_uint32(), Ok(3));
            assert_eq!(headers.get(OFFSET).unwrap().as_uint64(), Ok(17));
        }
    }

    #[test]
    fn headers_that_cannot_be_read_or_leave_no_room_stay_as_they_are() {
        let mut many = Headers::new();
        while many.to_wire().is_ok() {
            many.insert(&format!("key-{}", many.len()), &"v".repeat(200))
                .unwrap();
        }
        many.remove(&format!("key-{}", many.len() - 1));
        let full = many.to_wire().unwrap().unwrap();
        for wire in [Bytes::from_static(b"nonsense"), full] {
            let copying = Copying::default();
            let message = message(Some(wire.clone()));
            let copied = copying.copy(&message, copying.headers(&message), ORIGIN);
            assert!(!copied.is_marked);
            assert_eq!(copied.message.user_headers, Some(wire));
        }
    }

    #[test]
    fn a_dead_letter_becomes_what_it_was_and_remembers_the_attempts() {
        let own = Headers::new().with("tenant", "acme").unwrap();
        let letter = DeadLetter {
            stream: "orders".to_owned(),
            topic: "events".to_owned(),
            partition: 2,
            offset: 40,
            error: "no".to_owned(),
            attempts: 5,
        };
        let headers = own
            .with(dead_letters::STREAM, &letter.stream)
            .and_then(|it| it.with(dead_letters::TOPIC, &letter.topic))
            .and_then(|it| it.with_value(dead_letters::PARTITION, letter.partition))
            .and_then(|it| it.with_value(dead_letters::OFFSET, letter.offset))
            .and_then(|it| it.with(dead_letters::ERROR, &letter.error))
            .and_then(|it| it.with_value(dead_letters::ATTEMPTS, letter.attempts))
            .unwrap();
        let copying = Copying::default();
        let dead = message(headers.to_wire().unwrap());
        let (found, message) = copying.resurrect(&dead, ORIGIN).unwrap();
        assert_eq!(found, letter);
        let headers = copying.headers(&message).unwrap();
        let names: Vec<String> = headers
            .iter()
            .map(|(name, _)| name.to_string_value())
            .collect();
        assert_eq!(
            names,
            [
                dead_letters::ATTEMPTS_BEFORE,
                OFFSET,
                PARTITION,
                STREAM,
                TOPIC,
                "tenant"
            ]
        );
        let before = headers.get(dead_letters::ATTEMPTS_BEFORE).unwrap();
        assert_eq!(before.as_uint32(), Ok(5));
        let stranger = self::message(None);
        assert!(copying.resurrect(&stranger, ORIGIN).is_none());
    }
}
