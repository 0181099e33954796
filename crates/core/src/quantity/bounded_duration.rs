use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use super::{MessageExpiry, QuantityError};

const MICROS_PER_SECOND: u64 = 1_000_000;

/// A type for a time between two bounds, both included, in the words of
/// [`MessageExpiry`]. A schema cannot count time, so the schema refuses only
/// what is no duration at all; its `format` names the type.
macro_rules! bounded_duration {
    ($(#[$attribute:meta])* $name:ident, $seconds:expr, $format:literal, $expected:literal) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(MessageExpiry);

        impl $name {
            /// The `format` of its schema.
            pub const FORMAT: &str = $format;

            /// The time.
            #[must_use]
            pub fn duration(self) -> Duration {
                Duration::from_micros(self.0.micros())
            }
        }

        impl FromStr for $name {
            type Err = QuantityError;

            fn from_str(text: &str) -> Result<Self, QuantityError> {
                within(text, $seconds, $expected).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'_, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "format": $format,
                    "pattern": r"^(.*[0-9].*[A-Za-z].*|.*[Pp].*[0-9].*)$",
                })
            }
        }
    };
}

bounded_duration!(
    /// How often the operator compares with a server: a server is not asked
    /// more often than every 10 seconds, and drift that is looked for less
    /// often than daily is not looked for.
    Interval,
    10..=86_400,
    "interval",
    "a duration from `10s` to `1d`, such as `5m`"
);

bounded_duration!(
    /// How long the operator waits for a server before it lets go of an object
    /// that is being deleted: bounded, since nothing is stuck for ever.
    OrphanDelay,
    1..=2_592_000,
    "orphan-delay",
    "a duration from `1s` to `30d`, such as `1h`"
);

bounded_duration!(
    /// How long a smoke test may take.
    SmokeTimeout,
    1..=3_600,
    "smoke-timeout",
    "a duration from `1s` to `1h`, such as `2m`"
);

fn within(
    text: &str,
    seconds: RangeInclusive<u64>,
    expected: &'static str,
) -> Result<MessageExpiry, QuantityError> {
    let wrong = |reason| QuantityError {
        expected,
        found: text.to_owned(),
        reason,
    };
    let duration: MessageExpiry = text
        .parse()
        .map_err(|error: QuantityError| wrong(error.reason))?;
    let (first, last) = seconds.into_inner();
    if (first * MICROS_PER_SECOND..=last * MICROS_PER_SECOND).contains(&duration.micros()) {
        Ok(duration)
    } else {
        Err(wrong(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_included() {
        for (text, seconds) in [("10s", 10), ("5m", 300), ("1h 30m", 5_400), ("P1D", 86_400)] {
            let interval: Interval = text.parse().unwrap();
            assert_eq!(interval.duration(), Duration::from_secs(seconds), "{text}");
        }
        for text in ["9s", "9999ms", "1d 1s", "never", "", "5", "soon"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let interval: Interval = serde_json::from_str("\"90m\"").unwrap();
        assert_eq!(serde_json::to_string(&interval).unwrap(), "\"1h 30m\"");
    }

    #[test]
    fn what_is_outside_says_the_bounds() {
        let error = serde_json::from_str::<OrphanDelay>("\"31d\"").unwrap_err();
        assert!(error.to_string().contains("from `1s` to `30d`"), "{error}");
    }
}
