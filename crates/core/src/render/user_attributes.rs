//! What changes about a user, attribute by attribute.

use std::collections::BTreeMap;

use super::plan_report::AttributeReport;
use crate::access::{Grants, Scope, UserStatus};
use crate::address::Address;
use crate::diff::{PermissionChange, StaleGrants, UserChange, UserCreation, UserPruning};
use crate::name::ResourceName;
use crate::secret::SecretSource;
use crate::wording::counted;

pub(super) const STATUS: &str = "status";
pub(super) const PASSWORD: &str = "password";
pub(super) const PERMISSIONS: &str = "permissions";

const NOTHING: &str = "nothing";

pub(super) fn of_creation(creation: &UserCreation) -> Vec<AttributeReport> {
    let UserCreation {
        status,
        password,
        grants,
    } = creation;
    let mut attributes = vec![set(STATUS, status.to_string())];
    attributes.extend(
        password
            .as_ref()
            .map(|it| set(PASSWORD, source(&it.source))),
    );
    let grants = grants.clone().unwrap_or_default();
    attributes.extend(
        words(&grants)
            .into_iter()
            .map(|(scope, words)| set(allow(&scope), words)),
    );
    attributes
}

pub(super) fn of_change(change: &UserChange) -> Vec<AttributeReport> {
    let UserChange {
        renamed_from: _,
        status,
        password,
        permissions,
        unchanged_attributes: _,
    } = change;
    let mut attributes = Vec::new();
    if let Some((from, to)) = status {
        attributes.push(changed(STATUS, from.to_string(), to.to_string()));
    }
    if let Some(password) = password {
        let (from, to) = (&password.from.source, &password.to.source);
        attributes.push(match from == to {
            true => set(
                PASSWORD,
                format!("{}, confirmed before the user is active", source(to)),
            ),
            false => changed(PASSWORD, source(from), source(to)),
        });
    }
    if let Some(permissions) = permissions {
        attributes.extend(of_permissions(permissions));
    }
    attributes
}

pub(super) fn of_stale_grants(stale: &StaleGrants) -> Vec<AttributeReport> {
    vec![gone(stale.gone)]
}

pub(super) fn of_pruning(user: &UserPruning) -> Vec<AttributeReport> {
    let UserPruning {
        grants,
        gone,
        is_active,
    } = user;
    let mut attributes = Vec::new();
    if *is_active {
        let (from, to) = (UserStatus::Active, UserStatus::Inactive);
        attributes.push(changed(STATUS, from.to_string(), to.to_string()));
    }
    attributes.extend(of_permissions(&PermissionChange {
        from: grants.clone(),
        gone: *gone,
        to: Grants::default(),
        narrowed: None,
    }));
    attributes
}

/// What is left to be said of a user whose permissions stay as they are.
pub(super) fn remove_permissions(attributes: &mut Vec<AttributeReport>) {
    attributes.retain(|attribute| !attribute.name.starts_with(PERMISSIONS));
}

pub(super) fn of_permissions(change: &PermissionChange) -> Vec<AttributeReport> {
    let PermissionChange {
        from,
        gone: gone_count,
        to,
        narrowed: _,
    } = change;
    let (from, to) = (words(from), words(to));
    let mut scopes: Vec<&ScopeOrder> = from.keys().chain(to.keys()).collect();
    scopes.sort();
    scopes.dedup();
    let mut attributes: Vec<AttributeReport> = scopes
        .into_iter()
        .filter(|scope| from.get(scope) != to.get(scope))
        .map(|scope| {
            let text = |words: &BTreeMap<ScopeOrder, String>| {
                words
                    .get(scope)
                    .cloned()
                    .unwrap_or_else(|| NOTHING.to_owned())
            };
            changed(allow(scope), text(&from), text(&to))
        })
        .collect();
    if *gone_count > 0 {
        attributes.push(gone(*gone_count));
    }
    attributes
}

/// The server, then each stream before its topics.
type ScopeOrder = Option<Address>;

fn words(grants: &Grants<ResourceName>) -> BTreeMap<ScopeOrder, String> {
    let lines = grants.lines().into_iter();
    lines
        .map(|line| {
            let scope = match line.scope {
                Scope::Server => None,
                Scope::Stream(stream) => Some(Address::Stream(stream.clone())),
                Scope::Topic(stream, topic) => Some(Address::Topic(stream.clone(), topic.clone())),
            };
            (scope, line.words.join(", "))
        })
        .collect()
}

fn allow(scope: &ScopeOrder) -> String {
    match scope {
        None => format!("{PERMISSIONS} server"),
        Some(address) => format!("{PERMISSIONS} {address}"),
    }
}

fn gone(count: u32) -> AttributeReport {
    let what = counted(count, "resource");
    changed(
        format!("{PERMISSIONS} of what was deleted"),
        format!("on {what}"),
        NOTHING.to_owned(),
    )
}

/// Where a secret comes from, never what it is.
fn source(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("from the variable {name}"),
        SecretSource::File(path) => format!("from the file {path}"),
        SecretSource::Context(name) => format!("from the context's secret {name}"),
        SecretSource::SecretKeyRef(key) => {
            format!("from the key {} of the Secret {}", key.key, key.name)
        }
    }
}

pub(super) fn set(name: impl Into<String>, to: String) -> AttributeReport {
    AttributeReport {
        name: name.into(),
        from: None,
        to,
    }
}

fn changed(name: impl Into<String>, from: String, to: String) -> AttributeReport {
    AttributeReport {
        name: name.into(),
        from: Some(from),
        to,
    }
}
