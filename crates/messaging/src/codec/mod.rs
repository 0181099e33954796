//! From values to payloads and back.

mod json;
mod postcard;
mod protobuf;
mod raw;

use bytes::Bytes;

pub use json::Json;
pub use postcard::Postcard;
pub use protobuf::Protobuf;
pub use raw::{Raw, Untyped};

/// How values of a type become payloads, and payloads values. What it makes travels
/// with its media type in the header [`content-type`](crate::CONTENT_TYPE).
///
/// ```
/// use bytes::Bytes;
/// use iggyctl_messaging::codec::{Codec, CodecError};
///
/// /// Numbers as text.
/// struct Digits;
///
/// impl Codec<u32> for Digits {
///     fn content_type(&self) -> &'static str {
///         "text/plain"
///     }
///
///     fn encode(&self, value: &u32) -> Result<Bytes, CodecError> {
///         Ok(Bytes::from(value.to_string()))
///     }
///
///     fn decode(&self, payload: &Bytes) -> Result<u32, CodecError> {
///         let text = std::str::from_utf8(payload).map_err(CodecError::decode)?;
///         text.parse().map_err(CodecError::decode)
///     }
/// }
///
/// assert_eq!(Digits.decode(&Digits.encode(&7)?)?, 7);
/// # Ok::<(), CodecError>(())
/// ```
pub trait Codec<T>: Send + Sync + 'static {
    /// The media type of what it makes; with an empty one no header says it.
    fn content_type(&self) -> &'static str;

    /// The payload of a value. The server takes no empty one.
    ///
    /// # Errors
    /// A value that has none.
    fn encode(&self, value: &T) -> Result<Bytes, CodecError>;

    /// The value of a payload.
    ///
    /// # Errors
    /// A payload of something else.
    fn decode(&self, payload: &Bytes) -> Result<T, CodecError>;
}

/// Why a value has no payload, or a payload no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The value cannot be encoded.
    #[error("a value cannot be encoded: {reason}")]
    Encode {
        /// What the library says.
        reason: String,
    },
    /// The payload is of something else.
    #[error("a payload cannot be decoded: {reason}")]
    Decode {
        /// What the library says.
        reason: String,
    },
}

impl CodecError {
    /// A value cannot be encoded.
    pub fn encode(error: impl std::fmt::Display) -> Self {
        Self::Encode {
            reason: error.to_string(),
        }
    }

    /// A payload cannot be decoded.
    pub fn decode(error: impl std::fmt::Display) -> Self {
        Self::Decode {
            reason: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Trade {
        symbol: String,
        quantity: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Task {
        #[prost(string, tag = "1")]
        id: String,
        #[prost(uint32, tag = "2")]
        attempt: u32,
    }

    fn comes_back<T: PartialEq + std::fmt::Debug>(codec: &impl Codec<T>, value: &T) {
        let payload = codec.encode(value).unwrap();
        assert_eq!(&codec.decode(&payload).unwrap(), value);
        // 0xff begins neither UTF-8 nor a valid tag, and is no length of these.
        let broken = Bytes::from_static(&[0xff; 3]);
        assert!(matches!(
            codec.decode(&broken),
            Err(CodecError::Decode { .. })
        ));
    }

    #[test]
    fn values_come_back_and_nonsense_does_not() {
        let trade = Trade {
            symbol: "ABC".to_owned(),
            quantity: 3,
        };
        comes_back(&Json, &trade);
        comes_back(&Postcard, &trade);
        let task = Task {
            id: "t-1".to_owned(),
            attempt: 2,
        };
        comes_back(&Protobuf, &task);
    }

    #[test]
    fn raw_bytes_are_not_copied() {
        let payload = Bytes::from(vec![1, 2, 3]);
        let encoded = Raw.encode(&payload).unwrap();
        assert_eq!(encoded.as_ptr(), payload.as_ptr());
        let vector: Vec<u8> = Raw.decode(&payload).unwrap();
        assert_eq!(vector, [1, 2, 3]);
    }
}
