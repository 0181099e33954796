//! Moments as arguments.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// A moment: `2026-11-21T20:00:00Z`, or so long ago, `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Moment(Timestamp);

impl Moment {
    /// In microseconds since the Unix epoch, as servers count.
    pub(in crate::cli) fn micros(self) -> u64 {
        u64::try_from(self.0.as_microsecond()).unwrap_or(0)
    }

    fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self(moment));
        }
        text.parse::<SignedDuration>()
            .ok()
            // `-2h` says the same as `2h`: nobody asks for what is to come.
            .and_then(|ago| now.checked_sub(ago.abs()).ok())
            .map(Self)
            .ok_or_else(|| {
                "expected a moment such as 2026-11-21T20:00:00Z, or how long ago, such as 2h"
                    .to_owned()
            })
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, Timestamp::now())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_one_or_so_long_ago() {
        let now: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-11-21T18:30:00Z", "2026-11-21T18:30:00Z"),
            ("2026-11-21T19:30:00+01:00", "2026-11-21T18:30:00Z"),
            ("1h 30m", "2026-11-21T18:30:00Z"),
            ("-1h 30m", "2026-11-21T18:30:00Z"),
            ("0s", "2026-11-21T20:00:00Z"),
        ] {
            let found = Moment::parse(text, now).map(|it| it.to_string());
            assert_eq!(found, Ok(expected.to_owned()), "{text}");
        }
        for text in ["", "yesterday", "12", "2026-11-21"] {
            assert!(Moment::parse(text, now).is_err(), "{text}");
        }
        assert_eq!(
            Moment::parse("1970-01-01T00:00:01Z", now).unwrap().micros(),
            1_000_000
        );
    }
}
