//! Sends messages to a topic.

mod arguments;
mod fingerprint;
mod input;
mod report;
mod sending;
mod sources;
mod state;
mod tally;

use std::time::{Duration, Instant};

pub(in crate::cli) use arguments::ProduceArguments;
use bytes::Bytes;
use iggyctl_messaging::codec::Untyped;
use iggyctl_messaging::{Compression, Partitioning, Producer, RetryPolicy};

use self::arguments::Algorithm;
use self::input::Reader;
use self::report::report;
use self::sending::Sending;
use self::sources::{sources, sources_are_typed};
use self::state::Kept;
use self::tally::Tally;
use super::connection::{Found, MessageSession};
use super::header::HeaderArgument;
use crate::cli::Process;
use crate::cli::runtime::block_on_beside_workers;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::terminal::Counter;

/// Enough for the next batches to be ready, and little where messages are small and
/// there are many of them.
const BUFFER_BYTES: u32 = 8 * 1024 * 1024;

pub(in crate::cli) fn produce(
    process: &Process,
    arguments: &ProduceArguments,
) -> Result<ExitCode, CommandError> {
    block_on_beside_workers(run(process, arguments))?
}

async fn run(process: &Process, arguments: &ProduceArguments) -> Result<ExitCode, CommandError> {
    // What is wrong with the command line is said before anything is connected.
    let sources = sources(arguments)?;
    let encryption = arguments.encryption.read()?;
    let headers = HeaderArgument::all(&arguments.header)?;
    let kept = arguments.state.open(&arguments.place)?;
    let before = kept.as_ref().map_or(0, Kept::before);
    MessageSession::run(
        process,
        &arguments.server,
        arguments.give_up_after,
        async |session| {
            let place = &arguments.place;
            let (stream, topic) = (place.stream.as_str(), place.topic.as_str());
            let hint = "to know where messages go, the login needs the right to read the topic; \
                        with --partition N, that to send is enough";
            // Said before the first line is read.
            if let Found::Missing(error) =
                session.find_topic(place, arguments.partition, hint).await?
            {
                return Err(error);
            }
            arguments.metrics.serve(process)?;
            let mut builder = Producer::<Bytes>::builder(&session.connection, stream, topic)
                .partitioning(match (&arguments.key, arguments.partition) {
                    (_, Some(partition)) => Partitioning::Partition(partition),
                    (Some(key), None) => {
                        let key = Bytes::from(key.clone());
                        Partitioning::key(move |_: &Bytes| key.clone())
                    }
                    (None, None) => Partitioning::Balanced,
                })
                .batch_messages(usize::try_from(arguments.batch_size).unwrap_or(usize::MAX))
                .buffer_bytes(BUFFER_BYTES)
                .linger(arguments.linger.unwrap_or(Duration::ZERO))
                .retry(RetryPolicy {
                    max_retries: arguments.retries,
                    base_backoff: arguments.retry_backoff,
                    ..RetryPolicy::default()
                })
                .compression(match arguments.compress {
                    Some(Algorithm::Lz4) => Compression::Lz4,
                    None => Compression::None,
                });
            if let Some(encryption) = encryption {
                builder = builder.encryption(encryption);
            }
            let producer = builder
                .build(Untyped)
                .map_err(|error| session.reasons.of(&error))?;
            let reads_terminal = sources_are_typed(arguments) && process.terminal.is_interactive();
            if reads_terminal {
                process
                    .terminal
                    .message("Each line is a message; Ctrl-D ends.");
            }
            let mut sending = Sending {
                producer,
                headers,
                pace: arguments.rate,
                stop: session.stop.clone(),
                tally: Tally::start(),
                started: Instant::now(),
                taken: 0,
                limit: arguments.count.map(|count| count.saturating_sub(before)),
                kept,
                empty_lines: 0,
                counter: Counter::start(process.terminal, arguments.count, !reads_terminal),
            };
            let reader = Reader {
                key_separator: arguments.key_separator.clone(),
            };
            let end = sending.feed(reader, sources).await;
            let end = sending.finish(process, session, end).await;
            sending.counter.finish();
            report(process, arguments, session, &sending, end)
        },
    )
    .await
}
