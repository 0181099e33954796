//! Messages as scenarios see them.

use std::collections::BTreeMap;

use bytes::Bytes;
use iggy::prelude::{HeaderKey, HeaderValue, IggyError, IggyMessage};
use iggyctl_messaging::Headers;

use super::CallError;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) payload: Bytes,
    pub(crate) headers: Headers,
}

/// A message that was read.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) offset: u64,
    pub(crate) payload: Bytes,
    pub(crate) headers: Headers,
}

impl Sent {
    /// A text without headers.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            payload: Bytes::from(text.into()),
            headers: Headers::new(),
        }
    }

    /// With these headers.
    pub(crate) fn headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    pub(super) fn to_sdk(&self) -> Result<IggyMessage, IggyError> {
        let Self { payload, headers } = self;
        let builder = IggyMessage::builder().payload(payload.clone());
        if headers.is_empty() {
            return builder.build();
        }
        let map = headers
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()));
        builder.user_headers(map.collect()).build()
    }
}

impl Received {
    pub(super) fn new(message: IggyMessage) -> Result<Self, CallError> {
        let headers = match message.user_headers {
            None => Headers::new(),
            Some(bytes) if bytes.is_empty() => Headers::new(),
            Some(bytes) => Headers::from_wire(bytes)
                .map_err(|_| CallError::Message("headers that cannot be read".to_owned()))?,
        };
        Ok(Self {
            offset: message.header.offset,
            payload: message.payload,
            headers,
        })
    }
}

/// Adds a header whose key is a number.
pub(crate) fn numbered_header(headers: Headers, key: u32, value: f64) -> Headers {
    let mut map: BTreeMap<_, _> = headers
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    map.insert(HeaderKey::from(key), HeaderValue::from(value));
    Headers::from(map)
}

/// Adds a header of raw bytes.
pub(crate) fn bytes_header(
    headers: Headers,
    key: &[u8],
    value: &[u8],
) -> Result<Headers, CallError> {
    let mut map: BTreeMap<_, _> = headers
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    map.insert(HeaderKey::try_from(key)?, HeaderValue::try_from(value)?);
    Ok(Headers::from(map))
}
