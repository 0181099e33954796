//! `iggyctl operator`: what a cluster needs.

use super::Process;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::operator::resources::definitions;

#[derive(Debug, clap::Args)]
pub(super) struct OperatorArguments {
    #[command(subcommand)]
    command: OperatorCommand,
}

#[derive(Debug, clap::Subcommand)]
enum OperatorCommand {
    /// Print the definitions of the custom resources
    #[command(
        after_help = "Examples:\n  iggyctl operator crds | kubectl apply --server-side -f -\n  iggyctl operator crds > crds.yaml"
    )]
    Crds,
}

pub(super) fn run(
    process: &Process,
    arguments: &OperatorArguments,
) -> Result<ExitCode, CommandError> {
    match arguments.command {
        OperatorCommand::Crds => crds(process),
    }
}

fn crds(process: &Process) -> Result<ExitCode, CommandError> {
    let documents = definitions()
        .iter()
        .map(serde_saphyr::to_string)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| {
            CommandError::other(format!("the definitions cannot be written: {error}"))
        })?;
    process.output(&documents.join("---\n"))?;
    Ok(ExitCode::Done)
}
