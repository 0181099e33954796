//! The secrets that manifests speak of: gathered before anything is changed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use iggyctl_core::diagnostic::Origin;
use iggyctl_core::diff::TokenLogin;
use iggyctl_core::plan::{Action, Plan};
use iggyctl_core::render::{Annotation, AnnotationLevel, annotations_text};
use iggyctl_core::secret::SecretSource;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::desired_user::SecretReference;
use iggyctl_engine::Secrets;
use iggyctl_engine::delivery::FileSinks;
use iggyctl_engine::observe::{Checks, Reach};

use super::Process;
use crate::command_error::CommandError;
use crate::secrets::{MissingSecret, SecretStore, missing_secrets};
use crate::smoke::topology::Passwords;

/// What a plan needs that no manifest holds.
pub(super) struct Gathered {
    /// The declared passwords, when they are to be tried.
    pub(super) secrets: Option<Secrets>,
    /// Where the values of access tokens go.
    pub(super) sinks: FileSinks,
}

impl Gathered {
    /// What an observation is to look at.
    pub(super) fn checks(&self, reach: Reach) -> Checks<'_, FileSinks> {
        Checks {
            secrets: self.secrets.as_ref(),
            reach,
            sinks: &self.sinks,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct SecretArguments {
    /// Where the secrets of `secretKeyRef` are, and where tokens are written for one: DIR/NAME/KEY,
    /// as Kubernetes mounts them
    #[arg(long, value_name = "DIR")]
    secrets_dir: Option<PathBuf>,
    /// Do not try to log in with the declared passwords to see whether they are the live ones
    #[arg(long)]
    skip_password_check: bool,
}

impl SecretArguments {
    /// Everything that the manifests need, to be compared with the server;
    /// nothing when that is not to be done.
    pub(super) fn to_check(
        &self,
        process: &Process,
        desired: &DesiredState,
    ) -> Result<Gathered, CommandError> {
        let secrets = match self.skip_password_check {
            true => None,
            false => Some(self.gather(process, Secrets::needed(desired))?),
        };
        Ok(Gathered {
            secrets,
            sinks: self.sinks(),
        })
    }

    /// As [`Self::to_check`], where it is said what the secrets are.
    pub(super) fn to_check_if_here(
        &self,
        process: &Process,
        desired: &DesiredState,
    ) -> Result<Gathered, CommandError> {
        match self.secrets_dir {
            Some(_) => self.to_check(process, desired),
            None => Ok(Gathered {
                secrets: None,
                sinks: self.sinks(),
            }),
        }
    }

    /// What the steps of a plan need: what was gathered before, or else only
    /// that.
    pub(super) fn to_apply(
        &self,
        process: &Process,
        plan: &Plan,
        gathered: Option<Secrets>,
    ) -> Result<Secrets, CommandError> {
        match gathered {
            Some(secrets) => Ok(secrets),
            None => self.gather(process, needed_by(plan)),
        }
    }

    /// The declared passwords as far as they are here, without those before.
    pub(super) fn here(&self, process: &Process, desired: &DesiredState) -> (Passwords, FileSinks) {
        let passwords = passwords_here(process, self.secrets_dir.clone(), desired);
        (passwords, self.sinks())
    }

    /// Where the values of access tokens go.
    pub(super) fn sinks(&self) -> FileSinks {
        FileSinks::new(self.secrets_dir.clone())
    }

    fn gather(
        &self,
        process: &Process,
        needed: Vec<&SecretReference>,
    ) -> Result<Secrets, CommandError> {
        let places: Vec<(SecretSource, Origin)> = needed
            .iter()
            .map(|reference| (reference.source.clone(), reference.origin.clone()))
            .collect();
        let mut store = SecretStore::new(&process.environment, self.secrets_dir.clone());
        let resolved = store
            .resolve(&places)
            .map_err(|missing| refuse(process, &missing))?;
        Ok(needed
            .into_iter()
            .filter_map(|reference| {
                let secret = resolved.get(&reference.source, &reference.origin)?;
                Some((reference.clone(), secret.clone()))
            })
            .collect())
    }
}

/// Says what is missing, and where a workflow reads standard output also at the lines of the
/// manifests.
fn refuse(process: &Process, missing: &[MissingSecret]) -> CommandError {
    let error = missing_secrets(missing);
    if !process.annotates {
        return error;
    }
    let annotations = missing.iter().map(|missing| Annotation {
        level: AnnotationLevel::Error,
        origin: Some(missing.origin.clone()),
        title: "iggyctl: a secret is missing".to_owned(),
        message: missing.reason.to_string(),
    });
    match process.output(&annotations_text(annotations.collect())) {
        Ok(()) => error,
        Err(unwritten) => unwritten,
    }
}

/// Each password that manifests declare, or why it is not here.
pub(super) fn passwords_here(
    process: &Process,
    secrets_folder: Option<PathBuf>,
    desired: &DesiredState,
) -> Passwords {
    let mut store = SecretStore::new(&process.environment, secrets_folder);
    let mut known = Vec::new();
    let mut missing = BTreeMap::new();
    for reference in desired.users.values().filter_map(|it| it.password.as_ref()) {
        let place = (reference.source.clone(), reference.origin.clone());
        match store.resolve(&[place]) {
            Ok(resolved) => {
                let secret = resolved.get(&reference.source, &reference.origin);
                known.extend(secret.map(|secret| (reference.clone(), secret.clone())));
            }
            Err(reasons) => {
                let reasons = reasons.iter().map(|missing| missing.reason.to_string());
                let reasons: Vec<String> = reasons.collect();
                missing.insert(reference.clone(), reasons.join("; "));
            }
        }
    }
    Passwords {
        known: known.into_iter().collect(),
        missing,
    }
}

fn needed_by(plan: &Plan) -> Vec<&SecretReference> {
    let mut needed: Vec<&SecretReference> = plan
        .steps
        .iter()
        .flat_map(|step| match &step.action {
            Action::CreateUser { password, .. } => [Some(password), None],
            Action::ChangePassword { from, to, .. } => [Some(from), Some(to)],
            Action::CreateToken { login, .. } | Action::RevokeToken { login, .. } => match login {
                TokenLogin::Own => [None, None],
                TokenLogin::Password(password) => [Some(password), None],
            },
            _ => [None, None],
        })
        .flatten()
        .collect();
    needed.sort();
    needed.dedup();
    needed
}
