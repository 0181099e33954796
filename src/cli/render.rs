use iggyctl_core::manifest::{DollarForm, RenderFormat};

use super::Process;
use super::manifest_arguments::ManifestArguments;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl render -f manifests/ --set environment=production > production.yaml\n  iggyctl render -f topology.yaml -o json\n  iggyctl render -f manifests/ --literal | kubectl apply -f -"
)]
pub(super) struct RenderArguments {
    #[command(flatten)]
    manifests: ManifestArguments,
    /// How to print the manifests
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: OutputFormat,
    /// Print a text that holds ${ as it is, for programs that know no variables such as kubectl; without this it is printed as $${, so that the output is a manifest again
    #[arg(long)]
    literal: bool,
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
    let dollars = if arguments.literal {
        DollarForm::Literal
    } else {
        DollarForm::Escaped
    };
    let text = arguments.manifests.render(process, format, dollars)?;
    process.output(&text)?;
    Ok(ExitCode::Done)
}
