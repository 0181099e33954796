//! Passwords that are not what they should be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Finding, FindingCode, Severity};
use crate::address::Address;
use crate::diagnostic::without_detours;
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
    let mut groups: Vec<Vec<&ResourceName>> = Vec::new();
    let mut places: BTreeMap<Password<'_>, usize> = BTreeMap::new();
    for (name, user) in &desired.users {
        let Some(password) = &user.password else {
            continue;
        };
        let group = *places
            .entry(Password::of(password, secrets(password)))
            .or_insert(groups.len());
        match groups.get_mut(group) {
            Some(users) => users.push(name),
            None => groups.push(vec![name]),
        }
    }
    groups
        .into_iter()
        .filter(|users| users.len() > 1)
        .filter_map(|users| {
            let first = users.iter().find(|name| is_asked(name))?;
            let others: Vec<String> = users
                .iter()
                .filter(|name| name != &first)
                .map(|name| Address::User((*name).clone()).to_string())
                .collect();
            let address = Address::User((*first).clone());
            Some(Finding {
                code: FindingCode::PasswordShared.into(),
                severity: Severity::Warning,
                message: format!("{address} has the same password as {}", others.join(", ")),
                address,
                fix: "give each user a password of its own".to_owned(),
                origin: None,
            })
        })
        .collect()
}

/// What is one password: what was gathered, and else what comes from one place.
/// Shown nowhere.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Password<'a> {
    Value(&'a str),
    File(PathBuf),
    Elsewhere(&'a SecretSource),
}

impl<'a> Password<'a> {
    fn of(reference: &'a SecretReference, secret: Option<&'a Secret>) -> Self {
        match (secret, &reference.source) {
            (Some(secret), _) => Self::Value(secret.expose()),
            (None, SecretSource::File(path)) => {
                Self::File(without_detours(&reference.origin.path(path)))
            }
            (None, source) => Self::Elsewhere(source),
        }
    }
}

/// The users whose passwords a plan sets.
pub(super) fn with_set_passwords(changes: &ChangeSet) -> BTreeSet<&ResourceName> {
    let sets = |difference: &Difference| match difference {
        Difference::CreateUser(creation) => creation.password.is_some(),
        Difference::ChangeUser(user) => user.password.is_some(),
        _ => false,
    };
    changes
        .changes
        .iter()
        .filter(|change| sets(&change.difference))
        .filter_map(|change| change.address.user())
        .collect()
}

/// While root keeps it: a plan that changes it says nothing any more.
pub(super) fn default_root_password(
    set: &BTreeSet<&ResourceName>,
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
        .any(|name| live_names.get(name) == Some(&me) && set.contains(name));
    let address = Address::User(me.clone());
    (!is_changed).then(|| Finding {
        code: FindingCode::DefaultRootPassword.into(),
        severity: Severity::Warning,
        message: format!(
            "{address} is root and still has its default password, with which anybody who \
             reaches the server may do everything"
        ),
        address,
        fix: "declare it with a password, and the default one as previousPassword".to_owned(),
        origin: None,
    })
}
