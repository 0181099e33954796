//! How time passes for what is done again and again.
//!
//! It passes as it does, unless a test has it pass faster: hours of intervals take a moment
//! then, and each of them begins as it does in a cluster.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

/// The environment variable that lets whoever may signal the process have its time pass: each
/// `SIGUSR2` is six minutes.
const MOVABLE: &str = "IGGYCTL_TEST_CLOCK";

/// Once around the usual interval, whatever that is jittered by, and never twice.
const STEP: Duration = Duration::from_secs(6 * 60);

/// The time of one operator.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// How far it is ahead of the system's.
    ahead: watch::Sender<Duration>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            ahead: watch::Sender::new(Duration::ZERO),
        }
    }
}

impl Clock {
    /// As the environment has it.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub(super) fn of_environment() -> std::io::Result<Self> {
        let clock = Self::default();
        if std::env::var_os(MOVABLE).is_some() {
            clock.follow_signals()?;
        }
        Ok(clock)
    }

    #[cfg(unix)]
    fn follow_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};

        let mut signals = signal(SignalKind::user_defined2())?;
        let clock = self.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                clock.advance(STEP);
            }
        });
        Ok(())
    }

    #[cfg(not(unix))]
    fn follow_signals(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn advance(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead += by);
    }

    /// What time it is.
    pub(super) fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(*self.ahead.borrow()).unwrap_or(now)
    }

    /// Waits until so much time has passed.
    pub(super) async fn pass(&self, wait: Duration) {
        let mut ahead = self.ahead.subscribe();
        let begin = *ahead.borrow_and_update();
        let end = Instant::now() + wait;
        loop {
            let gained = ahead.borrow_and_update().saturating_sub(begin);
            let Some(end) = end.checked_sub(gained) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                // The sender is this one's own.
                _ = ahead.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn time_that_is_moved_has_passed() {
        let clock = Clock::default();
        let (before, mut waiting) = (clock.now(), Box::pin(clock.pass(2 * STEP)));
        assert!(waiting.as_mut().now_or_never().is_none());
        clock.advance(STEP);
        assert!(waiting.as_mut().now_or_never().is_none());
        clock.advance(STEP);
        waiting.await;
        let passed = clock.now().duration_since(before);
        assert!(Duration::try_from(passed).unwrap() >= 2 * STEP);
        // What begins to wait only now does not count what was before.
        assert!(clock.pass(STEP).now_or_never().is_none());
    }
}
