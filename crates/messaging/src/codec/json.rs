use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, CodecError};

/// JSON, `application/json`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, value: &T) -> Result<Bytes, CodecError> {
        let bytes = serde_json::to_vec(value).map_err(CodecError::encode)?;
        Ok(Bytes::from(bytes))
    }

    fn decode(&self, payload: &Bytes) -> Result<T, CodecError> {
        serde_json::from_slice(payload).map_err(CodecError::decode)
    }
}
