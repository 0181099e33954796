use std::time::Duration;

use super::acquire::Acquired;
use super::note::{Holder, Note, NoteId, StoredNote};
use super::standing::{Over, Standing, standing};
use super::step::NOTE_ATTEMPTS;
use super::{Reply, Request, Step};

/// Says again that a lease is ours, and finds out whether it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Renew {
    held: Acquired,
    holder: Holder,
    /// Of the note.
    id: NoteId,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Noting {
        sent: Option<Duration>,
        attempt: u32,
    },
    Reading {
        sent: Duration,
        attempt: u32,
    },
    Checking {
        sent: Duration,
        offset: u64,
        /// The notes say that it is ours no more.
        over: Option<WhyLost>,
        notes: Vec<StoredNote>,
    },
}

/// What a renewal finds.
pub type Renewed = Result<Acquired, Loss>;

/// The lease is ours no more: nothing more is done under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Why.
    pub why: WhyLost,
    /// Who has the lease now, if somebody has and said so.
    pub taken_by: Option<Holder>,
}

/// Why a lease is lost.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WhyLost {
    /// It was not renewed in time.
    Late,
    /// A person ended it.
    Broken {
        /// Who, in words.
        by: String,
    },
    /// Its group or its notes are gone.
    Removed,
}

impl Renew {
    /// Of what was acquired, or renewed before, by `holder`. No other note has this `id`,
    /// nor had one of a renewal that failed: when that one comes late it is no sign of life
    /// of now.
    #[must_use]
    pub fn new(held: Acquired, holder: Holder, id: NoteId) -> Self {
        Self {
            held,
            holder,
            id,
            phase: Phase::Noting {
                sent: None,
                attempt: 1,
            },
        }
    }

    /// What is to be sent now.
    #[must_use]
    pub fn request(&self) -> Request {
        match &self.phase {
            Phase::Noting { .. } => Request::Note(
                self.id,
                Note::Held {
                    epoch: self.held.epoch,
                    holder: self.holder.clone(),
                    since_micros: Some(self.held.since_micros),
                },
            ),
            // From the own note before, which says that it was ours then: what others
            // noted since decides whether it still is.
            Phase::Reading { .. } => Request::Read {
                from: Some(self.held.offset),
            },
            Phase::Checking { .. } => Request::Find,
        }
    }

    /// What came of it. `sent` is when the request was sent, by the own clock.
    pub fn reply(&mut self, reply: Reply, sent: Duration) -> Step<Renewed> {
        match (&self.phase, reply) {
            (
                Phase::Noting {
                    sent: first,
                    attempt,
                },
                Reply::Noted | Reply::Unknown,
            ) => {
                self.phase = Phase::Reading {
                    sent: first.unwrap_or(sent),
                    attempt: *attempt,
                };
                Step::Next
            }
            (Phase::Reading { sent, attempt }, Reply::Notes(notes)) => {
                self.read(*sent, *attempt, notes)
            }
            (
                Phase::Checking {
                    sent,
                    offset,
                    over,
                    notes,
                },
                Reply::Found(found),
            ) => {
                let why = match (over, found == Some(self.held.epoch)) {
                    (None, true) => {
                        return Step::Done(Ok(Acquired {
                            offset: *offset,
                            sent: *sent,
                            ..self.held.clone()
                        }));
                    }
                    (None, false) => WhyLost::Removed,
                    (Some(why), _) => why.clone(),
                };
                let taken_by = found.filter(|epoch| *epoch != self.held.epoch);
                let taken_by = taken_by.and_then(|epoch| match standing(epoch, notes) {
                    Standing::Held { holder, .. } => Some(holder),
                    Standing::Unclaimed { .. } | Standing::Over(_) => None,
                });
                Step::Done(Err(Loss { why, taken_by }))
            }
            (Phase::Noting { .. } | Phase::Reading { .. } | Phase::Checking { .. }, _) => {
                Step::Failed
            }
        }
    }

    fn read(&mut self, sent: Duration, attempt: u32, notes: Vec<StoredNote>) -> Step<Renewed> {
        let Some(own) = notes.iter().find(|note| note.id == self.id) else {
            if attempt >= NOTE_ATTEMPTS {
                return Step::Failed;
            }
            self.phase = Phase::Noting {
                sent: Some(sent),
                attempt: attempt + 1,
            };
            return Step::Next;
        };
        let offset = own.offset;
        let over = match standing(self.held.epoch, &notes) {
            Standing::Held { holder, .. } if holder.run == self.holder.run => None,
            Standing::Over(Over::Expired { .. } | Over::Abandoned) => Some(WhyLost::Late),
            Standing::Over(Over::Broken { by }) => Some(WhyLost::Broken { by }),
            // Its notes are not those that it had.
            Standing::Held { .. } | Standing::Unclaimed { .. } | Standing::Over(Over::Released) => {
                Some(WhyLost::Removed)
            }
        };
        self.phase = Phase::Checking {
            sent,
            offset,
            over,
            notes,
        };
        Step::Next
    }
}
