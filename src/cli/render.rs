use iggyctl_core::manifest::RenderFormat;

use super::Process;
use super::manifest_arguments::ManifestArguments;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl render -f manifests/ --set environment=production > production.yaml\n  iggyctl render -f topology.yaml -o json"
)]
pub(super) struct RenderArguments {
    #[command(flatten)]
    manifests: ManifestArguments,
    /// How to print the manifests
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: OutputFormat,
}

/// How to print manifests.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum OutputFormat {
    /// YAML, one document after the other.
    #[default]
    Yaml,
    /// JSON; several documents are a List.
    Json,
}

pub(super) fn run(
    process: &Process,
    arguments: &RenderArguments,
) -> Result<ExitCode, CommandError> {
    let format = match arguments.output {
        OutputFormat::Yaml => RenderFormat::Yaml,
        OutputFormat::Json => RenderFormat::Json,
    };
    let text = arguments.manifests.render(process, format)?;
    process.output(&text)?;
    Ok(ExitCode::Done)
}
