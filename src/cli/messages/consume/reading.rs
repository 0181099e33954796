//! Reading, printing, and acknowledging what was printed.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use iggyctl_messaging::{Acknowledgement, Consumer, Message, MessagingError};

use super::ConsumeArguments;
use crate::cli::messages::connection::MessageSession;
use crate::cli::messages::shape::Shape;
use crate::cli::messages::writer::{Writer, Written};
use crate::cli::output::json_failed;
use crate::cli::stop::Stop;
use crate::command_error::CommandError;
use crate::measurement::Measurement;
use crate::terminal::Counter;

/// Why no more is read.
pub(super) enum End {
    /// That was all that was there.
    Complete,
    /// As many as were wanted.
    Enough,
    /// A person or a supervisor said so.
    Stopped,
    /// Nobody reads what is printed.
    NobodyReads,
    /// Something is wrong.
    Failed(CommandError),
}

/// A run.
pub(super) struct Reading {
    pub(super) consumer: Consumer<Bytes>,
    pub(super) shape: Shape,
    pub(super) is_terminal: bool,
    pub(super) limit: Option<u64>,
    pub(super) stop: Stop,
    pub(super) writer: Writer,
    /// What is to be written.
    pub(super) page: Vec<u8>,
    /// What is in it: bytes of the payload, and the answer to give when it is written.
    pub(super) held: Vec<(usize, Acknowledgement)>,
    /// How many were taken in all.
    pub(super) taken: u64,
    pub(super) written: Measurement,
    pub(super) counter: Counter,
}

/// As much is written at once.
const PAGE_BYTES: usize = 64 * 1024;

/// A write that goes on when we are to end is waited for this long: nobody may read.
const FOR_WRITING: Duration = Duration::from_secs(1);

impl Reading {
    pub(super) async fn read(
        &mut self,
        session: &MessageSession,
        arguments: &ConsumeArguments,
    ) -> End {
        let end = loop {
            if self.limit == Some(self.taken) {
                break End::Enough;
            }
            if self.stop.is_requested() {
                break End::Stopped;
            }
            let next = match self.consumer.next().now_or_never() {
                Some(next) => next,
                // Nobody waits for a line because there is no other one.
                None => {
                    if let Err(end) = self.write().await {
                        return end;
                    }
                    let stop = self.stop.clone();
                    tokio::select! {
                        biased;
                        () = stop.requested() => break End::Stopped,
                        next = self.consumer.next() => next,
                    }
                }
            };
            match next {
                None => break End::Complete,
                Some(Err(error)) => break End::Failed(failed(session, arguments, &error)),
                Some(Ok(message)) => {
                    if let Err(end) = self.take(message).await {
                        return end;
                    }
                }
            }
        };
        match self.write().await {
            Ok(()) => end,
            Err(end) => end,
        }
    }

    async fn take(&mut self, message: Message<Bytes>) -> Result<(), End> {
        self.taken += 1;
        self.shape
            .add(&message, self.is_terminal, &mut self.page)
            .map_err(|error| End::Failed(json_failed(error)))?;
        let (payload, acknowledgement) = message.into_parts();
        self.held.push((payload.len(), acknowledgement));
        if self.page.len() >= PAGE_BYTES {
            self.write().await?;
        }
        Ok(())
    }

    /// Writes what is to be written, and acknowledges what is in it. What could not be
    /// written is not acknowledged.
    async fn write(&mut self) -> Result<(), End> {
        if self.held.is_empty() {
            return Ok(());
        }
        let page = std::mem::take(&mut self.page);
        let held = std::mem::take(&mut self.held);
        let stopped = async {
            self.stop.requested().await;
            tokio::time::sleep(FOR_WRITING).await;
        };
        let written = tokio::select! {
            biased;
            written = self.writer.write(page) => written,
            () = stopped => return Err(End::Stopped),
        };
        match written {
            Ok(Written::All) => {}
            Ok(Written::NobodyReads) => return Err(End::NobodyReads),
            Err(error) => {
                return Err(End::Failed(CommandError::other(format!(
                    "cannot write the output: {error}"
                ))));
            }
        }
        for (bytes, acknowledgement) in held {
            self.written.count(bytes);
            acknowledgement.ack();
        }
        self.counter.set(self.written.messages());
        Ok(())
    }
}

fn failed(
    session: &MessageSession,
    arguments: &ConsumeArguments,
    error: &MessagingError,
) -> CommandError {
    let failed = session.reasons.of(error);
    match (error, arguments.partition) {
        // Without the right to read the topic, nobody says which of the two it is.
        (MessagingError::NoTopic { .. }, Some(partition)) => CommandError {
            message: format!(
                "there is no topic {}, or no partition {partition} of it",
                arguments.place
            ),
            ..failed
        },
        (MessagingError::Unreadable { .. }, _) => failed.hint(
            "--encryption-key-file names the key of an encrypted one; --skip-unreadable leaves \
             such messages out",
        ),
        _ => failed,
    }
}
