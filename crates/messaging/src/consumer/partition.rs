use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use iggy::prelude::PolledMessages;

use super::board::Dead;
use super::fetched::Fetched;
use super::in_hand::InHand;
use super::start::Position;
use super::tracker::OffsetTracker;

/// A message that is here.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) message: Fetched,
    /// How often it was handed over.
    pub(super) attempts: u32,
}

/// One that is to be handed over again.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) held: Held,
    pub(super) due: Instant,
}

/// What is here of one partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) epoch: u64,
    pub(super) tracker: OffsetTracker,
    /// Where the next poll begins.
    pub(super) position: Position,
    /// The newest offset there is, as of the last poll; none when there is none.
    head: Option<u64>,
    /// The newest offset there was at the first poll that found any.
    first_head: Option<u64>,
    /// Whether everything that was there at the first poll has come.
    pub(super) is_at_end: bool,
    pub(super) ready: VecDeque<Held>,
    /// By offset.
    pub(super) again: BTreeMap<u64, Again>,
    pub(super) in_hand: InHand,
    pub(super) dead: VecDeque<Dead>,
    /// Since when there is something to store.
    pub(super) commit_since: Option<Instant>,
    /// What we last tried to store: the server may have it.
    pub(super) tried: Option<u64>,
    /// Somebody else gets it as soon as we have stored what we have of it.
    pub(super) revoked: bool,
    handled: u64,
}

impl Partition {
    pub(super) fn new(epoch: u64, stored: Option<u64>, position: Position) -> Self {
        Self {
            epoch,
            tracker: OffsetTracker::new(stored),
            position,
            head: None,
            first_head: None,
            is_at_end: false,
            ready: VecDeque::new(),
            again: BTreeMap::new(),
            in_hand: InHand::default(),
            dead: VecDeque::new(),
            commit_since: None,
            tried: None,
            revoked: false,
            handled: 0,
        }
    }

    /// What a poll brought. How many of them are new.
    pub(super) fn accept(&mut self, polled: PolledMessages) -> usize {
        let PolledMessages {
            partition_id: _,
            current_offset,
            count: _,
            messages,
        } = polled;
        if messages.is_empty() {
            self.is_at_end = true;
            // A partition without messages has the newest offset 0, too.
            if self.position == Position::Last {
                let next = if current_offset == 0 {
                    0
                } else {
                    current_offset + 1
                };
                self.position = Position::Offset(next);
            }
            return 0;
        }
        self.head = Some(current_offset);
        let first_head = *self.first_head.get_or_insert(current_offset);
        let before = self.tracker.outstanding();
        for message in Fetched::all(messages) {
            let offset = message.header.offset;
            let is_early = match self.position {
                Position::Offset(next) => offset < next,
                Position::Timestamp(time) => message.header.timestamp < time,
                Position::Last => false,
            };
            if is_early || !self.tracker.deliver(offset) {
                continue;
            }
            self.position = Position::Offset(offset + 1);
            self.ready.push_back(Held {
                message,
                attempts: 0,
            });
        }
        if matches!(self.position, Position::Offset(next) if next > first_head) {
            self.is_at_end = true;
        }
        self.tracker.outstanding() - before
    }

    /// How many messages there are that are not done with; none before the first poll
    /// that found any.
    pub(super) fn lag(&self) -> Option<u64> {
        let head = self.head?;
        let next = match (self.tracker.first_outstanding(), self.position) {
            (Some(first), _) => first,
            (None, Position::Offset(next)) => next,
            (None, Position::Last | Position::Timestamp(_)) => return None,
        };
        Some((head + 1).saturating_sub(next))
    }

    /// A message is done with; well, or not. False when it was before.
    pub(super) fn finish(&mut self, offset: u64, well: bool) -> bool {
        let was_outstanding = self.tracker.finish(offset);
        if was_outstanding && well {
            self.handled += 1;
        }
        was_outstanding
    }

    /// How many were handled since this was asked last.
    pub(super) fn take_handled(&mut self) -> u64 {
        std::mem::take(&mut self.handled)
    }

    /// Whether nothing of it is left to do.
    pub(super) fn is_settled(&self) -> bool {
        self.tracker.outstanding() == 0 && self.tracker.committable().is_none()
    }

    pub(super) fn has_next(&self, now: impl FnOnce() -> Instant, keeps_order: bool) -> bool {
        let Some((_, first)) = self.again.first_key_value() else {
            return !self.ready.is_empty();
        };
        if keeps_order {
            return first.due <= now();
        }
        if !self.ready.is_empty() {
            return true;
        }
        let now = now();
        self.again.values().any(|again| again.due <= now)
    }

    /// The next one to hand over.
    pub(super) fn next(
        &mut self,
        now: impl FnOnce() -> Instant,
        keeps_order: bool,
    ) -> Option<Held> {
        if self.again.is_empty() {
            return self.ready.pop_front();
        }
        let now = now();
        let due = self
            .again
            .iter()
            .find(|(_, again)| again.due <= now)
            .map(|(offset, _)| *offset);
        let first = self.again.keys().next().copied();
        match (due, first) {
            (Some(due), first) if !keeps_order || Some(due) == first => {
                self.again.remove(&due).map(|again| again.held)
            }
            (_, Some(_)) if keeps_order => None,
            _ => self.ready.pop_front(),
        }
    }
}
