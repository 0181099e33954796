use std::time::Duration;

use super::note::{Holder, Note, NoteId, StoredNote};
use super::standing::{Standing, standing};
use super::step::NOTE_ATTEMPTS;
use super::{Epoch, Reply, Request, Step};

/// Gets a lease, or finds out who has it.
///
/// ```text
///  Creating ──▶ Claiming ──▶ ReadingClaim ──▶ CheckingClaim ──▶ acquired
///    │  ▲ ▲                     │ not ours       │ gone
///    │  │ └─────────────────────┼────────────────┘
///    ▼  │ gone                  ▼
///  Finding ──▶ Looking ──▶ ReadingSeen ──▶ busy
///               ▲               │ over
///  Creating ◀───┼── Deleting ◀──┘
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acquire {
    holder: Holder,
    /// The id of the next note.
    next_id: NoteId,
    /// A request to create the group may have been carried out, and nobody told us.
    maybe_created: bool,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Creating,
    Finding,
    Claiming {
        epoch: Epoch,
        /// When the first request with the note was sent, by the own clock.
        sent: Option<Duration>,
        attempt: u32,
    },
    ReadingClaim {
        epoch: Epoch,
        sent: Duration,
        attempt: u32,
    },
    CheckingClaim {
        epoch: Epoch,
        sent: Duration,
        since_micros: u64,
        offset: u64,
    },
    Looking {
        epoch: Epoch,
        attempt: u32,
    },
    ReadingSeen {
        epoch: Epoch,
        attempt: u32,
    },
    Deleting {
        epoch: Epoch,
    },
    /// What was created and could not be claimed.
    GivingUp {
        epoch: Epoch,
    },
}

/// The lease is ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acquired {
    /// Its number.
    pub epoch: Epoch,
    /// Since when, in microseconds by the server's clock.
    pub since_micros: u64,
    /// Where the latest note is that says so.
    pub offset: u64,
    /// When the request that brought it there was sent, by the own clock. Nothing is done
    /// under the lease once its duration has passed since.
    pub sent: Duration,
}

/// The lease is somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// Its number.
    pub epoch: Epoch,
    /// Whose; none when nobody has said so.
    pub holder: Option<Holder>,
    /// Since when it is known to be, in microseconds by the server's clock.
    pub since_micros: u64,
    /// When it ends unless it is renewed.
    pub until_micros: u64,
    /// The server's time of the question.
    pub now_micros: u64,
}

impl Acquire {
    /// For whom. Its notes get `first_id` and those after it, which nobody else gives to
    /// any.
    #[must_use]
    pub fn new(holder: Holder, first_id: NoteId) -> Self {
        Self {
            holder,
            next_id: first_id,
            maybe_created: false,
            phase: Phase::Creating,
        }
    }

    /// What is to be sent now.
    #[must_use]
    pub fn request(&self) -> Request {
        match &self.phase {
            Phase::Creating => Request::Create,
            Phase::Finding | Phase::CheckingClaim { .. } => Request::Find,
            Phase::Claiming { epoch, .. } => Request::Note(
                self.next_id,
                Note::Held {
                    epoch: *epoch,
                    holder: self.holder.clone(),
                    since_micros: None,
                },
            ),
            Phase::Looking { epoch, .. } => Request::Note(
                self.next_id,
                Note::Seen {
                    epoch: *epoch,
                    patience_millis: self.holder.duration_millis,
                },
            ),
            Phase::ReadingClaim { .. } | Phase::ReadingSeen { .. } => Request::Read { from: None },
            Phase::Deleting { epoch } | Phase::GivingUp { epoch } => Request::Delete(*epoch),
        }
    }

    /// What came of it. `sent` is when the request was sent, by the own clock.
    pub fn reply(&mut self, reply: Reply, sent: Duration) -> Step<Result<Acquired, Busy>> {
        match (&self.phase, reply) {
            (Phase::Creating, Reply::Created(epoch)) => self.claim(epoch),
            (Phase::Creating, Reply::Taken) => self.go(Phase::Finding),
            (Phase::Creating, Reply::Unknown) => {
                self.maybe_created = true;
                self.go(Phase::Finding)
            }
            (Phase::Finding, Reply::Found(None)) => self.go(Phase::Creating),
            // Whoever claims an epoch first has it, so this takes nothing from anybody.
            (Phase::Finding, Reply::Found(Some(epoch))) if self.maybe_created => self.claim(epoch),
            (Phase::Finding, Reply::Found(Some(epoch))) => self.look(epoch),
            (
                Phase::Claiming {
                    epoch,
                    sent: first,
                    attempt,
                },
                Reply::Noted | Reply::Unknown,
            ) => self.go(Phase::ReadingClaim {
                epoch: *epoch,
                sent: first.unwrap_or(sent),
                attempt: *attempt,
            }),
            (
                Phase::ReadingClaim {
                    epoch,
                    sent,
                    attempt,
                },
                Reply::Notes(notes),
            ) => self.claimed(*epoch, *sent, *attempt, &notes),
            (
                Phase::CheckingClaim {
                    epoch,
                    sent,
                    since_micros,
                    offset,
                },
                Reply::Found(found),
            ) => {
                if found == Some(*epoch) {
                    return Step::Done(Ok(Acquired {
                        epoch: *epoch,
                        since_micros: *since_micros,
                        offset: *offset,
                        sent: *sent,
                    }));
                }
                // Somebody deleted the group by hand.
                self.go(Phase::Creating)
            }
            (Phase::Looking { epoch, attempt }, Reply::Noted | Reply::Unknown) => {
                self.go(Phase::ReadingSeen {
                    epoch: *epoch,
                    attempt: *attempt,
                })
            }
            (Phase::ReadingSeen { epoch, attempt }, Reply::Notes(notes)) => {
                self.seen(*epoch, *attempt, &notes)
            }
            // When it was not deleted, the next one who creates finds that out.
            (Phase::Deleting { .. }, Reply::Deleted | Reply::Absent | Reply::Unknown) => {
                self.go(Phase::Creating)
            }
            (
                Phase::Claiming { epoch, .. }
                | Phase::ReadingClaim { epoch, .. }
                | Phase::CheckingClaim { epoch, .. },
                _,
            ) => {
                let epoch = *epoch;
                self.go(Phase::GivingUp { epoch })
            }
            (
                Phase::Creating
                | Phase::Finding
                | Phase::Looking { .. }
                | Phase::ReadingSeen { .. }
                | Phase::Deleting { .. }
                | Phase::GivingUp { .. },
                _,
            ) => Step::Failed,
        }
    }

    /// The id for the first note of the next sequence of this run: no note has or will
    /// have it. So a note that was given up and comes late is never taken for another one.
    #[must_use]
    pub fn next_id(&self) -> NoteId {
        self.next_id.wrapping_add(1)
    }
    fn go<T>(&mut self, phase: Phase) -> Step<T> {
        self.phase = phase;
        Step::Next
    }

    fn claim<T>(&mut self, epoch: Epoch) -> Step<T> {
        self.maybe_created = false;
        self.go(Phase::Claiming {
            epoch,
            sent: None,
            attempt: 1,
        })
    }

    fn look<T>(&mut self, epoch: Epoch) -> Step<T> {
        self.go(Phase::Looking { epoch, attempt: 1 })
    }

    fn claimed(
        &mut self,
        epoch: Epoch,
        sent: Duration,
        attempt: u32,
        notes: &[StoredNote],
    ) -> Step<Result<Acquired, Busy>> {
        let Some(own) = notes.iter().find(|note| note.id == self.next_id) else {
            if attempt >= NOTE_ATTEMPTS {
                return self.go(Phase::GivingUp { epoch });
            }
            return self.go(Phase::Claiming {
                epoch,
                sent: Some(sent),
                attempt: attempt + 1,
            });
        };
        let offset = own.offset;
        self.next_id = self.next_id.wrapping_add(1);
        match standing(epoch, notes) {
            Standing::Held {
                holder,
                since_micros,
                ..
            } if holder.run == self.holder.run => self.go(Phase::CheckingClaim {
                epoch,
                sent,
                since_micros,
                offset,
            }),
            Standing::Held { .. } | Standing::Unclaimed { .. } => self.look(epoch),
            Standing::Over(_) => self.go(Phase::Deleting { epoch }),
        }
    }

    fn seen(
        &mut self,
        epoch: Epoch,
        attempt: u32,
        notes: &[StoredNote],
    ) -> Step<Result<Acquired, Busy>> {
        let Some(own) = notes.iter().find(|note| note.id == self.next_id) else {
            if attempt >= NOTE_ATTEMPTS {
                return Step::Failed;
            }
            return self.go(Phase::Looking {
                epoch,
                attempt: attempt + 1,
            });
        };
        let now_micros = own.at_micros;
        self.next_id = self.next_id.wrapping_add(1);
        let standing = standing(epoch, notes);
        let until_micros = standing.until_micros().unwrap_or(now_micros);
        let (holder, since_micros) = match standing {
            Standing::Over(_) => return self.go(Phase::Deleting { epoch }),
            Standing::Held {
                holder,
                since_micros,
                ..
            } => (Some(holder), since_micros),
            Standing::Unclaimed { seen } => (None, seen.map_or(now_micros, |(at, _)| at)),
        };
        Step::Done(Err(Busy {
            epoch,
            holder,
            since_micros,
            until_micros,
            now_micros,
        }))
    }
}
