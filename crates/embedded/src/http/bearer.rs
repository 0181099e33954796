//! The tokens that a login over HTTP gives out.
//!
//! The real server signs its own (JWT) and remembers none; these are random and known by
//! their hash. Clients see the same of both: they end after an hour and with the server,
//! neither a logout nor a refresh ends one, and whoever has the user's id is let in.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use iggy_common::PersonalAccessToken;

/// The real server's `http.jwt.access_token_expiry`.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The tokens that were given out, by their hash.
#[derive(Debug, Default)]
pub(super) struct Bearers {
    known: Mutex<BTreeMap<String, Bearer>>,
}

#[derive(Debug, Clone, Copy)]
struct Bearer {
    user: u32,
    /// Seconds since the Unix epoch.
    expires_at: u64,
}

/// A token that was just made.
pub(super) struct Given {
    pub(super) token: String,
    /// Seconds since the Unix epoch.
    pub(super) expires_at: u64,
}

impl Bearers {
    /// Makes a token; `now` in microseconds since the Unix epoch.
    pub(super) fn give(&self, user: u32, now: u64) -> Given {
        let (token, hash) = PersonalAccessToken::mint_raw_and_hash();
        let now = seconds(now);
        let expires_at = now + LIFETIME.as_secs();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, bearer| bearer.expires_at > now);
        known.insert(hash, Bearer { user, expires_at });
        Given { token, expires_at }
    }

    /// The user id that a token was given to, if it has not ended; `now` in microseconds
    /// since the Unix epoch.
    pub(super) fn user_of(&self, token: &str, now: u64) -> Option<u32> {
        let hash = PersonalAccessToken::hash_token(token);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&hash)
            .filter(|bearer| bearer.expires_at > seconds(now))
            .map(|bearer| bearer.user)
    }
}

fn seconds(microseconds: u64) -> u64 {
    Duration::from_micros(microseconds).as_secs()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn tokens_end_after_an_hour() {
        const HOUR: u64 = 3_600_000_000;
        let bearers = Bearers::default();
        let first = bearers.give(7, 0);
        assert_eq!(first.expires_at, 3600);
        assert_eq!(bearers.user_of(&first.token, HOUR - 1), Some(7));
        assert_eq!(bearers.user_of(&first.token, HOUR), None);
        let second = bearers.give(8, HOUR);
        assert_eq!(bearers.user_of(&second.token, HOUR), Some(8));
        assert_eq!(bearers.user_of("guessed", HOUR), None);
        assert_eq!(bearers.known.lock().unwrap().len(), 1, "the first is gone");
    }
}
