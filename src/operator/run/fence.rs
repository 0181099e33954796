//! Whether this operator may still write: by the time that its Lease has left.
//!
//! Whoever cannot reach the API server is told nothing any more. Another operator writes once the
//! Lease has ended, so this one stops before that, also where it still reaches the Iggy server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// How long before the end of the Lease nothing is written any more.
const MARGIN: Duration = Duration::from_secs(1);

/// Up to when this operator may write; always, where it is the only one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fence(Arc<State>);

#[derive(Debug, Default)]
struct State {
    until: Mutex<Option<Timestamp>>,
    /// Whether it was told to end.
    ends: AtomicBool,
    /// How many write to an Iggy server now.
    writing: watch::Sender<usize>,
}

/// Something is written to an Iggy server while this is held.
pub(crate) struct Writing(Arc<State>);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.writing.send_modify(|count| *count -= 1);
    }
}

impl Fence {
    /// Whether something may be written now.
    pub(crate) fn holds(&self) -> bool {
        !self.0.ends.load(Ordering::SeqCst) && self.is_in_time()
    }

    /// Whether the Lease has not ended.
    pub(super) fn is_in_time(&self) -> bool {
        self.until().is_none_or(|until| Timestamp::now() < until)
    }

    /// Begins to write, if that may be.
    pub(crate) fn begin(&self) -> Option<Writing> {
        // Counted before it asks: whoever ends the writing counts after he said so.
        self.0.writing.send_modify(|count| *count += 1);
        let writing = Writing(Arc::clone(&self.0));
        self.holds().then_some(writing)
    }

    /// From now on no change is begun. Comes back when those that were sent are answered.
    pub(super) async fn end(&self) {
        self.0.ends.store(true, Ordering::SeqCst);
        let mut writing = self.0.writing.subscribe();
        // The other end is here, too.
        let _ = writing.wait_for(|count| *count == 0).await;
    }

    /// For how long the Lease goes on; without an end, nothing follows it.
    pub(super) fn left(&self) -> Duration {
        let until = *self.until();
        let left = until.map(|until| until.duration_since(Timestamp::now()));
        let left = left.and_then(|left| Duration::try_from(left).ok());
        left.unwrap_or_default()
    }

    fn until(&self) -> MutexGuard<'_, Option<Timestamp>> {
        // Nothing that is done with it can be cut off in the middle.
        self.0.until.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[tokio::test]
    async fn the_end_waits_for_what_was_begun_and_nothing_follows_it() {
        let fence = Fence::default();
        let writing = fence.begin().unwrap();
        let mut end = Box::pin(fence.end());
        assert!(futures::poll!(&mut end).is_pending());
        assert!(fence.begin().is_none());
        assert!(!fence.holds());
        assert!(fence.is_in_time(), "the Lease is renewed until then");
        assert!(futures::poll!(&mut end).is_pending());
        drop(writing);
        end.await;
    }
}
