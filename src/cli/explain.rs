use iggyctl_core::diagnostic::Code;

use super::Process;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iggyctl explain IGC0012")]
pub(super) struct ExplainArguments {
    /// The code, as an error shows it
    code: String,
}

pub(super) fn run(
    process: &Process,
    arguments: &ExplainArguments,
) -> Result<ExitCode, CommandError> {
    let code: Code = arguments.code.to_ascii_uppercase().parse().map_err(|_| {
        CommandError::usage(format!("there is no error code `{}`", arguments.code))
            .hint("codes look like IGC0012; docs/reference/errors.md lists them all")
    })?;
    process.output(&format!(
        "{code}: {}\n\n{}\n",
        code.title(),
        code.explanation()
    ))?;
    Ok(ExitCode::Done)
}
