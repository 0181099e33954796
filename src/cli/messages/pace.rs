//! How fast messages are sent.

use std::time::Duration;

/// So many a second, counted from the start: what was late is caught up on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace(f64);

impl Pace {
    /// Reads a rate such as `10` or `0.5`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .ok()
            .filter(|rate: &f64| (0.001..=1e9).contains(rate))
            .map(Self)
            .ok_or_else(|| "expected messages per second, such as 100 or 0.5".to_owned())
    }

    /// How many may be sent in all within this time since the start: the first one
    /// at once.
    pub(super) fn allowed(self, elapsed: Duration) -> u64 {
        // A float is cut off at the bounds of the integer.
        (elapsed.as_secs_f64() * self.0) as u64 + 1
    }

    /// When, from the start, the next one after so many is due.
    pub(super) fn due(self, sent: u64) -> Duration {
        Duration::try_from_secs_f64(sent as f64 / self.0).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_kept_from_the_start_on() {
        let pace = Pace::parse("4").unwrap();
        let at = |milliseconds| pace.allowed(Duration::from_millis(milliseconds));
        assert_eq!(
            [at(0), at(249), at(250), at(1000), at(1500)],
            [1, 1, 2, 5, 7]
        );
        assert_eq!(pace.due(0), Duration::ZERO);
        assert_eq!(pace.due(6), Duration::from_millis(1500));
        assert_eq!(pace.allowed(pace.due(6)), 7, "what is due is allowed");
        assert_eq!(Pace::parse("0.5").unwrap().due(3), Duration::from_secs(6));
        for text in ["0", "-1", "NaN", "inf", "fast", "1e10"] {
            assert!(Pace::parse(text).is_err(), "{text}");
        }
    }
}
