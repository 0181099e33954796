//! Where to begin to read.

use std::str::FromStr;

use iggyctl_messaging::Start;
use jiff::{SignedDuration, Timestamp};

/// `first`, `last`, `next`, `offset:N`, `time:TIMESTAMP`, or a time ago such as `-1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum StartArgument {
    /// As the library has it.
    At(Start),
    /// This long before now.
    Ago(SignedDuration),
}

const EXPECTED: &str = "expected first, last, next, offset:N, time:TIMESTAMP such as \
     time:2026-01-31T12:00:00Z, or a time ago such as -1h";

impl FromStr for StartArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = match text {
            "first" => Some(Self::At(Start::First)),
            "last" => Some(Self::At(Start::Last)),
            "next" => Some(Self::At(Start::Next)),
            _ => match (text.split_once(':'), text.strip_prefix('-')) {
                (Some(("offset", offset)), _) => {
                    offset.parse().ok().map(Start::Offset).map(Self::At)
                }
                (Some(("time", time)), _) => time.parse().ok().and_then(at).map(Self::At),
                (_, Some(ago)) => ago
                    .parse()
                    .ok()
                    .filter(SignedDuration::is_positive)
                    .map(Self::Ago),
                _ => None,
            },
        };
        parsed.ok_or_else(|| EXPECTED.to_owned())
    }
}

fn at(time: Timestamp) -> Option<Start> {
    u64::try_from(time.as_microsecond())
        .ok()
        .map(Start::Timestamp)
}

impl StartArgument {
    /// Counted from this moment.
    pub(in crate::cli) fn resolve(self, now: Timestamp) -> Start {
        match self {
            Self::At(start) => start,
            // Before the epoch there is nothing.
            Self::Ago(ago) => now
                .checked_sub(ago)
                .ok()
                .and_then(at)
                .unwrap_or(Start::First),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_word_an_offset_or_a_time() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let noon = 1_769_860_800_000_000;
        for (text, start) in [
            ("first", Start::First),
            ("last", Start::Last),
            ("next", Start::Next),
            ("offset:0", Start::Offset(0)),
            ("offset:18446744073709551615", Start::Offset(u64::MAX)),
            ("time:2026-01-31T12:00:00Z", Start::Timestamp(noon)),
            ("time:2026-01-31T13:00:00+01:00", Start::Timestamp(noon)),
            ("-1h", Start::Timestamp(noon - 3_600_000_000)),
            ("-1m 30s", Start::Timestamp(noon - 90_000_000)),
            ("-900000h", Start::First),
        ] {
            let argument: StartArgument = text.parse().unwrap();
            assert_eq!(argument.resolve(now), start, "{text}");
        }
        for text in [
            "",
            "5",
            "offset:-1",
            "offset:",
            "time:yesterday",
            "time:12",
            "-",
            "--1h",
            "1h",
        ] {
            assert!(text.parse::<StartArgument>().is_err(), "{text}");
        }
    }
}
