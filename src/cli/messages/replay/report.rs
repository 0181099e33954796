//! What is said at the end.

use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;
use serde::Serialize;

use super::ReplayArguments;
use crate::cli::Process;
use crate::cli::messages::connection::MessageSession;
use crate::cli::messages::drive::{End, GONE, gone};
use crate::cli::messages::replay_state::ReplayState;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::measurement::Summary;

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

pub(super) fn report(
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
