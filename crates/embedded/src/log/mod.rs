//! The messages of a partition, and how far its consumers are.
//!
//! ```text
//! send ──admit──▶ AdmittedBatch ──append──▶ PartitionLog ──flush──▶ segments ──retention──▶ gone
//!                (checksums hold)  (offset,                (as far apart as
//!                                   time)                   on the real server)
//! poll ──plan──▶ PollPlan ──read──▶ the stored batches, cut to what was asked for
//! ```
//!
//! Batches are kept, and given out, as the bytes the producer sent, with the fields that
//! belong to the server filled in. A batch can be polled when it is where it will be kept:
//! at once in memory, after its commit in a folder. Nothing here does IO or asks for the
//! time.

mod batch;
mod offsets;
mod partition;
mod poll;
mod retention;
mod segment;

pub(crate) use batch::{AdmittedBatch, BatchCell, StoredBatch};
pub(crate) use offsets::{ConsumerKey, ConsumerOffsets};
pub(crate) use partition::PartitionLog;
pub(crate) use poll::{BatchSource, PlannedBatch, PollPlan, PollStart};
pub(crate) use retention::Retention;
pub(crate) use segment::FlushPolicy;

/// Where a partition is: ids of stream, topic and partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartitionKey {
    pub(crate) stream: u32,
    pub(crate) topic: u32,
    pub(crate) partition: u32,
}

#[cfg(test)]
mod tests;
