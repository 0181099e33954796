//! The one grammar that names a resource in output, flags and errors:
//! `stream/orders`, `topic/orders/events`, `group/orders/events/billing`,
//! `user/svc-orders`, `token/svc-orders/ci`.
//!
//! `/`, `%` and control characters inside a name are percent-encoded, so every
//! name can be written and every address can be split.

mod pattern;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::name::{NameError, ResourceName};
use crate::wording::counted;

pub use pattern::{AddressPattern, AddressPatternError};

/// A resource by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// `stream/STREAM`
    Stream(ResourceName),
    /// `topic/STREAM/TOPIC`
    Topic(ResourceName, ResourceName),
    /// `group/STREAM/TOPIC/GROUP`
    ConsumerGroup(ResourceName, ResourceName, ResourceName),
    /// `user/USER`
    User(ResourceName),
    /// `token/USER/TOKEN`
    Token(ResourceName, ResourceName),
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The first part is no known kind.
    #[error(
        "`{0}` is not a kind of address; expected `stream/`, `topic/`, `group/`, `user/` or `token/`"
    )]
    UnknownKind(String),
    /// A kind with too few or too many names.
    #[error("expected {expected}, found {} after `{kind}/`", counted(*found, "name"))]
    WrongParts {
        /// The kind as written.
        kind: &'static str,
        /// The form that was expected.
        expected: &'static str,
        /// How many names were found.
        found: usize,
    },
    /// A `%` that is not followed by two hexadecimal digits, or does not make UTF-8.
    #[error("`{0}` has a `%` that is not followed by two hexadecimal digits of UTF-8")]
    BadEncoding(String),
    /// One of the names is no name.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Address {
    /// The kind as the address writes it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Stream(..) => "stream",
            Self::Topic(..) => "topic",
            Self::ConsumerGroup(..) => "group",
            Self::User(..) => "user",
            Self::Token(..) => "token",
        }
    }

    /// The stream that the resource is, or is in; none for users and tokens.
    #[must_use]
    pub fn stream(&self) -> Option<&ResourceName> {
        match self {
            Self::Stream(stream) | Self::Topic(stream, _) | Self::ConsumerGroup(stream, _, _) => {
                Some(stream)
            }
            Self::User(_) | Self::Token(..) => None,
        }
    }

    /// The user that the resource is, or belongs to.
    #[must_use]
    pub fn user(&self) -> Option<&ResourceName> {
        match self {
            Self::User(user) | Self::Token(user, _) => Some(user),
            Self::Stream(_) | Self::Topic(..) | Self::ConsumerGroup(..) => None,
        }
    }

    /// The topic that the resource is, or is in.
    #[must_use]
    pub fn topic(&self) -> Option<&ResourceName> {
        match self {
            Self::Stream(_) | Self::User(_) | Self::Token(..) => None,
            Self::Topic(_, topic) | Self::ConsumerGroup(_, topic, _) => Some(topic),
        }
    }

    /// The resource that this one is in.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Stream(_) | Self::User(_) => None,
            Self::Token(user, _) => Some(Self::User(user.clone())),
            Self::Topic(stream, _) => Some(Self::Stream(stream.clone())),
            Self::ConsumerGroup(stream, topic, _) => {
                Some(Self::Topic(stream.clone(), topic.clone()))
            }
        }
    }

    /// Whether `other` is this resource or is inside it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.with_ancestors().any(|address| address == *self)
    }

    /// It, and what it is in, from the inside out.
    pub fn with_ancestors(&self) -> impl Iterator<Item = Self> + use<> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind())?;
        let names: [Option<&ResourceName>; 3] = match self {
            Self::Stream(name) | Self::User(name) => [Some(name), None, None],
            Self::Topic(parent, name) | Self::Token(parent, name) => {
                [Some(parent), Some(name), None]
            }
            Self::ConsumerGroup(stream, topic, group) => [Some(stream), Some(topic), Some(group)],
        };
        for name in names.into_iter().flatten() {
            write!(formatter, "/{}", Encoded(name.as_str()))?;
        }
        Ok(())
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (kind, rest) = text.split_once('/').unwrap_or((text, ""));
        let names = rest
            .split('/')
            .map(decode)
            .collect::<Result<Vec<String>, AddressError>>()?;
        let wrong = |kind, expected| AddressError::WrongParts {
            kind,
            expected,
            found: names.iter().filter(|name| !name.is_empty()).count(),
        };
        match (kind, names.as_slice()) {
            ("stream", [stream]) => Ok(Self::Stream(stream.parse()?)),
            ("topic", [stream, topic]) => Ok(Self::Topic(stream.parse()?, topic.parse()?)),
            ("group", [stream, topic, group]) => Ok(Self::ConsumerGroup(
                stream.parse()?,
                topic.parse()?,
                group.parse()?,
            )),
            ("user", [user]) => Ok(Self::User(user.parse()?)),
            ("token", [user, token]) => Ok(Self::Token(user.parse()?, token.parse()?)),
            ("user", _) => Err(wrong("user", "`user/USER`")),
            ("token", _) => Err(wrong("token", "`token/USER/TOKEN`")),
            ("stream", _) => Err(wrong("stream", "`stream/STREAM`")),
            ("topic", _) => Err(wrong("topic", "`topic/STREAM/TOPIC`")),
            ("group", _) => Err(wrong("group", "`group/STREAM/TOPIC/GROUP`")),
            _ => Err(AddressError::UnknownKind(kind.to_owned())),
        }
    }
}

struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if character == '/' || character == '%' || character.is_control() {
                let mut buffer = [0; 4];
                for byte in character.encode_utf8(&mut buffer).bytes() {
                    write!(formatter, "%{byte:02X}")?;
                }
            } else {
                write!(formatter, "{character}")?;
            }
        }
        Ok(())
    }
}

fn decode(part: &str) -> Result<String, AddressError> {
    let bad = || AddressError::BadEncoding(part.to_owned());
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(bad());
        };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| bad())?);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_address_is_read_back(
            stream in "\\PC{1,20}|[/%\u{0}-\u{1f}]{1,5}",
            topic in "\\PC{1,20}|[/%\u{0}-\u{1f}]{1,5}",
            group in "\\PC{1,20}|[/%\u{0}-\u{1f}]{1,5}",
        ) {
            let address = Address::ConsumerGroup(
                stream.parse().unwrap(),
                topic.parse().unwrap(),
                group.parse().unwrap(),
            );
            let text = address.to_string();
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert_eq!(text.parse::<Address>().unwrap(), address);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "stream",
            "stream/",
            "topic/a",
            "topic/a/b/c",
            "queue/a",
            "user",
            "user/a/b",
            "token/a",
            "stream/%",
            "stream/%zz",
            "stream/%ff",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
