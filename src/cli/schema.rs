use iggyctl_core::api::v1alpha1::{Kind, combined_schema, schema};

use super::Process;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl schema > iggyctl.schema.json\n  iggyctl schema IggyTopic"
)]
pub(super) struct SchemaArguments {
    /// A kind such as IggyTopology; without one, the schema of all kinds
    kind: Option<String>,
}

pub(super) fn run(
    process: &Process,
    arguments: &SchemaArguments,
) -> Result<ExitCode, CommandError> {
    let schema = match &arguments.kind {
        None => combined_schema(),
        Some(kind) => schema(
            kind.parse::<Kind>()
                .map_err(|error| CommandError::usage(error.to_string()))?,
        ),
    };
    process.output(&format!("{schema:#}\n"))?;
    Ok(ExitCode::Done)
}
