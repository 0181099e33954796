//! How the process ends: one table for all commands, documented in
//! `docs/exit-codes.md` and tested as an API.

/// An exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// Done, or nothing to do.
    Done = 0,
    /// Any error without a code of its own.
    Error = 1,
    /// Changes are pending (`--detailed-exitcode`, `diff`).
    ChangesPending = 2,
    /// A line of the plan is blocked.
    Blocked = 3,
    /// What a plan was made from has moved since.
    Stale = 4,
    /// Another apply of the project runs.
    LockHeld = 5,
    /// Some steps were applied and others were not, or an outcome is unknown.
    PartiallyApplied = 6,
    /// A check says no (`access check`).
    CheckSaysNo = 7,
    /// The server was changed by hand (`drift`).
    Drift = 8,
    /// The command line is wrong (`EX_USAGE` of sysexits.h).
    Usage = 64,
    /// A manifest or another input file is wrong (`EX_DATAERR`).
    InvalidInput = 65,
    /// The server cannot be reached, or speaks another protocol (`EX_UNAVAILABLE`).
    ServerUnavailable = 69,
    /// The server refused the credentials, or there are none (`EX_NOPERM`).
    CredentialsRefused = 77,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
