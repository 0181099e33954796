//! How often each command was asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the requests of a server by command code, whatever became of them; for
/// tests that hold a client to its number of round trips. Clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct RequestLog {
    counts: Arc<Mutex<BTreeMap<u32, u64>>>,
}

impl RequestLog {
    /// Requests of one command code, see `iggy_binary_protocol::codes`. Logins
    /// count as 40 or 45, whatever the client calls them.
    #[must_use]
    pub fn count(&self, code: u32) -> u64 {
        self.locked(|counts| counts.get(&code).copied().unwrap_or_default())
    }

    /// Requests of all commands.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.locked(|counts| counts.values().sum())
    }

    /// Counts by command code, only those that are not zero.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<u32, u64> {
        self.locked(|counts| counts.clone())
    }

    /// Begins to count from zero.
    pub fn reset(&self) {
        self.locked(BTreeMap::clear);
    }

    pub(crate) fn record(&self, code: u32) {
        self.locked(|counts| *counts.entry(code).or_default() += 1);
    }

    fn locked<T>(&self, use_counts: impl FnOnce(&mut BTreeMap<u32, u64>) -> T) -> T {
        use_counts(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
