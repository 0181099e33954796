use super::acquire::Acquired;
use super::note::{Holder, Note, NoteId};
use super::{Reply, Request, Step};

/// Gives a lease back: by the note others know at once that it is over, and by its number
/// only its own group is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Release {
    held: Acquired,
    run: String,
    id: NoteId,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Noting,
    Deleting { noted: bool },
}

/// What came of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Released {
    /// Nobody is kept waiting.
    Done,
    /// The group was gone already.
    WasGone,
    /// Neither is known to be done: the lease ends with its duration.
    Unknown,
}

impl Release {
    /// Of what `holder` acquired or renewed, also when it was lost since. No other note has
    /// this `id`.
    #[must_use]
    pub fn new(held: Acquired, holder: &Holder, id: NoteId) -> Self {
        Self {
            held,
            id,
            run: holder.run.clone(),
            phase: Phase::Noting,
        }
    }

    /// What is to be sent now.
    #[must_use]
    pub fn request(&self) -> Request {
        match self.phase {
            Phase::Noting => Request::Note(
                self.id,
                Note::Released {
                    epoch: self.held.epoch,
                    run: self.run.clone(),
                },
            ),
            Phase::Deleting { .. } => Request::Delete(self.held.epoch),
        }
    }

    /// What came of it.
    pub fn reply(&mut self, reply: &Reply) -> Step<Released> {
        match self.phase {
            Phase::Noting => {
                self.phase = Phase::Deleting {
                    noted: *reply == Reply::Noted,
                };
                Step::Next
            }
            Phase::Deleting { noted } => Step::Done(match reply {
                Reply::Deleted => Released::Done,
                Reply::Absent => Released::WasGone,
                _ if noted => Released::Done,
                _ => Released::Unknown,
            }),
        }
    }
}
