//! How the report of a smoke test is printed.

use iggyctl_core::render::{SmokeReport, SmokeVerdict};

use super::Process;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::smoke::{Because, LeaseError};

/// How to print the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum SmokeFormat {
    /// For people
    #[default]
    Text,
    /// JSON; with --repeat one line for each run
    Json,
    /// The XML that CI systems read
    Junit,
    /// For a pull request: what failed, and the rest folded
    Markdown,
    /// One page that needs nothing else
    Html,
}

impl SmokeFormat {
    /// Whether several reports one after another still are of this format.
    pub(super) fn can_repeat(self) -> bool {
        match self {
            Self::Text | Self::Json => true,
            Self::Junit | Self::Markdown | Self::Html => false,
        }
    }

    /// Prints a report; `is_one_of_many` keeps JSON on one line.
    pub(super) fn print(
        self,
        process: &Process,
        report: &SmokeReport,
        is_one_of_many: bool,
    ) -> Result<(), CommandError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            CommandError::other(format!("cannot write {what}: {error}"))
        };
        process.output(&match self {
            Self::Text if is_one_of_many => report.to_text(process.text_options()) + "\n",
            Self::Text => report.to_text(process.text_options()),
            Self::Json if is_one_of_many => {
                serde_json::to_string(report).map_err(|error| failed("JSON", &error))? + "\n"
            }
            Self::Json => report.to_json().map_err(|error| failed("JSON", &error))?,
            Self::Junit => report.to_junit().map_err(|error| failed("XML", &error))?,
            Self::Markdown => report.to_markdown(),
            Self::Html => report.to_html(),
        })
    }
}

/// A run that could not begin.
pub(super) fn lease_failed(error: LeaseError) -> CommandError {
    let LeaseError {
        step,
        found,
        because,
    } = error;
    let message = format!("cannot {step}: {found}");
    let code = match because {
        Because::Denied | Because::NotLetIn => ExitCode::CredentialsRefused,
        Because::NoServer => ExitCode::ServerUnavailable,
        Because::Other => ExitCode::Error,
    };
    let error = CommandError::new(code, message);
    if because != Because::Denied {
        return error;
    }
    error.hint("a smoke test makes streams of its own: its login needs the right to manage streams")
}

/// How the process ends after a run.
pub(super) fn exit_code(report: &SmokeReport) -> ExitCode {
    match report.verdict() {
        SmokeVerdict::Good => ExitCode::Done,
        // Nothing was tried, so nothing says that it works.
        SmokeVerdict::Failed | SmokeVerdict::NothingTried => ExitCode::CheckSaysNo,
        SmokeVerdict::Interrupted | SmokeVerdict::LeftBehind => ExitCode::Error,
    }
}
