//! What a consumer holds, and in which state each message is. Without IO and clock.
//!
//! ```text
//!  poll ──▶ ready ──take──▶ in hand ──ack──▶ done ──▶ offset stored
//!                 ▲            │nack
//!                 └── again ◀──┴──────▶ dead ──stored elsewhere──▶ done
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use iggy::prelude::PolledMessages;

use super::batch_limit::BatchLimit;
use super::fetched::Fetched;
use super::partition::{Again, Held, Partition};
use super::policy::{Commit, RedeliveryPolicy};
use super::start::Position;

/// Which delivery of which message. Those of a partition that was lost meanwhile count
/// for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) partition: u32,
    pub(crate) epoch: u64,
    pub(crate) offset: u64,
}

/// A message on its way to the caller.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) ticket: Ticket,
    /// From 1.
    pub(super) attempt: u32,
    pub(super) message: Fetched,
}

/// How a delivery ended.
#[derive(Debug)]
pub(crate) enum Answer {
    Ack,
    /// It could not be handled, for this reason.
    Nack(String),
    /// It never can be.
    Reject(String),
    /// Nobody said.
    Dropped,
}

/// A message that is given up.
#[derive(Debug, Clone)]
pub(super) struct Dead {
    pub(super) ticket: Ticket,
    pub(super) message: Fetched,
    pub(super) attempts: u32,
    pub(super) error: String,
}

/// What an answer leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Consequence {
    /// The worker has something to do.
    pub(super) wakes_worker: bool,
    /// The caller may go on at once.
    pub(super) wakes_caller: bool,
    /// The message is handed over again after this.
    pub(super) again: Option<Redelivery>,
}

/// For whoever watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redelivery {
    pub(crate) attempts: u32,
    pub(crate) pause: Duration,
    pub(crate) error: String,
}

#[derive(Debug)]
pub(super) struct Board {
    partitions: BTreeMap<u32, Partition>,
    commit: Commit,
    policy: RedeliveryPolicy,
    limit: BatchLimit,
    /// How many messages are here that are not done with: of all partitions together,
    /// since it is asked for with each message.
    held: usize,
    /// Whose turn it is.
    cursor: u32,
    epochs: u64,
    /// With [`Commit::Handled`], what was handed over last.
    last: Option<Ticket>,
}

impl Board {
    pub(super) fn new(commit: Commit, policy: RedeliveryPolicy, limit: BatchLimit) -> Self {
        Self {
            partitions: BTreeMap::new(),
            commit,
            policy,
            limit,
            held: 0,
            cursor: 0,
            epochs: 0,
            last: None,
        }
    }

    /// A partition is ours from now on. Whatever was here of it counts for nothing.
    pub(super) fn gain(&mut self, partition: u32, stored: Option<u64>, position: Position) {
        self.epochs += 1;
        let new = Partition::new(self.epochs, stored, position);
        let former = self.partitions.insert(partition, new);
        self.forget(former.as_ref());
    }

    /// A partition is not ours any more.
    pub(super) fn lose(&mut self, partition: u32) {
        let former = self.partitions.remove(&partition);
        self.forget(former.as_ref());
    }

    fn forget(&mut self, former: Option<&Partition>) {
        self.held -= former.map_or(0, |its| its.tracker.outstanding());
    }

    pub(super) fn get(&self, partition: u32) -> Option<&Partition> {
        self.partitions.get(&partition)
    }

    pub(super) fn get_mut(&mut self, partition: u32) -> Option<&mut Partition> {
        self.partitions.get_mut(&partition)
    }

    /// What a poll brought: how many of them are new, and how many messages there are
    /// that are not done with.
    pub(super) fn accept(
        &mut self,
        partition: u32,
        polled: PolledMessages,
    ) -> (usize, Option<u64>) {
        self.limit.learn(&polled.messages);
        match self.partitions.get_mut(&partition) {
            Some(its) => {
                let new = its.accept(polled);
                self.held += new;
                (new, its.lag())
            }
            None => (0, None),
        }
    }

    pub(super) fn ids(&self) -> Vec<u32> {
        self.partitions.keys().copied().collect()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Partition)> {
        self.partitions.iter_mut().map(|(id, it)| (*id, it))
    }

    /// Whether offsets are ours to store.
    pub(super) fn stores(&self) -> bool {
        match self.commit {
            Commit::Manual | Commit::Handled | Commit::Delivered => true,
            Commit::Polled | Commit::Never => false,
        }
    }

    fn room(&self) -> usize {
        self.limit.messages().saturating_sub(self.held)
    }

    /// How many to ask for: one half of what there may be, also when there is room for
    /// all of it. While the caller works on that, the other half comes.
    pub(super) fn portion(&self) -> usize {
        self.room().min(self.limit.messages().div_ceil(2))
    }

    /// Whether asking for more is worth a request.
    pub(super) fn wants_more(&self) -> bool {
        self.room() >= (self.limit.messages() / 2).max(1)
    }

    /// How many the caller has in hand.
    pub(super) fn in_hand(&self) -> usize {
        self.partitions.values().map(|it| it.in_hand.len()).sum()
    }

    /// The caller asks for the next message.
    pub(super) fn ask(&mut self, now: impl FnOnce() -> Instant) -> Consequence {
        match self.last.take() {
            Some(last) => self.answer(last, Answer::Ack, now),
            None => Consequence::default(),
        }
    }

    /// The next message to hand over. The clock is asked only where messages wait to
    /// come again.
    pub(super) fn take(&mut self, now: impl Fn() -> Instant) -> Option<Handed> {
        let keeps_order = self.policy.keeps_order;
        let has_next = |partition: &Partition| partition.has_next(&now, keeps_order);
        let id = match self.partitions.get(&self.cursor).is_some_and(has_next) {
            true => self.cursor,
            false => {
                let later = self.partitions.range(self.cursor..);
                let mut all = later.chain(self.partitions.range(..self.cursor));
                *all.find(|(_, partition)| has_next(partition))?.0
            }
        };
        let partition = self.partitions.get_mut(&id)?;
        let held = partition.next(now, keeps_order)?;
        // A partition keeps its turn as long as it has messages at hand.
        self.cursor = id;
        let ticket = Ticket {
            partition: id,
            epoch: partition.epoch,
            offset: held.message.header.offset,
        };
        let attempt = held.attempts + 1;
        let handed = Handed {
            ticket,
            attempt,
            message: held.message.clone(),
        };
        match self.commit {
            Commit::Manual | Commit::Handled => {
                let held = Held {
                    attempts: attempt,
                    ..held
                };
                partition.in_hand.insert(ticket.offset, held);
                if self.commit == Commit::Handled {
                    self.last = Some(ticket);
                }
            }
            Commit::Delivered | Commit::Polled | Commit::Never => {
                self.held -= usize::from(partition.finish(ticket.offset, true));
            }
        }
        Some(handed)
    }

    /// Whether the worker should hear of a change in a partition.
    fn concerns_worker(&self, partition: u32) -> bool {
        let wants_more = self.wants_more();
        self.partitions.get(&partition).is_some_and(|it| {
            wants_more
                || it.tracker.outstanding() == 0
                || it.revoked
                || !it.dead.is_empty()
                || it.commit_since.is_none()
        })
    }

    /// After something was handed over: that alone changes nothing where it is to be
    /// answered.
    pub(super) fn needs_worker(&self, ticket: Ticket) -> bool {
        match self.commit {
            Commit::Manual | Commit::Handled => false,
            Commit::Delivered | Commit::Polled | Commit::Never => {
                self.concerns_worker(ticket.partition)
            }
        }
    }

    /// A delivery ended.
    pub(super) fn answer(
        &mut self,
        ticket: Ticket,
        answer: Answer,
        now: impl FnOnce() -> Instant,
    ) -> Consequence {
        if self.commit == Commit::Handled && matches!(answer, Answer::Dropped) {
            return Consequence::default();
        }
        if self.last == Some(ticket) {
            self.last = None;
        }
        let policy = self.policy;
        let Some(partition) = self
            .partitions
            .get_mut(&ticket.partition)
            .filter(|partition| partition.epoch == ticket.epoch)
        else {
            return Consequence::default();
        };
        let Some(held) = partition.in_hand.remove(ticket.offset) else {
            return Consequence::default();
        };
        let mut again = None;
        match answer {
            Answer::Ack => self.held -= usize::from(partition.finish(ticket.offset, true)),
            Answer::Reject(error) => partition.dead.push_back(dead(ticket, held, error)),
            Answer::Nack(error) if held.attempts >= policy.max_attempts => {
                partition.dead.push_back(dead(ticket, held, error));
            }
            Answer::Dropped if held.attempts >= policy.max_attempts => {
                partition
                    .dead
                    .push_back(dead(ticket, held, DROPPED.to_owned()));
            }
            Answer::Nack(_) | Answer::Dropped => {
                let error = match answer {
                    Answer::Nack(error) => error,
                    _ => DROPPED.to_owned(),
                };
                let pause = policy.pause(held.attempts);
                again = Some(Redelivery {
                    attempts: held.attempts,
                    pause,
                    error,
                });
                let due = now() + pause;
                partition.again.insert(ticket.offset, Again { held, due });
            }
        }
        // A message that is not waited for any more may let others go.
        let wakes_caller = policy.keeps_order && again.is_none() && !partition.again.is_empty();
        Consequence {
            wakes_worker: self.concerns_worker(ticket.partition),
            wakes_caller,
            again,
        }
    }

    /// A message that could not even be opened.
    pub(super) fn reject(&mut self, handed: Handed, error: String) {
        let Handed {
            ticket,
            attempt,
            message,
        } = handed;
        if self.last == Some(ticket) {
            self.last = None;
        }
        let Some(partition) = self
            .partitions
            .get_mut(&ticket.partition)
            .filter(|partition| partition.epoch == ticket.epoch)
        else {
            return;
        };
        partition.in_hand.remove(ticket.offset);
        let held = Held {
            message,
            attempts: attempt,
        };
        partition.dead.push_back(dead(ticket, held, error));
    }

    /// A message to put aside; stays here until [`buried`](Self::buried).
    pub(super) fn dead(&self) -> Option<Dead> {
        self.partitions
            .values()
            .find_map(|partition| partition.dead.front())
            .cloned()
    }

    /// It is put aside.
    pub(super) fn buried(&mut self, ticket: Ticket) {
        if let Some(partition) = self
            .partitions
            .get_mut(&ticket.partition)
            .filter(|partition| partition.epoch == ticket.epoch)
        {
            partition
                .dead
                .retain(|dead| dead.ticket.offset != ticket.offset);
            self.held -= usize::from(partition.finish(ticket.offset, false));
        }
    }

    /// Nothing more is handed over: what the caller does not have goes back.
    pub(super) fn put_back(&mut self) {
        for partition in self.partitions.values_mut() {
            partition.ready = VecDeque::new();
            partition.again = BTreeMap::new();
        }
    }
}

const DROPPED: &str = "it was dropped without an answer";

fn dead(ticket: Ticket, held: Held, error: String) -> Dead {
    Dead {
        ticket,
        message: held.message,
        attempts: held.attempts,
        error,
    }
}
