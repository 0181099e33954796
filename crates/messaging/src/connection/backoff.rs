use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// How long to wait between attempts to connect: twice as long each time, plus up
/// to as much again by chance, so that many clients of a server that comes back do
/// not come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second attempt. Default 100 ms.
    pub base: Duration,
    /// The longest pause, before what chance adds. Default 5 s.
    pub max: Duration,
    /// When to say that there is no connection, counted from the first attempt; the
    /// next message tries again. Default 60 s; `None` tries for ever.
    pub give_up_after: Option<Duration>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(100),
            max: Duration::from_secs(5),
            give_up_after: Some(Duration::from_secs(60)),
        }
    }
}

impl Backoff {
    /// The pauses, one after another, for ever.
    pub(super) fn pauses(self) -> ExponentialBackoff {
        exponential(self.base, self.max).build()
    }
}

/// Longer pauses are no different to anybody, and cannot overflow.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Endless pauses that double, with jitter.
pub(crate) fn exponential(base: Duration, max: Duration) -> ExponentialBuilder {
    let (base, max) = (base.min(LONGEST), max.min(LONGEST));
    ExponentialBuilder::default()
        .with_min_delay(base)
        .with_max_delay(max.max(base))
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_none_is_longer_than_twice_that() {
        let backoff = Backoff {
            base: Duration::from_millis(10),
            max: Duration::from_millis(40),
            give_up_after: None,
        };
        let pauses: Vec<Duration> = backoff.pauses().take(20).collect();
        assert_eq!(pauses.len(), 20);
        for (pause, least) in pauses.iter().zip([10, 20, 40, 40, 40]) {
            let least = Duration::from_millis(least);
            assert!(*pause >= least && *pause <= least * 2, "{pauses:?}");
        }
        assert!(pauses.iter().all(|pause| pause.as_millis() <= 80));
        let endless = exponential(Duration::MAX, Duration::MAX).build();
        let mut endless = endless.take(5);
        assert!(endless.all(|pause| pause <= LONGEST * 2));
    }
}
