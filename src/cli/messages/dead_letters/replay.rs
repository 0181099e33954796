use std::collections::BTreeMap;

use iggyctl_core::wording::counted;
use iggyctl_messaging::dead_letters::DeadLetterTopic;
use iggyctl_messaging::replay::{Destination, Progress, Replay, Span};
use serde::Serialize;

use super::destinations::{DestinationReport, Destinations, text};
use super::{Place, WhereArguments, unless_stopped};
use crate::cli::Process;
use crate::cli::messages::connection::MessageSession;
use crate::cli::messages::consent::ask;
use crate::cli::messages::drive::{Drive, End, GONE, gone};
use crate::cli::messages::metrics::MetricsArguments;
use crate::cli::messages::output::Output;
use crate::cli::messages::pace::Pace;
use crate::cli::messages::place::TopicPlace;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::measurement::{Measurement, Summary};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl dlq replay orders/dead --dry-run
  iggyctl dlq replay orders/dead --max 1
  iggyctl dlq replay orders/dead --rate 100 --yes

It says first where they go, and asks. Each message goes back to the stream, topic and partition that its headers name, as it was there,
and with headers that say that it was sent back; when it fails again, its attempts are counted on.
What was sent back is remembered on the server, as the stored offset of the consumer
iggyctl-dlq-replay, so it is not sent twice, whoever runs this; --again sends all once more.
Dead letters stay where they are: `iggyctl dlq purge` removes them.

Exit codes: 0 all sent back that are there, 4 somebody else sent some back meanwhile, 6 some of
them, 1 none.")]
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
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Count what would be sent back and where to, and send nothing
    #[arg(long, conflicts_with = "yes")]
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
    /// Messages that were there at the start, and not any more when they were to be
    /// read.
    gone: u64,
    /// Where those go that were waiting at the start.
    destinations: Vec<DestinationReport>,
    #[serde(flatten)]
    run: Summary,
}

const NOTHING: &str = "nothing was sent back";

pub(super) async fn replay(
    process: &Process,
    arguments: &ReplayArguments,
) -> Result<ExitCode, CommandError> {
    arguments
        .place
        .run(process, async |place| {
            arguments.metrics.serve(process)?;
            let session = place.session;
            let letters = place.open_place(&arguments.topic)?;
            let (job, destinations) = unless_stopped(session, async {
                let job = Job::find(session, arguments, &letters).await?;
                let found = Destinations::find(&letters, &job.progress.partitions).await;
                Ok((job, found.map_err(|error| session.reasons.of(&error))?))
            })
            .await?;
            let others = destinations.others;
            let destinations = destinations.report(&arguments.topic, &arguments.into);
            // What goes nowhere is passed over for ever, and that is agreed to, too.
            let is_something = !job.progress.is_done();
            if is_something {
                let plan = plan(arguments, session, &destinations, others);
                process.terminal.message(&plan);
            }
            if is_something && !arguments.yes && !arguments.dry_run {
                let question = format!("\nSend them back on {}?", session.name);
                ask(process, session, question, NOTHING).await?;
                job.must_still_wait(session, arguments, &letters).await?;
            }
            let mut drive = arguments.drive(place, job.progress.clone())?;
            let mut kept = job.progress.clone();
            let end = drive
                .run(process, session, async |progress: &Progress, partition| {
                    let next = |of: &Progress| of.partitions.get(&partition).map(|it| it.next);
                    let (before, now) = (next(&kept), next(progress));
                    kept.clone_from(progress);
                    // What was sent back before is not forgotten by sending it again.
                    let is_new = now > job.waiting.get(&partition).map(|it| it.next);
                    match now.and_then(|now| now.checked_sub(1)) {
                        Some(last) if now > before && is_new && !arguments.dry_run => letters
                            .remember(partition, last)
                            .await
                            .map_err(|error| session.reasons.of(&error)),
                        _ => Ok(()),
                    }
                })
                .await;
            let progress = &drive.progress;
            let report = BackReport {
                stream: arguments.topic.stream.to_string(),
                topic: arguments.topic.topic.to_string(),
                dry_run: arguments.dry_run,
                complete: progress.is_done(),
                unaddressed: progress.unaddressed,
                gone: gone(job.progress.left(), progress),
                destinations,
                run: drive.measurement.summary(),
            };
            conclude(process, arguments, session, &report, progress.left(), end)
        })
        .await
}

impl ReplayArguments {
    fn drive(&self, place: &Place<'_>, progress: Progress) -> Result<Drive, CommandError> {
        let (stream, topic) = (self.topic.stream.as_str(), self.topic.topic.as_str());
        let (connection, to) = (&place.session.connection, Destination::WhereTheyDied);
        let mut replay = Replay::new(connection, stream, topic, to)
            .map_err(|error| place.session.reasons.of(&error))?;
        if let Some(encryption) = place.encryption.clone() {
            replay = replay.encryption(encryption);
        }
        for place in &self.into {
            replay = replay.into_topic(place.stream.as_str(), place.topic.as_str());
        }
        if self.skip_unreadable {
            replay = replay.skip_unreadable();
        }
        if self.dry_run {
            replay = replay.dry_run();
        }
        Ok(Drive {
            replay,
            progress,
            pace: self.rate.filter(|_| !self.dry_run),
            batch_size: self.batch_size,
            limit: self.max,
            measurement: Measurement::start(),
        })
    }
}

/// What there is to send back.
struct Job {
    progress: Progress,
    /// From where on it was not sent back before.
    waiting: BTreeMap<u32, Span>,
}

impl Job {
    async fn find(
        session: &MessageSession,
        arguments: &ReplayArguments,
        letters: &DeadLetterTopic,
    ) -> Result<Self, CommandError> {
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
        let progress = Progress::over(spans);
        Ok(Self { progress, waiting })
    }

    /// While the answer was waited for, somebody else may have sent some back.
    async fn must_still_wait(
        &self,
        session: &MessageSession,
        arguments: &ReplayArguments,
        letters: &DeadLetterTopic,
    ) -> Result<(), CommandError> {
        let now = letters.pending(&self.waiting).await;
        if now.map_err(|error| session.reasons.of(&error))? == self.waiting {
            return Ok(());
        }
        Err(CommandError::new(
            ExitCode::Stale,
            format!(
                "{NOTHING}: somebody else sent back some of {} meanwhile",
                arguments.topic
            ),
        )
        .hint("look again: the same command shows what is waiting now"))
    }
}

fn plan(
    arguments: &ReplayArguments,
    session: &MessageSession,
    destinations: &[DestinationReport],
    others: u64,
) -> String {
    let most = match arguments.max {
        Some(max) => format!(", {} of them at most", counted(max, "message")),
        None => String::new(),
    };
    format!(
        "Dead letters of {} on {} go back{most}:{}",
        arguments.topic,
        session.name,
        text(destinations, others)
    )
}

fn conclude(
    process: &Process,
    arguments: &ReplayArguments,
    session: &MessageSession,
    report: &BackReport,
    left: u64,
    end: End,
) -> Result<ExitCode, CommandError> {
    let (place, sent) = (&arguments.topic, report.run.messages);
    let mut text = if arguments.dry_run {
        let letters = counted(sent, "dead letter");
        format!("Would send back {letters} of {place} on {}.", session.name)
    } else {
        format!("Sent back of {place} on {}: {}", session.name, report.run)
    };
    for (count, what) in [
        (
            report.unaddressed,
            "left out: without the headers of a dead letter",
        ),
        (report.gone, GONE),
        (left, "left to send back"),
    ] {
        if count > 0 {
            text.push_str(&format!("\n{}: {what}", counted(count, "message")));
        }
    }
    process.terminal.message(&text);
    arguments.output.print(process, report)?;
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
