//! Passwords that are not what they should be.

use std::path::{Component, Path, PathBuf};

use super::{Finding, FindingCode, Severity};
use crate::address::Address;
use crate::diff::{ChangeSet, Difference, live_user_names};
use crate::name::ResourceName;
use crate::secret::{Secret, SecretSource};
use crate::state::desired::DesiredState;
use crate::state::desired_user::SecretReference;
use crate::state::observed_access::ObservedAccess;

/// The password of a server that was started with
/// `--with-default-root-credentials` (`server/src/args.rs` of the server).
pub const DEFAULT_ROOT_PASSWORD: &str = "iggy";

/// Looks a secret up that was gathered; `None` when it was not.
pub type SecretLookup<'a> = &'a dyn Fn(&SecretReference) -> Option<&'a Secret>;

/// One finding for all users who have one password, at the first of them; only
/// where `is_asked` says so of one of them.
pub(super) fn shared_passwords(
    desired: &DesiredState,
    secrets: SecretLookup<'_>,
    is_asked: impl Fn(&ResourceName) -> bool,
) -> Vec<Finding> {
    let mut groups: Vec<(&SecretReference, Vec<&ResourceName>)> = Vec::new();
    for (name, user) in &desired.users {
        let Some(password) = &user.password else {
            continue;
        };
        let same = groups
            .iter_mut()
            .find(|(first, _)| is_same(first, password, secrets));
        match same {
            Some((_, users)) => users.push(name),
            None => groups.push((password, vec![name])),
        }
    }
    groups
        .into_iter()
        .filter(|(_, users)| users.len() > 1)
        .filter_map(|(_, users)| {
            let first = users.iter().find(|name| is_asked(name))?;
            let others: Vec<String> = users
                .iter()
                .filter(|name| name != &first)
                .map(|name| Address::User((*name).clone()).to_string())
                .collect();
            let address = Address::User((*first).clone());
            Some(Finding {
                code: FindingCode::PasswordShared,
                severity: Severity::Warning,
                message: format!("{address} has the same password as {}", others.join(", ")),
                address,
                fix: "give each user a password of its own".to_owned(),
            })
        })
        .collect()
}

/// Whether both come from one place, or are known to be equal.
fn is_same(one: &SecretReference, other: &SecretReference, secrets: SecretLookup<'_>) -> bool {
    if place(one) == place(other) {
        return true;
    }
    match (secrets(one), secrets(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// A relative path begins at the folder of its manifest.
fn place(reference: &SecretReference) -> SecretSource {
    match &reference.source {
        SecretSource::File(path) => {
            let folder = Path::new(&*reference.origin.file).parent();
            let path = folder.unwrap_or(Path::new("")).join(path);
            let mut plain = PathBuf::new();
            for component in path.components() {
                match component {
                    Component::CurDir => {}
                    other => plain.push(other),
                }
            }
            SecretSource::File(plain.to_string_lossy().into_owned())
        }
        other => other.clone(),
    }
}

/// The users whose passwords a plan sets.
pub(super) fn sets_password(changes: &ChangeSet, user: &ResourceName) -> bool {
    changes.changes.iter().any(|change| {
        change.address.user() == Some(user)
            && match &change.difference {
                Difference::CreateUser(creation) => creation.password.is_some(),
                Difference::ChangeUser(user) => user.password.is_some(),
                _ => false,
            }
    })
}

/// While root keeps it: a plan that changes it says nothing any more.
pub(super) fn default_root_password(
    changes: &ChangeSet,
    desired: &DesiredState,
    access: &ObservedAccess,
) -> Option<Finding> {
    let me = access.me.as_ref()?;
    let is_root = access.users.get(me).is_some_and(|user| user.is_root());
    if !access.default_password || !is_root || desired.users.is_empty() {
        return None;
    }
    let live_names = live_user_names(desired, access);
    let is_changed = desired
        .users
        .keys()
        .any(|name| live_names.get(name) == Some(&me) && sets_password(changes, name));
    let address = Address::User(me.clone());
    (!is_changed).then(|| Finding {
        code: FindingCode::DefaultRootPassword,
        severity: Severity::Warning,
        message: format!(
            "{address} is root and still has its default password, with which anybody who \
             reaches the server may do everything"
        ),
        address,
        fix: "declare it with a password, and the default one as previousPassword".to_owned(),
    })
}
