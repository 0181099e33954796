use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

/// A whole number between two bounds, both included.
///
/// The bounds are in the type, so the reader and the schema cannot disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Bounded<const MIN: u32, const MAX: u32>(u32);

/// Partitions of a topic: at most 1,000,000 (`iggy_binary_protocol` 0.11.0,
/// `namespace.rs`). One request creates at most 1000, so more takes several.
pub type PartitionCount = Bounded<0, 1_000_000>;

/// Messages after which a partition is flushed (`iggy_common` 0.11.0,
/// `types/options/mod.rs`).
pub type MessagesRequiredToSave = Bounded<1, 16_777_216>;

/// A number that is not between the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number from {minimum} to {maximum}, found {found}")]
pub struct OutOfBounds {
    /// The smallest that is allowed.
    pub minimum: u32,
    /// The largest that is allowed.
    pub maximum: u32,
    /// What was given.
    pub found: u32,
}

impl<const MIN: u32, const MAX: u32> Bounded<MIN, MAX> {
    /// Takes a number in.
    ///
    /// # Errors
    /// [`OutOfBounds`] when it is not between the bounds.
    pub fn new(value: u32) -> Result<Self, OutOfBounds> {
        if (MIN..=MAX).contains(&value) {
            Ok(Self(value))
        } else {
            Err(OutOfBounds {
                minimum: MIN,
                maximum: MAX,
                found: value,
            })
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> fmt::Display for Bounded<MIN, MAX> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Bounded<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Bounded<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Bounded{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_included() {
        assert_eq!(
            PartitionCount::new(1_000_000).map(Bounded::get),
            Ok(1_000_000)
        );
        assert!(PartitionCount::new(1_000_001).is_err());
        assert!(MessagesRequiredToSave::new(0).is_err());
        assert!(serde_json::from_str::<PartitionCount>("-1").is_err());
    }
}
