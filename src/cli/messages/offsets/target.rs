use std::str::FromStr;

use iggyctl_messaging::offsets::Target;

use super::super::moment::Moment;

/// Where to go on, as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetArgument {
    Earliest,
    Latest,
    Time(Moment),
    Offset(u64),
    Shift(i64),
}

const EXPECTED: &str = "expected earliest, latest, time:2026-11-21T20:00:00Z, time:2h (ago), \
                        offset:42 (the next one to read) or shift:-100";

impl FromStr for TargetArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || EXPECTED.to_owned();
        Ok(match text.split_once(':') {
            None if text == "earliest" => Self::Earliest,
            None if text == "latest" => Self::Latest,
            Some(("time", moment)) => Self::Time(moment.parse()?),
            Some(("offset", offset)) => Self::Offset(offset.parse().map_err(|_| expected())?),
            Some(("shift", by)) => Self::Shift(by.parse().map_err(|_| expected())?),
            _ => return Err(expected()),
        })
    }
}

impl TargetArgument {
    /// The target; the moment to look for when it needs the server to be known.
    pub(super) fn resolve(self) -> Result<Target, Moment> {
        Ok(match self {
            Self::Earliest => Target::Earliest,
            Self::Latest => Target::Latest,
            Self::Offset(offset) => Target::Offset(offset),
            Self::Shift(by) => Target::Shift(by),
            Self::Time(moment) => return Err(moment),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_word_or_a_kind_and_a_value() {
        for (text, expected) in [
            ("earliest", TargetArgument::Earliest),
            ("latest", TargetArgument::Latest),
            ("offset:0", TargetArgument::Offset(0)),
            ("shift:-100", TargetArgument::Shift(-100)),
            ("shift:+3", TargetArgument::Shift(3)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        let time: TargetArgument = "time:1970-01-01T00:00:01Z".parse().unwrap();
        assert_eq!(time.resolve().unwrap_err().micros(), 1_000_000);
        for text in [
            "",
            "first",
            "offset:-1",
            "offset",
            "shift:x",
            "time:",
            "earliest:1",
        ] {
            assert!(text.parse::<TargetArgument>().is_err(), "{text}");
        }
    }
}
