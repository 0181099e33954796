use std::hash::{Hash, Hasher};
use std::time::Duration;

use iggyctl_core::ledger::Author;
use serde::{Deserialize, Serialize};

use super::Epoch;

/// The longest duration of a lease: notes that are older than this decide nothing, so
/// nobody reads further back.
pub const LONGEST: Duration = Duration::from_secs(3600);

/// By which a note is found again.
pub type NoteId = u128;

/// Who has a lease, in words for people; what is not known is not said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Of this run and no other one: a random number in hexadecimal digits.
    pub run: String,
    /// What is run, such as `apply`.
    pub command: String,
    /// Who runs it.
    #[serde(flatten)]
    pub author: Author,
    /// How long the lease lasts when it is not renewed, in milliseconds; longer than
    /// [`LONGEST`] is taken for that.
    pub duration_millis: u64,
}

impl Holder {
    /// How long the lease lasts when it is not renewed.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.duration_millis).min(LONGEST)
    }
}

/// What is equal has the same run.
impl Hash for Holder {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.run.hash(state);
    }
}

/// What is said about an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Note {
    /// "It is mine": the first one of an epoch gives it its owner, those after it renew it.
    #[serde(rename_all = "camelCase")]
    Held {
        /// Which.
        epoch: Epoch,
        /// Whose.
        holder: Holder,
        /// When the first one was stored, in microseconds by the server's clock; none in
        /// the first one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since_micros: Option<u64>,
    },
    /// "I want it, too." The time that the server gives this note is compared with that of
    /// the latest [`Held`](Note::Held).
    #[serde(rename_all = "camelCase")]
    Seen {
        /// Which.
        epoch: Epoch,
        /// How long whoever wants it waits for an owner who has not said a word, in
        /// milliseconds.
        patience_millis: u64,
    },
    /// "It is mine no more."
    #[serde(rename_all = "camelCase")]
    Released {
        /// Which.
        epoch: Epoch,
        /// The run of its owner.
        run: String,
    },
    /// A person ended it.
    #[serde(rename_all = "camelCase")]
    Broken {
        /// Which.
        epoch: Epoch,
        /// Who, in words.
        by: String,
    },
}

impl Note {
    /// The epoch that it is about.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Held { epoch, .. }
            | Self::Seen { epoch, .. }
            | Self::Released { epoch, .. }
            | Self::Broken { epoch, .. } => *epoch,
        }
    }

    /// As it is sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Texts and numbers under texts: nothing of it cannot be written.
        serde_json::to_vec(&Versioned {
            version: VERSION,
            note: self,
        })
        .unwrap_or_default()
    }

    /// Reads one. `None` for what is no note that this version understands: whoever may
    /// write to the topic may have written anything, and it decides nothing.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_BYTES {
            return None;
        }
        let Versioned { version, note } = serde_json::from_slice(bytes).ok()?;
        (version == VERSION).then_some(note)
    }
}

/// More than any note has; what is longer was written by something else.
const MAX_BYTES: usize = 64 * 1024;

/// Of the form of notes.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Versioned<N> {
    version: u32,
    #[serde(flatten)]
    note: N,
}

/// A note with what the server says of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoredNote {
    /// As it was sent with.
    pub id: NoteId,
    /// Its place.
    pub offset: u64,
    /// When it was stored, in microseconds since the Unix epoch by the server's clock.
    pub at_micros: u64,
    /// What it says.
    pub note: Note,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        Holder {
            run: "7f".to_owned(),
            command: "apply".to_owned(),
            author: Author {
                login: Some("iggy".to_owned()),
                ..Author::default()
            },
            duration_millis: 60_000,
        }
    }

    #[test]
    fn notes_are_written_and_read_back() {
        let held = Note::Held {
            epoch: 3,
            holder: holder(),
            since_micros: None,
        };
        let bytes = held.to_bytes();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            r#"{"version":1,"kind":"held","epoch":3,"holder":{"run":"7f","command":"apply","login":"iggy","durationMillis":60000}}"#
        );
        for note in [
            held,
            Note::Held {
                epoch: 0,
                holder: holder(),
                since_micros: Some(17),
            },
            Note::Seen {
                epoch: 4,
                patience_millis: 5,
            },
            Note::Released {
                epoch: 5,
                run: "x".to_owned(),
            },
            Note::Broken {
                epoch: 6,
                by: "anna".to_owned(),
            },
        ] {
            let bytes = note.to_bytes();
            assert_eq!(Note::from_bytes(&bytes), Some(note));
        }
    }

    #[test]
    fn what_is_no_note_of_this_version_says_nothing() {
        let long = format!(
            r#"{{"version":1,"kind":"broken","epoch":3,"by":"{}"}}"#,
            "x".repeat(MAX_BYTES)
        );
        for text in [
            "",
            "hello",
            r#"{"version":2,"kind":"seen","epoch":3,"patienceMillis":1}"#,
            r#"{"version":1,"kind":"stolen","epoch":3}"#,
            r#"{"version":1,"kind":"seen","epoch":-1,"patienceMillis":1}"#,
            &long,
        ] {
            assert_eq!(Note::from_bytes(text.as_bytes()), None, "{text:.60}");
        }
    }

    #[test]
    fn no_duration_is_longer_than_what_is_read_back() {
        let eternal = Holder {
            duration_millis: u64::MAX,
            ..holder()
        };
        assert_eq!(eternal.duration(), LONGEST);
    }
}
