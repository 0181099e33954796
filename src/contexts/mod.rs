//! Named servers: our own context file, and the contexts of the official
//! command, which are read and never written.
//!
//! ```text
//! ~/.config/iggyctl/config.yaml ──file──────┐
//!                                           ├─▶ Context { server, credentials }
//! ~/.iggy/contexts.toml ─────────official───┘
//! ```

mod credentials;
mod file;
mod official;

use std::path::PathBuf;

use iggyctl_core::ledger::LedgerIdentity;
use iggyctl_core::secret::Secret;
use iggyctl_engine::connect::{Credentials, ServerAddress};

use crate::command_error::CommandError;
use crate::environment::Environment;

pub(crate) use credentials::{CredentialSources, SecretSource};
pub(crate) use file::ContextFile;

/// Prefix of the official command's contexts in `--context`.
pub(crate) const OFFICIAL_PREFIX: &str = "iggy:";

/// What to say where the path of the context file would be named.
pub(crate) const NO_FOLDER: &str = "no configuration folder is known: set HOME or \
     XDG_CONFIG_HOME, or name the context file with IGGYCTL_CONFIG";

/// A named server.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Its name; with [`OFFICIAL_PREFIX`] when it is the official command's.
    pub(crate) name: String,
    /// The address as the file has it. It may hold credentials, so it is a secret.
    pub(crate) server: Secret,
    /// Where its credentials come from; absent: the environment, or the address.
    pub(crate) credentials: Option<CredentialSources>,
    /// Files and folders of policies that count whenever the context is used.
    pub(crate) policies: Vec<String>,
    /// Whether every apply with it is recorded in the ledger of its server.
    pub(crate) ledger: bool,
    /// The ledger that its server must have.
    pub(crate) ledger_identity: Option<LedgerIdentity>,
}

impl Context {
    /// The credentials in the address itself, which win over `credentials`.
    pub(crate) fn credentials_in_address(&self) -> Option<Credentials> {
        match self.server.expose().parse() {
            Ok(ServerAddress::Remote(remote)) => remote.credentials,
            Ok(ServerAddress::Embedded { .. }) | Err(_) => None,
        }
    }

    /// Said wherever such a context is used or shown: our file is meant to be
    /// copied and shared, the official command's is not ours to judge.
    pub(crate) fn secret_in_file_warning(&self) -> Option<String> {
        if self.name.starts_with(OFFICIAL_PREFIX) || self.credentials_in_address().is_none() {
            return None;
        }
        Some(format!(
            "the server of context `{}` has a password or token in the context file; take it out \
             and name where it is with `credentials:` (env, file or command)",
            self.name
        ))
    }
}

/// All contexts of this person, and which one is current.
#[derive(Debug)]
pub(crate) struct Contexts {
    /// Our file, which may not exist yet; none when nothing says where it would be.
    pub(crate) path: Option<PathBuf>,
    /// Ours by name, then the official command's.
    pub(crate) all: Vec<Context>,
    /// The current one of our file.
    pub(crate) current: Option<String>,
}

impl Contexts {
    /// Reads both files; one that is missing has no contexts.
    pub(crate) fn read(environment: &Environment) -> Result<Self, CommandError> {
        let path = ContextFile::path(environment);
        let file = match &path {
            Some(path) => ContextFile::read(path)?,
            None => ContextFile::default(),
        };
        let folder = path.as_deref().and_then(std::path::Path::parent);
        let current = file.current_context.clone();
        let mut all = file.into_contexts(folder);
        all.extend(official::read(environment)?);
        Ok(Self { path, all, current })
    }

    /// The context of that name.
    pub(crate) fn find(&self, name: &str) -> Result<&Context, CommandError> {
        self.all
            .iter()
            .find(|context| context.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = self
                    .all
                    .iter()
                    .map(|context| context.name.as_str())
                    .collect();
                let error = CommandError::usage(format!("there is no context named `{name}`"));
                match (names.as_slice(), &self.path) {
                    ([], Some(path)) => error.hint(format!("write one into {}", path.display())),
                    ([], None) => error.hint(NO_FOLDER),
                    (names, _) => error.hint(format!("the contexts are: {}", names.join(", "))),
                }
            })
    }
}
