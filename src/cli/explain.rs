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
    let wanted = arguments.code.trim().to_ascii_uppercase();
    let wanted = by_number(&wanted).unwrap_or(&wanted);
    let text = if let Some(finding) = FindingCode::ALL
        .into_iter()
        .find(|code| code.as_str() == wanted)
    {
        format!(
            "{wanted}: {}\n\n{}\n",
            finding.title(),
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

fn codes() -> impl Iterator<Item = &'static str> {
    let errors = Code::all().iter().map(|code| code.as_str());
    errors.chain(FindingCode::ALL.into_iter().map(FindingCode::as_str))
}

/// The code that was probably meant: the one that looks most like it.
fn meant(text: &str) -> Option<&'static str> {
    nearest(&text.trim().to_ascii_uppercase(), codes())
}

/// The code of this number: the letters and zeros of a code in capitals may be
/// left out, and there may be too many zeros.
fn by_number(text: &str) -> Option<&'static str> {
    let letters = text.trim_end_matches(|character: char| character.is_ascii_digit());
    let number: Option<u16> = text
        .strip_prefix(letters)
        .and_then(|text| text.parse().ok());
    let digits = format!("{:04}", number?);
    codes().find(|code| {
        code.strip_suffix(&digits)
            .is_some_and(|prefix| letters.is_empty() || prefix == letters)
    })
}

#[cfg(test)]
mod tests {
    use super::{by_number, meant};

    #[test]
    fn a_number_is_enough() {
        for (text, code) in [
            ("12", Some("IGC0012")),
            ("IGC12", Some("IGC0012")),
            ("IGC0012", Some("IGC0012")),
            ("IGC00012", Some("IGC0012")),
            ("IGW1", Some("IGW0001")),
            ("IGC9999", None),
            ("IGC", None),
            ("", None),
        ] {
            assert_eq!(by_number(text), code, "{text}");
        }
    }

    #[test]
    fn near_misses_find_their_code() {
        for (text, code) in [
            ("ICG0012", Some("IGC0012")),
            ("IGC-0012", Some("IGC0012")),
            ("IGC9999", None),
            ("whatever", None),
        ] {
            assert_eq!(meant(text), code, "{text}");
        }
    }
}
