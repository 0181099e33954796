use super::Process;
use super::plan::plan;
use super::plan_arguments::{PlanFormat, PlanningArguments};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  iggyctl diff -f topology.yaml --context production\n\nThe same as `iggyctl plan --detailed-exitcode`: 0 nothing differs, 2 changes pending, 3 something is blocked, or refused by a policy."
)]
pub(super) struct DiffArguments {
    #[command(flatten)]
    planning: PlanningArguments,
}

impl DiffArguments {
    pub(super) fn annotates(&self) -> bool {
        self.planning.output == PlanFormat::Github
    }
}

pub(super) fn run(process: &Process, arguments: &DiffArguments) -> Result<ExitCode, CommandError> {
    plan(process, &arguments.planning, None, true, false, None, None)
}
