//! The secrets that a plan speaks of by their sources.

use std::collections::BTreeMap;

use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::desired_user::SecretReference;

/// Secrets by where the manifests say that they come from. Whoever runs a plan
/// fills it before anything is changed; the engine reads no source itself.
#[derive(Debug, Clone, Default)]
pub struct Secrets(BTreeMap<SecretReference, Secret>);

impl Secrets {
    /// The secret of a source, if it was put in.
    #[must_use]
    pub fn get(&self, reference: &SecretReference) -> Option<&Secret> {
        self.0.get(reference)
    }

    /// Everything that the manifests need, each once.
    #[must_use]
    pub fn needed(desired: &DesiredState) -> Vec<&SecretReference> {
        let users = desired.users.values();
        let mut needed: Vec<&SecretReference> = users
            .flat_map(|user| [user.password.as_ref(), user.previous_password.as_ref()])
            .flatten()
            .collect();
        needed.sort();
        needed.dedup();
        needed
    }
}

impl FromIterator<(SecretReference, Secret)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (SecretReference, Secret)>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}
