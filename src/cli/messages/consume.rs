//! Prints the messages of a topic.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use iggyctl_core::name::ResourceName;
use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;
use iggyctl_messaging::codec::Untyped;
use iggyctl_messaging::{Acknowledgement, Commit, Consumer, Message, MessagingError, Start};
use jiff::Timestamp;

use super::super::Process;
use super::super::output::json_failed;
use super::super::runtime::block_on_beside_workers;
use super::super::server_arguments::{ServerArguments, parse_duration};
use super::super::stop::Stop;
use super::connection::MessageSession;
use super::encryption::EncryptionArguments;
use super::metrics::MetricsArguments;
use super::place::TopicPlace;
use super::shape::Shape;
use super::start::StartArgument;
use super::writer::{Writer, Written};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::measurement::Measurement;
use crate::terminal::Counter;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl consume orders/events
  iggyctl consume orders/events --follow --from -10m -o json | jq .payload
  iggyctl consume orders/events --partition 2 --from offset:1000 --max 10
  iggyctl consume orders/events --group billing --follow | ./book-orders
  iggyctl consume files/blobs --max 1 -o raw > order.pdf

Without --group nothing is stored on the server: everybody else reads on as if this had not been.
With it, this is a member of the group, which is made when it is not there, and offsets are stored.

Exit codes: 0 all that was there, as many as --max, or --follow until Ctrl-C or SIGTERM; 6 or 1
interrupted without --follow; 65 a message that cannot be read; 69 no server; 77 credentials or
rights; 1 anything else.")]
pub(in crate::cli) struct ConsumeArguments {
    /// The topic, such as orders/events; a `/` in a name is written %2F
    #[arg(value_name = "STREAM/TOPIC")]
    place: TopicPlace,
    /// Wait for more messages, until Ctrl-C or SIGTERM; also for a topic that is not there yet
    #[arg(long, help_heading = "Reading options")]
    follow: bool,
    /// Where to begin: first, last, next, offset:N, time:TIMESTAMP, or a time ago such as -1h; in a group, where a partition has no stored offset. By default with the first message
    #[arg(
        long,
        value_name = "START",
        allow_hyphen_values = true,
        help_heading = "Reading options"
    )]
    from: Option<StartArgument>,
    /// Read only this partition; needs no right to read the topic
    #[arg(
        short,
        long,
        value_name = "N",
        conflicts_with = "group",
        help_heading = "Reading options"
    )]
    partition: Option<u32>,
    /// End after this many messages
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Reading options")]
    max: Option<u64>,
    /// Read as a member of this group, after its stored offsets, and store new ones
    #[arg(short, long, value_name = "NAME", value_parser = parse_name, help_heading = "Reading options")]
    group: Option<ResourceName>,
    /// When a message of a group counts as handled
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        requires = "group",
        help_heading = "Reading options"
    )]
    ack: Ack,
    /// How many messages a request brings at most, and how many are held that are not printed yet
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Reading options")]
    batch_size: u32,
    /// How long to wait before asking again where nothing was
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = parse_duration, help_heading = "Reading options")]
    poll_interval: Duration,
    /// How long a server that went away is waited for; the first connection is not
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration, help_heading = "Reading options")]
    give_up_after: Duration,
    #[command(flatten)]
    encryption: EncryptionArguments,
    /// Leave out messages that cannot be decrypted or decompressed, instead of ending at the first
    #[arg(long, help_heading = "Message options")]
    skip_unreadable: bool,
    #[command(flatten)]
    metrics: MetricsArguments,
    /// How to print messages
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Shape,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Ack {
    /// When its line is written and flushed: at least once.
    #[default]
    Manual,
    /// When it is taken to be printed: after a crash, what was being printed does not come again.
    Auto,
}

/// Why no more is read.
enum End {
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

fn parse_name(text: &str) -> Result<ResourceName, String> {
    text.parse()
        .map_err(|error: iggyctl_core::name::NameError| error.to_string())
}

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
    let found = session
        .connection
        .partitions(place.stream.as_str(), place.topic.as_str())
        .await;
    match (found, arguments.partition) {
        (Ok(count), Some(partition)) if partition >= count => Err(CommandError::other(format!(
            "{place} has no partition {partition}: it has {}, numbered from 0",
            counted(count, "partition")
        ))),
        (Ok(_), _) => Ok(()),
        // Polling one partition needs no right to read the topic.
        (Err(MessagingError::Refused { .. }), Some(_)) => Ok(()),
        (Err(MessagingError::NoTopic { .. }), _) if arguments.follow => {
            process.terminal.message(&format!(
                "There is no topic {} yet: waiting for it.",
                escape(&place.to_string())
            ));
            Ok(())
        }
        (Err(error @ MessagingError::Refused { .. }), None) => {
            let error = session.reasons.of(&error);
            Err(if error.exit_code == ExitCode::CredentialsRefused {
                error.hint(
                    "to know which partitions there are, the login needs the right to read the \
                     topic; with --partition N, that to poll is enough",
                )
            } else {
                error
            })
        }
        (Err(error), _) => Err(session.reasons.of(&error)),
    }
}

/// A run.
struct Reading {
    consumer: Consumer<Bytes>,
    shape: Shape,
    is_terminal: bool,
    limit: Option<u64>,
    stop: Stop,
    writer: Writer,
    /// What is to be written.
    page: Vec<u8>,
    /// What is in it: bytes of the payload, and the answer to give when it is written.
    held: Vec<(usize, Acknowledgement)>,
    /// How many were taken in all.
    taken: u64,
    written: Measurement,
    counter: Counter,
}

/// As much is written at once.
const PAGE_BYTES: usize = 64 * 1024;

/// A write that goes on when we are to end is waited for this long: nobody may read.
const FOR_WRITING: Duration = Duration::from_secs(1);

impl Reading {
    async fn read(&mut self, session: &MessageSession, arguments: &ConsumeArguments) -> End {
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
