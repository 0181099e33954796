//! Where a partition is divided: retention removes whole segments.
//!
//! The real server writes what is in memory to the active segment when that is enough
//! messages or bytes, and seals the segment after the batch that brings it to its size.
//! So sealed segments are a little larger than asked for, and what was sent last is in
//! none. This one divides at the same places, though it has no segment files.

use iggy_common::{
    DEFAULT_MESSAGES_REQUIRED_TO_SAVE, DEFAULT_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE,
    TopicCreateOptions,
};

use crate::rules::topic_options::TopicSettings;

/// When messages go to a segment, and when it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlushPolicy {
    /// Bytes after which a segment is sealed.
    pub(crate) segment_size: u64,
    /// Messages in memory that are enough to write them.
    pub(crate) messages: u64,
    /// Bytes in memory that are enough.
    pub(crate) bytes: u64,
}

impl FlushPolicy {
    /// What the settings of a topic say; none of it can be changed later.
    pub(crate) fn of(settings: &TopicSettings) -> Self {
        let explicit = TopicCreateOptions::parse_committed(&settings.explicit);
        Self {
            segment_size: settings.segment_size,
            messages: explicit
                .messages_required_to_save
                .unwrap_or(DEFAULT_MESSAGES_REQUIRED_TO_SAVE)
                .into(),
            bytes: explicit
                .size_of_messages_required_to_save
                .map_or(DEFAULT_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE, |size| {
                    size.as_bytes_u64()
                }),
        }
    }
}

/// A run of batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) start_offset: u64,
    /// Of the last message; meaningless while `size` is 0.
    pub(crate) end_offset: u64,
    pub(crate) size: u64,
    /// Of the newest batch, in microseconds since the Unix epoch.
    pub(crate) newest: u64,
}

impl Segment {
    pub(crate) fn starting_at(start_offset: u64) -> Self {
        Self {
            start_offset,
            ..Self::default()
        }
    }
}
