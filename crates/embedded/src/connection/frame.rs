//! Reading request frames: pure, and never a panic on any bytes.
//!
//! ```text
//! 0                 48     60            128      176         196          256
//! | checksums, .... | size | command ... | client | operation | code ..... | body
//! ```
//!
//! A frame is a header of 256 bytes and a body; the total length is a `u32`
//! (little-endian) at offset 48. There is no other framing.

use iggy_binary_protocol::{
    ConsensusError, ConsensusHeader, GenericHeader, HEADER_SIZE, Operation, RequestHeader,
    read_size_field,
};
use thiserror::Error;

use crate::rules::limits::MAX_FRAME_BYTES;

/// How long a frame that is no request may be and still be waited for and stepped over.
/// The real server waits for any; but what declares more is most likely no frame at all
/// (a TLS hello), and its sender would wait for ever.
const MAX_IGNORED_BYTES: usize = 64 * 1024;

/// A request frame in a buffer.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'buffer> {
    header: RequestHeader,
    body: &'buffer [u8],
}

/// How far a buffer got towards a frame.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "the usual one is the large one, and the header is wanted without an allocation"
)]
pub enum FrameProgress<'buffer> {
    /// At least this many more bytes are needed to know more.
    Incomplete {
        /// Bytes, at least 1.
        missing: usize,
    },
    /// The buffer begins with this frame.
    Complete {
        /// The frame.
        frame: Frame<'buffer>,
        /// Bytes it takes, header included.
        length: usize,
    },
    /// The buffer begins with a whole frame that is no request. The real server
    /// drops such a frame without an answer and goes on with the next one.
    Ignored {
        /// Why it is no request.
        reason: FrameError,
        /// Bytes it takes, header included.
        length: usize,
    },
}

/// Why bytes are no request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The declared length is below the header or above 64 MiB. Closes the
    /// connection: nothing says where the next frame begins.
    #[error("a frame of {size} bytes is outside 256..={MAX_FRAME_BYTES}")]
    Size {
        /// The declared length.
        size: usize,
    },
    /// The header holds a command that does not exist. Closes the connection, as
    /// the real server does: it is no frame of this protocol.
    #[error("the header holds an unknown command")]
    UnknownCommand,
    /// The header holds an operation that does not exist.
    #[error("the header holds an unknown operation")]
    UnknownOperation,
    /// The header contradicts the rules for requests.
    #[error("the header is invalid: {0}")]
    Header(ConsensusError),
}

impl<'buffer> Frame<'buffer> {
    /// The header, checked to be one of a request.
    #[must_use]
    pub const fn header(&self) -> &RequestHeader {
        &self.header
    }

    /// What follows the header.
    #[must_use]
    pub const fn body(&self) -> &'buffer [u8] {
        self.body
    }

    /// The command code of a request, as `iggy_binary_protocol::codes` numbers
    /// them. `None` for operations that only servers send each other, and for
    /// login, whose kind only the body knows.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self.header.operation {
            Operation::NonReplicated => self
                .header
                .reserved
                .first_chunk::<4>()
                .map(|bytes| u32::from_le_bytes(*bytes)),
            Operation::Logout => Some(iggy_binary_protocol::codes::LOGOUT_USER_CODE),
            operation => operation.to_command_code(),
        }
    }
}

/// Reads the frame at the start of `buffer`.
///
/// This is the entry point for fuzzing: it takes any bytes, allocates nothing,
/// and does not panic.
///
/// # Errors
/// [`FrameError`] as soon as the bytes rule out a frame, so that the connection has
/// to be closed.
pub fn read_frame(buffer: &[u8]) -> Result<FrameProgress<'_>, FrameError> {
    let Some(header_bytes) = buffer.get(..HEADER_SIZE) else {
        return Ok(FrameProgress::Incomplete {
            missing: HEADER_SIZE - buffer.len(),
        });
    };
    let size = read_size_field(header_bytes).unwrap_or_default() as usize;
    if !(HEADER_SIZE..=MAX_FRAME_BYTES).contains(&size) {
        return Err(FrameError::Size { size });
    }
    // The headers hold u128 fields and the buffer is not aligned for them.
    bytemuck::checked::try_pod_read_unaligned::<GenericHeader>(header_bytes)
        .map_err(|_| FrameError::UnknownCommand)?;
    let header = match request_header(header_bytes) {
        Err(reason) if size > MAX_IGNORED_BYTES => return Err(reason),
        header => header,
    };
    let Some(body) = buffer.get(HEADER_SIZE..size) else {
        return Ok(FrameProgress::Incomplete {
            missing: size - buffer.len(),
        });
    };
    Ok(match header {
        Ok(header) => FrameProgress::Complete {
            frame: Frame { header, body },
            length: size,
        },
        Err(reason) => FrameProgress::Ignored {
            reason,
            length: size,
        },
    })
}

fn request_header(bytes: &[u8]) -> Result<RequestHeader, FrameError> {
    let header: RequestHeader = bytemuck::checked::try_pod_read_unaligned(bytes)
        .map_err(|_| FrameError::UnknownOperation)?;
    header.validate().map_err(FrameError::Header)?;
    Ok(header)
}

#[cfg(test)]
mod tests {
    use iggy_binary_protocol::{Command, SIZE_FIELD_OFFSET};
    use proptest::prelude::*;

    use super::*;

    fn ping(body: &[u8]) -> Vec<u8> {
        let mut reserved = [0; 60];
        reserved[0] = 1;
        let header = RequestHeader {
            command: Command::Request,
            operation: Operation::NonReplicated,
            size: u32::try_from(HEADER_SIZE + body.len()).unwrap(),
            client: 7,
            reserved,
            ..Default::default()
        };
        let mut bytes = bytemuck::bytes_of(&header).to_vec();
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn a_whole_frame_is_found_at_any_alignment() {
        for shift in 0..17 {
            let mut bytes = vec![0; shift];
            bytes.extend(ping(b"abc"));
            bytes.extend(b"next");
            let FrameProgress::Complete { frame, length } = read_frame(&bytes[shift..]).unwrap()
            else {
                panic!("incomplete");
            };
            assert_eq!(
                (frame.code(), frame.body(), length),
                (Some(1), &b"abc"[..], 259)
            );
        }
    }

    #[test]
    fn a_cut_frame_says_how_much_is_missing() {
        let bytes = ping(b"abc");
        for end in 0..bytes.len() {
            let FrameProgress::Incomplete { missing } = read_frame(&bytes[..end]).unwrap() else {
                panic!("complete at {end}");
            };
            let expected = if end < HEADER_SIZE {
                HEADER_SIZE
            } else {
                bytes.len()
            };
            assert_eq!(missing, expected - end);
        }
    }

    #[test]
    fn sizes_outside_the_limits_are_refused() {
        for size in [0_u32, 255, 64 * 1024 * 1024 + 1, u32::MAX] {
            let mut bytes = ping(b"");
            bytes[SIZE_FIELD_OFFSET..SIZE_FIELD_OFFSET + 4].copy_from_slice(&size.to_le_bytes());
            assert_eq!(
                read_frame(&bytes).unwrap_err(),
                FrameError::Size {
                    size: size as usize
                }
            );
        }
    }

    #[test]
    fn frames_that_are_no_requests_are_stepped_over() {
        let mut reply = ping(b"abc");
        reply[60] = 8;
        let mut unknown = ping(b"abc");
        unknown[176] = 250;
        let mut nobody = ping(b"abc");
        nobody[128] = 0;
        for bytes in [reply, unknown, nobody] {
            assert!(matches!(
                read_frame(&bytes),
                Ok(FrameProgress::Ignored { length: 259, .. })
            ));
        }
    }

    #[test]
    fn an_unknown_command_is_refused() {
        let mut unknown = ping(b"");
        unknown[60] = 99;
        assert_eq!(
            read_frame(&unknown).unwrap_err(),
            FrameError::UnknownCommand
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
            let _ = read_frame(&bytes);
        }

        #[test]
        fn any_damage_to_a_frame_is_answered(at in 0_usize..300, byte in any::<u8>()) {
            let mut bytes = ping(&[9; 44]);
            bytes[at] = byte;
            if let Ok(FrameProgress::Complete { frame, length }) = read_frame(&bytes) {
                prop_assert_eq!(frame.body().len() + HEADER_SIZE, length);
            }
        }
    }
}
