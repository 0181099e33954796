//! Prints the messages of a topic.

mod arguments;
mod reading;

pub(in crate::cli) use arguments::ConsumeArguments;
use iggyctl_core::render::escape;
use iggyctl_messaging::codec::Untyped;
use iggyctl_messaging::{Commit, Consumer, Start};
use jiff::Timestamp;

use self::arguments::Ack;
use self::reading::{End, Reading};
use super::connection::{Found, MessageSession};
use super::writer::Writer;
use crate::cli::Process;
use crate::cli::runtime::block_on_beside_workers;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::measurement::Measurement;
use crate::terminal::Counter;

pub(in crate::cli) fn consume(
    process: &Process,
    arguments: &ConsumeArguments,
) -> Result<ExitCode, CommandError> {
    block_on_beside_workers(run(process, arguments))?
}

async fn run(process: &Process, arguments: &ConsumeArguments) -> Result<ExitCode, CommandError> {
    let start = start(arguments)?;
    let encryption = arguments.encryption.read()?;
    MessageSession::run(
        process,
        &arguments.server,
        arguments.give_up_after,
        async |session| {
            find_topic(process, session, arguments).await?;
            arguments.metrics.serve(process)?;
            let (stream, topic) = (
                arguments.place.stream.as_str(),
                arguments.place.topic.as_str(),
            );
            let connection = &session.connection;
            let mut builder = match &arguments.group {
                Some(group) => Consumer::group(connection, group.as_str(), stream, topic),
                None => Consumer::plain(connection, PLAIN_NAME, stream, topic),
            };
            if let Some(partition) = arguments.partition {
                builder = builder.partition(partition);
            }
            if let Some(encryption) = encryption {
                builder = builder.encryption(encryption);
            }
            if !arguments.follow {
                builder = builder.until_end();
            }
            if !arguments.skip_unreadable {
                builder = builder.report_unreadable();
            }
            let most = arguments.max.and_then(|max| u32::try_from(max).ok());
            let consumer = builder
                .start(start)
                .batch_length(arguments.batch_size.min(most.unwrap_or(u32::MAX)))
                .poll_interval(arguments.poll_interval)
                .commit(match (&arguments.group, arguments.ack) {
                    (None, _) => Commit::Never,
                    (Some(_), Ack::Manual) => Commit::Manual,
                    (Some(_), Ack::Auto) => Commit::Delivered,
                })
                .build(Untyped)
                .map_err(|error| session.reasons.of(&error))?;
            let is_terminal = process.terminal.shows_output();
            let mut reading = Reading {
                consumer,
                shape: arguments.output,
                is_terminal,
                limit: arguments.max,
                stop: session.stop.clone(),
                writer: Writer::start(),
                page: Vec::new(),
                held: Vec::new(),
                taken: 0,
                written: Measurement::start(),
                counter: Counter::start(process.terminal, arguments.max, !is_terminal),
            };
            let end = reading.read(session, arguments).await;
            // Stores what was acknowledged.
            tokio::select! {
                biased;
                () = reading.consumer.shutdown() => {}
                () = session.stop.insisted() => {}
            }
            reading.counter.finish();
            process.terminal.message(&format!(
                "Read from {} on {}: {}",
                escape(&arguments.place.to_string()),
                session.name,
                reading.written.summary()
            ));
            ended(arguments, &reading, end)
        },
    )
    .await
}

/// Nothing is stored under it; the server wants a name.
const PLAIN_NAME: &str = "iggyctl-consume";

fn start(arguments: &ConsumeArguments) -> Result<Start, CommandError> {
    match arguments.from {
        Some(from) => {
            let start = from.resolve(Timestamp::now());
            if start == Start::Next && arguments.group.is_none() {
                return Err(CommandError::usage(
                    "--from next goes on after the stored offset, and only a group has one",
                )
                .hint("add --group NAME, or take --from last, or a time such as --from -1m"));
            }
            Ok(start)
        }
        None if arguments.group.is_some() => Ok(Start::Next),
        None => Ok(Start::First),
    }
}

/// A topic that is not there is said at once, or waited for.
async fn find_topic(
    process: &Process,
    session: &MessageSession,
    arguments: &ConsumeArguments,
) -> Result<(), CommandError> {
    let place = &arguments.place;
    let hint = "to know which partitions there are, the login needs the right to read the topic; \
                with --partition N, that to poll is enough";
    match session.find_topic(place, arguments.partition, hint).await? {
        Found::Missing(_) if arguments.follow => {
            process.terminal.message(&format!(
                "There is no topic {} yet: waiting for it.",
                escape(&place.to_string())
            ));
            Ok(())
        }
        Found::Missing(error) => Err(error),
        Found::There => Ok(()),
    }
}

fn ended(
    arguments: &ConsumeArguments,
    reading: &Reading,
    end: End,
) -> Result<ExitCode, CommandError> {
    match end {
        End::Complete | End::Enough | End::NobodyReads => Ok(ExitCode::Done),
        End::Stopped if arguments.follow => Ok(ExitCode::Done),
        End::Stopped => Err(CommandError::new(
            match reading.written.messages() {
                0 => ExitCode::Error,
                _ => ExitCode::PartiallyApplied,
            },
            "interrupted before everything was read",
        )),
        End::Failed(error) => Err(error),
    }
}
