//! What age and size limits remove.

use iggy_common::DEFAULT_MAX_TOPIC_SIZE;

use super::PartitionLog;
use crate::rules::limits::MAX_FRAME_BYTES;
use crate::rules::topic_options::TopicSettings;

/// The limits of one topic, for each of its partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Microseconds a message is kept at least.
    expiry: Option<u64>,
    /// Bytes of sealed segments that are kept at most.
    sealed_bytes: Option<u64>,
}

impl Retention {
    /// `None` when the topic keeps everything.
    ///
    /// The size cap is shared out evenly, as on the real server, and never below one
    /// sealed segment with its last batch: less would keep nothing.
    pub(crate) fn of(settings: &TopicSettings, partitions: usize) -> Option<Self> {
        let expiry = match settings.message_expiry {
            0 | u64::MAX => None,
            micros => Some(micros),
        };
        let cap = match settings.max_topic_size {
            0 => DEFAULT_MAX_TOPIC_SIZE,
            bytes => bytes,
        };
        let sealed_bytes = (cap != u64::MAX).then(|| {
            let share = cap / u64::try_from(partitions.max(1)).unwrap_or(u64::MAX);
            share.max(settings.segment_size.saturating_add(MAX_FRAME_BYTES as u64))
        });
        (expiry.is_some() || sealed_bytes.is_some()).then_some(Self {
            expiry,
            sealed_bytes,
        })
    }

    /// Up to which offset a partition may be emptied.
    pub(crate) fn ends_at(self, log: &PartitionLog, now: u64) -> Option<u64> {
        let Self {
            expiry,
            sealed_bytes,
        } = self;
        let expired = expiry.and_then(|expiry| {
            log.sealed()
                .iter()
                .take_while(|segment| segment.newest.saturating_add(expiry) <= now)
                .last()
        });
        let oversized = sealed_bytes.and_then(|cap| {
            let mut held: u64 = log.sealed().iter().map(|segment| segment.size).sum();
            log.sealed()
                .iter()
                .take_while(|segment| {
                    let goes = held > cap;
                    held -= segment.size;
                    goes
                })
                .last()
        });
        expired
            .into_iter()
            .chain(oversized)
            .map(|segment| segment.end_offset)
            .max()
    }
}
