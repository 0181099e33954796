//! `iggyctl operator`: what a cluster needs.

mod rbac;
mod run;

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
    /// Print the roles that the operator needs
    Rbac(rbac::RbacArguments),
    /// Make servers as the objects of the cluster declare them, until it is stopped
    #[command(
        after_help = "Examples:\n  iggyctl operator run\n  iggyctl operator run --namespace team-a --namespace team-b\n\nThe cluster is the one that the pod runs in, or that of the current kubeconfig."
    )]
    Run(run::RunArguments),
}

pub(super) fn run(
    process: &Process,
    arguments: &OperatorArguments,
) -> Result<ExitCode, CommandError> {
    match &arguments.command {
        OperatorCommand::Crds => crds(process),
        OperatorCommand::Rbac(arguments) => rbac::run(process, arguments),
        OperatorCommand::Run(arguments) => run::run(process, arguments),
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
