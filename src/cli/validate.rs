use iggyctl_core::wording::counted;

use super::Process;
use super::manifest_arguments::ManifestArguments;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl validate -f topology.yaml\n  iggyctl validate -f manifests/ --set environment=production"
)]
pub(super) struct ValidateArguments {
    #[command(flatten)]
    manifests: ManifestArguments,
}

pub(super) fn run(
    process: &Process,
    arguments: &ValidateArguments,
) -> Result<ExitCode, CommandError> {
    let compiled = arguments.manifests.compile(process)?;
    let state = &compiled.state;
    let topics: usize = state
        .streams
        .values()
        .map(|stream| stream.topics.len())
        .sum();
    let groups: usize = state
        .streams
        .values()
        .flat_map(|stream| stream.topics.values())
        .map(|topic| topic.groups.len())
        .sum();
    process.output(&format!(
        "Valid: {}, {}, {}.\n",
        counted(state.streams.len(), "stream"),
        counted(topics, "topic"),
        counted(groups, "consumer group"),
    ))?;
    Ok(ExitCode::Done)
}
