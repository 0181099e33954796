//! Payloads in fewer bytes, as the official samples do it.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use iggy::prelude::MAX_PAYLOAD_SIZE;
use lz4_flex::frame::{FrameDecoder, FrameEncoder};

/// The header of the official samples (`message-headers/message-compression` of
/// apache/iggy, `examples/rust`).
pub const COMPRESSION_HEADER: &str = "iggy-compression";

const LZ4: &str = "lz4";
const NONE: &str = "none";

/// How a producer compresses payloads. The header `iggy-compression` says so with
/// each message, so consumers need no setting, and a payload that would not become
/// smaller is sent as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// The LZ4 frame format.
    Lz4,
}

/// Why a payload cannot be decompressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompressionError {
    /// An algorithm that is not known here.
    #[error("a payload is compressed with an algorithm that is not known here")]
    UnknownAlgorithm,
    /// Not what the header says.
    #[error("a payload is not {LZ4}, although its header says so")]
    Damaged,
    /// More than a message may have.
    #[error("a payload has more than {MAX_PAYLOAD_SIZE} bytes when it is decompressed")]
    TooBig,
}

impl Compression {
    /// The smaller payload and the value of its header, when it is smaller.
    pub(crate) fn compress(self, payload: &[u8]) -> Option<(Bytes, &'static str)> {
        match self {
            Self::None => None,
            Self::Lz4 => {
                let mut encoder = FrameEncoder::new(Vec::with_capacity(payload.len()));
                // Writing into memory does not fail; if it did, the payload is sent
                // as it is.
                encoder.write_all(payload).ok()?;
                let compressed = encoder.finish().ok()?;
                (compressed.len() < payload.len()).then(|| (Bytes::from(compressed), LZ4))
            }
        }
    }
}

/// Undoes what the header of that name says was done to a payload.
///
/// # Errors
/// An unknown algorithm, bytes that are something else, or more of them than a
/// message may have (64 MB): a small message can decompress to any size.
pub fn decompress(algorithm: &str, payload: &[u8]) -> Result<Bytes, CompressionError> {
    match algorithm {
        NONE => Ok(Bytes::copy_from_slice(payload)),
        LZ4 => {
            let limit = u64::from(MAX_PAYLOAD_SIZE);
            let mut decompressed = Vec::new();
            FrameDecoder::new(payload)
                .take(limit + 1)
                .read_to_end(&mut decompressed)
                .map_err(|_| CompressionError::Damaged)?;
            if decompressed.len() as u64 > limit {
                return Err(CompressionError::TooBig);
            }
            Ok(Bytes::from(decompressed))
        }
        _ => Err(CompressionError::UnknownAlgorithm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_comes_back() {
        let payload = b"repetition, ".repeat(100);
        let (compressed, header) = Compression::Lz4.compress(&payload).unwrap();
        assert!(compressed.len() < payload.len() / 4);
        assert_eq!(decompress(header, &compressed).unwrap(), payload);
    }

    #[test]
    fn what_does_not_become_smaller_is_left_alone() {
        assert_eq!(Compression::Lz4.compress(b"short"), None);
        assert_eq!(Compression::None.compress(&[0; 1000]), None);
    }

    #[test]
    fn what_is_something_else_is_an_error() {
        assert_eq!(
            decompress("lz4", b"nonsense"),
            Err(CompressionError::Damaged)
        );
        assert_eq!(
            decompress("zip", b"nonsense"),
            Err(CompressionError::UnknownAlgorithm)
        );
    }

    #[test]
    fn a_small_message_cannot_fill_the_memory() {
        let bomb = vec![0_u8; MAX_PAYLOAD_SIZE as usize + 1];
        let (compressed, header) = Compression::Lz4.compress(&bomb).unwrap();
        assert_eq!(
            decompress(header, &compressed),
            Err(CompressionError::TooBig)
        );
    }
}
