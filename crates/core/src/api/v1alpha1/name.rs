use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::access::TokenSlot;
use crate::name::{NameError, RESERVED_STREAM_PREFIX, ResourceName};

/// Longest `metadata.name` of Kubernetes, in bytes.
pub(crate) const MAX_METADATA_NAME_BYTES: usize = 253;

/// Bytes of a username (`iggy_common` 0.11.0, `http/users/defaults.rs`).
const USER_NAME_BYTES: RangeInclusive<usize> = 3..=50;

/// Bytes of a token's name: what every server takes, without room for the
/// mark of [`TokenSlot`]. HTTP and 0.8 refuse more than 30 (`iggy_common`
/// 0.11.0, `http/personal_access_tokens`).
const TOKEN_NAME_BYTES: RangeInclusive<usize> = 1..=28;

/// A name that a manifest may give a topic or a consumer group: narrower than
/// what the server takes, see [`ManifestNameError`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(ResourceName);

/// A name that a manifest may give a stream: a [`Name`] that is not reserved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(ResourceName);

/// The name of a user: a [`Name`] of 3 to 50 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(ResourceName);

/// The name of an access token: a [`Name`] of 1 to 28 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenName(ResourceName);

/// The name of a document: 1 to 253 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetadataName(Box<str>);

/// Why a text cannot be a name in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestNameError {
    /// No server takes it.
    #[error(transparent)]
    Length(#[from] NameError),
    /// The name of a document is too long.
    #[error("the name of a document has at most {MAX_METADATA_NAME_BYTES} bytes, this one has {0}")]
    MetadataTooLong(usize),
    /// A username that is too short or too long.
    #[error("{what} has {minimum} to {maximum} bytes, this one has {found}")]
    Bytes {
        /// What has such names.
        what: &'static str,
        /// The fewest bytes.
        minimum: usize,
        /// The most bytes.
        maximum: usize,
        /// Bytes of this one.
        found: usize,
    },
    /// Tools would take it for a numeric id: digits, with or without a `+` before them.
    #[error("the name `{0}` is a number; the official tools would take it for a numeric id")]
    Number(Box<str>),
    /// It could not be seen or typed.
    #[error("a name cannot hold the control character U+{:04X}", u32::from(*.0))]
    ControlCharacter(char),
    /// It belongs to iggyctl.
    #[error(
        "the name `{0}` is reserved: streams that begin with `{RESERVED_STREAM_PREFIX}` are the tool's own"
    )]
    Reserved(Box<str>),
    /// It is how the second name of a token ends.
    #[error(
        "the name `{0}` ends with `{mark}`, which marks the second name that a token has while it is \
         replaced",
        mark = TokenSlot::MARK
    )]
    TokenMark(Box<str>),
}

impl Name {
    /// The name as the server keeps it.
    #[must_use]
    pub fn as_resource_name(&self) -> &ResourceName {
        &self.0
    }

    /// The name as the server keeps it.
    #[must_use]
    pub fn into_resource_name(self) -> ResourceName {
        self.0
    }
}

impl UserName {
    /// The name as the server keeps it.
    #[must_use]
    pub fn as_resource_name(&self) -> &ResourceName {
        &self.0
    }

    /// The name as the server keeps it.
    #[must_use]
    pub fn into_resource_name(self) -> ResourceName {
        self.0
    }
}

impl TokenName {
    /// The name as the server keeps it.
    #[must_use]
    pub fn into_resource_name(self) -> ResourceName {
        self.0
    }
}

impl StreamName {
    /// The name as the server keeps it.
    #[must_use]
    pub fn as_resource_name(&self) -> &ResourceName {
        &self.0
    }

    /// The name as the server keeps it.
    #[must_use]
    pub fn into_resource_name(self) -> ResourceName {
        self.0
    }
}

impl MetadataName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn without_control(text: &str) -> Result<(), ManifestNameError> {
    match text.chars().find(|character| character.is_control()) {
        Some(character) => Err(ManifestNameError::ControlCharacter(character)),
        None => Ok(()),
    }
}

/// Whether the official tools would take the text for an id: they try to read a
/// `u32` first, which takes a plus sign too (`iggy_common` 0.11.0, identifier).
fn reads_as_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

impl FromStr for Name {
    type Err = ManifestNameError;

    fn from_str(text: &str) -> Result<Self, ManifestNameError> {
        let name: ResourceName = text.parse()?;
        without_control(text)?;
        if reads_as_number(text) {
            return Err(ManifestNameError::Number(text.into()));
        }
        Ok(Self(name))
    }
}

impl FromStr for StreamName {
    type Err = ManifestNameError;

    fn from_str(text: &str) -> Result<Self, ManifestNameError> {
        let Name(name) = text.parse()?;
        if text.starts_with(RESERVED_STREAM_PREFIX) {
            return Err(ManifestNameError::Reserved(text.into()));
        }
        Ok(Self(name))
    }
}

fn of_bytes(
    text: &str,
    what: &'static str,
    bytes: &RangeInclusive<usize>,
) -> Result<ResourceName, ManifestNameError> {
    if !bytes.contains(&text.len()) {
        return Err(ManifestNameError::Bytes {
            what,
            minimum: *bytes.start(),
            maximum: *bytes.end(),
            found: text.len(),
        });
    }
    text.parse().map(Name::into_resource_name)
}

impl FromStr for UserName {
    type Err = ManifestNameError;

    fn from_str(text: &str) -> Result<Self, ManifestNameError> {
        of_bytes(text, "the name of a user", &USER_NAME_BYTES).map(Self)
    }
}

impl FromStr for TokenName {
    type Err = ManifestNameError;

    fn from_str(text: &str) -> Result<Self, ManifestNameError> {
        if text.ends_with(TokenSlot::MARK) {
            return Err(ManifestNameError::TokenMark(text.into()));
        }
        of_bytes(text, "the name of a token", &TOKEN_NAME_BYTES).map(Self)
    }
}

impl FromStr for MetadataName {
    type Err = ManifestNameError;

    fn from_str(text: &str) -> Result<Self, ManifestNameError> {
        without_control(text)?;
        match text.len() {
            0 => Err(NameError::Empty.into()),
            1..=MAX_METADATA_NAME_BYTES => Ok(Self(text.into())),
            length => Err(ManifestNameError::MetadataTooLong(length)),
        }
    }
}

/// The text form of the three, the same way.
macro_rules! text_form {
    ($type:ident, $format:literal, $minimum:literal to $maximum:literal, $pattern:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.0.as_ref())
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.as_ref())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct NameVisitor;

                impl Visitor<'_> for NameVisitor {
                    type Value = $type;

                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        formatter.write_str("a name")
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(NameVisitor)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "format": $format,
                    "minLength": $minimum,
                    "maxLength": $maximum,
                    "pattern": $pattern,
                })
            }
        }
    };
}

// The patterns have no look-around, which Kubernetes does not know. A name that
// is no number has a character other than digits and `+`, or a `+` behind its
// first character, or is `+` alone; no character is a control character. The
// prefix that is reserved cannot be said without look-around.
text_form!(
    Name,
    "iggy-name",
    1 to 255,
    "^([^\\x00-\\x1f\\x7f]*[^0-9+\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]*|[^\\x00-\\x1f\\x7f]+\\+[^\\x00-\\x1f\\x7f]*|\\+)$"
);
text_form!(
    StreamName,
    "iggy-stream-name",
    1 to 255,
    "^([^\\x00-\\x1f\\x7f]*[^0-9+\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]*|[^\\x00-\\x1f\\x7f]+\\+[^\\x00-\\x1f\\x7f]*|\\+)$"
);
text_form!(
    UserName,
    "iggy-user-name",
    3 to 50,
    "^([^\\x00-\\x1f\\x7f]*[^0-9+\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]*|[^\\x00-\\x1f\\x7f]+\\+[^\\x00-\\x1f\\x7f]*|\\+)$"
);
text_form!(
    TokenName,
    "iggy-token-name",
    1 to 28,
    "^([^\\x00-\\x1f\\x7f]*[^0-9+\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]*|[^\\x00-\\x1f\\x7f]+\\+[^\\x00-\\x1f\\x7f]*|\\+)$"
);
text_form!(MetadataName, "metadata-name", 1 to 253, "^[^\\x00-\\x1f\\x7f]+$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_manifest_may_name() {
        for text in ["orders", "a", "A b/%é", "1a", &"x".repeat(255)] {
            assert_eq!(text.parse::<StreamName>().unwrap().to_string(), text);
        }
        for number in ["123", "+5", "99999999999", "007"] {
            assert_eq!(
                number.parse::<Name>(),
                Err(ManifestNameError::Number(number.into()))
            );
        }
        for text in ["+", "5+", "++5", "+5a", "-5", "5 "] {
            assert!(text.parse::<u32>().is_err());
            assert!(text.parse::<Name>().is_ok(), "{text}");
        }
        assert_eq!(
            "a\u{7}".parse::<Name>(),
            Err(ManifestNameError::ControlCharacter('\u{7}'))
        );
        assert_eq!(
            "x".repeat(256).parse::<Name>(),
            Err(ManifestNameError::Length(NameError::TooLong(256)))
        );
        assert!("iggyctl-ledger".parse::<Name>().is_ok());
        assert!("iggyctl-ledger".parse::<StreamName>().is_err());
        assert!("".parse::<MetadataName>().is_err());
    }
}
