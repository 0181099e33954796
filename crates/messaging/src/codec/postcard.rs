use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, CodecError};

/// [Postcard](https://postcard.jamesmunns.com), `application/x-postcard`: compact,
/// without names of fields, so both sides need the same type.
#[derive(Debug, Clone, Copy, Default)]
pub struct Postcard;

impl<T: Serialize + DeserializeOwned> Codec<T> for Postcard {
    fn content_type(&self) -> &'static str {
        "application/x-postcard"
    }

    fn encode(&self, value: &T) -> Result<Bytes, CodecError> {
        let bytes = ::postcard::to_stdvec(value).map_err(CodecError::encode)?;
        Ok(Bytes::from(bytes))
    }

    fn decode(&self, payload: &Bytes) -> Result<T, CodecError> {
        ::postcard::from_bytes(payload).map_err(CodecError::decode)
    }
}
