use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use jiff::{Span, SpanRelativeTo};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::QuantityError;

/// How long a message is kept.
///
/// Reads `never`, `7d`, `36h`, `1h 30m`, `2 weeks` and ISO 8601 `P7D`; a day
/// has 24 hours. Writes days, hours, minutes, seconds and below, each at most
/// once, so that every value has one text and reads back exactly.
///
/// Kept as the number of the wire, which is never 0, so that a topic that does
/// not declare it needs no more room: there may be a hundred thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageExpiry(NonZeroU64);

impl MessageExpiry {
    /// For ever.
    pub const NEVER: Self = Self(NonZeroU64::MAX);

    /// What the server means by this number of microseconds: `u64::MAX` is
    /// never, and so is 0, the word for "default", which is never
    /// (`iggy_common` 0.11.0, `types/options/mod.rs`, `wire_conversions.rs`).
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        match NonZeroU64::new(micros) {
            Some(micros) => Self(micros),
            None => Self::NEVER,
        }
    }

    /// Microseconds as the wire carries them, `u64::MAX` for never.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0.get()
    }
}

const EXPECTED: &str = "a duration such as `7d`, `36h`, `1h 30m`, `P7D`, or `never`";

/// Units of the canonical text, largest first, in microseconds.
const UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl FromStr for MessageExpiry {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let wrong = |reason| QuantityError {
            expected: EXPECTED,
            found: text.to_owned(),
            reason,
        };
        let trimmed = text.trim();
        if trimmed.eq_ignore_ascii_case("never") {
            return Ok(Self::NEVER);
        }
        // What a server holds may be longer than the 19,998 years of `jiff`.
        let micros = match canonical(trimmed) {
            Some(micros) => micros,
            None if trimmed.parse() == Ok(0_u64) => 0,
            None if !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(wrong(Some("a duration needs a unit: d, h, m or s")));
            }
            None => friendly(trimmed).map_err(wrong)?,
        };
        match u64::try_from(micros) {
            Ok(0) => Err(wrong(Some(
                "0 is the server's word for \"default\"; leave the field out instead",
            ))),
            Ok(u64::MAX) | Err(_) => Err(wrong(Some("it is more than the server can count"))),
            Ok(micros) => Ok(Self::from_micros(micros)),
        }
    }
}

/// The microseconds of `1d 12h 5us`, if that is how the text is written.
fn canonical(text: &str) -> Option<u128> {
    let mut total: u128 = 0;
    let mut units = UNITS.iter();
    for part in text.split(' ') {
        let digits = part.find(|character: char| !character.is_ascii_digit())?;
        let (number, unit) = part.split_at(digits);
        let (_, micros) = units.find(|(name, _)| *name == unit)?;
        let number: u64 = number.parse().ok()?;
        total = total.checked_add(u128::from(number) * u128::from(*micros))?;
    }
    Some(total)
}

fn friendly(text: &str) -> Result<u128, Option<&'static str>> {
    let span: Span = text.parse().map_err(|_| None)?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(Some("months and years have no fixed length; write days"));
    }
    if span.is_negative() {
        return Err(Some("a message cannot be kept for less than no time"));
    }
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| None)?;
    if duration.subsec_nanos() % 1_000 != 0 {
        return Err(Some("the server counts whole microseconds"));
    }
    u128::try_from(duration.as_micros()).map_err(|_| None)
}

impl fmt::Display for MessageExpiry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return formatter.write_str("never");
        }
        let mut rest = self.micros();
        let mut separator = "";
        for (unit, micros) in UNITS {
            let count = rest / micros;
            rest %= micros;
            if count != 0 {
                write!(formatter, "{separator}{count}{unit}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}

impl Serialize for MessageExpiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct ExpiryVisitor;

impl Visitor<'_> for ExpiryVisitor {
    type Value = MessageExpiry;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<MessageExpiry, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for MessageExpiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ExpiryVisitor)
    }
}

impl JsonSchema for MessageExpiry {
    fn schema_name() -> Cow<'static, str> {
        "MessageExpiry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "message-expiry",
            // The grammar has many words; the schema refuses what cannot be any of them.
            "pattern": r"^([Nn][Ee][Vv][Ee][Rr]|.*[0-9].*[A-Za-zµ].*|.*[Pp].*[0-9].*)$",
            "examples": ["7d", "36h", "1h 30m", "P7D", "never"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600_000_000;

    #[test]
    fn durations_are_read_exactly() {
        for (text, micros, canonical) in [
            ("7d", 7 * 24 * HOUR, "7d"),
            ("36h", 36 * HOUR, "1d 12h"),
            ("1h 30m", HOUR * 3 / 2, "1h 30m"),
            ("1h30m", HOUR * 3 / 2, "1h 30m"),
            ("90m", HOUR * 3 / 2, "1h 30m"),
            ("1.5h", HOUR * 3 / 2, "1h 30m"),
            ("P7D", 7 * 24 * HOUR, "7d"),
            ("PT36H", 36 * HOUR, "1d 12h"),
            ("P1DT12H", 36 * HOUR, "1d 12h"),
            ("2w", 14 * 24 * HOUR, "14d"),
            ("P1W", 7 * 24 * HOUR, "7d"),
            ("7 days", 7 * 24 * HOUR, "7d"),
            ("1 day, 2 hours", 26 * HOUR, "1d 2h"),
            ("250ms", 250_000, "250ms"),
            ("5us", 5, "5us"),
            ("5µs", 5, "5us"),
        ] {
            let expiry: MessageExpiry = text.parse().unwrap();
            assert_eq!(expiry, MessageExpiry::from_micros(micros), "{text}");
            assert_eq!(expiry.to_string(), canonical, "{text}");
        }
        assert_eq!("Never".parse(), Ok(MessageExpiry::NEVER));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "0",
            "0s",
            "7",
            "7x",
            "d",
            "-7d",
            "7d ago",
            "-P7D",
            "1mo",
            "1y",
            "P1M",
            "P1Y",
            "100ns",
            "unlimited",
            "forever",
            "999999999999999d",
            "18446744073709551615us",
            "99999999999999999999999999d",
        ] {
            assert!(text.parse::<MessageExpiry>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_duration_is_read_back(micros in 1..u64::MAX, shift in 0_u32..63) {
            let expiry = MessageExpiry::from_micros((micros >> shift).max(1));
            prop_assert_eq!(expiry.to_string().parse::<MessageExpiry>().unwrap(), expiry);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}|[Pp]?[0-9.]{0,40}[A-Za-z ]{0,3}[0-9]{0,3}[A-Z]?") {
            let _ = text.parse::<MessageExpiry>();
        }
    }
}
