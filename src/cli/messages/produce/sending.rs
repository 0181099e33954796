//! Sending what is read, at its pace, until it has ended.

use std::time::Instant;

use bytes::Bytes;
use iggyctl_messaging::{Headers, Outgoing, Producer};

use super::input::{Draft, Intake, Reader, Source};
use super::state::Kept;
use super::tally::Tally;
use crate::cli::Process;
use crate::cli::messages::connection::MessageSession;
use crate::cli::messages::pace::Pace;
use crate::cli::stop::Stop;
use crate::command_error::CommandError;
use crate::terminal::Counter;

/// Why no more is sent.
pub(super) enum End {
    /// That was all.
    Complete,
    /// A person or a supervisor said so.
    Stopped,
    /// The input.
    Input(CommandError),
    /// A message failed.
    Failed,
}

/// A run.
pub(super) struct Sending {
    pub(super) producer: Producer<Bytes>,
    pub(super) headers: Headers,
    pub(super) pace: Option<Pace>,
    pub(super) stop: Stop,
    pub(super) tally: Tally,
    pub(super) started: Instant,
    /// How many were given to the producer.
    pub(super) taken: u64,
    pub(super) limit: Option<u64>,
    pub(super) kept: Option<Kept>,
    pub(super) empty_lines: u64,
    pub(super) counter: Counter,
}

impl Sending {
    /// Sends what is read, until there is no more, or no more is to be sent.
    pub(super) async fn feed(&mut self, reader: Reader, sources: Vec<Source>) -> End {
        if self.limit == Some(0) {
            return End::Complete;
        }
        let mut input = reader.start(sources);
        loop {
            let intake = tokio::select! {
                biased;
                () = self.stop.requested() => return End::Stopped,
                intake = input.recv() => intake,
                () = self.tally.settle_next() => {
                    self.counter.set(self.tally.confirmed());
                    if self.tally.error.is_some() {
                        return End::Failed;
                    }
                    if let Err(error) = self.keep(false) {
                        return End::Input(error);
                    }
                    continue;
                }
            };
            let drafts = match intake {
                None => return self.input_ended(),
                Some(Err(error)) => return End::Input(error),
                Some(Ok(Intake::EmptyLine)) => {
                    self.empty_lines += 1;
                    continue;
                }
                Some(Ok(Intake::Drafts(drafts))) => match self.not_sent(drafts) {
                    Ok(drafts) => drafts,
                    Err(error) => return End::Input(error),
                },
            };
            if let Some(end) = self.give(drafts).await {
                return end;
            }
        }
    }

    /// Without those that former runs sent.
    fn not_sent(&mut self, drafts: Vec<Draft>) -> Result<Vec<Draft>, CommandError> {
        match &mut self.kept {
            Some(kept) => kept.not_sent(drafts),
            None => Ok(drafts),
        }
    }

    fn input_ended(&self) -> End {
        match self.kept.as_ref().map_or(Ok(()), Kept::input_ended) {
            Ok(()) => End::Complete,
            Err(error) => End::Input(error),
        }
    }

    /// Notes what is confirmed, where that is wanted.
    fn keep(&mut self, at_once: bool) -> Result<(), CommandError> {
        match &mut self.kept {
            Some(kept) => kept.confirmed(self.tally.unbroken(), at_once),
            None => Ok(()),
        }
    }

    /// Gives messages to the producer, as fast as they may go.
    async fn give(&mut self, drafts: Vec<Draft>) -> Option<End> {
        let mut drafts = drafts;
        while !drafts.is_empty() {
            let mut now = drafts.len();
            if let Some(limit) = self.limit {
                now = now.min(usize::try_from(limit - self.taken).unwrap_or(usize::MAX));
            }
            if let Some(pace) = self.pace {
                let due = tokio::time::Instant::from_std(self.started + pace.due(self.taken));
                tokio::select! {
                    biased;
                    () = self.stop.requested() => return Some(End::Stopped),
                    () = tokio::time::sleep_until(due) => {}
                }
                let allowed = pace.allowed(self.started.elapsed()).max(self.taken + 1);
                now = now.min(usize::try_from(allowed - self.taken).unwrap_or(usize::MAX));
            }
            let rest = drafts.split_off(now);
            if let Some(end) = self.send(std::mem::replace(&mut drafts, rest)).await {
                return Some(end);
            }
            if self.limit == Some(self.taken) {
                return Some(End::Complete);
            }
        }
        None
    }

    async fn send(&mut self, drafts: Vec<Draft>) -> Option<End> {
        let sizes: Vec<usize> = drafts.iter().map(|draft| draft.payload.len()).collect();
        self.taken += u64::try_from(drafts.len()).unwrap_or(u64::MAX);
        if let Some(kept) = &mut self.kept {
            kept.sending(&drafts);
        }
        let messages = drafts.into_iter().map(|draft| {
            let Draft { key, payload } = draft;
            let message = Outgoing::new(payload).headers(self.headers.clone());
            match key {
                Some(key) => message.key(key),
                None => message,
            }
        });
        // Waits while the buffer is full.
        let taken = tokio::select! {
            biased;
            taken = self.producer.enqueue_all(messages) => taken,
            () = self.stop.insisted() => return Some(End::Stopped),
        };
        match taken {
            Ok(deliveries) => self.tally.add(sizes.into_iter().zip(deliveries)),
            Err(error) => {
                self.tally.error.get_or_insert(error);
                return Some(End::Failed);
            }
        }
        self.tally.settle_ready();
        self.counter.set(self.tally.confirmed());
        if let Err(error) = self.keep(false) {
            return Some(End::Input(error));
        }
        self.tally.error.is_some().then_some(End::Failed)
    }

    /// Waits until everything that was given to the producer has ended.
    pub(super) async fn finish(
        &mut self,
        process: &Process,
        session: &MessageSession,
        end: End,
    ) -> End {
        match &end {
            End::Stopped => self.counter.message(
                process.terminal,
                "Interrupted: no more is read, and what was read is sent. Once more ends at once.",
            ),
            End::Complete | End::Input(_) | End::Failed => {}
        }
        let Self {
            producer,
            tally,
            counter,
            kept,
            ..
        } = self;
        let settled = async {
            let settle = tally.settle_all(|tally| {
                counter.set(tally.confirmed());
                // What is wrong with the file is said at the end.
                if let Some(kept) = kept {
                    let _ = kept.confirmed(tally.unbroken(), false);
                }
            });
            if matches!(end, End::Failed) {
                // What follows a failure is not to be tried for as long as that was.
                tokio::join!(session.connection.shutdown(), settle);
            } else {
                // Nothing waits for others to go with any more.
                tokio::join!(producer.flush(), settle);
            }
        };
        tokio::select! {
            biased;
            () = settled => {}
            () = session.stop.insisted() => {}
        }
        match (end, self.keep(true)) {
            (End::Complete, _) if self.tally.error.is_some() => End::Failed,
            (End::Complete, Err(error)) => End::Input(error),
            (end, _) => end,
        }
    }
}
