use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::QuantityError;

/// A number of bytes, at least one.
///
/// Reads `1048576`, `512KiB`, `1.5GiB`, `50GB` and Kubernetes' `50Gi`; units of
/// 1024 carry an `i`, units of 1000 do not. Writes the unit that needs the
/// smallest number, of 1024 when in doubt, so that every value has one text
/// and reads back exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(NonZeroU64);

/// How large a topic may grow.
///
/// Kept as the number of the wire, which is never 0, so that a topic that does
/// not declare it needs no more room: there may be a hundred thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaxTopicSize(NonZeroU64);

const EXPECTED_SIZE: &str = "a size such as `256MiB`, `1GiB`, or a number of bytes";
const EXPECTED_LIMIT: &str = "a size such as `50GiB`, a number of bytes, or `unlimited`";

/// Units in the order in which the canonical text prefers them.
const UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
];

impl ByteSize {
    /// One kibibyte, 1024 bytes.
    pub const KIB: Self = Self::constant(1 << 10);
    /// One mebibyte.
    pub const MIB: Self = Self::constant(1 << 20);
    /// One gibibyte.
    pub const GIB: Self = Self::constant(1 << 30);

    const fn constant(bytes: u64) -> Self {
        match NonZeroU64::new(bytes) {
            Some(bytes) => Self(bytes),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// A number of bytes; `None` for 0.
    #[must_use]
    pub const fn new(bytes: u64) -> Option<Self> {
        match NonZeroU64::new(bytes) {
            Some(bytes) => Some(Self(bytes)),
            None => None,
        }
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0.get()
    }

    fn parse(text: &str, expected: &'static str) -> Result<Self, QuantityError> {
        let wrong = |reason| QuantityError {
            expected,
            found: text.to_owned(),
            reason,
        };
        let trimmed = text.trim();
        let digits = trimmed
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let unit = unit.trim_start();
        if number.is_empty() {
            return Err(wrong(None));
        }
        let factor = factor_of(unit).ok_or_else(|| wrong(None))?;
        let bytes = scale(number, factor).ok_or_else(|| wrong(None))?;
        match u64::try_from(bytes) {
            Ok(u64::MAX) | Err(_) => Err(wrong(Some("it is more than the server can count"))),
            Ok(bytes) => Self::new(bytes).ok_or_else(|| {
                wrong(Some(
                    "0 is the server's word for \"default\"; leave the field out instead",
                ))
            }),
        }
    }
}

impl MaxTopicSize {
    /// No limit.
    pub const UNLIMITED: Self = Self(NonZeroU64::MAX);

    /// What the server means by this number of bytes: `u64::MAX` is no limit,
    /// and so is 0, the word for "default", which is no limit (`iggy_common`
    /// 0.11.0, `types/options/mod.rs`).
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        match NonZeroU64::new(bytes) {
            Some(bytes) => Self(bytes),
            None => Self::UNLIMITED,
        }
    }

    /// Bytes as the wire carries them, `u64::MAX` for no limit.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0.get()
    }

    /// The limit, if there is one.
    #[must_use]
    pub fn limit(self) -> Option<ByteSize> {
        (self != Self::UNLIMITED).then_some(ByteSize(self.0))
    }
}

fn factor_of(unit: &str) -> Option<u64> {
    if unit.is_empty() || unit == "B" {
        return Some(1);
    }
    UNITS
        .iter()
        .find(|(name, _)| {
            let kubernetes = name.strip_suffix('B').filter(|short| short.ends_with('i'));
            unit.eq_ignore_ascii_case(name) || kubernetes == Some(unit)
        })
        .map(|(_, factor)| *factor)
}

/// `number` (digits with at most one point) times `factor`, only if exact.
fn scale(number: &str, factor: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.contains('.') && (whole.is_empty() || fraction.is_empty() || fraction.len() > 12) {
        return None;
    }
    // More than 25 digits cannot be a u64, and would overflow the product.
    if whole.trim_start_matches('0').len() > 25 {
        return Some(u128::MAX);
    }
    let whole: u128 = whole.parse().ok()?;
    let factor = u128::from(factor);
    let mut bytes = whole.checked_mul(factor)?;
    if !fraction.is_empty() {
        let denominator = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        let numerator = fraction.parse::<u128>().ok()? * factor;
        if numerator % denominator != 0 {
            return None;
        }
        bytes = bytes.checked_add(numerator / denominator)?;
    }
    Some(bytes)
}

/// A number of bytes that may be 0, such as what a topic holds, written like a
/// [`ByteSize`].
#[must_use]
pub fn size_text(bytes: u64) -> String {
    ByteSize::new(bytes).map_or_else(|| "0".to_owned(), |size| size.to_string())
}

/// A number of bytes for a sentence: as [`size_text`], and a plain number with its unit.
#[must_use]
pub fn bytes_text(bytes: u64) -> String {
    let text = size_text(bytes);
    match (bytes, text.bytes().all(|byte| byte.is_ascii_digit())) {
        (1, _) => "1 byte".to_owned(),
        (_, true) => format!("{text} bytes"),
        (_, false) => text,
    }
}

impl FromStr for ByteSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::parse(text, EXPECTED_SIZE)
    }
}

impl FromStr for MaxTopicSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text.trim().eq_ignore_ascii_case("unlimited") {
            return Ok(Self::UNLIMITED);
        }
        ByteSize::parse(text, EXPECTED_LIMIT).map(|size| Self(size.0))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        let mut shortest = (bytes, "");
        for (unit, factor) in UNITS {
            if bytes.is_multiple_of(factor) && bytes / factor < shortest.0 {
                shortest = (bytes / factor, unit);
            }
        }
        write!(formatter, "{}{}", shortest.0, shortest.1)
    }
}

impl fmt::Display for MaxTopicSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit() {
            Some(size) => size.fmt(formatter),
            None => formatter.write_str("unlimited"),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for MaxTopicSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Text, or a bare number of bytes.
struct SizeVisitor<T>(std::marker::PhantomData<T>, &'static str);

impl<T: FromStr<Err = QuantityError>> Visitor<'_> for SizeVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.1)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<T, E> {
        bytes.to_string().parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor(std::marker::PhantomData, EXPECTED_SIZE))
    }
}

impl<'de> Deserialize<'de> for MaxTopicSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor(std::marker::PhantomData, EXPECTED_LIMIT))
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "format": "byte-size",
            "minimum": 1,
            "pattern": r"^[0-9]+(\.[0-9]+)? ?([KkMmGgTt]([Ii]?[Bb]|i)|B)?$",
            "examples": ["256MiB", "1GiB", 1_048_576],
        })
    }
}

impl JsonSchema for MaxTopicSize {
    fn schema_name() -> Cow<'static, str> {
        "MaxTopicSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "format": "topic-size",
            "minimum": 1,
            "pattern": r"^([0-9]+(\.[0-9]+)? ?([KkMmGgTt]([Ii]?[Bb]|i)|B)?|[Uu][Nn][Ll][Ii][Mm][Ii][Tt][Ee][Dd])$",
            "examples": ["50GiB", "unlimited", 1_073_741_824],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_exactly() {
        for (text, bytes, canonical) in [
            ("1", 1, "1"),
            ("1B", 1, "1"),
            ("512", 512, "512"),
            ("1024", 1024, "1KiB"),
            ("1KiB", 1024, "1KiB"),
            ("1kb", 1000, "1KB"),
            ("1.5 GiB", 3 << 29, "1536MiB"),
            ("50GiB", 50 << 30, "50GiB"),
            ("50Gi", 50 << 30, "50GiB"),
            ("50GB", 50_000_000_000, "50GB"),
            ("1000KiB", 1_024_000, "1000KiB"),
            (
                "9007199254740993",
                9_007_199_254_740_993,
                "9007199254740993",
            ),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(
                (size.bytes(), size.to_string().as_str()),
                (bytes, canonical),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            " ",
            "0",
            "0GiB",
            "-1",
            "1e3",
            "GiB",
            "1 GiB GiB",
            "1.GiB",
            ".5GiB",
            "1..5GiB",
            "0.3B",
            "1G",
            "50M",
            "50Gb/s",
            "18446744073709551615",
            "16777216TiB",
            "unlimited",
            "99999999999999999999999999999999999999999999999999",
        ] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_size_is_read_back(bytes in 1..u64::MAX, shift in 0_u32..63) {
            let size = ByteSize::new((bytes >> shift).max(1)).unwrap();
            prop_assert_eq!(size.to_string().parse::<ByteSize>().unwrap(), size);
            let limit = MaxTopicSize::from_bytes(size.bytes());
            prop_assert_eq!(limit.to_string().parse::<MaxTopicSize>().unwrap(), limit);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}|[0-9.]{0,60}[A-Za-z]{0,3}") {
            let _ = text.parse::<ByteSize>();
        }
    }
}
