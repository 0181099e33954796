//! One value of a token in a file, and the note beside it.
//!
//! ```text
//!              value   note
//!  begin        …      pending: b, delivered: a
//!  deliver      b      (the value first: a note never says more than is there)
//!               b      delivered: b, revokes: a
//!  finish       b      delivered: b
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use iggyctl_core::quantity::MessageExpiry;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::observed_token::SinkContent;

use super::SinkError;
use super::disk::{Disk, Existing, Identity, failed, is_open_to_others, look, read};
use super::record::{NOTE_SUFFIX, NewToken, Note, NoteRefusal};

/// Where a value and its note are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ValueFile {
    value: PathBuf,
    note: PathBuf,
}

/// The values that were at a path and are iggyctl's own, as far as this run knows.
pub(super) type OwnValues = Vec<Identity>;

/// What is there.
struct Found {
    value: Option<Identity>,
    note: Option<Note>,
}

impl ValueFile {
    pub(super) fn new(path: &Path) -> Result<Self, SinkError> {
        let no_file = |reason: &str| SinkError::Failed {
            operation: "use",
            place: path.display().to_string(),
            reason: reason.to_owned(),
        };
        let name = path
            .file_name()
            .ok_or_else(|| no_file("it does not end in the name of a file"))?;
        if name.as_encoded_bytes().ends_with(NOTE_SUFFIX.as_bytes()) {
            return Err(no_file("this is how the records of iggyctl are named"));
        }
        let mut note: OsString = name.to_owned();
        note.push(NOTE_SUFFIX);
        Ok(Self {
            // Without a `/` at its end, which would follow a link.
            value: path.with_file_name(name),
            note: path.with_file_name(note),
        })
    }

    pub(super) fn content(&self) -> SinkContent {
        match self.find() {
            Err(error) => SinkContent::Unreadable {
                reason: error.to_string(),
            },
            Ok(Found {
                value: None,
                note: None,
            }) => SinkContent::Empty,
            Ok(Found {
                value: Some(_),
                note: None,
            }) => SinkContent::Foreign,
            Ok(Found {
                value,
                note: Some(note),
            }) => SinkContent::Record(note.into_record(
                value.is_some_and(|value| value.bytes > 0),
                is_open_to_others(&self.value),
            )),
        }
    }

    pub(super) fn value(&self) -> Result<Option<Secret>, SinkError> {
        let Found {
            value: Some(_),
            note: Some(_),
        } = self.find()?
        else {
            return Ok(None);
        };
        let bytes = read(&self.value)?;
        // The error of the conversion is dropped: it would lead to the bytes.
        let text =
            std::str::from_utf8(&bytes).map_err(|_| self.refused("read", "it is not UTF-8"))?;
        // None is written, but whoever looks at a file with an editor may leave one.
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        Ok(Some(text).filter(|text| !text.is_empty()).map(Secret::new))
    }

    pub(super) fn begin(
        &self,
        disk: &Disk,
        new: &NewToken,
        takes_over: bool,
    ) -> Result<OwnValues, SinkError> {
        let Found { value, note } = self.find()?;
        let note = Note::begun(note, value.is_some(), new, takes_over)
            .map_err(|refusal| self.not_written(&refusal, new))?;
        self.write_note(disk, &note)?;
        Ok(value.into_iter().collect())
    }

    /// `own` is what [`begin`](Self::begin) said, and has the new value as soon
    /// as it is there, also when it is an error that ends this.
    pub(super) fn deliver(
        &self,
        disk: &Disk,
        own: &mut Option<OwnValues>,
        delivery: &DeliveredValue,
    ) -> Result<(), SinkError> {
        let DeliveredValue { new, expiry, value } = delivery;
        let found = self.find()?;
        if let Some(note) = found.note {
            note.awaits(new)
                .map_err(|refusal| self.not_written(&refusal, new))?;
            if own.is_none() {
                *own = Some(found.value.into_iter().collect());
            }
        }
        let own = own.get_or_insert_default();
        let existing = match found.value {
            None => Existing::Keep,
            Some(value) if own.contains(&value) => Existing::Replace,
            Some(_) => return Err(self.foreign()),
        };
        let mut staged = disk.stage(&self.value)?;
        own.push(disk.fill(&mut staged, value.expose().as_bytes())?);
        disk.publish(staged, existing)?;
        self.write_note(disk, &Note::of_delivered(new, *expiry))?;
        disk.remove_leftovers(&self.value);
        disk.remove_leftovers(&self.note);
        Ok(())
    }

    pub(super) fn finish(&self, disk: &Disk) -> Result<(), SinkError> {
        let Some(note) = self.find()?.note else {
            return Err(SinkError::Failed {
                operation: "read",
                place: self.note.display().to_string(),
                reason: "it is no longer there".to_owned(),
            });
        };
        match note.finished() {
            None => Ok(()),
            Some(note) => self.write_note(disk, &note),
        }
    }

    fn find(&self) -> Result<Found, SinkError> {
        let value = look(&self.value)?;
        let note = match look(&self.note)? {
            None => None,
            Some(_) => {
                let note = Note::parse(&read(&self.note)?);
                Some(note.map_err(|error| SinkError::Failed {
                    operation: "use",
                    place: self.note.display().to_string(),
                    reason: error.to_string(),
                })?)
            }
        };
        Ok(Found { value, note })
    }

    fn write_note(&self, disk: &Disk, note: &Note) -> Result<(), SinkError> {
        let json = note
            .to_json()
            .map_err(|error| failed("write", &self.note)(error.into()))?;
        disk.replace(&self.note, &json)
    }

    fn not_written(&self, refusal: &NoteRefusal, new: &NewToken) -> SinkError {
        match refusal {
            NoteRefusal::Foreign => self.foreign(),
            NoteRefusal::OtherToken { noted } => self.refused(
                "write",
                &format!("it has the value of {noted}, not of {}", new.token),
            ),
            NoteRefusal::NotAwaited => self.refused(
                "write",
                &format!(
                    "{} no longer says that this one is about to be created: another iggyctl \
                     seems to be at work",
                    self.note.display()
                ),
            ),
        }
    }

    fn refused(&self, operation: &'static str, reason: &str) -> SinkError {
        SinkError::Failed {
            operation,
            place: self.value.display().to_string(),
            reason: reason.to_owned(),
        }
    }

    fn foreign(&self) -> SinkError {
        SinkError::Foreign {
            place: self.value.display().to_string(),
        }
    }
}

/// A value to write, and what to note of it.
#[derive(Debug)]
pub(super) struct DeliveredValue {
    pub(super) new: NewToken,
    pub(super) expiry: MessageExpiry,
    pub(super) value: Secret,
}
