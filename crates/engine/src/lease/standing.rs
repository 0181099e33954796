use super::Epoch;
use super::note::{Holder, LONGEST, Note, StoredNote};

/// How an epoch stands, as its notes say. Everybody who reads them gets the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has said that it is theirs: who created it is about to, or never will.
    Unclaimed {
        /// When somebody else saw that first, by the server's clock, and for how long they
        /// are patient, both in microseconds.
        seen: Option<(u64, u64)>,
    },
    /// It is somebody's.
    Held {
        /// Whose.
        holder: Holder,
        /// Since when, in microseconds by the server's clock.
        since_micros: u64,
        /// When it was renewed last.
        renewed_micros: u64,
    },
    /// It is nobody's and never will be again; its group can be deleted.
    Over(Over),
}

/// Why an epoch is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// Its owner released it.
    Released,
    /// Its owner did not renew it in time, and somebody noted that they saw that.
    Expired {
        /// The owner.
        holder: Holder,
        /// When it was renewed last, in microseconds by the server's clock.
        renewed_micros: u64,
    },
    /// Nobody said that it is theirs for as long as the first one who saw that is patient.
    Abandoned,
    /// A person ended it.
    Broken {
        /// Who, in words.
        by: String,
    },
}

impl Standing {
    /// When it ends if nothing more is noted, in microseconds by the server's clock. `None`
    /// when it is over, or nobody waits for it yet.
    #[must_use]
    pub fn until_micros(&self) -> Option<u64> {
        match self {
            Self::Unclaimed { seen } => seen.map(|(at, patience)| at.saturating_add(patience)),
            Self::Held {
                holder,
                renewed_micros,
                ..
            } => Some(renewed_micros.saturating_add(micros(holder.duration()))),
            Self::Over(_) => None,
        }
    }

    fn after(self, at_micros: u64, note: &Note) -> Self {
        let is_late = self.until_micros().is_some_and(|until| at_micros > until);
        match (self, note) {
            (Self::Over(over), _) => Self::Over(over),
            (_, Note::Broken { epoch: _, by }) => Self::Over(Over::Broken { by: by.clone() }),
            (
                Self::Unclaimed { .. },
                Note::Held {
                    epoch: _,
                    holder,
                    since_micros,
                },
            ) => Self::Held {
                holder: holder.clone(),
                since_micros: since_micros.unwrap_or(at_micros),
                renewed_micros: at_micros,
            },
            (
                Self::Unclaimed { seen: None },
                Note::Seen {
                    epoch: _,
                    patience_millis,
                },
            ) => {
                let patience = patience_millis.saturating_mul(1000).min(micros(LONGEST));
                Self::Unclaimed {
                    seen: Some((at_micros, patience)),
                }
            }
            (Self::Unclaimed { .. }, Note::Seen { .. }) if is_late => Self::Over(Over::Abandoned),
            (unclaimed @ Self::Unclaimed { .. }, Note::Seen { .. } | Note::Released { .. }) => {
                unclaimed
            }
            (
                Self::Held {
                    holder,
                    since_micros,
                    renewed_micros,
                },
                note,
            ) => match note {
                // Also when it comes late: it counts as long as nobody saw that.
                Note::Held { holder: same, .. } if same.run == holder.run => Self::Held {
                    // The duration of the latest one counts: its owner goes by that.
                    holder: same.clone(),
                    since_micros,
                    renewed_micros: renewed_micros.max(at_micros),
                },
                Note::Seen { .. } if is_late => Self::Over(Over::Expired {
                    holder,
                    renewed_micros,
                }),
                Note::Released { epoch: _, run } if *run == holder.run => {
                    Self::Over(Over::Released)
                }
                _ => Self::Held {
                    holder,
                    since_micros,
                    renewed_micros,
                },
            },
        }
    }
}

/// How an epoch stands after these notes, which are in their order and may be about others,
/// too.
#[must_use]
pub fn standing(epoch: Epoch, notes: &[StoredNote]) -> Standing {
    let own = notes.iter().filter(|stored| stored.note.epoch() == epoch);
    own.fold(Standing::Unclaimed { seen: None }, |standing, stored| {
        standing.after(stored.at_micros, &stored.note)
    })
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
