//! The passwords that objects name, and those that were applied last.
//!
//! A server changes a password only for who knows the one before. So the operator keeps what
//! it applied last in a Secret of its own beside the object: once the Secret that the object
//! names has another value, that is the previous one. Nobody has to write it down twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::{Secret, SecretKey, SecretSource};
use iggyctl_core::state::desired_user::SecretReference;
use iggyctl_engine::Secrets;

use crate::operator::cluster::{Cluster, Fetched, SecretReadError, WriteError};
use crate::operator::model::{Declared, Object};
use crate::operator::round::{Contest, Member};

/// The key of a user in the Secret of what was applied last: names of users may have
/// characters that keys may not.
fn key_of(user: &ResourceName) -> String {
    let hex: String = user
        .as_str()
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("user-{hex}")
}

/// What the Secret of an object with the passwords that were applied last is called.
fn kept_in(object: &Object) -> String {
    format!("iggyctl-{}", object.uid)
}

/// What was gathered for a round.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) secrets: BTreeMap<SecretReference, Secret>,
    /// What could not be read, by the place of the member.
    pub(super) missing: BTreeMap<usize, String>,
}

impl Gathered {
    /// As the engine takes them.
    pub(super) fn secrets(&self) -> Secrets {
        let secrets = self.secrets.iter();
        secrets
            .map(|(reference, secret)| (reference.clone(), secret.clone()))
            .collect()
    }
}

/// Fetches the Secrets that the members name, each once.
pub(super) async fn gather(cluster: &Cluster, members: &[Member]) -> Gathered {
    let mut gathered = Gathered::default();
    let mut fetched: BTreeMap<(String, String), Result<Fetched, SecretReadError>> = BTreeMap::new();
    for (place, member) in members.iter().enumerate() {
        let Ok(declared) = &member.declared else {
            continue;
        };
        if member.is_foreign || member.is_deleting() {
            continue;
        }
        for reference in Secrets::needed(&declared.state) {
            let SecretSource::SecretKeyRef(key) = &reference.source else {
                continue;
            };
            let namespace = member.object.key.namespace.clone();
            let which = (namespace, key.name.clone());
            if !fetched.contains_key(&which) {
                let secret = cluster.secret(&which.0, &which.1).await;
                fetched.insert(which.clone(), secret);
            }
            let value = match &fetched[&which] {
                Ok(secret) => secret.value(&key.key).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match value {
                Ok(value) => {
                    gathered.secrets.insert(reference.clone(), value);
                }
                Err(error) => {
                    gathered.missing.entry(place).or_insert(error);
                }
            }
        }
    }
    gathered
}

/// Adds the passwords that were applied last to users whose declared one was not seen to be
/// live: it may have changed. What the object itself says holds.
pub(super) async fn add_previous(
    cluster: &Cluster,
    members: &mut [Member],
    gathered: &mut Gathered,
    verified: &BTreeMap<SecretReference, Secret>,
) {
    for member in members {
        let Ok(declared) = &member.declared else {
            continue;
        };
        if member.is_foreign || member.is_deleting() {
            continue;
        }
        let users = declared.state.users.iter().filter_map(|(name, user)| {
            let password = user.password.as_ref()?;
            let value = gathered.secrets.get(password)?;
            let is_known = verified.get(password) == Some(value);
            let asks = user.previous_password.is_none() && !is_known;
            asks.then(|| (name.clone(), password.clone(), value.clone()))
        });
        let users: Vec<_> = users.collect();
        if users.is_empty() {
            continue;
        }
        let object = Arc::clone(&member.object);
        let secret = kept_in(&object);
        let Ok(kept) = cluster.own_secret(&object, &secret).await else {
            continue;
        };
        let mut changed = Declared::clone(declared);
        for (name, password, value) in users {
            let key = key_of(&name);
            let Ok(previous) = kept.value(&key) else {
                continue;
            };
            if previous == value {
                continue;
            }
            let reference = SecretReference {
                source: SecretSource::SecretKeyRef(SecretKey {
                    name: secret.clone(),
                    key,
                }),
                origin: password.origin,
            };
            gathered.secrets.insert(reference.clone(), previous);
            if let Some(user) = changed.state.users.get_mut(&name) {
                user.previous_password = Some(reference);
            }
        }
        member.declared = Ok(Arc::new(changed));
    }
}

/// The passwords of one object that are live, and to be kept for the next change.
pub(super) struct ToKeep {
    pub(super) object: Arc<Object>,
    declared: Arc<Declared>,
    pub(super) passwords: BTreeMap<String, Secret>,
}

/// What is live now and is not yet kept.
pub(super) fn to_keep(
    members: &[Member],
    gathered: &Gathered,
    live: &BTreeMap<SecretReference, Secret>,
    kept: &BTreeMap<String, BTreeMap<String, Secret>>,
) -> Vec<ToKeep> {
    let mut all = Vec::new();
    for member in members {
        let Ok(declared) = &member.declared else {
            continue;
        };
        if member.is_foreign || !member.is_active() {
            continue;
        }
        let passwords: BTreeMap<String, Secret> = declared
            .state
            .users
            .iter()
            .filter_map(|(name, user)| {
                let reference = user.password.as_ref()?;
                let value = gathered.secrets.get(reference)?;
                let is_live = live.get(reference) == Some(value);
                is_live.then(|| (key_of(name), value.clone()))
            })
            .collect();
        if !passwords.is_empty() && kept.get(&member.object.uid) != Some(&passwords) {
            all.push(ToKeep {
                object: Arc::clone(&member.object),
                declared: Arc::clone(declared),
                passwords,
            });
        }
    }
    all
}

/// Keeps them, beside those of other users of the object, whose password is not live now: it may
/// be the only one that the server accepts.
///
/// # Errors
/// When the API server does not take them.
pub(super) async fn keep(cluster: &Cluster, kept: &ToKeep) -> Result<(), WriteError> {
    let users = kept.declared.state.users.keys().map(key_of).collect();
    let (object, passwords) = (&kept.object, &kept.passwords);
    let name = kept_in(object);
    cluster
        .write_own_secret(object, &name, passwords, &users)
        .await
}

/// The users of whom a password is named that could not be read, with the reason: nothing is
/// done for them. Those of an object that does not have the user are no hindrance, nor are
/// those of one that is being deleted.
pub(super) fn without_password(
    members: &[Member],
    contest: &Contest,
    gathered: &Gathered,
) -> BTreeMap<Address, String> {
    let mut without = BTreeMap::new();
    for (place, member) in members.iter().enumerate() {
        let Ok(declared) = &member.declared else {
            continue;
        };
        if member.is_foreign || !member.is_active() {
            continue;
        }
        for (name, user) in &declared.state.users {
            let address = Address::User(name.clone());
            let is_missing = user
                .password
                .as_ref()
                .is_some_and(|it| !gathered.secrets.contains_key(it));
            if is_missing && contest.is_won(place, &address) {
                let why = gathered.missing.get(&place).cloned();
                let why = why.unwrap_or_else(|| "its password is not there".to_owned());
                without.insert(address, why);
            }
        }
    }
    without
}
