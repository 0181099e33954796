//! The one type that may hold a password or a token.
//!
//! Its `Debug` and its serialisation are redacted, it has no `Display`, and its
//! memory is wiped when it is dropped. What a manifest holds is never a secret
//! but a [`SecretSource`], which says where to find one.

mod source;

use std::fmt;

use secrecy::{ExposeSecret, SecretBox, SecretString};

pub use source::{RECORD_SUFFIX, SECRET_SOURCE_FORMAT, SecretKey, SecretSource, TokenSink};

/// A text that must never be shown.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a text in.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(SecretBox::new(text.into()))
    }

    /// The text, for the one place that sends it. Named so that a reviewer
    /// can search for it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("[redacted]")
    }
}
