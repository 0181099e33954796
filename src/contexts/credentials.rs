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
    /// A file; one line feed at its end does not count.
    File(PathBuf),
    /// A program and its arguments, such as a password manager; what it prints.
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
        let text = match self {
            Self::Env(name) => environment
                .get(name)
                .map(str::to_owned)
                .ok_or_else(|| missing(format!("the variable {name} is not set")))?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|error| missing(format!("cannot read {}: {error}", path.display())))?,
            Self::Command(words) => run(words)?,
            Self::Literal(secret) => return Ok(secret.clone()),
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(missing("the secret is empty".to_owned()));
        }
        Ok(Secret::new(text))
    }
}

/// Runs the program without a shell, so nothing in the file is interpreted. A
/// password manager asks on standard error, so on a terminal a person sees that;
/// in a log nobody answers, and what a program says there may hold the secret.
fn run(words: &[String]) -> Result<String, CommandError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(missing("`command` names no program".to_owned()));
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::inherit())
        .stderr(if std::io::stderr().is_terminal() {
            Stdio::inherit()
        } else {
            Stdio::null()
        })
        .output()
        .map_err(|error| missing(format!("cannot run {program}: {error}")))?;
    if !output.status.success() {
        let error = missing(format!("{program} ended with {}", output.status));
        return Err(if std::io::stderr().is_terminal() {
            error
        } else {
            error.hint("what it says is shown on a terminal only, since it may hold the secret")
        });
    }
    String::from_utf8(output.stdout)
        .map_err(|_| missing(format!("what {program} prints is not UTF-8")))
}

fn missing(reason: String) -> CommandError {
    CommandError::new(
        ExitCode::CredentialsRefused,
        format!("no credentials: {reason}"),
    )
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
