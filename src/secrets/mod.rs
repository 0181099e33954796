//! From where a manifest says that a secret is to the secret itself.
//!
//! ```text
//!  { env }           ── the environment ──────────────────────┐
//!  { file }          ── beside the manifest ──────────────────┤
//!  { context }       ── the context file ── env, file, command ─┼─▶ Secret
//!  { secretKeyRef }  ── --secrets-dir/NAME/KEY ───────────────┘
//! ```
//!
//! Programs are named in the context file, which belongs to the person who runs
//! the command, and never in a manifest, which may come with a pull request.

mod content;
mod error;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use iggyctl_core::diagnostic::Origin;
use iggyctl_core::secret::{Secret, SecretKey, SecretSource};
use iggyctl_engine::places::mounted_path;

use crate::contexts::{ContextFile, NO_FOLDER, SecretSource as ContextSource};
use crate::environment::Environment;

pub(crate) use content::{printed, read_file};
use error::PASSWORD_BYTES;
pub(crate) use error::{MissingSecret, SecretError, missing_secrets};

/// Finds secrets for one command. Each place is read at most once, so that a
/// password manager asks once, and what was checked is what is used.
pub(crate) struct SecretStore<'command> {
    environment: &'command Environment,
    /// The folder of `--secrets-dir`.
    secrets_folder: Option<PathBuf>,
    /// The `secrets` of the context file, read when the first is asked for.
    context_secrets: Option<Result<BTreeMap<String, ContextSource>, SecretError>>,
    read: BTreeMap<Location, Result<Secret, SecretError>>,
}

/// A place that holds one secret, the same for all who mean it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Location {
    Environment(String),
    File(PathBuf),
    Context(String),
    Mounted(SecretKey),
}

impl Location {
    fn new(source: &SecretSource, origin: &Origin) -> Self {
        match source {
            SecretSource::Env(name) => Self::Environment(name.clone()),
            SecretSource::File(path) => Self::File(origin.path(path)),
            SecretSource::Context(name) => Self::Context(name.clone()),
            SecretSource::SecretKeyRef(key) => Self::Mounted(key.clone()),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(formatter, "the variable {name}"),
            Self::File(path) => write!(formatter, "the file {}", path.display()),
            Self::Context(name) => write!(formatter, "the secret `{name}` of the context file"),
            Self::Mounted(SecretKey { name, key }) => {
                write!(formatter, "the key `{key}` of the Secret `{name}`")
            }
        }
    }
}

/// The secrets that were asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resolved(BTreeMap<Location, Secret>);

impl Resolved {
    /// The secret of a reference, if it was among those that were asked for.
    pub(crate) fn get(&self, source: &SecretSource, origin: &Origin) -> Option<&Secret> {
        self.0.get(&Location::new(source, origin))
    }
}

impl<'command> SecretStore<'command> {
    /// Reads nothing yet.
    pub(crate) fn new(environment: &'command Environment, secrets_folder: Option<PathBuf>) -> Self {
        Self {
            environment,
            secrets_folder,
            context_secrets: None,
            read: BTreeMap::new(),
        }
    }

    /// The passwords of these references, or all of them that are not there or
    /// can be none, each with the place that refers to it, in the order of the
    /// manifests.
    pub(crate) fn resolve(
        &mut self,
        references: &[(SecretSource, Origin)],
    ) -> Result<Resolved, Vec<MissingSecret>> {
        let mut resolved = Resolved::default();
        let mut missing = Vec::new();
        for (source, origin) in references {
            let location = Location::new(source, origin);
            let found = self.find(&location).and_then(|secret| {
                match PASSWORD_BYTES.contains(&secret.expose().len()) {
                    true => Ok(secret),
                    false => Err(SecretError::NoPassword {
                        place: location.to_string(),
                    }),
                }
            });
            match found {
                Ok(secret) => {
                    resolved.0.insert(location, secret);
                }
                Err(reason) => missing.push(MissingSecret {
                    origin: origin.clone(),
                    reason,
                }),
            }
        }
        if missing.is_empty() {
            Ok(resolved)
        } else {
            missing.sort_by(|one, other| one.origin.cmp(&other.origin));
            Err(missing)
        }
    }

    fn find(&mut self, location: &Location) -> Result<Secret, SecretError> {
        if let Some(read) = self.read.get(location) {
            return read.clone();
        }
        let read = match location {
            Location::Environment(name) => from_environment(self.environment, name),
            Location::File(path) => read_file(path),
            Location::Context(name) => self.context_secret(name),
            Location::Mounted(key) => match &self.secrets_folder {
                Some(folder) => read_file(&mounted_path(folder, key)?),
                None => Err(SecretError::NoSecretsFolder),
            },
        };
        self.read.insert(location.clone(), read.clone());
        read
    }

    fn context_secret(&mut self, name: &str) -> Result<Secret, SecretError> {
        let environment = self.environment;
        let secrets = self
            .context_secrets
            .get_or_insert_with(|| context_secrets(environment));
        match secrets {
            Ok(secrets) => secrets
                .get(name)
                .ok_or_else(|| SecretError::NotInContextFile(name.to_owned()))?
                .read(environment),
            Err(error) => Err(error.clone()),
        }
    }
}

/// The value of a variable, as it is.
pub(crate) fn from_environment(
    environment: &Environment,
    name: &str,
) -> Result<Secret, SecretError> {
    if environment.is_not_text(name) {
        return Err(SecretError::NotText(format!("the variable {name}")));
    }
    environment
        .get(name)
        .map(Secret::new)
        .ok_or_else(|| SecretError::NotSet(name.to_owned()))
}

fn context_secrets(
    environment: &Environment,
) -> Result<BTreeMap<String, ContextSource>, SecretError> {
    let path = ContextFile::path(environment)
        .ok_or_else(|| SecretError::NoContextFile(NO_FOLDER.to_owned()))?;
    ContextFile::read(&path)
        .map(|file| file.secrets)
        .map_err(|error| SecretError::NoContextFile(error.message))
}

#[cfg(test)]
mod tests;
