use iggyctl_core::check::FindingCode;
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
    let wanted = arguments.code.to_ascii_uppercase();
    let text = if let Some(finding) = FindingCode::ALL
        .into_iter()
        .find(|code| code.as_str() == wanted)
    {
        format!(
            "{wanted}: a warning of a plan\n\n{}\n",
            finding.explanation()
        )
    } else {
        let code: Code = wanted.parse().map_err(|_| {
            CommandError::usage(format!("there is no code `{}`", arguments.code))
                .hint("errors have codes like IGC0012, warnings of a plan like IGW0001; docs/reference/errors.md lists them")
        })?;
        format!("{code}: {}\n\n{}\n", code.title(), code.explanation())
    };
    process.output(&text)?;
    Ok(ExitCode::Done)
}
