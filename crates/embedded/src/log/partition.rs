//! The log of one partition.

use std::collections::VecDeque;
use std::sync::Arc;

use super::offsets::ConsumerOffsets;
use super::segment::{FlushPolicy, Segment};
use super::{AdmittedBatch, BatchCell, StoredBatch};

/// Messages of a partition in order, and the offsets of its consumers.
#[derive(Debug, Default)]
pub(crate) struct PartitionLog {
    pub(crate) offsets: ConsumerOffsets,
    pub(super) batches: VecDeque<StoredBatch>,
    sealed: VecDeque<Segment>,
    active: Segment,
    /// How many batches at the end are in no segment yet, and how much that is.
    unflushed: Unflushed,
    next_offset: u64,
    size_bytes: u64,
    messages: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Unflushed {
    batches: usize,
    messages: u64,
    bytes: u64,
}

impl PartitionLog {
    /// Puts back what a data folder holds: batches in order, and the offset that comes
    /// next (which retention may have left without any batch before it).
    pub(crate) fn restore(
        batches: impl IntoIterator<Item = StoredBatch>,
        next_offset: u64,
        offsets: ConsumerOffsets,
        policy: FlushPolicy,
    ) -> Self {
        let mut log = Self {
            offsets,
            ..Self::default()
        };
        for batch in batches {
            if log.batches.is_empty() {
                log.active = Segment::starting_at(batch.base_offset);
            }
            log.push(batch);
            log.flush(policy);
        }
        log.next_offset = log.next_offset.max(next_offset);
        if log.batches.is_empty() {
            log.active = Segment::starting_at(log.next_offset);
        }
        log
    }

    /// Appends a batch; where it begins.
    pub(crate) fn append(
        &mut self,
        batch: AdmittedBatch,
        partition: u32,
        now: u64,
        policy: FlushPolicy,
    ) -> u64 {
        let base_offset = self.next_offset;
        self.push(batch.stamp(partition, base_offset, now));
        let position = self.active.size + self.unflushed.bytes;
        if position >= policy.segment_size
            || self.unflushed.messages >= policy.messages
            || self.unflushed.bytes >= policy.bytes
        {
            self.flush(policy);
        }
        base_offset
    }

    fn push(&mut self, batch: StoredBatch) {
        self.next_offset = batch.last_offset() + 1;
        self.size_bytes += batch.size;
        self.messages += u64::from(batch.count);
        self.unflushed.batches += 1;
        self.unflushed.messages += u64::from(batch.count);
        self.unflushed.bytes += batch.size;
        self.batches.push_back(batch);
    }

    /// Moves what is in no segment into segments.
    fn flush(&mut self, policy: FlushPolicy) {
        let from = self.batches.len() - self.unflushed.batches;
        for batch in self.batches.range(from..) {
            self.active.size += batch.size;
            self.active.end_offset = batch.last_offset();
            self.active.newest = self.active.newest.max(batch.timestamp);
            if self.active.size >= policy.segment_size {
                self.sealed.push_back(self.active);
                self.active = Segment::starting_at(batch.last_offset() + 1);
            }
        }
        self.unflushed = Unflushed::default();
    }

    /// The batch that was appended last.
    pub(crate) fn newest(&self) -> Option<&StoredBatch> {
        self.batches.back()
    }

    /// Whether it never held a message, or was purged.
    pub(crate) fn is_untouched(&self) -> bool {
        self.next_offset == 0
    }

    /// The offset that comes next.
    pub(crate) fn next_offset(&self) -> u64 {
        self.next_offset
    }

    /// Offset of the newest message; 0 when there never was one.
    pub(crate) fn current_offset(&self) -> u64 {
        self.next_offset.saturating_sub(1)
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// At least the active one.
    pub(crate) fn segments_count(&self) -> u32 {
        u32::try_from(self.sealed.len() + 1).unwrap_or(u32::MAX)
    }

    /// Those that retention may remove, oldest first.
    pub(super) fn sealed(&self) -> &VecDeque<Segment> {
        &self.sealed
    }

    /// Where the `count` oldest sealed segments end, or all of them when there are fewer.
    pub(crate) fn end_of_oldest(&self, count: u32) -> Option<u64> {
        let position = self.sealed.len().min(count as usize).checked_sub(1)?;
        self.sealed.get(position).map(|segment| segment.end_offset)
    }

    /// Removes the oldest sealed segments that end at or before an offset, up to the first
    /// that some consumer has not read to its end. Whether any went.
    pub(crate) fn remove_up_to(&mut self, offset: u64) -> bool {
        let unread_from = self.offsets.lowest().unwrap_or(u64::MAX);
        let mut removed = false;
        while let Some(segment) = self.sealed.front().copied()
            && segment.end_offset <= offset
            && segment.end_offset <= unread_from
        {
            self.sealed.pop_front();
            removed = true;
            while let Some(batch) = self.batches.front()
                && batch.base_offset <= segment.end_offset
            {
                self.size_bytes -= batch.size;
                self.messages -= u64::from(batch.count);
                self.batches.pop_front();
            }
        }
        removed
    }

    /// The oldest offset that is there, or the next one when none is.
    pub(crate) fn first_offset(&self) -> u64 {
        self.batches
            .front()
            .map_or(self.next_offset, |batch| batch.base_offset)
    }

    /// A batch as it is found in a data folder.
    pub(crate) fn found(base_offset: u64, timestamp: u64, count: u32, size: u64) -> StoredBatch {
        StoredBatch {
            base_offset,
            timestamp,
            count,
            size,
            cell: Arc::new(BatchCell::stored()),
        }
    }
}
