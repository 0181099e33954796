//! Removing what is declared.

use super::Process;
use super::apply::{self, ApplyArguments, RunArguments};
use super::plan_arguments::{PlanFormat, PlanningArguments};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl destroy -f topology.yaml --context development\n  iggyctl destroy -f topology.yaml --allow-destroy stream/orders\n  iggyctl destroy -f topology.yaml --yes --expect-removals 3\n\nWhat holds messages, and every consumer group, is deleted only where --allow-destroy names it. Users\nbecome inactive without permissions, and are deleted where --allow-destroy names them.\n\nExit codes: 0 done, 3 something is blocked, or the number is not confirmed, 6 partially applied."
)]
pub(super) struct DestroyArguments {
    #[command(flatten)]
    planning: PlanningArguments,
    #[command(flatten)]
    run: RunArguments,
}

impl DestroyArguments {
    pub(super) fn annotates(&self) -> bool {
        self.planning.output == PlanFormat::Github
    }
}

pub(super) fn run(
    process: &Process,
    arguments: DestroyArguments,
) -> Result<ExitCode, CommandError> {
    let DestroyArguments { mut planning, run } = arguments;
    planning.destroys = true;
    apply::run(process, &ApplyArguments::destroying(planning, run))
}
