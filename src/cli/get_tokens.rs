//! The access tokens of the own user, which are all that a server shows.

use iggyctl_core::render::escape;
use iggyctl_engine::broker::{OwnTokens, UserRead};
use jiff::Timestamp;
use serde::Serialize;

use super::get::Row;
use super::session::{Session, broker_failed};
use crate::command_error::CommandError;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenRow {
    name: String,
    /// Absent for one that never ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// By the clock of this machine.
    expired: bool,
}

/// The tokens of the user that the session is logged in as.
pub(super) async fn read_tokens(session: &Session) -> Result<OwnTokens, CommandError> {
    let connection = session.connection().await?;
    connection
        .own_tokens()
        .await
        .map_err(|error| broker_failed(&error))
}

pub(super) fn token_rows(tokens: &OwnTokens) -> Vec<TokenRow> {
    tokens
        .iter()
        .map(|(name, token)| TokenRow {
            name: name.to_string(),
            expires_at: token.expires_at_micros.map(time_text),
            expired: token.expires_at_micros.is_some_and(is_over),
        })
        .collect()
}

/// Whether this moment, in microseconds since the Unix epoch, has come.
pub(super) fn is_over(micros: u64) -> bool {
    let now = u64::try_from(Timestamp::now().as_microsecond());
    now.is_ok_and(|now| micros <= now)
}

/// A moment in microseconds since the Unix epoch. A server takes expiries that
/// lie beyond the calendar.
pub(super) fn time_text(micros: u64) -> String {
    i64::try_from(micros)
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .map_or_else(|| "after the year 9999".to_owned(), |time| time.to_string())
}

impl Row for TokenRow {
    const HEADERS: &'static [&'static str] = &["TOKEN", "EXPIRES"];
    const NUMBERS_FROM: usize = 2;

    fn cells(&self) -> Vec<String> {
        // To the second; the whole time is in the other formats.
        let mut expires = match &self.expires_at {
            None => "never".to_owned(),
            Some(time) => match time.split_once(['.', 'Z']) {
                Some((second, _)) => second.replace('T', " "),
                None => time.clone(),
            },
        };
        if self.expired {
            expires.push_str(" (expired)");
        }
        vec![escape(&self.name).into_owned(), expires]
    }
}
