//! Our own context file.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use iggyctl_core::ledger::LedgerIdentity;
use iggyctl_core::secret::Secret;
use iggyctl_core::wording::nearest;
use serde::Deserialize;
use serde_json::Value;

use super::{Context, CredentialSources, SecretSource};
use crate::command_error::CommandError;
use crate::environment::Environment;

/// The content of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ContextFile {
    /// The context that is used when nothing else names a server.
    pub(crate) current_context: Option<String>,
    /// Contexts by name.
    #[serde(default)]
    contexts: BTreeMap<String, Entry>,
    /// Where the secrets are that manifests mean with `{ context: NAME }`.
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, SecretSource>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    server: String,
    credentials: Option<CredentialSources>,
    /// Relative paths begin at the folder of this file.
    #[serde(default)]
    policies: Vec<String>,
    #[serde(default)]
    ledger: bool,
    ledger_identity: Option<LedgerIdentity>,
}

impl ContextFile {
    /// `IGGYCTL_CONFIG`, or `iggyctl/config.yaml` in the configuration folder;
    /// none when nothing says where that folder is.
    pub(crate) fn path(environment: &Environment) -> Option<PathBuf> {
        if let Some(path) = environment.get("IGGYCTL_CONFIG") {
            return Some(PathBuf::from(path));
        }
        let folder = match environment.get("XDG_CONFIG_HOME") {
            Some(folder) => PathBuf::from(folder),
            None => environment.home()?.join(".config"),
        };
        Some(folder.join("iggyctl").join("config.yaml"))
    }

    /// Reads the file; a missing one is empty.
    pub(crate) fn read(path: &Path) -> Result<Self, CommandError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(CommandError::invalid_input(format!(
                    "cannot read the context file {}: {error}",
                    path.display()
                )));
            }
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(&text).map_err(|error| {
            // The parser's own words quote values, and a value may be a secret
            // that somebody wrote here: only the place is said.
            let place = error.location().map_or_else(String::new, |location| {
                format!(":{}:{}", location.line(), location.column())
            });
            if let Some((found, meant)) = misspelt(&text) {
                return CommandError::invalid_input(format!(
                    "{}{place}: a context file has no field `{found}` here",
                    path.display()
                ))
                .hint(format!("did you mean `{meant}`?"));
            }
            if has_malformed_identity(&text) {
                return CommandError::invalid_input(format!(
                    "{}{place}: this `ledgerIdentity` is not one of a ledger",
                    path.display()
                ))
                .hint(
                    "it is as 1767225600000000-3, when its stream was created and the number of that; \
                     `iggyctl history -o json --server ADDRESS` says it as `ledger`",
                );
            }
            CommandError::invalid_input(format!(
                "{}{place}: this is not what a context file holds here",
                path.display()
            ))
            .hint(
                "a context has `server`, and `credentials: {username, password: {env|file|command: …}}` \
                 or `credentials: {token: {env|file|command: …}}`, and a list of `policies`, `ledger: true` and `ledgerIdentity`; `secrets` has names, each with \
                 {env|file|command: …}; a secret itself never stands in it",
            )
        })
    }

    /// Its contexts by name; `folder` is the one that the file is in.
    pub(crate) fn into_contexts(self, folder: Option<&Path>) -> Vec<Context> {
        let absolute = |path: String| match folder {
            Some(folder) => folder.join(path).display().to_string(),
            None => path,
        };
        self.contexts
            .into_iter()
            .map(|(name, entry)| Context {
                name,
                server: Secret::new(entry.server),
                credentials: entry.credentials,
                policies: entry.policies.into_iter().map(absolute).collect(),
                ledger: entry.ledger,
                ledger_identity: entry.ledger_identity,
            })
            .collect()
    }

    /// Makes `name` the current context. Only that line is touched, so the
    /// comments of the file stay.
    pub(crate) fn set_current(path: &Path, name: &str) -> Result<(), CommandError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            CommandError::invalid_input(format!("cannot read {}: {error}", path.display()))
        })?;
        // JSON strings are YAML strings, so any name can be written.
        let line = format!("currentContext: {}", serde_json::Value::from(name));
        let mut found = false;
        let mut lines: Vec<&str> = text
            .lines()
            .map(|old| {
                if old.starts_with("currentContext:") {
                    found = true;
                    line.as_str()
                } else {
                    old
                }
            })
            .collect();
        if !found {
            lines.insert(0, &line);
        }
        let new = lines.join("\n") + "\n";
        let parsed: Result<Self, _> = serde_saphyr::from_str(&new);
        if !parsed.is_ok_and(|file| file.current_context.as_deref() == Some(name)) {
            return Err(CommandError::invalid_input(format!(
                "cannot change `currentContext` in {} without rewriting it",
                path.display()
            ))
            .hint(format!("write `{line}` at its top by hand")));
        }
        replace(path, &new).map_err(|error| {
            CommandError::other(format!("cannot write {}: {error}", path.display()))
        })
    }
}

/// The first field that is nearly one of ours, with the one that was meant. Only
/// then is what was found repeated: something else may be a secret.
fn misspelt(text: &str) -> Option<(String, &'static str)> {
    const FILE: [&str; 2] = ["currentContext", "contexts"];
    const CONTEXT: [&str; 5] = [
        "server",
        "credentials",
        "policies",
        "ledger",
        "ledgerIdentity",
    ];
    const CREDENTIALS: [&str; 3] = ["username", "password", "token"];
    const SOURCE: [&str; 3] = ["env", "file", "command"];

    fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
        value.as_object().into_iter().flatten()
    }
    fn unknown(value: &Value, known: &[&'static str]) -> Option<(String, &'static str)> {
        fields(value)
            .filter(|(name, _)| !known.contains(&name.as_str()))
            .find_map(|(name, _)| {
                let meant = nearest(name, known.iter().copied())?;
                let meant = known.iter().find(|known| **known == meant)?;
                Some((name.clone(), *meant))
            })
    }

    let file: Value = serde_saphyr::from_str(text).ok()?;
    unknown(&file, &FILE).or_else(|| {
        fields(&file["contexts"]).find_map(|(_, context)| {
            let credentials = &context["credentials"];
            unknown(context, &CONTEXT)
                .or_else(|| unknown(credentials, &CREDENTIALS))
                .or_else(|| fields(credentials).find_map(|(_, source)| unknown(source, &SOURCE)))
        })
    })
}

/// Whether a context pins something that is no ledger. What it is instead is not repeated: it
/// may be a secret.
fn has_malformed_identity(text: &str) -> bool {
    let file: Value = serde_saphyr::from_str(text).unwrap_or_default();
    let contexts = file["contexts"].as_object().into_iter().flatten();
    contexts
        .filter_map(|(_, context)| context.get("ledgerIdentity"))
        .any(|identity| {
            let text = identity.as_str();
            !identity.is_null() && text.is_none_or(|it| it.parse::<LedgerIdentity>().is_err())
        })
}

/// Replaces the content in one step, so that a crash leaves the old or the new
/// file. A link stays a link, permissions stay, and meanwhile nobody else can
/// read the new file.
fn replace(path: &Path, content: &str) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(content.as_bytes())?;
    temporary
        .as_file()
        .set_permissions(std::fs::metadata(&path)?.permissions())?;
    temporary.as_file().sync_all()?;
    temporary.persist(&path)?;
    Ok(())
}
