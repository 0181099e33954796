//! What commands that move messages print at the end.

use serde::Serialize;

use crate::cli::Process;
use crate::cli::output::json_line;
use crate::command_error::CommandError;

/// What is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Output {
    /// Nothing: what a person wants to know is on standard error.
    #[default]
    Text,
    /// One object at the end.
    Json,
}

impl Output {
    /// Prints a report, for programs only.
    pub(super) fn print(
        self,
        process: &Process,
        report: &impl Serialize,
    ) -> Result<(), CommandError> {
        match self {
            Self::Text => Ok(()),
            Self::Json => process.output(&json_line(report)?),
        }
    }
}
