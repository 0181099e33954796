//! What is said at the end.

use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;
use serde::Serialize;

use super::ProduceArguments;
use super::sending::{End, Sending};
use super::tally::PartitionReport;
use crate::cli::Process;
use crate::cli::messages::connection::MessageSession;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::measurement::Summary;

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

pub(super) fn report(
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
