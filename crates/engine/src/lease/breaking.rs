use super::note::{Note, NoteId};
use super::standing::{Standing, standing};
use super::step::NOTE_ATTEMPTS;
use super::{Epoch, Reply, Request, Step};

/// Ends somebody else's lease, since a person says so. Its owner finds the note when it
/// renews; until then it acts as before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Break {
    epoch: Epoch,
    by: String,
    id: NoteId,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Noting { attempt: u32 },
    Reading { attempt: u32 },
    Deleting,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Broken {
    /// It is over, and the next one gets the lease at once.
    Done,
    /// It was released or taken over in the meantime.
    WasGone,
}

impl Break {
    /// This one only: what took its place meanwhile stays.
    #[must_use]
    pub fn new(epoch: Epoch, by: String, id: NoteId) -> Self {
        Self {
            epoch,
            by,
            id,
            phase: Phase::Noting { attempt: 1 },
        }
    }

    /// What is to be sent now.
    #[must_use]
    pub fn request(&self) -> Request {
        match self.phase {
            Phase::Noting { .. } => Request::Note(
                self.id,
                Note::Broken {
                    epoch: self.epoch,
                    by: self.by.clone(),
                },
            ),
            Phase::Reading { .. } => Request::Read { from: None },
            Phase::Deleting => Request::Delete(self.epoch),
        }
    }

    /// What came of it.
    pub fn reply(&mut self, reply: Reply) -> Step<Broken> {
        match (self.phase, reply) {
            (Phase::Noting { attempt }, Reply::Noted | Reply::Unknown) => {
                self.phase = Phase::Reading { attempt };
                Step::Next
            }
            (Phase::Reading { attempt }, Reply::Notes(notes)) => {
                let is_over = matches!(standing(self.epoch, &notes), Standing::Over(_));
                self.phase = if is_over {
                    Phase::Deleting
                } else if attempt < NOTE_ATTEMPTS {
                    Phase::Noting {
                        attempt: attempt + 1,
                    }
                } else {
                    return Step::Failed;
                };
                Step::Next
            }
            // The note is there, so the next one who wants the lease deletes it.
            (Phase::Deleting, Reply::Deleted | Reply::Unknown | Reply::Failed) => {
                Step::Done(Broken::Done)
            }
            (Phase::Deleting, Reply::Absent) => Step::Done(Broken::WasGone),
            (Phase::Noting { .. } | Phase::Reading { .. } | Phase::Deleting, _) => Step::Failed,
        }
    }
}
