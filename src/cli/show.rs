//! A saved plan, as it was shown.

use std::path::PathBuf;

use iggyctl_core::render::escape;
use iggyctl_core::saved::{PlannedServer, SavedPlan};

use super::Process;
use super::plan_arguments::PlanFormat;
use super::saved_plan;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl plan -f topology.yaml --context production --out orders.plan\n  iggyctl show orders.plan\n  iggyctl show orders.plan -o markdown > comment.md\n  gunzip -c orders.plan.gz | iggyctl show -\n\nNo server is asked: whether the plan can still be carried out is what `iggyctl apply --plan` finds out."
)]
pub(super) struct ShowArguments {
    /// The file that `iggyctl plan --out` wrote; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How to print the plan
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: PlanFormat,
}

pub(super) fn run(process: &Process, arguments: &ShowArguments) -> Result<ExitCode, CommandError> {
    let saved = saved_plan::read(&arguments.file)?;
    arguments
        .output
        .print(process, &saved_plan::planned(&saved))?;
    process.terminal.message(&heading(&saved));
    Ok(ExitCode::Done)
}

/// What the plan itself does not say.
fn heading(saved: &SavedPlan) -> String {
    let PlannedServer {
        name,
        context,
        version,
        user_id: _,
        ledger: _,
        keeps_ledger: _,
    } = &saved.server;
    let context = context.as_ref().map(|it| format!(" (context {it})"));
    let version = version.as_ref().map(|it| format!(", version {it}"));
    escape(&format!(
        "Saved by iggyctl {} for {name}{}{}, from manifests with the digest {}.",
        saved.product,
        context.unwrap_or_default(),
        version.unwrap_or_default(),
        saved.manifests
    ))
    .to_string()
}
