//! How events travel. Each says so itself, in the header `content-type`: publishers
//! change from one format to the other when they like, and no reader has to know.

use bytes::Bytes;
use iggyctl_messaging::CONTENT_TYPE;
use iggyctl_messaging::Headers;
use iggyctl_messaging::codec::{Codec, CodecError, Json, Postcard};

use crate::event::Envelope;

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, and for programs in any language.
    Json,
    /// A few bytes, for programs that share the types.
    Postcard,
}

impl Format {
    fn codec(self) -> &'static dyn Codec<Envelope> {
        match self {
            Self::Json => &Json,
            Self::Postcard => &Postcard,
        }
    }

    /// What the header says.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        self.codec().content_type()
    }

    /// The payload of an event.
    ///
    /// # Errors
    /// None for these types.
    pub fn encode(self, envelope: &Envelope) -> Result<Bytes, CodecError> {
        self.codec().encode(envelope)
    }
}

/// The event of a payload, read as its headers say.
///
/// # Errors
/// A format that is not known, or a payload that is not of it.
pub fn decode(headers: &Headers, payload: &Bytes) -> Result<Envelope, CodecError> {
    let content_type = headers.text(CONTENT_TYPE).unwrap_or("nothing");
    let known = [Format::Json, Format::Postcard];
    let Some(format) = known.iter().find(|it| it.content_type() == content_type) else {
        let reason = format!("the content type is {content_type}");
        return Err(CodecError::decode(reason));
    };
    format.codec().decode(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn each_format_is_read_by_what_the_header_says_and_only_so() {
        let event = Event::OrderPlaced {
            order: "A-1".to_owned(),
            cents: 5,
        };
        let envelope = Envelope {
            tenant: "acme".to_owned(),
            number: 7,
            event,
        };
        for (format, other) in [
            (Format::Json, Format::Postcard),
            (Format::Postcard, Format::Json),
        ] {
            let payload = format.encode(&envelope).unwrap();
            let says = |it: &str| Headers::new().with(CONTENT_TYPE, it).unwrap();
            assert_eq!(
                decode(&says(format.content_type()), &payload).unwrap(),
                envelope
            );
            assert!(decode(&says(other.content_type()), &payload).is_err());
            assert!(decode(&says("text/plain"), &payload).is_err());
            assert!(decode(&Headers::new(), &payload).is_err());
        }
    }
}
