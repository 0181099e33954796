//! What the manifests declare about access tokens.

use serde::{Deserialize, Serialize};

use crate::diagnostic::Origin;
use crate::quantity::MessageExpiry;
use crate::secret::TokenSink;

/// An access token of the desired state.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredToken {
    /// How long a new one is valid; never ends without it.
    pub expiry: MessageExpiry,
    /// How long before its end it is replaced.
    pub rotate_before: Option<MessageExpiry>,
    /// Where its value goes.
    pub write_to: TokenDestination,
    /// Whether it is to be replaced now, whatever its state: said on the command
    /// line, never by a manifest.
    pub rotate: bool,
    /// Where it was declared.
    pub origin: Origin,
}

/// Where the value of a token goes, and who says so: a relative path begins at
/// the folder of that manifest.
///
/// In a plan only the sink is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDestination {
    /// The sink.
    pub sink: TokenSink,
    /// Where the manifest names it.
    pub origin: Origin,
}

impl Serialize for TokenDestination {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.sink.serialize(serializer)
    }
}

/// The sink alone: where it was declared is for the reader to say.
impl<'de> Deserialize<'de> for TokenDestination {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            sink: TokenSink::deserialize(deserializer)?,
            origin: Origin::unknown(),
        })
    }
}
