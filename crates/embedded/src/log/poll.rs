//! What a poll gets: planned while the state is locked, read after.

use bytes::{BufMut, Bytes, BytesMut};

use super::batch::cut;
use super::{PartitionKey, PartitionLog};
use crate::rules::limits::MAX_FRAME_BYTES;

/// Where a poll begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PollStart {
    /// At this offset, or the first that is still there.
    Offset(u64),
    /// At the first batch that was appended at this time or later; microseconds since the
    /// Unix epoch.
    Timestamp(u64),
    /// So many messages before the end as are asked for.
    Last,
}

/// Messages of one partition to send to a client.
#[derive(Debug)]
pub(crate) struct PollPlan {
    pub(crate) partition: PartitionKey,
    /// Offset of the newest message that can be polled; 0 when there is none.
    pub(crate) current_offset: u64,
    /// Offset of the last message of the plan; `None` when there is none in it.
    pub(crate) last_offset: Option<u64>,
    batches: Vec<PlannedBatch>,
}

/// Messages of one batch.
#[derive(Debug)]
pub(crate) struct PlannedBatch {
    pub(crate) partition: PartitionKey,
    pub(crate) base_offset: u64,
    /// The bytes, if they were in memory.
    record: Option<Bytes>,
    /// Messages to leave out at the beginning.
    skip: u32,
    take: u32,
    size: u64,
}

/// Reads batches that are not in memory.
pub(crate) trait BatchSource {
    /// The record; `None` when it cannot be read.
    fn record(&self, batch: &PlannedBatch) -> Option<Bytes>;
}

/// What no data folder backs: all there is is in memory.
impl BatchSource for () {
    fn record(&self, _: &PlannedBatch) -> Option<Bytes> {
        None
    }
}

/// Replies fit a frame, with room for its header.
const MAX_REPLY_BYTES: u64 = MAX_FRAME_BYTES as u64 - 1024;

impl PollPlan {
    /// Nothing, of this partition.
    pub(crate) fn empty(partition: PartitionKey) -> Self {
        Self {
            partition,
            current_offset: 0,
            last_offset: None,
            batches: Vec::new(),
        }
    }

    /// Plans a poll of at most `count` messages. A reply that would not fit a frame is
    /// shorter: the client asks again.
    pub(crate) fn new(
        log: &PartitionLog,
        partition: PartitionKey,
        start: PollStart,
        count: u32,
    ) -> Self {
        let mut plan = Self::empty(partition);
        let hidden = log
            .batches
            .iter()
            .rev()
            .take_while(|batch| !batch.cell.is_visible())
            .count();
        let visible = log.batches.len() - hidden;
        plan.current_offset = match log.batches.get(visible) {
            Some(first_hidden) => first_hidden.base_offset.saturating_sub(1),
            None => log.current_offset(),
        };
        let (from, first_offset) = match start {
            PollStart::Offset(offset) => (None, offset),
            PollStart::Last => (
                None,
                (plan.current_offset + 1).saturating_sub(u64::from(count)),
            ),
            PollStart::Timestamp(time) => {
                (Some(log.batches.partition_point(|b| b.timestamp < time)), 0)
            }
        };
        let from = from.unwrap_or_else(|| {
            log.batches
                .partition_point(|batch| batch.last_offset() < first_offset)
        });
        let mut wanted = count;
        let mut bytes = 0;
        for batch in log.batches.range(from.min(visible)..visible) {
            let skip = first_offset.saturating_sub(batch.base_offset);
            let Some(there) = u32::try_from(skip)
                .ok()
                .and_then(|skip| batch.count.checked_sub(skip))
            else {
                continue;
            };
            bytes += batch.size;
            if wanted == 0 || (bytes > MAX_REPLY_BYTES && plan.last_offset.is_some()) {
                break;
            }
            let take = there.min(wanted);
            wanted -= take;
            let skip = batch.count - there;
            plan.last_offset = Some(batch.base_offset + u64::from(skip) + u64::from(take) - 1);
            plan.batches.push(PlannedBatch {
                partition,
                base_offset: batch.base_offset,
                record: batch.cell.record(),
                skip,
                take,
                size: batch.size,
            });
        }
        plan
    }

    /// Whether everything is in memory, so that reading it waits for nothing.
    pub(crate) fn is_resident(&self) -> bool {
        self.batches.iter().all(|batch| batch.record.is_some())
    }

    /// The reply: partition, newest offset, count, batches. `None` when a batch is not where
    /// it should be, or is damaged: leaving it out would lose its messages.
    pub(crate) fn read(&self, source: &impl BatchSource) -> Option<Bytes> {
        let total: u64 = self.batches.iter().map(|batch| batch.size).sum();
        let capacity = usize::try_from(total.min(MAX_REPLY_BYTES)).unwrap_or_default();
        let mut body = BytesMut::with_capacity(HEAD_BYTES + capacity);
        body.put_bytes(0, HEAD_BYTES);
        let mut count = 0_u32;
        for batch in &self.batches {
            let record = batch.record.clone().or_else(|| source.record(batch))?;
            cut(&record, batch.skip, batch.take, &mut body)?;
            count += batch.take;
        }
        head(
            self.partition.partition,
            self.current_offset,
            count,
            &mut body,
        );
        Some(body.freeze())
    }

    /// A reply without messages.
    pub(crate) fn nothing(partition: u32) -> Bytes {
        let mut body = BytesMut::with_capacity(HEAD_BYTES);
        body.put_bytes(0, HEAD_BYTES);
        head(partition, 0, 0, &mut body);
        body.freeze()
    }
}

/// Partition, newest offset, count.
const HEAD_BYTES: usize = 4 + 8 + 4;

fn head(partition: u32, current_offset: u64, count: u32, body: &mut BytesMut) {
    let mut head = &mut body[..HEAD_BYTES];
    head.put_u32_le(partition);
    head.put_u64_le(current_offset);
    head.put_u32_le(count);
}
