//! Headers of a message: typed values by name, beside the payload.

use std::collections::BTreeMap;
use std::collections::btree_map;

use bytes::Bytes;
use iggy::prelude::{HeaderKey, HeaderKind, HeaderValue, IggyError, MAX_USER_HEADERS_SIZE};
use iggy_binary_protocol::WireUserHeaders;
use iggy_common::wire_conversions::{user_headers_from_wire, user_headers_to_wire};

use crate::error::MessagingError;

/// The header that says how a payload is encoded, as a media type:
/// `application/json`.
pub const CONTENT_TYPE: &str = "content-type";

/// Headers of one message, in the order of their keys. The values are the SDK's,
/// with their kinds, so that any client reads them.
///
/// ```
/// use iggyctl_messaging::Headers;
///
/// let headers = Headers::new()
///     .with("tenant", "acme")?
///     .with_value("attempt", 3_u32)?;
/// assert_eq!(headers.text("tenant"), Some("acme"));
/// assert_eq!(headers.get("attempt").map(|value| value.as_uint32()), Some(Ok(3)));
/// # Ok::<(), iggyctl_messaging::MessagingError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<HeaderKey, HeaderValue>);

impl Headers {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text, or replaces the one of this key.
    ///
    /// # Errors
    /// A key or a value that is empty or longer than 255 bytes.
    pub fn with(mut self, key: &str, text: &str) -> Result<Self, MessagingError> {
        self.insert(key, text)?;
        Ok(self)
    }

    /// Adds a value of any kind, or replaces the one of this key.
    ///
    /// # Errors
    /// A key that is empty or longer than 255 bytes.
    pub fn with_value(
        mut self,
        key: &str,
        value: impl Into<HeaderValue>,
    ) -> Result<Self, MessagingError> {
        self.0.insert(header_key(key)?, value.into());
        Ok(self)
    }

    /// As [`with`](Self::with), in place.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn insert(&mut self, key: &str, text: &str) -> Result<(), MessagingError> {
        let value = HeaderValue::try_from(text).map_err(|_| MessagingError::Message {
            reason: format!("the header `{key}` needs a value of 1 to 255 bytes"),
        })?;
        self.0.insert(header_key(key)?, value);
        Ok(())
    }

    /// Adds a value that is written as a text: of the kind `uint32`, for example, the
    /// text `5`. Kinds are `string`, `raw` (the bytes of the text), `bool`, `int8` to
    /// `int128`, `uint8` to `uint128`, `float32` and `float64`.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); an unknown kind, and a text that is not of it.
    pub fn insert_as(&mut self, key: &str, kind: &str, text: &str) -> Result<(), MessagingError> {
        let value = typed(kind, text).ok_or_else(|| MessagingError::Message {
            reason: format!("the header `{key}`: `{text}` is no {kind}"),
        })?;
        self.0.insert(header_key(key)?, value);
        Ok(())
    }

    /// Whether there is such a kind of values, see [`insert_as`](Self::insert_as).
    #[must_use]
    pub fn is_kind(text: &str) -> bool {
        text.parse::<HeaderKind>().is_ok()
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&HeaderValue> {
        self.0.get(&HeaderKey::try_from(key).ok()?)
    }

    /// The value of a key, if it is a text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str().ok()
    }

    /// Whether this header is among them, of the same kind and value.
    pub(crate) fn has(&self, (key, value): (&HeaderKey, &HeaderValue)) -> bool {
        self.0.get(key) == Some(value)
    }

    /// Takes a header out.
    pub fn remove(&mut self, key: &str) -> Option<HeaderValue> {
        self.0.remove(&HeaderKey::try_from(key).ok()?)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, by key.
    pub fn iter(&self) -> btree_map::Iter<'_, HeaderKey, HeaderValue> {
        self.0.iter()
    }

    /// As they travel; none when there are none.
    pub(crate) fn to_wire(&self) -> Result<Option<Bytes>, MessagingError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let bytes = user_headers_to_wire(&self.0).into_bytes();
        if bytes.len() > MAX_USER_HEADERS_SIZE as usize {
            return Err(MessagingError::Message {
                reason: format!(
                    "headers of {} bytes, where {MAX_USER_HEADERS_SIZE} are the most",
                    bytes.len()
                ),
            });
        }
        Ok(Some(bytes))
    }

    /// From what came over the wire, decrypted.
    ///
    /// # Errors
    /// Bytes that are not headers.
    pub fn from_wire(bytes: Bytes) -> Result<Self, IggyError> {
        let wire = WireUserHeaders::from_bytes(bytes).map_err(|_| IggyError::InvalidHeaderValue)?;
        user_headers_from_wire(&wire).map(Self)
    }
}

impl From<BTreeMap<HeaderKey, HeaderValue>> for Headers {
    fn from(headers: BTreeMap<HeaderKey, HeaderValue>) -> Self {
        Self(headers)
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a HeaderKey, &'a HeaderValue);
    type IntoIter = btree_map::Iter<'a, HeaderKey, HeaderValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn typed(kind: &str, text: &str) -> Option<HeaderValue> {
    Some(match kind.parse().ok()? {
        HeaderKind::Raw => HeaderValue::try_from(text.as_bytes()).ok()?,
        HeaderKind::String => HeaderValue::try_from(text).ok()?,
        HeaderKind::Bool => text.parse::<bool>().ok()?.into(),
        HeaderKind::Int8 => text.parse::<i8>().ok()?.into(),
        HeaderKind::Int16 => text.parse::<i16>().ok()?.into(),
        HeaderKind::Int32 => text.parse::<i32>().ok()?.into(),
        HeaderKind::Int64 => text.parse::<i64>().ok()?.into(),
        HeaderKind::Int128 => text.parse::<i128>().ok()?.into(),
        HeaderKind::Uint8 => text.parse::<u8>().ok()?.into(),
        HeaderKind::Uint16 => text.parse::<u16>().ok()?.into(),
        HeaderKind::Uint32 => text.parse::<u32>().ok()?.into(),
        HeaderKind::Uint64 => text.parse::<u64>().ok()?.into(),
        HeaderKind::Uint128 => text.parse::<u128>().ok()?.into(),
        HeaderKind::Float32 => text.parse::<f32>().ok()?.into(),
        HeaderKind::Float64 => text.parse::<f64>().ok()?.into(),
    })
}

fn header_key(key: &str) -> Result<HeaderKey, MessagingError> {
    HeaderKey::try_from(key).map_err(|_| MessagingError::Message {
        reason: "the key of a header has 1 to 255 bytes".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were_sent() {
        let headers = Headers::new()
            .with("b", "text")
            .unwrap()
            .with_value("a", 7_u64)
            .unwrap();
        let wire = headers.to_wire().unwrap().unwrap();
        assert_eq!(Headers::from_wire(wire).unwrap(), headers);
        assert_eq!(Headers::new().to_wire().unwrap(), None);
        assert!(Headers::from_wire(Bytes::from_static(b"nonsense")).is_err());
    }

    #[test]
    fn a_text_becomes_a_value_of_its_kind() {
        let mut headers = Headers::new();
        headers.insert_as("a", "uint32", "5").unwrap();
        headers.insert_as("b", "bool", "true").unwrap();
        headers.insert_as("c", "string", "5").unwrap();
        headers.insert_as("d", "raw", "5").unwrap();
        assert_eq!(headers.get("a"), Some(&5_u32.into()));
        assert_eq!(headers.get("b"), Some(&true.into()));
        assert_eq!(headers.text("c"), Some("5"));
        assert_eq!(headers.get("d").unwrap().as_raw(), Ok(&b"5"[..]));
        for (kind, text) in [
            ("uint8", "256"),
            ("bool", "yes"),
            ("text", "x"),
            ("string", ""),
        ] {
            assert!(headers.insert_as("e", kind, text).is_err(), "{kind} {text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_before_it_is_sent() {
        assert!(Headers::new().with("", "value").is_err());
        assert!(Headers::new().with("key", &"v".repeat(256)).is_err());
        let mut many = Headers::new();
        for number in 0..1_000 {
            many.insert(&format!("key-{number}"), &"v".repeat(200))
                .unwrap();
        }
        assert!(many.to_wire().is_err());
    }
}
