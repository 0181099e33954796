use iggyctl_core::check::FindingCode;
use iggyctl_core::diagnostic::Code;
use iggyctl_core::wording::nearest;

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
        let code: Code = wanted.parse().map_err(|_| no_such_code(arguments))?;
        format!("{code}: {}\n\n{}\n", code.title(), code.explanation())
    };
    process.output(&text)?;
    Ok(ExitCode::Done)
}

fn no_such_code(arguments: &ExplainArguments) -> CommandError {
    let error = CommandError::usage(format!("there is no code `{}`", arguments.code));
    match meant(&arguments.code) {
        Some(code) => error.hint(format!("did you mean {code}?")),
        None => error.hint(
            "errors have codes like IGC0012, warnings of a plan like IGW0001; \
             docs/reference/errors.md lists them",
        ),
    }
}

/// The code that was probably meant: a number alone, or with too few or too
/// many zeros, is one; otherwise the one that looks most like it.
fn meant(text: &str) -> Option<&'static str> {
    let codes = || {
        let errors = Code::all().iter().map(|code| code.as_str());
        errors.chain(FindingCode::ALL.into_iter().map(FindingCode::as_str))
    };
    let text = text.trim().to_ascii_uppercase();
    let letters = text.trim_end_matches(|character: char| character.is_ascii_digit());
    let number: Option<u16> = text
        .strip_prefix(letters)
        .and_then(|text| text.parse().ok());
    let by_number = number.and_then(|number| {
        let digits = format!("{number:04}");
        codes().find(|code| {
            code.strip_suffix(&digits)
                .is_some_and(|prefix| letters.is_empty() || prefix == letters)
        })
    });
    by_number.or_else(|| nearest(&text, codes()))
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn near_misses_find_their_code() {
        for (text, code) in [
            ("12", Some("IGC0012")),
            ("IGC12", Some("IGC0012")),
            ("igc00012", Some("IGC0012")),
            ("IGW1", Some("IGW0001")),
            ("ICG0012", Some("IGC0012")),
            ("IGC-0012", Some("IGC0012")),
            ("IGC9999", None),
            ("whatever", None),
        ] {
            assert_eq!(meant(text), code, "{text}");
        }
    }
}
