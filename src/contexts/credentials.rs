//! Where the credentials of a context come from: never the file itself.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use iggyctl_core::secret::Secret;
use iggyctl_engine::connect::Credentials;
use serde::Deserialize;

use crate::command_error::CommandError;
use crate::environment::Environment;
use crate::exit_code::ExitCode;
use crate::secrets::{SecretError, from_environment, printed, read_file};

/// The `credentials` of a context.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CredentialSources {
    /// The user; goes with `password`.
    pub(crate) username: Option<String>,
    /// Where its password is.
    pub(crate) password: Option<SecretSource>,
    /// Where a personal access token is; goes without the other two.
    pub(crate) token: Option<SecretSource>,
}

/// Where a secret is.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SecretSource {
    /// A variable of the environment.
    Env(String),
    /// A file; one line break at its end does not count.
    File(PathBuf),
    /// A program and its arguments, such as a password manager; what it prints, without
    /// one line break at its end.
    Command(Vec<String>),
    /// The secret itself: only from the official command's file, ours refuses it.
    #[serde(skip)]
    Literal(Secret),
}

impl CredentialSources {
    /// Reads the secrets.
    pub(crate) fn resolve(&self, environment: &Environment) -> Result<Credentials, CommandError> {
        match (&self.username, &self.password, &self.token) {
            (None, None, Some(token)) => Ok(Credentials::Token(token.resolve(environment)?)),
            (Some(username), Some(password), None) => Ok(Credentials::Password {
                username: username.clone(),
                password: password.resolve(environment)?,
            }),
            _ => Err(CommandError::invalid_input(
                "`credentials` of a context are either `token`, or `username` and `password`",
            )),
        }
    }
}

impl SecretSource {
    fn resolve(&self, environment: &Environment) -> Result<Secret, CommandError> {
        self.read(environment).map_err(|error| {
            let refused = CommandError::new(
                ExitCode::CredentialsRefused,
                format!("no credentials: {error}"),
            );
            match error.hint() {
                Some(hint) => refused.hint(hint),
                None => refused,
            }
        })
    }

    /// The secret.
    pub(crate) fn read(&self, environment: &Environment) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => from_environment(environment, name),
            Self::File(path) => read_file(path),
            Self::Command(words) => run(words),
            Self::Literal(secret) => Ok(secret.clone()),
        }
    }
}

/// Runs the program without a shell, so nothing in the file is interpreted. A
/// password manager asks on standard error, so on a terminal a person sees that;
/// in a log nobody answers, and what a program says there may hold the secret.
fn run(words: &[String]) -> Result<Secret, SecretError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(SecretError::NoProgram);
    };
    let person = std::io::stderr().is_terminal();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::inherit())
        .stderr(if person {
            Stdio::inherit()
        } else {
            Stdio::null()
        })
        .output()
        .map_err(|error| SecretError::NotRun {
            program: program.clone(),
            reason: error.to_string(),
        })?;
    // Wrapped at once, so that it is wiped whatever happens next.
    let secret = printed(output.stdout, program);
    if !output.status.success() {
        return Err(SecretError::Ended {
            program: program.clone(),
            status: output.status.to_string(),
            heard: person,
        });
    }
    secret
}

impl std::fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(formatter, "the variable {name}"),
            Self::File(path) => write!(formatter, "the file {}", path.display()),
            Self::Command(words) => write!(
                formatter,
                "the command {}",
                words.first().map_or("", String::as_str)
            ),
            Self::Literal(_) => formatter.write_str("the official command's file"),
        }
    }
}
