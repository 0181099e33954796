use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff};

use crate::connection::exponential;

/// How often to send again what did not get through, and how long to wait before
/// each time: twice as long as the time before, plus up to as much again by chance.
///
/// A message that was sent but not confirmed may be there twice after a retry, with
/// the same id and the same bytes: at least once, never less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often to try again after the first time; 0 never does. Default 5. Waiting
    /// for a connection is not counted: that has the limits of the connection's
    /// [`Backoff`](crate::connection::Backoff), and one retry lasts as long as that.
    pub max_retries: u32,
    /// Before the first retry. Default 100 ms.
    pub base_backoff: Duration,
    /// The longest wait, before what chance adds. Default 5 s.
    pub max_backoff: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 5,
            base_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// To try once.
    #[must_use]
    pub fn never() -> Self {
        Self {
            max_retries: 0,
            ..Self::default()
        }
    }

    pub(crate) fn pauses(self) -> ExponentialBackoff {
        exponential(self.base_backoff, self.max_backoff)
            .with_max_times(usize::try_from(self.max_retries).unwrap_or(usize::MAX))
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_pauses_as_retries() {
        let policy = RetryPolicy {
            max_retries: 3,
            ..RetryPolicy::default()
        };
        assert_eq!(policy.pauses().count(), 3);
        assert_eq!(RetryPolicy::never().pauses().count(), 0);
    }
}
