//! Moving a reader: a plan, a question, and what became of it.

use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;
use iggyctl_messaging::offsets::{
    Effect, Ended, OffsetChange, OffsetPlan, Outcome, PlanError, Reader, Target, TopicOffsets,
};
use serde::Serialize;

use super::report::{kind, stored_cell};
use super::target::TargetArgument;
use super::{ReaderArguments, TopicArguments};
use crate::cli::Process;
use crate::cli::get::{Row, render};
use crate::cli::messages::connection::MessageSession;
use crate::cli::messages::consent::ask;
use crate::cli::output::Format;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl offsets set orders/events --group billing --partition 0 --offset 41
  iggyctl offsets set orders/events --consumer audit --partition 2 --offset 0 --yes

The offset is stored as it is given: 41 means that 41 was handled, and that the reader goes on
with 42. To go on with the first message of all, use `offsets reset --to earliest`.

Exit codes: 0 done, 3 the group has active members, 4 an offset moved since it was shown,
6 some partitions were changed, or it is not known.")]
pub(super) struct SetArguments {
    #[command(flatten)]
    change: ChangeArguments,
    /// The partition
    #[arg(short, long, value_name = "N")]
    partition: u32,
    /// The last offset that counts as handled
    #[arg(long, value_name = "N")]
    offset: u64,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl offsets reset orders/events --group billing --to earliest --dry-run
  iggyctl offsets reset orders/events --group billing --to time:2026-11-21T20:00:00Z
  iggyctl offsets reset orders/events --group billing --to shift:-100 --partition 0 --yes
  iggyctl offsets reset orders/events --consumer audit --to latest

Where to:
  earliest     the oldest message that is there
  latest       what comes next; everything that is there is skipped
  time:T       the first message since then: 2026-11-21T20:00:00Z, or so long ago: 2h
  offset:N     N is the next message that is read
  shift:N      so many messages further, or back with a minus, within what is there

The offsets of a group can be moved only while it has no active members: the server takes them
from nobody else. Stop its consumers first.

Exit codes: 0 done, 3 the group has active members, 4 an offset moved since it was shown,
6 some partitions were changed, or it is not known.")]
pub(super) struct ResetArguments {
    #[command(flatten)]
    change: ChangeArguments,
    /// Where to go on: earliest, latest, time:T, offset:N or shift:N
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    to: TargetArgument,
    /// Only this partition
    #[arg(short, long, value_name = "N")]
    partition: Option<u32>,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
struct ChangeArguments {
    #[command(flatten)]
    topic: TopicArguments,
    #[command(flatten)]
    reader: ReaderArguments,
    /// Change it without asking
    #[arg(short, long)]
    yes: bool,
    /// Show what would change, and change nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl ChangeArguments {
    fn reader(&self) -> Result<Reader, CommandError> {
        self.reader.reader().ok_or_else(|| {
            CommandError::usage("whose offsets? Name a reader with --group or --consumer")
        })
    }
}

pub(super) async fn set(
    process: &Process,
    arguments: &SetArguments,
) -> Result<ExitCode, CommandError> {
    let SetArguments {
        change,
        partition,
        offset,
    } = arguments;
    let target = Ok(Target::Stored(*offset));
    run(process, change, target, Some(*partition)).await
}

pub(super) async fn reset(
    process: &Process,
    arguments: &ResetArguments,
) -> Result<ExitCode, CommandError> {
    let ResetArguments {
        change,
        to,
        partition,
    } = arguments;
    run(process, change, to.resolve(), *partition).await
}

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeReport {
    stream: String,
    topic: String,
    kind: &'static str,
    name: String,
    changes: Vec<ChangeRow>,
    /// Partitions that are as wanted.
    unchanged: Vec<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeRow {
    partition: u32,
    /// What is stored before; null for nothing.
    from: Option<u64>,
    /// What is to be stored; null for nothing.
    to: Option<u64>,
    next_from: u64,
    next_to: u64,
    redelivered: u64,
    skipped: u64,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ChangeRow {
    fn new(partition: u32, change: &OffsetChange) -> Self {
        let OffsetChange {
            from,
            to,
            next_from,
            next_to,
            effect,
        } = *change;
        let (redelivered, skipped) = match effect {
            Effect::Redelivers(messages) => (messages, 0),
            Effect::Skips(messages) => (0, messages),
            Effect::Nothing => (0, 0),
        };
        Self {
            partition,
            from,
            to,
            next_from,
            next_to,
            redelivered,
            skipped,
            status: "planned",
            reason: None,
        }
    }

    fn ended(&mut self, ended: &Ended) {
        let (status, reason) = match ended {
            Ended::Done => ("done", None),
            Ended::Moved { found } => (
                "moved",
                Some(format!(
                    "it moved since it was shown: {} is stored",
                    stored_cell(*found)
                )),
            ),
            Ended::Refused { reason } => ("refused", Some(reason.clone())),
            Ended::Unknown { reason } => ("unknown", Some(reason.clone())),
            Ended::NotAttempted => ("notAttempted", None),
        };
        self.status = status;
        self.reason = reason;
    }
}

impl Row for ChangeRow {
    const HEADERS: &'static [&'static str] = &["PARTITION", "STORED", "TO", "NEXT", "TO", "EFFECT"];
    const NUMBERS_FROM: usize = 0;

    fn cells(&self) -> Vec<String> {
        let effect = match (self.redelivered, self.skipped) {
            (0, 0) => "the same messages".to_owned(),
            (0, skipped) => format!("{} skipped", counted(skipped, "message")),
            (redelivered, _) => format!("{} redelivered", counted(redelivered, "message")),
        };
        vec![
            self.partition.to_string(),
            stored_cell(self.from),
            stored_cell(self.to),
            self.next_from.to_string(),
            self.next_to.to_string(),
            effect,
        ]
    }
}

async fn run(
    process: &Process,
    arguments: &ChangeArguments,
    target: Result<Target, crate::cli::messages::moment::Moment>,
    only: Option<u32>,
) -> Result<ExitCode, CommandError> {
    let reader = arguments.reader()?;
    let place = &arguments.topic.place;
    MessageSession::run(
        process,
        &arguments.topic.server,
        arguments.topic.give_up_after,
        async |session| {
            let failed = |error| session.reasons.of(&error);
            let (stream, topic) = (place.stream.as_str(), place.topic.as_str());
            let offsets = TopicOffsets::new(&session.connection, stream, topic).map_err(failed)?;
            let planning = async {
                let seen = offsets.observe_closely(&reader).await?;
                let target = match target {
                    Ok(target) => target,
                    Err(moment) => offsets.since(moment.micros()).await?,
                };
                let plan = OffsetPlan::new(&seen, &target, only);
                Ok((seen.members.len(), plan))
            };
            let (members, plan) = tokio::select! {
                planned = planning => planned.map_err(failed)?,
                () = session.stop.requested() => {
                    return Err(CommandError::other("nothing was changed: interrupted"));
                }
            };
            let plan = plan.map_err(|error| no_plan(&error, only.is_some()))?;
            Change {
                process,
                arguments,
                session,
                offsets,
                plan,
                members,
            }
            .decide()
            .await
        },
    )
    .await
}

fn no_plan(error: &PlanError, is_one: bool) -> CommandError {
    let failed = CommandError::other(format!("nothing was changed: {error}"));
    match error {
        PlanError::BeyondEnd { .. } if !is_one => {
            failed.hint("name one with --partition when the others end before")
        }
        PlanError::NoPartition { .. } | PlanError::BeyondEnd { .. } => failed,
    }
}

struct Change<'command> {
    process: &'command Process,
    arguments: &'command ChangeArguments,
    session: &'command MessageSession,
    offsets: TopicOffsets,
    plan: OffsetPlan,
    members: usize,
}

impl Change<'_> {
    async fn decide(self) -> Result<ExitCode, CommandError> {
        let mut report = self.report();
        let is_text = self.arguments.output == Format::Text;
        self.show_plan(&report, is_text)?;
        if self.arguments.dry_run || self.plan.changes().is_empty() {
            if !is_text {
                self.print(&report)?;
            }
            return Ok(ExitCode::Done);
        }
        if self.members > 0 {
            if !is_text {
                self.print(&report)?;
            }
            return Err(in_use(self.plan.reader(), self.members));
        }
        if !self.arguments.yes {
            let question = format!("\nMove these offsets on {}?", self.session.name);
            ask(self.process, self.session, question, NOTHING).await?;
        }
        let outcome = match self.offsets.carry_out(&self.plan).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let error = self.session.reasons.of(&error);
                return Err(CommandError {
                    message: format!("{NOTHING}: {}", error.message),
                    ..error
                });
            }
        };
        for row in &mut report.changes {
            if let Some(ended) = outcome.partitions.get(&row.partition) {
                row.ended(ended);
            }
        }
        if !is_text {
            self.print(&report)?;
        }
        self.conclude(&report, &outcome)
    }

    fn report(&self) -> ChangeReport {
        let place = &self.arguments.topic.place;
        let changes = self.plan.changes().iter();
        ChangeReport {
            stream: place.stream.to_string(),
            topic: place.topic.to_string(),
            kind: kind(self.plan.reader()),
            name: self.plan.reader().name().to_owned(),
            changes: changes.map(|(id, it)| ChangeRow::new(*id, it)).collect(),
            unchanged: self.plan.unchanged().to_vec(),
        }
    }

    /// The plan is data; beside JSON a person reads it on standard error.
    fn show_plan(&self, report: &ChangeReport, is_text: bool) -> Result<(), CommandError> {
        let mut text = format!(
            "{} {} of {}\n",
            report.kind,
            escape(&report.name),
            self.arguments.topic.place
        );
        if report.changes.is_empty() {
            text.push_str("Nothing to do: the offsets are as wanted.\n");
        } else {
            text.push_str(&render(Format::Text, &report.changes)?);
            if !report.unchanged.is_empty() {
                text.push_str(&format!(
                    "{} as wanted.\n",
                    counted(report.unchanged.len() as u64, "other partition")
                ));
            }
        }
        if is_text {
            return self.process.output(&text);
        }
        self.process.terminal.message(text.trim_end());
        Ok(())
    }

    fn print(&self, report: &ChangeReport) -> Result<(), CommandError> {
        let text = self.arguments.output.render(report, String::new)?;
        self.process.output(&text)
    }

    fn conclude(&self, report: &ChangeReport, outcome: &Outcome) -> Result<ExitCode, CommandError> {
        if outcome.is_complete() {
            self.process.terminal.message(&format!(
                "Moved the offsets of {}.",
                counted(report.changes.len() as u64, "partition")
            ));
            return Ok(ExitCode::Done);
        }
        let lines: Vec<String> = report
            .changes
            .iter()
            .filter(|row| row.status != "notAttempted")
            .map(|row| {
                let reason = row.reason.as_ref().map(|it| format!(": {it}"));
                let (partition, status) = (row.partition, row.status);
                format!(
                    "partition {partition}: {status}{}",
                    reason.unwrap_or_default()
                )
            })
            .collect();
        let has_moved = outcome
            .partitions
            .values()
            .any(|ended| matches!(ended, Ended::Moved { .. }));
        let (exit_code, what) = match (outcome.may_have_changed(), has_moved) {
            (true, _) => (ExitCode::PartiallyApplied, "not all offsets were moved"),
            (false, true) => (ExitCode::Stale, NOTHING),
            (false, false) => (ExitCode::Error, NOTHING),
        };
        Err(
            CommandError::new(exit_code, format!("{what}:\n  {}", lines.join("\n  "))).hint(
                "`iggyctl offsets get` shows what is stored; run this again to see the plan anew",
            ),
        )
    }
}

const NOTHING: &str = "nothing was changed";

fn in_use(reader: &Reader, members: usize) -> CommandError {
    CommandError::new(
        ExitCode::Blocked,
        format!(
            "{NOTHING}: the {} has {}, and the server takes the offsets of a group from its \
             members only",
            escape(&reader.to_string()),
            counted(members as u64, "active member")
        ),
    )
    .hint("stop its consumers, move the offsets, and start them again")
}
