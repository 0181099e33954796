use iggyctl_core::api::v1alpha1::{Kind, combined_schema, editor_schema};
use iggyctl_core::wording::nearest;

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
        Some(kind) => editor_schema(kind.parse::<Kind>().map_err(|error| {
            let error = CommandError::usage(error.to_string());
            match meant(kind) {
                Some(kind) => error.hint(format!("did you mean {kind}?")),
                None => error,
            }
        })?),
    };
    process.output(&format!("{schema:#}\n"))?;
    Ok(ExitCode::Done)
}

/// The kind that was probably meant; `Iggy` may have been left out.
fn meant(text: &str) -> Option<Kind> {
    let names = || Kind::ALL.map(Kind::as_str).into_iter();
    let short = names().filter_map(|name| name.strip_prefix("Iggy"));
    let found = nearest(text, short).or_else(|| nearest(text, names()))?;
    Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str().ends_with(found))
}
