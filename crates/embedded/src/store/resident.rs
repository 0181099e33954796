//! Which batches stay in memory after they are on disk: the newest, up to a budget.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::log::{BatchCell, StoredBatch};

/// Consumers that keep up read from memory; the rest is read from the folder.
const BUDGET_BYTES: u64 = 64 * 1024 * 1024;

/// Batches in memory, in the order of their commits.
#[derive(Debug, Default)]
pub(super) struct Resident {
    batches: VecDeque<(Arc<BatchCell>, u64)>,
    bytes: u64,
}

impl Resident {
    /// A batch is on disk now; older ones make room for it.
    pub(super) fn committed(&mut self, batch: &StoredBatch) {
        self.batches
            .push_back((Arc::clone(&batch.cell), batch.size));
        self.bytes += batch.size;
        while self.bytes > BUDGET_BYTES
            && let Some((cell, size)) = self.batches.pop_front()
        {
            cell.evict();
            self.bytes -= size;
        }
    }
}
