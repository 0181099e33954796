use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Which ledger it is: the stream that holds it, by creation time and id. A ledger that
/// was deleted and made again is another one, and so is that of another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerIdentity {
    /// When its stream was created, in microseconds since the Unix epoch.
    pub created_at_micros: u64,
    /// Numeric id of its stream.
    pub stream_id: u32,
}

/// A text that names no ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the identity of a ledger, such as 1767225600000000-3")]
pub struct NotAnIdentity(pub String);

impl fmt::Display for LedgerIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            created_at_micros,
            stream_id,
        } = self;
        write!(formatter, "{created_at_micros}-{stream_id}")
    }
}

impl FromStr for LedgerIdentity {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let wrong = || NotAnIdentity(text.to_owned());
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let (time, id) = text.split_once('-').ok_or_else(wrong)?;
        if !is_number(time) || !is_number(id) {
            return Err(wrong());
        }
        Ok(Self {
            created_at_micros: time.parse().map_err(|_| wrong())?,
            stream_id: id.parse().map_err(|_| wrong())?,
        })
    }
}

impl Serialize for LedgerIdentity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LedgerIdentity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
