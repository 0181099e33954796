use bytes::Bytes;
use prost::Message;

use super::{Codec, CodecError};

/// Protocol Buffers of `prost`, `application/x-protobuf`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Protobuf;

impl<T: Message + Default> Codec<T> for Protobuf {
    fn content_type(&self) -> &'static str {
        "application/x-protobuf"
    }

    fn encode(&self, value: &T) -> Result<Bytes, CodecError> {
        Ok(Bytes::from(value.encode_to_vec()))
    }

    fn decode(&self, payload: &Bytes) -> Result<T, CodecError> {
        T::decode(payload.clone()).map_err(CodecError::decode)
    }
}
