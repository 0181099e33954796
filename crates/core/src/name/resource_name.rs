use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// Longest name that the wire carries: its length is one byte
/// (`iggy_binary_protocol` 0.11.0, `primitives/identifier.rs`).
pub const MAX_NAME_BYTES: usize = 255;

/// A name of 1 to 255 bytes of UTF-8; the server restricts nothing else and
/// folds nothing. What a *manifest* may name is narrower, see `manifest`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceName(CompactString);

/// Why a text cannot be a name on any server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has no characters.
    #[error("a name cannot be empty")]
    Empty,
    /// It does not fit the wire.
    #[error("a name has at most {MAX_NAME_BYTES} bytes, this one has {0}")]
    TooLong(usize),
}

impl ResourceName {
    /// One of the own names of iggyctl; the caller keeps to 1 to 255 bytes.
    pub(crate) const fn own(name: &'static str) -> Self {
        Self(CompactString::const_new(name))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.len() {
            0 => Err(NameError::Empty),
            1..=MAX_NAME_BYTES => Ok(Self(text.into())),
            length => Err(NameError::TooLong(length)),
        }
    }
}

impl TryFrom<String> for ResourceName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<ResourceName> for String {
    fn from(name: ResourceName) -> Self {
        name.0.into()
    }
}

impl AsRef<str> for ResourceName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
