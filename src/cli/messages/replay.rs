//! Sends what is in one topic again, to another one or to itself.

use std::path::PathBuf;
use std::time::Duration;

use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;
use iggyctl_messaging::Headers;
use iggyctl_messaging::replay::{Destination, From, Progress, Replay, Spread, Until};
use serde::Serialize;

use super::super::Process;
use super::super::runtime::block_on_beside_workers;
use super::super::server_arguments::{ServerArguments, parse_duration};
use super::connection::MessageSession;
use super::drive::{Drive, End, GONE, gone};
use super::encryption::EncryptionArguments;
use super::header::HeaderArgument;
use super::metrics::MetricsArguments;
use super::moment::Moment;
use super::output::Output;
use super::pace::Pace;
use super::place::TopicPlace;
use super::replay_state::ReplayState;
use super::state_file::{StatePlace, Survives};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::measurement::{Measurement, Summary};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl replay --from orders/events --to orders/events-copy --dry-run
  iggyctl replay --from orders/events --to test/events --since 2h --header tenant=acme
  iggyctl replay --from orders/events --to orders/v2 --state replay.json --rate 5000
  iggyctl replay --resume --state replay.json

Payloads, ids and headers stay, and each message gets headers that say where it was taken from:
replay-stream, replay-topic, replay-partition and replay-offset. Where it ends is decided at the
start, so a topic can be replayed to itself. Nothing is created.

With --state, the replay is kept in a file after each batch, and --resume goes on with it after
whatever ended it: nothing is lost, and one batch at most is sent twice, with the same ids.

Messages that retention or a purge removes before they are read are counted as gone.

Exit codes: 0 all sent that are there, 6 some of them, 1 none.")]
pub(in crate::cli) struct ReplayArguments {
    /// The topic to take messages from, such as orders/events
    #[arg(long, value_name = "STREAM/TOPIC", required_unless_present = "resume")]
    from: Option<TopicPlace>,
    /// The topic to send them to
    #[arg(long, value_name = "STREAM/TOPIC", required_unless_present = "resume")]
    to: Option<TopicPlace>,
    /// Only this partition
    #[arg(short, long, value_name = "N", help_heading = "Range options")]
    partition: Option<u32>,
    /// Begin with this offset in each partition
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "since",
        help_heading = "Range options"
    )]
    from_offset: Option<u64>,
    /// Begin with the first message since then: 2026-11-21T20:00:00Z, or so long ago, 2h
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        help_heading = "Range options"
    )]
    since: Option<Moment>,
    /// End with this offset in each partition; it is sent
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "until",
        help_heading = "Range options"
    )]
    to_offset: Option<u64>,
    /// End before the first message since then
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        help_heading = "Range options"
    )]
    until: Option<Moment>,
    /// Only messages with this header: NAME=VALUE for a text, NAME:KIND=VALUE for others; can be repeated, then all of them
    #[arg(short = 'H', long, value_name = "NAME=VALUE", value_parser = header_text, help_heading = "Range options")]
    header: Vec<String>,
    /// Which partition of the target: that of the same number, which keeps the order by key, or each batch to the next one
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "HOW",
        help_heading = "Sending options"
    )]
    partitioning: Partitioning,
    /// How many messages a second at most
    #[arg(long, value_name = "N", value_parser = Pace::parse, help_heading = "Sending options")]
    rate: Option<Pace>,
    /// How many messages go together at most
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Sending options")]
    batch_size: u32,
    /// Count what would be sent, and send nothing
    #[arg(long, conflicts_with_all = ["state", "resume"], help_heading = "Sending options")]
    dry_run: bool,
    /// Keep the replay in this file, which must be new, so that it can be gone on with
    #[arg(long, value_name = "PATH", help_heading = "Sending options")]
    state: Option<PathBuf>,
    /// Leave out messages whose headers cannot be read, where --header needs them, instead of ending at the first
    #[arg(long, help_heading = "Sending options")]
    skip_unreadable: bool,
    /// Go on with the replay that is kept in --state
    #[arg(long, requires = "state", conflicts_with_all = ["from", "to", "partition", "from_offset", "since", "to_offset", "until", "header", "partitioning"], help_heading = "Sending options")]
    resume: bool,
    #[command(flatten)]
    encryption: EncryptionArguments,
    #[command(flatten)]
    metrics: MetricsArguments,
    /// What to print on standard output: nothing (text), or a summary (json)
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
    #[command(flatten)]
    server: ServerArguments,
    /// How long a server that went away is waited for; the first connection is not
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration, help_heading = "Server options")]
    give_up_after: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Partitioning {
    /// That of the same number.
    #[default]
    Keep,
    /// Each batch to the next one.
    Balanced,
}

fn header_text(text: &str) -> Result<String, String> {
    text.parse::<HeaderArgument>().map(|_| text.to_owned())
}

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReplayReport {
    from: String,
    to: String,
    dry_run: bool,
    /// Whether nothing is left.
    complete: bool,
    /// How many offsets are left.
    left: u64,
    /// Over all runs of a replay that was gone on with, as the following.
    read: u64,
    sent: u64,
    filtered: u64,
    unmarked: u64,
    /// Offsets that were there at the start, and not any more when they were looked at.
    gone: u64,
    /// Of this run.
    run: Summary,
}

pub(in crate::cli) fn replay(
    process: &Process,
    arguments: &ReplayArguments,
) -> Result<ExitCode, CommandError> {
    block_on_beside_workers(run(process, arguments))?
}

async fn run(process: &Process, arguments: &ReplayArguments) -> Result<ExitCode, CommandError> {
    let (file, state) = match arguments.state.clone().map(StatePlace::new) {
        None => (None, arguments.job()?),
        Some(place) => {
            let (file, state) = place.lock(|place| match arguments.resume {
                true => place.read(),
                false => place.must_be_new().and_then(|()| arguments.job()),
            })?;
            (Some(file), state)
        }
    };
    let filter = filter(&state)?;
    let encryption = arguments.encryption.read()?;
    MessageSession::run(
        process,
        &arguments.server,
        arguments.give_up_after,
        async |session| {
            let mut state = state;
            arguments.metrics.serve(process)?;
            let mut replay = prepare(session, &state)?.filter(filter);
            if let Some(encryption) = encryption {
                replay = replay.encryption(encryption);
            }
            if arguments.skip_unreadable {
                replay = replay.skip_unreadable();
            }
            if arguments.dry_run {
                replay = replay.dry_run();
            }
            if !arguments.resume {
                state.begin(tokio::select! {
                    progress = arguments.begin(session, &mut replay) => progress?,
                    () = session.stop.requested() => {
                        return Err(CommandError::other("nothing was sent: interrupted"));
                    }
                });
                if let Some(file) = &file {
                    file.write(&state, Survives::PowerLoss)?;
                }
            }
            let mut drive = Drive {
                replay,
                progress: state.progress.clone(),
                pace: arguments.rate.filter(|_| !arguments.dry_run),
                batch_size: arguments.batch_size,
                limit: None,
                measurement: Measurement::start(),
            };
            let end = drive
                .run(process, session, async |progress: &Progress, _| {
                    state.progress.clone_from(progress);
                    file.as_ref()
                        .map_or(Ok(()), |file| file.write(&state, Survives::PowerLoss))
                })
                .await;
            state.progress = drive.progress;
            let run = drive.measurement.summary();
            report(process, arguments, session, &state, run, end)
        },
    )
    .await
}

fn filter(state: &ReplayState) -> Result<Headers, CommandError> {
    let wrong = |error: String| CommandError::usage(format!("--header: {error}"));
    let parsed: Result<Vec<HeaderArgument>, String> =
        state.headers.iter().map(|text| text.parse()).collect();
    HeaderArgument::all(&parsed.map_err(wrong)?)
}

fn prepare(session: &MessageSession, state: &ReplayState) -> Result<Replay, CommandError> {
    let place = |text: &str| {
        text.parse::<TopicPlace>()
            .map_err(|error| CommandError::invalid_input(format!("--state: {error}")))
    };
    let (from, to) = (place(&state.from)?, place(&state.to)?);
    let destination = Destination::Topic {
        stream: to.stream.to_string(),
        topic: to.topic.to_string(),
        spread: match state.balanced {
            true => Spread::Balanced,
            false => Spread::Keep,
        },
    };
    let (stream, topic) = (from.stream.as_str(), from.topic.as_str());
    Replay::new(&session.connection, stream, topic, destination)
        .map_err(|error| session.reasons.of(&error))
}

impl ReplayArguments {
    fn job(&self) -> Result<ReplayState, CommandError> {
        let (Some(from), Some(to)) = (&self.from, &self.to) else {
            return Err(CommandError::usage(
                "--from and --to say from where to where",
            ));
        };
        Ok(ReplayState::new(
            from.to_string(),
            to.to_string(),
            self.partitioning == Partitioning::Balanced,
            self.header.clone(),
        ))
    }

    /// What there is to do, and whether the target can take it.
    async fn begin(
        &self,
        session: &MessageSession,
        replay: &mut Replay,
    ) -> Result<Progress, CommandError> {
        let failed = |error| session.reasons.of(&error);
        let from = match (self.from_offset, self.since) {
            (Some(offset), _) => From::Offset(offset),
            (None, Some(moment)) => From::Time(moment.micros()),
            (None, None) => From::Oldest,
        };
        let until = match (self.to_offset, self.until) {
            (Some(offset), _) => Until::Offset(offset),
            (None, Some(moment)) => Until::Time(moment.micros()),
            (None, None) => Until::Now,
        };
        self.find_partition(session).await?;
        let spans = replay.spans(from, until, self.partition).await;
        let progress = Progress::over(spans.map_err(failed)?);
        let lacks = replay.lacks_partitions(&progress).await.map_err(failed)?;
        if let Some((count, highest)) = lacks {
            return Err(CommandError::other(format!(
                "nothing was sent: the target has {}, and messages of partition {highest} keep \
                 their number",
                counted(count, "partition")
            ))
            .hint("spread them with --partitioning balanced, or add partitions"));
        }
        Ok(progress)
    }

    async fn find_partition(&self, session: &MessageSession) -> Result<(), CommandError> {
        let (Some(partition), Some(from)) = (self.partition, &self.from) else {
            return Ok(());
        };
        let (stream, topic) = (from.stream.as_str(), from.topic.as_str());
        let count = session.connection.partitions(stream, topic).await;
        let count = count.map_err(|error| session.reasons.of(&error))?;
        if partition < count {
            return Ok(());
        }
        Err(CommandError::other(format!(
            "{from} has no partition {partition}: it has {}, numbered from 0",
            counted(count, "partition")
        )))
    }
}

fn report(
    process: &Process,
    arguments: &ReplayArguments,
    session: &MessageSession,
    state: &ReplayState,
    run: Summary,
    end: End,
) -> Result<ExitCode, CommandError> {
    let progress = &state.progress;
    let report = ReplayReport {
        from: state.from.clone(),
        to: state.to.clone(),
        dry_run: arguments.dry_run,
        complete: progress.is_done(),
        left: progress.left(),
        read: progress.read,
        sent: progress.sent,
        filtered: progress.filtered,
        unmarked: progress.unmarked,
        gone: gone(state.offsets, progress),
        run,
    };
    process.terminal.message(&text(arguments, session, &report));
    arguments.output.print(process, &report)?;
    let error = match end {
        End::Complete => return Ok(ExitCode::Done),
        End::Stopped => CommandError::other("interrupted before everything was sent"),
        End::Failed(error) => error,
    };
    let error = match &arguments.state {
        Some(path) => error.hint(format!(
            "`iggyctl replay --resume --state {}` goes on with it",
            path.display()
        )),
        None => error,
    };
    let exit_code = match (report.sent, arguments.dry_run) {
        (0, _) | (_, true) => error.exit_code,
        _ => ExitCode::PartiallyApplied,
    };
    Err(CommandError { exit_code, ..error })
}

/// For people.
fn text(arguments: &ReplayArguments, session: &MessageSession, report: &ReplayReport) -> String {
    let (from, to) = (escape(&report.from), escape(&report.to));
    let mut text = if arguments.dry_run {
        format!(
            "Would send {} of {from} to {to} on {}.",
            counted(report.sent, "message"),
            session.name
        )
    } else {
        format!("Sent {from} to {to} on {}: {}", session.name, report.run)
    };
    if let Some(latencies) = &report.run.latency_milliseconds
        && !arguments.dry_run
    {
        text.push_str(&format!("\nBatches confirmed after {latencies}"));
    }
    if arguments.resume {
        text.push_str(&format!(
            "\nIn all runs: {}",
            counted(report.sent, "message")
        ));
    }
    for (count, what) in [
        (report.filtered, "left out by --header"),
        (
            report.unmarked,
            "without headers that say where from: their own cannot be read, or leave no room",
        ),
        (report.gone, GONE),
        (report.left, "left to look at"),
    ] {
        if count > 0 {
            text.push_str(&format!("\n{}: {what}", counted(count, "message")));
        }
    }
    text
}
