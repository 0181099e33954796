use iggyctl_core::check::check_declared;
use iggyctl_core::render::findings_text;
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
    let mut counts = vec![
        counted(state.streams.len(), "stream"),
        counted(topics, "topic"),
        counted(groups, "consumer group"),
    ];
    if !state.users.is_empty() {
        counts.push(counted(state.users.len(), "user"));
    }
    let tokens: usize = state.tokens.values().map(|tokens| tokens.len()).sum();
    if tokens > 0 {
        counts.push(counted(tokens, "token"));
    }
    let mut text = format!("Valid: {}.\n", counts.join(", "));
    let findings = check_declared(state);
    if !findings.findings.is_empty() {
        let origin = |address: &_| state.origin(address);
        text.push('\n');
        text.push_str(&findings_text(&findings, origin, process.text_options()));
    }
    process.output(&text)?;
    Ok(ExitCode::Done)
}
