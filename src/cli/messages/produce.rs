//! Sends messages to a topic.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use iggyctl_core::quantity::ByteSize;
use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;
use iggyctl_messaging::RetryPolicy;
use iggyctl_messaging::codec::Untyped;
use iggyctl_messaging::producer::MAX_PAYLOAD_BYTES;
use iggyctl_messaging::{Compression, Headers, MessagingError, Outgoing, Partitioning, Producer};
use serde::Serialize;

use super::super::Process;
use super::super::runtime::block_on_beside_workers;
use super::super::server_arguments::{ServerArguments, parse_duration};
use super::super::stop::Stop;
use super::connection::MessageSession;
use super::encryption::EncryptionArguments;
use super::header::HeaderArgument;
use super::input::{Draft, Intake, Reader, Source};
use super::metrics::MetricsArguments;
use super::output::Output;
use super::pace::Pace;
use super::place::TopicPlace;
use super::produce_state::{Kept, StateArguments};
use super::tally::{PartitionReport, Tally};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::measurement::Summary;
use crate::sources::STANDARD_INPUT;
use crate::terminal::Counter;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  printf 'one\\ntwo\\n' | iggyctl produce orders/events
  iggyctl produce orders/events --message '{\"id\":1}' --key customer-7 --header tenant=acme
  iggyctl produce orders/events --file order.json --file invoice.pdf
  iggyctl produce orders/events --file trades.csv --lines --key-separator ,
  iggyctl produce orders/events --generate 1kB --count 100000 --rate 5000
  iggyctl produce orders/events --file big.ndjson --lines --state sent.json

Every message is sent at least once: an answer that was lost makes it be sent again, with the
same id. What was confirmed is counted on standard error, and with -o json on standard output.
A topic that is not there is an error; nothing is created.

Exit codes: 0 all confirmed, 6 some of them (or interrupted), 65 input that cannot be sent,
69 no server, 77 credentials or rights, 1 anything else; none was confirmed then.")]
pub(in crate::cli) struct ProduceArguments {
    /// The topic, such as orders/events; a `/` in a name is written %2F
    #[arg(value_name = "STREAM/TOPIC")]
    place: TopicPlace,
    /// Send this text; can be repeated. Without --message, --file and --generate, each line of standard input is a message
    #[arg(short, long, value_name = "TEXT", help_heading = "Message options")]
    message: Vec<String>,
    /// Send what is in this file as one message; can be repeated, and `-` is standard input
    #[arg(long, value_name = "PATH", help_heading = "Message options")]
    file: Vec<PathBuf>,
    /// Each line of the files is a message, as with standard input: without its end; empty lines are left out
    #[arg(long, requires = "file", help_heading = "Message options")]
    lines: bool,
    /// Send generated messages of this size, such as 100 or 1kB: a number and letters, the same each time
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["message", "file", "key_separator"], help_heading = "Message options")]
    generate: Option<ByteSize>,
    /// End after this many messages
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Message options")]
    count: Option<u64>,
    /// A header of each message: NAME=VALUE for a text, NAME:KIND=VALUE for int64, uint32, bool, float64, …; can be repeated
    #[arg(
        short = 'H',
        long,
        value_name = "NAME=VALUE",
        help_heading = "Message options"
    )]
    header: Vec<HeaderArgument>,
    /// Compress payloads that become smaller by it; consumers of iggyctl and the official samples read them
    #[arg(long, value_name = "ALGORITHM", help_heading = "Message options")]
    compress: Option<Algorithm>,
    #[command(flatten)]
    encryption: EncryptionArguments,
    /// Send all to the partition of this key, the same as with the official clients
    #[arg(short, long, value_name = "TEXT", conflicts_with_all = ["partition", "key_separator"], value_parser = parse_key, help_heading = "Partition options")]
    key: Option<String>,
    /// The key of each line is what stands before this text; it is not part of the payload
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with = "partition",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        help_heading = "Partition options"
    )]
    key_separator: Option<String>,
    /// Send all to this partition; needs no right to read the topic. Without a key or partition, batches go to all in turn
    #[arg(short, long, value_name = "N", help_heading = "Partition options")]
    partition: Option<u32>,
    /// How many messages a second at most
    #[arg(long, value_name = "N", value_parser = Pace::parse, help_heading = "Sending options")]
    rate: Option<Pace>,
    /// How many messages go together at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Sending options")]
    batch_size: u32,
    /// How long a message waits for others to go with; by default not at all
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Sending options")]
    linger: Option<Duration>,
    /// How often a batch is sent again
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
        help_heading = "Sending options"
    )]
    retries: u32,
    /// The pause before the first retry; each one is about twice as long as the one before, 5s at most
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = parse_duration, help_heading = "Sending options")]
    retry_backoff: Duration,
    /// How long a server that went away is waited for; the first connection is not
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration, help_heading = "Sending options")]
    give_up_after: Duration,
    #[command(flatten)]
    state: StateArguments,
    #[command(flatten)]
    metrics: MetricsArguments,
    /// What to print on standard output: nothing (text), or a summary (json)
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Algorithm {
    /// LZ4 frames.
    Lz4,
}

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProduceReport {
    stream: String,
    topic: String,
    /// Those that the server has for sure.
    confirmed: u64,
    /// Those that were read and are not confirmed; an answer that was lost means that
    /// one may be there all the same.
    unconfirmed: u64,
    /// Lines without a payload.
    empty_lines: u64,
    /// Whether everything that was to be sent was read.
    complete: bool,
    #[serde(flatten)]
    summary: Summary,
    partitions: Vec<PartitionReport>,
}

/// Why no more is sent.
enum End {
    /// That was all.
    Complete,
    /// A person or a supervisor said so.
    Stopped,
    /// The input.
    Input(CommandError),
    /// A message failed.
    Failed,
}

/// Enough for the next batches to be ready, and little where messages are small and
/// there are many of them.
const BUFFER_BYTES: u32 = 8 * 1024 * 1024;

fn parse_key(text: &str) -> Result<String, String> {
    match text.len() {
        1..=255 => Ok(text.to_owned()),
        _ => Err("a key has 1 to 255 bytes".to_owned()),
    }
}

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
            find_topic(session, arguments).await?;
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

fn sources(arguments: &ProduceArguments) -> Result<Vec<Source>, CommandError> {
    let mut sources: Vec<Source> = arguments
        .message
        .iter()
        .cloned()
        .map(Source::Text)
        .collect();
    sources.extend(arguments.file.iter().cloned().map(|path| {
        if arguments.lines {
            Source::Lines(path)
        } else {
            Source::Whole(path)
        }
    }));
    if let Some(size) = arguments.generate {
        let bytes = usize::try_from(size.bytes()).unwrap_or(usize::MAX);
        if bytes > MAX_PAYLOAD_BYTES {
            return Err(CommandError::usage(format!(
                "--generate {size}: a message has {MAX_PAYLOAD_BYTES} bytes at most"
            )));
        }
        let count = arguments.count;
        sources.push(Source::Generated { bytes, count });
    }
    if sources.is_empty() {
        sources.push(Source::Lines(PathBuf::from(STANDARD_INPUT)));
    }
    if arguments.key_separator.is_some()
        && !sources
            .iter()
            .all(|source| matches!(source, Source::Lines(_)))
    {
        return Err(CommandError::usage(
            "--key-separator is for lines: of standard input, or of files with --lines",
        ));
    }
    for source in &sources {
        source.check()?;
    }
    Ok(sources)
}

/// Whether lines come from where a person may type them.
fn sources_are_typed(arguments: &ProduceArguments) -> bool {
    arguments.message.is_empty() && arguments.file.is_empty() && arguments.generate.is_none()
}

/// A topic that is not there is said before the first line is read.
async fn find_topic(
    session: &MessageSession,
    arguments: &ProduceArguments,
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
        // Sending to one partition needs no right to read the topic.
        (Err(MessagingError::Refused { .. }), Some(_)) => Ok(()),
        (Err(error @ MessagingError::Refused { .. }), None) => {
            let error = session.reasons.of(&error);
            Err(if error.exit_code == ExitCode::CredentialsRefused {
                error.hint(
                    "to know where messages go, the login needs the right to read the topic; \
                     with --partition N, that to send is enough",
                )
            } else {
                error
            })
        }
        (Err(error), _) => Err(session.reasons.of(&error)),
    }
}

/// A run.
struct Sending {
    producer: Producer<Bytes>,
    headers: Headers,
    pace: Option<Pace>,
    stop: Stop,
    tally: Tally,
    started: Instant,
    /// How many were given to the producer.
    taken: u64,
    limit: Option<u64>,
    kept: Option<Kept>,
    empty_lines: u64,
    counter: Counter,
}

impl Sending {
    /// Sends what is read, until there is no more, or no more is to be sent.
    async fn feed(&mut self, reader: Reader, sources: Vec<Source>) -> End {
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
    async fn finish(&mut self, process: &Process, session: &MessageSession, end: End) -> End {
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

fn report(
    process: &Process,
    arguments: &ProduceArguments,
    session: &MessageSession,
    sending: &Sending,
    end: End,
) -> Result<ExitCode, CommandError> {
    let tally = &sending.tally;
    let report = ProduceReport {
        stream: arguments.place.stream.to_string(),
        topic: arguments.place.topic.to_string(),
        confirmed: tally.confirmed(),
        // What was being given when it was interrupted counts, too.
        unconfirmed: sending.taken - tally.confirmed(),
        empty_lines: sending.empty_lines,
        complete: matches!(end, End::Complete),
        summary: tally.summary(),
        partitions: tally.partitions(),
    };
    if sending.empty_lines > 0 {
        process.terminal.warning(&format!(
            "{} left out: a message needs a payload",
            counted(sending.empty_lines, "empty line")
        ));
    }
    process.terminal.message(&text(arguments, session, &report));
    arguments.output.print(process, &report)?;
    ended(arguments, session, sending, &report, end)
}

/// For people.
fn text(arguments: &ProduceArguments, session: &MessageSession, report: &ProduceReport) -> String {
    let mut text = format!(
        "Sent to {} on {}: {}",
        escape(&arguments.place.to_string()),
        session.name,
        report.summary
    );
    if let Some(latencies) = &report.summary.latency_milliseconds {
        text.push_str(&format!("\nConfirmed after {latencies}"));
    }
    // More than a screen of them is for programs.
    if report.partitions.len() <= 16 {
        for partition in &report.partitions {
            let PartitionReport {
                partition,
                messages,
                first_offset,
                last_offset,
            } = partition;
            text.push_str(&format!(
                "\nPartition {partition}: {}",
                counted(*messages, "message")
            ));
            match (first_offset, last_offset) {
                (Some(first), Some(last)) if first == last => {
                    text.push_str(&format!(", offset {first}"));
                }
                (Some(first), Some(last)) => {
                    text.push_str(&format!(", offsets {first} to {last}"));
                }
                _ => {}
            }
        }
    }
    text
}

fn ended(
    arguments: &ProduceArguments,
    session: &MessageSession,
    sending: &Sending,
    report: &ProduceReport,
    end: End,
) -> Result<ExitCode, CommandError> {
    let is_endless = arguments.generate.is_some() && arguments.count.is_none();
    let error = match end {
        End::Complete => return Ok(ExitCode::Done),
        End::Stopped if is_endless && report.unconfirmed == 0 => return Ok(ExitCode::Done),
        End::Stopped => CommandError::other("interrupted before everything was sent"),
        End::Input(error) => error,
        End::Failed => match &sending.tally.error {
            Some(error) => session.reasons.of(error),
            None => CommandError::other("a message was not sent"),
        },
    };
    let counts = format!(
        "{}; {} confirmed, {} not{}",
        error.message,
        counted(report.confirmed, "message"),
        report.unconfirmed,
        if report.unconfirmed > 0 {
            " (when only an answer was lost, one of these may be there all the same)"
        } else {
            ""
        }
    );
    Err(CommandError {
        exit_code: if report.confirmed > 0 {
            ExitCode::PartiallyApplied
        } else {
            error.exit_code
        },
        message: counts,
        hint: error.hint,
    })
}
