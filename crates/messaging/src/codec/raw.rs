use bytes::Bytes;

use super::{Codec, CodecError};

/// Bytes as they are, `application/octet-stream`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

const CONTENT_TYPE: &str = "application/octet-stream";

impl Codec<Bytes> for Raw {
    fn content_type(&self) -> &'static str {
        CONTENT_TYPE
    }

    fn encode(&self, value: &Bytes) -> Result<Bytes, CodecError> {
        Ok(value.clone())
    }

    fn decode(&self, payload: &Bytes) -> Result<Bytes, CodecError> {
        Ok(payload.clone())
    }
}

impl Codec<Vec<u8>> for Raw {
    fn content_type(&self) -> &'static str {
        CONTENT_TYPE
    }

    fn encode(&self, value: &Vec<u8>) -> Result<Bytes, CodecError> {
        Ok(Bytes::copy_from_slice(value))
    }

    fn decode(&self, payload: &Bytes) -> Result<Vec<u8>, CodecError> {
        Ok(payload.to_vec())
    }
}

/// Bytes as they are, without saying what they are: no header is added. For programs
/// that pass on what others wrote.
#[derive(Debug, Clone, Copy, Default)]
pub struct Untyped;

impl Codec<Bytes> for Untyped {
    fn content_type(&self) -> &'static str {
        ""
    }

    fn encode(&self, value: &Bytes) -> Result<Bytes, CodecError> {
        Ok(value.clone())
    }

    fn decode(&self, payload: &Bytes) -> Result<Bytes, CodecError> {
        Ok(payload.clone())
    }
}
