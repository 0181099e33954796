use std::path::PathBuf;

use iggyctl_core::diagnostic::Origin;
use iggyctl_core::render::escape;
use iggyctl_engine::places::NotAKey;

use crate::command_error::CommandError;

/// How long a password may be, in bytes: neither is a user created with another
/// one, nor lets the server anybody in (`iggy_common` 0.11.0, `http/users/defaults.rs`).
pub(crate) const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 3..=100;

/// Why there is no secret. Names where it was looked for, never what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretError {
    /// A variable of the environment that is absent or empty.
    #[error("the variable {0} is not set")]
    NotSet(String),
    /// A text that the server takes from nobody as a password.
    #[error(
        "{} has no password: one has {} to {} bytes",
        place, PASSWORD_BYTES.start(), PASSWORD_BYTES.end()
    )]
    NoPassword {
        /// Where it was found.
        place: String,
    },
    /// A file.
    #[error("cannot read {}: {reason}", path.display())]
    NotRead { path: PathBuf, reason: String },
    /// A folder where a file was expected.
    #[error("{} is a folder", _0.display())]
    Folder(PathBuf),
    /// More bytes than any secret has.
    #[error("{} has more than 64 KiB, so it is no secret", _0.display())]
    TooLarge(PathBuf),
    /// Bytes that are no text.
    #[error("{0} is not UTF-8")]
    NotText(String),
    /// Nothing, or only a line break.
    #[error("{0} is empty")]
    Empty(String),
    /// A command without a program.
    #[error("`command` names no program")]
    NoProgram,
    /// A program that could not be started.
    #[error("cannot run {program}: {reason}")]
    NotRun { program: String, reason: String },
    /// A program that said no.
    #[error("{program} ended with {status}")]
    Ended {
        program: String,
        status: String,
        /// Whether a person saw what it said on standard error.
        heard: bool,
    },
    /// A name that the context file does not have.
    #[error("the context file has no secret named `{0}` under `secrets`")]
    NotInContextFile(String),
    /// The context file could not be read.
    #[error("{0}")]
    NoContextFile(String),
    /// A key of a Kubernetes Secret, and nobody said where they are.
    #[error(
        "`secretKeyRef` is looked up in the folder that --secrets-dir names, and none is named"
    )]
    NoSecretsFolder,
    /// A name that would lead out of the folder of the secrets.
    #[error(transparent)]
    NotAKey(#[from] NotAKey),
}

impl SecretError {
    /// The next step, when there is one to name.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Ended { heard: false, .. } => {
                Some("what it says is shown on a terminal only, since it may hold the secret")
            }
            _ => None,
        }
    }
}

/// A secret that a manifest refers to and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {reason}")]
pub(crate) struct MissingSecret {
    /// Where the manifest refers to it.
    pub(crate) origin: Origin,
    /// Why it is not there.
    pub(crate) reason: SecretError,
}

/// One error that says all that is missing.
pub(crate) fn missing_secrets(missing: &[MissingSecret]) -> CommandError {
    let is_there =
        |missing: &MissingSecret| matches!(missing.reason, SecretError::NoPassword { .. });
    let what = match missing.iter().any(is_there) {
        true => "missing, or cannot be used",
        false => "missing",
    };
    let mut message = match missing.len() {
        1 => format!("a secret is {what}"),
        count => format!("{count} secrets are {what}"),
    };
    for missing in missing {
        // A manifest chose the names of variables and files.
        message.push_str("\n  ");
        message.push_str(&escape(&missing.to_string()));
    }
    let error = CommandError::invalid_input(message);
    match missing.iter().find_map(|missing| missing.reason.hint()) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
