//! Numeric limits of the 0.9 server.

use iggy_binary_protocol::MAX_PARTITIONS_PER_REQUEST;
use iggy_binary_protocol::namespace;

use super::{Refused, Rejection};

/// Streams a server holds: 2^20.
pub(crate) const MAX_STREAMS: usize = namespace::MAX_STREAMS;
/// Topics one stream holds: 4096.
pub(crate) const MAX_TOPICS: usize = namespace::MAX_TOPICS;
/// Partitions one topic holds: 1,000,000.
pub(crate) const MAX_PARTITIONS: usize = namespace::MAX_PARTITIONS;
/// Access tokens one user holds, the expired ones included: the server's
/// `personal_access_token.max_tokens_per_user`.
pub(crate) const MAX_TOKENS_PER_USER: usize = 100;
/// Bytes of one request frame, header included: the server's
/// `message_bus.max_message_size`.
pub(crate) const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;

/// A new topic may have no partition at all, and at most 1000.
pub(crate) fn check_initial_partitions(count: u32) -> Result<(), Refused> {
    if count > MAX_PARTITIONS_PER_REQUEST {
        return Err(Refused::Early(Rejection::TooManyPartitionsInRequest));
    }
    Ok(())
}

/// Adding or removing takes 1 to 1000 partitions; none at all gets the same code
/// as too many.
pub(crate) fn check_partitions_delta(count: u32) -> Result<(), Refused> {
    if count == 0 {
        return Err(Refused::Early(Rejection::TooManyPartitionsInRequest));
    }
    check_initial_partitions(count)
}
