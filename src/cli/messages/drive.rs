//! Running a replay: at its pace, until it is done or told to end.

use std::time::Instant;

use iggyctl_messaging::MessagingError;
use iggyctl_messaging::replay::{Progress, Replay};

use super::super::Process;
use super::connection::MessageSession;
use super::pace::Pace;
use crate::command_error::CommandError;
use crate::measurement::Measurement;
use crate::terminal::Counter;

/// What those are that [`gone`] counts.
pub(super) const GONE: &str =
    "not sent: removed by retention or a purge between the start and when they were to be read";

/// How many messages were there at the start and could not be read any more: what was
/// passed of so many offsets and was no message. Within what a partition has, a server
/// leaves out none.
pub(super) fn gone(offsets: u64, progress: &Progress) -> u64 {
    let passed = offsets.saturating_sub(progress.left());
    passed.saturating_sub(progress.read)
}

/// A run.
pub(super) struct Drive {
    pub(super) replay: Replay,
    pub(super) progress: Progress,
    pub(super) pace: Option<Pace>,
    /// How many messages go together at most.
    pub(super) batch_size: u32,
    /// How many are sent at most, in this run.
    pub(super) limit: Option<u64>,
    pub(super) measurement: Measurement,
}

/// Why a run ended.
pub(super) enum End {
    /// There is no more, or as many were sent as were wanted.
    Complete,
    /// A person or a supervisor said so.
    Stopped,
    /// The server, or what keeps the progress.
    Failed(CommandError),
}

impl Drive {
    /// Runs it. `keep` is told the progress after each batch, with the partition that it
    /// was of.
    pub(super) async fn run(
        &mut self,
        process: &Process,
        session: &MessageSession,
        mut keep: impl AsyncFnMut(&Progress, u32) -> Result<(), CommandError>,
    ) -> End {
        let counter = Counter::start(process.terminal, Some(self.progress.left()), true);
        let total = self.progress.left();
        let end = loop {
            counter.set(total - self.progress.left());
            if self.limit.is_some_and(|limit| self.sent() >= limit) {
                break End::Complete;
            }
            let messages = tokio::select! {
                biased;
                () = session.stop.requested() => break End::Stopped,
                messages = self.turn() => messages,
            };
            // A batch that is on its way is waited for, unless it is insisted.
            let stepped = tokio::select! {
                biased;
                stepped = self.replay.step(&mut self.progress, messages) => stepped,
                () = session.stop.insisted() => break End::Stopped,
            };
            let partition = self.progress.last;
            let more = match stepped {
                Ok(Some(step)) => {
                    for bytes in &step.sent {
                        self.measurement.count(*bytes);
                    }
                    if !step.sent.is_empty() {
                        self.measurement.took(step.latency);
                    }
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(error) => Err(error),
            };
            // Also after an error: some of a batch may be done.
            if let Some(partition) = partition
                && let Err(error) = keep(&self.progress, partition).await
            {
                break End::Failed(error);
            }
            match more {
                Ok(true) => {}
                Ok(false) => break End::Complete,
                Err(error) => break End::Failed(failed(session, &error)),
            }
        };
        counter.finish();
        end
    }

    fn sent(&self) -> u64 {
        self.measurement.messages()
    }

    /// Waits until something may be sent; how many messages.
    async fn turn(&self) -> u32 {
        let sent = self.sent();
        let mut most = u64::from(self.batch_size);
        if let Some(limit) = self.limit {
            most = most.min(limit.saturating_sub(sent));
        }
        if let Some(pace) = self.pace {
            let started = self.measurement.started();
            let due = tokio::time::Instant::from_std(started + pace.due(sent));
            tokio::time::sleep_until(due).await;
            let elapsed = Instant::now().duration_since(started);
            most = most.min(pace.allowed(elapsed).saturating_sub(sent));
        }
        u32::try_from(most).unwrap_or(u32::MAX).max(1)
    }
}

fn failed(session: &MessageSession, error: &MessagingError) -> CommandError {
    session.reasons.of(error)
}
