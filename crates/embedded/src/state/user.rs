//! One user, and one access token.

use std::fmt;

use iggy_binary_protocol::WireName;
use iggy_common::Permissions;

use super::slots::Named;
use crate::password::PasswordCheck;

/// A user. Its tokens are kept apart, see [`Users`](super::Users).
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) name: WireName,
    /// Microseconds since the Unix epoch.
    pub(crate) created_at: u64,
    pub(crate) active: bool,
    pub(crate) password: PasswordCheck,
    /// As sent: none at all and none that says yes are different things to read.
    pub(crate) permissions: Option<Permissions>,
}

impl Named for User {
    fn name(&self) -> &str {
        self.name.as_str()
    }
}

/// A personal access token; of the token itself only the hash is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) hash: TokenHash,
    /// Microseconds since the Unix epoch; `None` for never.
    pub(crate) expires_at: Option<u64>,
}

impl Token {
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// BLAKE3 of a token, in hexadecimal. It cannot be turned back: a token is 50 random
/// bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenHash(pub(crate) String);

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}
