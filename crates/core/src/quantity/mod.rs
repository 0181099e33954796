//! Sizes, durations and closed sets of the topic settings: each has one text
//! form, `FromStr` and `Display`.

mod bounded;
mod bounded_duration;
mod byte_size;
mod closed_set;
mod message_expiry;
mod preallocation;

pub use bounded::{Bounded, MessagesRequiredToSave, OutOfBounds, PartitionCount};
pub use bounded_duration::{Interval, OrphanDelay, SmokeTimeout};
pub use byte_size::{ByteSize, MaxTopicSize, bytes_text, size_text};
pub(crate) use closed_set::closed_set;
pub use closed_set::{Compression, Durability};
pub use message_expiry::MessageExpiry;
pub use preallocation::{MAX_PREALLOCATED, exceeds_preallocation};

/// Why a text is not a quantity: what was expected, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found `{found}`{}", .reason.map(|reason| format!(": {reason}")).unwrap_or_default())]
pub struct QuantityError {
    /// What would have been right, with examples.
    pub expected: &'static str,
    /// What was written.
    pub found: String,
    /// Why this one is not right, where there is more to say.
    pub reason: Option<&'static str>,
}
