//! The error of a command: what a person reads and how the process ends.
//!
//! Modules have error enums of their own; the kind, the hint and the exit code
//! are added here, at the edge.

use crate::exit_code::ExitCode;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// How the process ends.
    pub(crate) exit_code: ExitCode,
    /// One or more lines; empty when everything was already said.
    pub(crate) message: String,
    /// The next step, when there is one to name.
    pub(crate) hint: Option<String>,
}

impl CommandError {
    /// An error with its exit code.
    pub(crate) fn new(exit_code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            exit_code,
            message: message.into(),
            hint: None,
        }
    }

    /// An error without an exit code of its own.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Error, message)
    }

    /// A wrong command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// A wrong input file.
    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ExitCode::InvalidInput, message)
    }

    /// Names the next step.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
