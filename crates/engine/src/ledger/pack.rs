//! Documents as messages: compressed, in parts.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use iggyctl_core::ledger::{DocumentPlace, LedgerError};
use iggyctl_core::saved::digest_of;
use lz4_flex::frame::{FrameDecoder, FrameEncoder};

/// Bytes of a part: far below what a request may have (64 MiB), and few requests.
pub(super) const PART_BYTES: usize = 4 * 1024 * 1024;

/// The largest document that is written or read, in bytes: that of 10,000 topics, all of
/// them new, has about a twentieth.
pub(super) const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// More parts than any document has.
const MAX_PARTS: usize = 256;

/// The parts of a document.
pub(super) fn pack(document: &[u8]) -> Result<Vec<Bytes>, LedgerError> {
    if document.len() as u64 > MAX_BYTES {
        return Err(LedgerError::TooLarge {
            bytes: document.len() as u64,
        });
    }
    let failed = |error: &dyn std::error::Error| LedgerError::Malformed {
        reason: error.to_string(),
    };
    let mut encoder = FrameEncoder::new(Vec::with_capacity(document.len() / 4));
    encoder
        .write_all(document)
        .map_err(|error| failed(&error))?;
    let packed = Bytes::from(encoder.finish().map_err(|error| failed(&error))?);
    let starts = (0..packed.len()).step_by(PART_BYTES);
    let parts = starts.map(|start| packed.slice(start..packed.len().min(start + PART_BYTES)));
    Ok(parts.collect())
}

/// What an entry says of a document, once its parts have their places.
pub(super) fn place(document: &[u8], parts: Vec<u64>) -> DocumentPlace {
    DocumentPlace {
        parts,
        bytes: document.len() as u64,
        sha256: digest_of(document),
    }
}

/// Refuses what no document is, before anything of it is read.
pub(super) fn check(place: &DocumentPlace) -> Result<(), LedgerError> {
    if place.bytes > MAX_BYTES || place.parts.len() > MAX_PARTS {
        return Err(LedgerError::TooLarge { bytes: place.bytes });
    }
    Ok(())
}

/// The document that parts are, if they are the one of this place.
pub(super) fn unpack(parts: &[Bytes], place: &DocumentPlace) -> Result<Vec<u8>, LedgerError> {
    check(place)?;
    let packed = parts.concat();
    let mut document = Vec::new();
    // A few bytes decompress to any number of them.
    FrameDecoder::new(packed.as_slice())
        .take(place.bytes + 1)
        .read_to_end(&mut document)
        .map_err(|_| LedgerError::Changed)?;
    if document.len() as u64 != place.bytes || digest_of(&document) != place.sha256 {
        return Err(LedgerError::Changed);
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that do not become fewer.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        std::iter::repeat_with(&mut next).take(length).collect()
    }

    #[test]
    fn a_large_document_is_read_back_from_its_parts() {
        let document = noise(2 * PART_BYTES + 5);
        let parts = pack(&document).unwrap();
        assert_eq!(parts.len(), 3);
        let place = place(&document, vec![0, 1, 2]);
        assert_eq!(unpack(&parts, &place), Ok(document));
        assert_eq!(unpack(&parts[..2], &place), Err(LedgerError::Changed));
        let swapped = [parts[1].clone(), parts[0].clone(), parts[2].clone()];
        assert_eq!(unpack(&swapped, &place), Err(LedgerError::Changed));
    }

    #[test]
    fn what_says_it_is_small_is_not_decompressed_to_anything() {
        let bomb = vec![0; 50 * 1024 * 1024];
        let parts = pack(&bomb).unwrap();
        let small = place(b"{}", vec![0]);
        assert_eq!(unpack(&parts, &small), Err(LedgerError::Changed));
        let mut huge = place(&bomb, vec![0]);
        huge.bytes = u64::MAX;
        let refused = unpack(&parts, &huge);
        assert_eq!(refused, Err(LedgerError::TooLarge { bytes: u64::MAX }));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, said in 0_u64..100) {
            let mut place = place(b"", vec![0]);
            place.bytes = said;
            let _ = unpack(&[Bytes::from(bytes)], &place);
        }
    }
}
