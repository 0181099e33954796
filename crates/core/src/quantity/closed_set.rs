use serde::{Deserialize, Serialize};

/// The compression that a topic records; the server itself does not compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Messages are kept as they came.
    None,
    /// Gzip.
    Gzip,
}

/// When a write counts as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Once the replicas hold it in memory.
    Replicated,
    /// Once it is on disk.
    Persisted,
}

/// Of an enum whose variants serialise as these words: `as_str`, `FromStr`, `Display` and the schema from one list of words.
macro_rules! closed_set {
    ($type:ident, $expected:expr, { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in manifests and on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::quantity::QuantityError;

            fn from_str(text: &str) -> Result<Self, $crate::quantity::QuantityError> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::quantity::QuantityError {
                        expected: $expected,
                        found: text.to_owned(),
                        reason: None,
                    }),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($word),+] })
            }
        }
    };
}

pub(crate) use closed_set;

closed_set!(Compression, "`none` or `gzip`", {
    None => "none",
    Gzip => "gzip",
});

closed_set!(Durability, "`replicated` or `persisted`", {
    Replicated => "replicated",
    Persisted => "persisted",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_by_both_readers() {
        for value in Compression::ALL {
            assert_eq!(value.as_str().parse(), Ok(*value));
            assert_eq!(serde_json::to_value(value).unwrap(), value.as_str());
        }
        for value in Durability::ALL {
            assert_eq!(value.as_str().parse(), Ok(*value));
            assert_eq!(serde_json::to_value(value).unwrap(), value.as_str());
        }
        assert!("GZIP".parse::<Compression>().is_err());
    }
}
