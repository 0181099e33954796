use std::collections::BTreeMap;

use iggyctl_core::wording::counted;
use iggyctl_messaging::dead_letters::DeadLetterTopic;
use iggyctl_messaging::replay::{Destination, Progress, Replay, Span};
use serde::Serialize;

use super::{WhereArguments, unless_stopped};
use crate::cli::Process;
use crate::cli::messages::connection::MessageSession;
use crate::cli::messages::drive::{Drive, End};
use crate::cli::messages::metrics::MetricsArguments;
use crate::cli::messages::pace::Pace;
use crate::cli::messages::place::TopicPlace;
use crate::cli::messages::replay::Output;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::measurement::{Measurement, Summary};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl dlq replay orders/dead --dry-run
  iggyctl dlq replay orders/dead --max 1
  iggyctl dlq replay orders/dead --rate 100

Each message goes back to the stream, topic and partition that its headers name, as it was there,
and with headers that say that it was sent back; when it fails again, its attempts are counted on.
What was sent back is remembered on the server, as the stored offset of the consumer
iggyctl-dlq-replay, so it is not sent twice, whoever runs this; --again sends all once more.
Dead letters stay where they are: `iggyctl dlq purge` removes them.

Exit codes: 0 all sent back, 6 some of them, 1 none.")]
pub(super) struct ReplayArguments {
    /// The topic of dead letters, such as orders/dead
    #[arg(value_name = "STREAM/TOPIC")]
    topic: TopicPlace,
    /// Only those in this partition
    #[arg(short, long, value_name = "N")]
    partition: Option<u32>,
    /// Send so many at most, the oldest first
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,
    /// Let dead letters go to this topic of another stream, too; can be repeated. By default they go only to topics of the stream that they are in
    #[arg(long, value_name = "STREAM/TOPIC")]
    into: Vec<TopicPlace>,
    /// Leave out messages whose headers cannot be read, instead of ending at the first
    #[arg(long)]
    skip_unreadable: bool,
    /// Also those that were sent back before
    #[arg(long)]
    again: bool,
    /// Count what would be sent back, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// How many messages a second at most
    #[arg(long, value_name = "N", value_parser = Pace::parse)]
    rate: Option<Pace>,
    /// How many messages go together at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: u32,
    #[command(flatten)]
    metrics: MetricsArguments,
    #[command(flatten)]
    place: WhereArguments,
    /// What to print on standard output: nothing (text), or a summary (json)
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BackReport {
    stream: String,
    topic: String,
    dry_run: bool,
    /// Whether none is waiting any more.
    complete: bool,
    /// Messages that do not say where they come from, and stay.
    unaddressed: u64,
    #[serde(flatten)]
    run: Summary,
}

pub(super) async fn replay(
    process: &Process,
    arguments: &ReplayArguments,
) -> Result<ExitCode, CommandError> {
    MessageSession::run(
        process,
        &arguments.place.server,
        arguments.place.give_up_after,
        async |session| {
            arguments.metrics.serve(process)?;
            let place = &arguments.topic;
            let letters = arguments.place.open_place(session, place)?;
            let (progress, waiting) =
                unless_stopped(session, waiting(session, arguments, &letters)).await?;
            let (stream, topic) = (place.stream.as_str(), place.topic.as_str());
            let to = Destination::WhereTheyDied;
            let replay = Replay::new(&session.connection, stream, topic, to);
            let mut replay = replay.map_err(|error| session.reasons.of(&error))?;
            if let Some(encryption) = arguments.place.encryption.read()? {
                replay = replay.encryption(encryption);
            }
            for place in &arguments.into {
                replay = replay.into_topic(place.stream.as_str(), place.topic.as_str());
            }
            if arguments.skip_unreadable {
                replay = replay.skip_unreadable();
            }
            if arguments.dry_run {
                replay = replay.dry_run();
            }
            let mut kept = progress.clone();
            let mut drive = Drive {
                replay,
                progress,
                pace: arguments.rate.filter(|_| !arguments.dry_run),
                batch_size: arguments.batch_size,
                limit: arguments.max,
                measurement: Measurement::start(),
            };
            let end = drive
                .run(process, session, async |progress: &Progress, partition| {
                    let next = |of: &Progress| of.partitions.get(&partition).map(|it| it.next);
                    let (before, now) = (next(&kept), next(progress));
                    kept.clone_from(progress);
                    // What was sent back before is not forgotten by sending it again.
                    let is_new = now > waiting.get(&partition).map(|it| it.next);
                    match now.and_then(|now| now.checked_sub(1)) {
                        Some(last) if now > before && is_new && !arguments.dry_run => letters
                            .remember(partition, last)
                            .await
                            .map_err(|error| session.reasons.of(&error)),
                        _ => Ok(()),
                    }
                })
                .await;
            let run = drive.measurement.summary();
            report(process, arguments, session, &drive.progress, run, end)
        },
    )
    .await
}

/// What there is to send back, and from where on it was not sent back before.
async fn waiting(
    session: &MessageSession,
    arguments: &ReplayArguments,
    letters: &DeadLetterTopic,
) -> Result<(Progress, BTreeMap<u32, Span>), CommandError> {
    let failed = |error| session.reasons.of(&error);
    let mut spans = letters.spans().await.map_err(failed)?;
    if let Some(only) = arguments.partition {
        spans.retain(|partition, _| *partition == only);
        if spans.is_empty() {
            return Err(CommandError::other(format!(
                "{} has no partition {only}",
                arguments.topic
            )));
        }
    }
    let waiting = letters.pending(&spans).await.map_err(failed)?;
    if !arguments.again {
        spans.clone_from(&waiting);
    }
    Ok((Progress::over(spans), waiting))
}

fn report(
    process: &Process,
    arguments: &ReplayArguments,
    session: &MessageSession,
    progress: &Progress,
    run: Summary,
    end: End,
) -> Result<ExitCode, CommandError> {
    let sent = run.messages;
    let place = &arguments.topic;
    let mut text = if arguments.dry_run {
        let letters = counted(sent, "dead letter");
        format!("Would send back {letters} of {place} on {}.", session.name)
    } else {
        format!("Sent back of {place} on {}: {run}", session.name)
    };
    for (count, what) in [
        (
            progress.unaddressed,
            "left out: without the headers of a dead letter",
        ),
        (progress.left(), "left to send back"),
    ] {
        if count > 0 {
            text.push_str(&format!("\n{}: {what}", counted(count, "message")));
        }
    }
    process.terminal.message(&text);
    if arguments.output == Output::Json {
        let report = BackReport {
            stream: place.stream.to_string(),
            topic: place.topic.to_string(),
            dry_run: arguments.dry_run,
            complete: progress.is_done(),
            unaddressed: progress.unaddressed,
            run,
        };
        let json = serde_json::to_string(&report)
            .map_err(|error| CommandError::other(format!("cannot write JSON: {error}")))?;
        process.output(&(json + "\n"))?;
    }
    let error = match end {
        End::Complete => return Ok(ExitCode::Done),
        End::Stopped => CommandError::other("interrupted before everything was sent back"),
        End::Failed(error) => error,
    };
    let exit_code = match (sent, arguments.dry_run) {
        (0, _) | (_, true) => error.exit_code,
        _ => ExitCode::PartiallyApplied,
    };
    Err(CommandError { exit_code, ..error })
}
