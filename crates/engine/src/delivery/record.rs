//! The note beside the value of a token: JSON with a version, and never the
//! value.

use iggyctl_core::access::TokenSlot;
use iggyctl_core::address::Address;
use iggyctl_core::quantity::MessageExpiry;
use iggyctl_core::state::observed_token::{DeliveredToken, TokenCheck, TokenRecord};
use serde::{Deserialize, Serialize};

use super::{Beginning, Delivery, TokenOwner};

/// What the place of a note is called beside that of its value: `FILE.iggyctl.json`, or
/// the key `KEY.iggyctl.json` of a Secret.
pub const NOTE_SUFFIX: &str = ".iggyctl.json";

/// The one version there is.
const VERSION: u32 = 1;

/// What is noted beside the value of a token, wherever that is: which one was delivered, and
/// what was begun and not finished. Never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The token, as it was declared.
    pub(super) token: Address,
    /// When the server created its user, in microseconds since the Unix epoch.
    pub(super) owner_created_at_micros: u64,
    /// Which server.
    pub(super) server: Option<String>,
    /// Which one was delivered.
    pub(super) delivered: Option<DeliveredToken>,
    /// Which one was about to be created.
    pub(super) pending: Option<TokenSlot>,
    /// The predecessor that is to be revoked.
    pub(super) revokes: Option<TokenSlot>,
}

/// Why a note is not understood. Never repeats it: somebody may have put the
/// value there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not what iggyctl writes.
    #[error("it is no record of iggyctl (line {line}, column {column})")]
    NotUnderstood {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Of an iggyctl that is newer than this one.
    #[error("a newer iggyctl wrote it (version {0}, and this one knows {VERSION})")]
    Newer(u32),
    /// A version that never was.
    #[error("there is no version {0} of it")]
    NoSuchVersion(u32),
    /// Its `token` is the address of none.
    #[error("its `token` is not the address of a token")]
    NoToken,
}

/// Why a value is not written over what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteRefusal {
    /// There is a value, and nothing says that iggyctl wrote it.
    Foreign,
    /// It is the value of another token.
    OtherToken {
        /// That one.
        noted: Address,
    },
    /// Nobody said that this one is about to be created.
    NotAwaited,
}

/// A token that is about to be created or was, as it is noted.
#[derive(Debug, Clone)]
pub struct NewToken {
    pub(super) token: Address,
    pub(super) owner_created_at_micros: u64,
    pub(super) server: Option<String>,
    pub(super) slot: TokenSlot,
    pub(super) revokes: Option<TokenSlot>,
}

impl NewToken {
    fn new(
        token: &Address,
        owner: TokenOwner<'_>,
        slot: TokenSlot,
        revokes: Option<TokenSlot>,
    ) -> Self {
        Self {
            token: token.clone(),
            owner_created_at_micros: owner.created_at_micros,
            server: owner.server.map(str::to_owned),
            slot,
            revokes,
        }
    }

    /// Whether a note is about it. Its user may have been renamed since, and is known by when
    /// it was created.
    fn is_noted(&self, note: &Note) -> bool {
        match (&note.token, &self.token) {
            (Address::Token(_, noted), Address::Token(_, token)) => {
                noted == token && note.owner_created_at_micros == self.owner_created_at_micros
            }
            _ => false,
        }
    }
}

impl From<&Beginning<'_>> for NewToken {
    fn from(beginning: &Beginning<'_>) -> Self {
        let Beginning {
            token,
            owner,
            takes_over: _,
            slot,
            revokes,
        } = *beginning;
        Self::new(token, owner, slot, revokes)
    }
}

impl From<&Delivery<'_>> for NewToken {
    fn from(delivery: &Delivery<'_>) -> Self {
        let Delivery {
            token,
            owner,
            slot,
            expiry: _,
            revokes,
            value: _,
        } = *delivery;
        Self::new(token, owner, slot, revokes)
    }
}

impl Note {
    /// What is noted when a token is about to be created, over what is there.
    ///
    /// # Errors
    /// When something is there that must not be written over.
    pub fn begun(
        there: Option<Self>,
        has_value: bool,
        new: &NewToken,
        takes_over: bool,
    ) -> Result<Self, NoteRefusal> {
        let note = Self {
            token: new.token.clone(),
            owner_created_at_micros: new.owner_created_at_micros,
            server: new.server.clone(),
            delivered: None,
            pending: Some(new.slot),
            revokes: new.revokes,
        };
        match there {
            Some(_) if takes_over => Ok(note),
            Some(there) if !new.is_noted(&there) => {
                Err(NoteRefusal::OtherToken { noted: there.token })
            }
            Some(there) => Ok(Self {
                delivered: there.delivered,
                ..note
            }),
            None if has_value => Err(NoteRefusal::Foreign),
            None => Ok(note),
        }
    }

    /// Whether the value of a token may be written over what is there.
    ///
    /// # Errors
    /// When the note is about another token, or this one was not begun.
    pub fn awaits(&self, new: &NewToken) -> Result<(), NoteRefusal> {
        if !new.is_noted(self) {
            let noted = self.token.clone();
            return Err(NoteRefusal::OtherToken { noted });
        }
        // Done is one whose success could not be told to whoever asked for it.
        let is_done = |delivered: DeliveredToken| delivered.slot == new.slot;
        let is_awaited = self.pending == Some(new.slot)
            || self.pending.is_none() && self.delivered.is_some_and(is_done);
        match is_awaited {
            true => Ok(()),
            false => Err(NoteRefusal::NotAwaited),
        }
    }

    /// What is noted once a value is there.
    #[must_use]
    pub fn of_delivered(new: &NewToken, expiry: MessageExpiry) -> Self {
        Self {
            token: new.token.clone(),
            owner_created_at_micros: new.owner_created_at_micros,
            server: new.server.clone(),
            delivered: Some(DeliveredToken {
                slot: new.slot,
                expiry,
            }),
            pending: None,
            revokes: new.revokes,
        }
    }

    /// Which token it is about.
    #[must_use]
    pub fn token(&self) -> &Address {
        &self.token
    }

    /// What is noted once the predecessor is revoked; `None` when that is noted already.
    #[must_use]
    pub fn finished(self) -> Option<Self> {
        self.revokes?;
        Some(Self {
            revokes: None,
            ..self
        })
    }

    /// What it says, for a comparison.
    #[must_use]
    pub fn into_record(self, has_value: bool, is_open_to_others: bool) -> TokenRecord {
        let Self {
            token,
            owner_created_at_micros,
            server,
            delivered,
            pending,
            revokes,
        } = self;
        TokenRecord {
            token,
            owner_created_at_micros,
            server,
            is_open_to_others,
            delivered,
            pending,
            revokes,
            has_value,
            check: TokenCheck::NotChecked,
        }
    }
}

/// Of any version.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    version: u32,
    token: String,
    owner_created_at_micros: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivered: Option<Delivered>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<TokenSlot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revokes: Option<TokenSlot>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Delivered {
    slot: TokenSlot,
    expiry: MessageExpiry,
}

impl Note {
    /// Reads one.
    ///
    /// # Errors
    /// When it is not what this or an earlier iggyctl writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let not_understood = |error: serde_json::Error| NoteError::NotUnderstood {
            line: error.line(),
            column: error.column(),
        };
        let Versioned { version } = serde_json::from_slice(bytes).map_err(not_understood)?;
        match version {
            VERSION => {}
            newer if newer > VERSION => return Err(NoteError::Newer(newer)),
            other => return Err(NoteError::NoSuchVersion(other)),
        }
        let Document {
            version: _,
            token,
            owner_created_at_micros,
            server,
            delivered,
            pending,
            revokes,
        } = serde_json::from_slice(bytes).map_err(not_understood)?;
        let Ok(token @ Address::Token(..)) = token.parse() else {
            return Err(NoteError::NoToken);
        };
        Ok(Self {
            token,
            owner_created_at_micros,
            server,
            delivered: delivered.map(|Delivered { slot, expiry }| DeliveredToken { slot, expiry }),
            pending,
            revokes,
        })
    }

    /// As it is written, with a final line break.
    ///
    /// # Errors
    /// None that is known of.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let Self {
            token,
            owner_created_at_micros,
            server,
            delivered,
            pending,
            revokes,
        } = self;
        let mut json = serde_json::to_vec_pretty(&Document {
            version: VERSION,
            token: token.to_string(),
            owner_created_at_micros: *owner_created_at_micros,
            server: server.clone(),
            delivered: delivered.map(|DeliveredToken { slot, expiry }| Delivered { slot, expiry }),
            pending: *pending,
            revokes: *revokes,
        })?;
        json.push(b'\n');
        Ok(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_as_it_was_written() {
        let token: Address = "token/svc%2Forders/ci".parse().unwrap();
        let slots = [None, Some(TokenSlot::First), Some(TokenSlot::Second)];
        for expiry in ["30d", "1h 30m", "never"] {
            for delivered in slots {
                for pending in slots {
                    for revokes in slots {
                        let note = Note {
                            token: token.clone(),
                            owner_created_at_micros: 1_700_000_000_000_007,
                            server: revokes.map(|_| "iggy://a:8090".to_owned()),
                            delivered: delivered.map(|slot| DeliveredToken {
                                slot,
                                expiry: expiry.parse().unwrap(),
                            }),
                            pending,
                            revokes,
                        };
                        assert_eq!(Note::parse(&note.to_json().unwrap()), Ok(note));
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_version_is_written_like_this() {
        let note = Note {
            token: "token/svc-orders/ci".parse().unwrap(),
            owner_created_at_micros: 1_700_000_000_000_007,
            server: Some("iggy://iggy.example.com:8090".to_owned()),
            delivered: Some(DeliveredToken {
                slot: TokenSlot::First,
                expiry: "90d".parse().unwrap(),
            }),
            pending: Some(TokenSlot::Second),
            revokes: Some(TokenSlot::First),
        };
        let json = String::from_utf8(note.to_json().unwrap()).unwrap();
        assert_eq!(
            json,
            r#"{
  "version": 1,
  "token": "token/svc-orders/ci",
  "ownerCreatedAtMicros": 1700000000000007,
  "server": "iggy://iggy.example.com:8090",
  "delivered": {
    "slot": "first",
    "expiry": "90d"
  },
  "pending": "second",
  "revokes": "first"
}
"#
        );
    }

    #[test]
    fn what_is_no_note_is_refused_without_being_repeated() {
        for (bad, reason) in [
            ("", "it is no record of iggyctl (line 1, column 0)"),
            ("hunter2", "it is no record of iggyctl (line 1, column 1)"),
            (
                "\"hunter2\"",
                "it is no record of iggyctl (line 1, column 9)",
            ),
            (
                r#"{"version": 1}"#,
                "it is no record of iggyctl (line 1, column 14)",
            ),
            (
                r#"{"version": 2, "hunter2": true}"#,
                "a newer iggyctl wrote it (version 2, and this one knows 1)",
            ),
            (r#"{"version": 0}"#, "there is no version 0 of it"),
            (
                r#"{"version": 1, "token": "hunter2", "ownerCreatedAtMicros": 7}"#,
                "its `token` is not the address of a token",
            ),
            (
                r#"{"version": 1, "token": "user/hunter2", "ownerCreatedAtMicros": 7}"#,
                "its `token` is not the address of a token",
            ),
            (
                r#"{"version": 1, "token": "token/a/b", "hunter2": 1}"#,
                "it is no record of iggyctl (line 1, column 46)",
            ),
            (
                r#"{"version": 1, "token": "token/a/b", "pending": "hunter2"}"#,
                "it is no record of iggyctl (line 1, column 57)",
            ),
        ] {
            let error = Note::parse(bad.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), reason, "{bad}");
            assert!(!format!("{error:?}").contains("hunter2"), "{bad}");
        }
    }
}
