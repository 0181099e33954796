//! The one place that asks what time it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The system's clock, which tests may put forward.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// Microseconds.
    ahead: AtomicU64,
}

impl Clock {
    /// Microseconds since the Unix epoch.
    pub(crate) fn now(&self) -> u64 {
        let system = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, micros);
        system.saturating_add(self.ahead.load(Ordering::Relaxed))
    }

    /// From now on it is later.
    pub(crate) fn advance(&self, by: Duration) {
        self.ahead.fetch_add(micros(by), Ordering::Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
