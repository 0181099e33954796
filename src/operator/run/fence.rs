//! Whether this operator may still write: by the time that its Lease has left.
//!
//! Whoever cannot reach the API server is told nothing any more. Another operator writes once the
//! Lease has ended, so this one stops before that, also where it still reaches the Iggy server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// How long before the end of the Lease nothing is written any more.
const MARGIN: Duration = Duration::from_secs(1);

/// Up to when this operator may write; always, where it is the only one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fence(Arc<Mutex<Option<Timestamp>>>);

impl Fence {
    /// Whether something may be written now.
    pub(crate) fn holds(&self) -> bool {
        self.until().is_none_or(|until| Timestamp::now() < until)
    }

    /// For how long that is so; without an end, nothing follows it.
    pub(super) fn left(&self) -> Duration {
        let until = *self.until();
        let left = until.map(|until| until.duration_since(Timestamp::now()));
        let left = left.and_then(|left| Duration::try_from(left).ok());
        left.unwrap_or_default()
    }

    fn until(&self) -> MutexGuard<'_, Option<Timestamp>> {
        // Nothing that is done with it can be cut off in the middle.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing may be written before a first renewal.
    pub(super) fn close(&self) {
        *self.until() = Some(Timestamp::UNIX_EPOCH);
    }

    /// From a renewal on, which was asked for at that time.
    pub(super) fn renewed(&self, at: Timestamp, duration: Duration) {
        let until = at.checked_add(duration.saturating_sub(MARGIN));
        *self.until() = Some(until.unwrap_or(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_once_the_lease_may_have_ended() {
        let fence = Fence::default();
        assert!(fence.holds(), "the only one");
        let (now, duration) = (Timestamp::now(), Duration::from_secs(15));
        fence.renewed(now, duration);
        assert!(fence.holds());
        fence.renewed(now - Duration::from_secs(13), duration);
        assert!(fence.holds());
        fence.renewed(now - Duration::from_secs(14), duration);
        assert!(!fence.holds(), "a second before its end");
    }
}
