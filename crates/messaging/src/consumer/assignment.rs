//! Which partitions are a consumer's.

use std::time::{Duration, Instant};

use super::board::Board;
use super::requests::{Failure, Membership, Requests};
use super::shared::Shared;
use super::start::{Position, Start};
use crate::connection::Session;

/// What a consumer reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// One partition.
    Partition(u32),
    /// All there are.
    All,
    /// Those that the server gives to a member of a group.
    Group { name: String, creates: bool },
}

pub(super) struct Assignment {
    source: Source,
    start: Start,
    /// None when it is not known: before the first time, and in a group after each new
    /// session.
    partitions: Option<Vec<u32>>,
    generation: u64,
    looked: Instant,
    is_doubtful: bool,
    /// Whether there was no topic when we came.
    was_missing: bool,
}

/// What is ours.
struct Found {
    partitions: Vec<u32>,
    /// Whether others may have had it meanwhile.
    is_new_member: bool,
}

/// How often a member asks what is its own, while nothing says that it changed. One
/// that gets more is not told otherwise.
const MEMBER_LOOKS: Duration = Duration::from_millis(500);
/// The same for one that has nothing.
const IDLE_MEMBER_LOOKS: Duration = Duration::from_millis(100);
/// How often a plain consumer of all partitions asks how many there are.
const READER_LOOKS: Duration = Duration::from_secs(10);

impl Assignment {
    pub(super) fn new(source: Source, start: Start) -> Self {
        Self {
            source,
            start,
            partitions: None,
            generation: 0,
            looked: Instant::now(),
            is_doubtful: false,
            was_missing: false,
        }
    }

    pub(super) fn is_group(&self) -> bool {
        matches!(self.source, Source::Group { .. })
    }

    /// Those that may be polled.
    pub(super) fn partitions(&self) -> &[u32] {
        self.partitions.as_deref().unwrap_or_default()
    }

    /// The server says something else than we think.
    pub(super) fn doubt(&mut self) {
        self.is_doubtful = true;
    }

    pub(super) fn look_again_at(&self) -> Instant {
        if self.is_doubtful || self.partitions.is_none() {
            return self.looked;
        }
        self.looked
            + match self.source {
                Source::Partition(_) | Source::All => READER_LOOKS,
                Source::Group { .. } if self.partitions().is_empty() => IDLE_MEMBER_LOOKS,
                Source::Group { .. } => MEMBER_LOOKS,
            }
    }

    /// Asks, when it is time to.
    pub(super) async fn find(
        &mut self,
        requests: &Requests,
        session: &Session,
        shared: &Shared,
    ) -> Result<(), Failure> {
        let is_new_session = self.generation != session.generation();
        // Membership is that of a session; what plain consumers read is not.
        if is_new_session && self.is_group() {
            self.partitions = None;
        }
        self.generation = session.generation();
        if self.partitions.is_some() && Instant::now() < self.look_again_at() {
            return Ok(());
        }
        let Found {
            partitions: found,
            is_new_member,
        } = match self.ask(requests, session).await {
            Ok(found) => found,
            Err(Failure::NotThere) => {
                self.was_missing = true;
                self.partitions = None;
                shared.board(|board| {
                    for partition in board.ids() {
                        board.lose(partition);
                    }
                });
                return Err(Failure::NotThere);
            }
            Err(failure) => return Err(failure),
        };
        // The SDK repeats a poll whose connection is lost on a new one by itself, so
        // membership may have ended within one session of ours.
        let is_first = self.partitions.is_none() || is_new_member;
        for partition in &found {
            self.keep_or_gain(*partition, is_first, requests, session, shared)
                .await?;
        }
        for partition in shared.board(|board| board.ids()) {
            if !found.contains(&partition) {
                self.let_go(partition, requests, session, shared).await?;
            }
        }
        if self.partitions.as_ref() != Some(&found) {
            tracing::debug!(partitions = ?found, "partitions are assigned");
        }
        self.partitions = Some(found);
        self.looked = Instant::now();
        self.is_doubtful = false;
        Ok(())
    }

    async fn ask(&self, requests: &Requests, session: &Session) -> Result<Found, Failure> {
        let read = |partitions| Found {
            partitions,
            is_new_member: false,
        };
        match &self.source {
            Source::Partition(partition) => Ok(read(vec![*partition])),
            Source::All => Ok(read((0..requests.partitions(session).await?).collect())),
            Source::Group { name, creates } => {
                if self.partitions.is_some()
                    && let Membership::Member(partitions) = requests.sync(session).await?
                {
                    return Ok(read(partitions));
                }
                // Not yet, or not any more: it was silent for too long, or the group
                // was made anew.
                requests.join(session, name, *creates).await?;
                match requests.sync(session).await? {
                    Membership::Member(partitions) => Ok(Found {
                        partitions,
                        is_new_member: true,
                    }),
                    Membership::Stranger => {
                        Err(Failure::MayPass("no member of the group yet".to_owned()))
                    }
                }
            }
        }
    }

    /// A partition that is ours. What is here of it stays, unless somebody else had it
    /// meanwhile, which shows in what is stored.
    async fn keep_or_gain(
        &self,
        partition: u32,
        is_first: bool,
        requests: &Requests,
        session: &Session,
        shared: &Shared,
    ) -> Result<(), Failure> {
        let is_known = shared.board(|board| {
            board
                .get(partition)
                .is_some_and(|its| !is_first && !its.revoked)
        });
        if is_known {
            return Ok(());
        }
        let stored = requests.stored(session, partition).await?;
        let position = self.position(stored);
        shared.board(|board| {
            if !keep(board, partition, stored) {
                board.gain(partition, stored, position);
            }
        });
        Ok(())
    }

    fn position(&self, stored: Option<u64>) -> Position {
        let start = match self.start {
            // Everything came after us.
            Start::Last if self.was_missing => Start::First,
            start => start,
        };
        start.position(stored, self.is_group())
    }

    /// A partition that is not ours to poll. Of a group's, what is here may be ours to
    /// finish: the next member gets it when that is stored, or after 30 s (the server's
    /// `consumer_group.rebalancing_timeout`).
    async fn let_go(
        &self,
        partition: u32,
        requests: &Requests,
        session: &Session,
        shared: &Shared,
    ) -> Result<(), Failure> {
        let stored = shared.board(|board| {
            let is_group = self.is_group();
            let stores = board.stores();
            let its = board.get_mut(partition)?;
            if !is_group || !stores || its.is_settled() {
                board.lose(partition);
                return None;
            }
            let is_news = !std::mem::replace(&mut its.revoked, true);
            // With something to store, that shows whether it is ours.
            let says_nothing = its.tracker.committable().is_some();
            its.tracker
                .last_stored()
                .filter(|_| is_news && !says_nothing)
        });
        // The same offset again changes nothing, and is refused when it is not ours.
        let Some(offset) = stored else { return Ok(()) };
        match requests.store(session, partition, offset).await {
            Ok(()) => Ok(()),
            Err(Failure::NotThere) => {
                shared.board(|board| board.lose(partition));
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// So that others get its partitions at once.
    pub(super) async fn leave(&mut self, requests: &Requests, session: &Session) {
        let is_member =
            self.is_group() && self.partitions.is_some() && self.generation == session.generation();
        self.partitions = None;
        if !is_member {
            return;
        }
        if let Err(failure) = requests.leave(session).await {
            tracing::debug!(?failure, "the group was not left");
        }
    }
}

/// Whether what is here goes on; then it does.
fn keep(board: &mut Board, partition: u32, stored: Option<u64>) -> bool {
    let Some(its) = board.get_mut(partition) else {
        return false;
    };
    let is_ours = its.tracker.last_stored() == stored || (stored.is_some() && its.tried == stored);
    if is_ours {
        its.revoked = false;
        if let Some(stored) = stored {
            its.tracker.stored(stored);
        }
    }
    is_ours
}
