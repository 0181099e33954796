use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::reason::{Reason, RightWithReasons};
use crate::access::{EffectiveRights, Grants, Preset, Right, Scope, UserStatus};
use crate::address::Address;
use crate::check::{Finding, check_declared, server_wide_rights};
use crate::diagnostic::Origin;
use crate::diff::{DeclaredGrants, declared_grants, live_grants};
use crate::name::ResourceName;
use crate::state::desired::DesiredState;
use crate::state::observed_access::ObservedAccess;

/// Where it is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccessSource {
    /// What manifests declare; no server was asked.
    Manifests,
    /// What a server has.
    Server,
}

/// What is known of a user whatever the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Whether it may log in; absent where a manifest does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<UserStatus>,
    /// Whether it is root, which may do everything; manifests never say so.
    pub root: bool,
}

/// What all users may do, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessOverview {
    pub(super) source: AccessSource,
    pub(super) users: BTreeMap<ResourceName, User>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) standing: Standing,
    /// Entry by entry, or why that is not known.
    pub(super) entries: Result<Vec<Entry>, String>,
    /// Streams and topics that were deleted and that it has grants on.
    pub(super) gone: usize,
    /// What is worth knowing of it.
    pub(super) findings: Vec<Finding>,
}

/// Words that have one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    grants: Grants<ResourceName>,
    preset: Option<Preset>,
    origin: Option<Origin>,
}

impl AccessOverview {
    /// What manifests declare, without asking a server.
    #[must_use]
    pub fn of_manifests(desired: &DesiredState) -> Self {
        let mut findings: BTreeMap<ResourceName, Vec<Finding>> = BTreeMap::new();
        for finding in check_declared(desired).findings {
            if let Some(user) = finding.address.user() {
                findings.entry(user.clone()).or_default().push(finding);
            }
        }
        let users = desired.users.iter().map(|(name, user)| {
            let standing = Standing {
                status: user.status,
                root: false,
            };
            let entries = declared_grants(user, desired)
                .map(|declared| declared.into_iter().map(Entry::from).collect())
                .ok_or_else(|| "no manifest says what it may do".to_owned());
            let user = User {
                standing,
                entries,
                gone: 0,
                findings: findings.remove(name).unwrap_or_default(),
            };
            (name.clone(), user)
        });
        Self {
            source: AccessSource::Manifests,
            users: users.collect(),
        }
    }

    /// What a server has.
    #[must_use]
    pub fn of_server(access: &ObservedAccess) -> Self {
        let users = access.users.iter().map(|(name, user)| {
            let resolved = live_grants(&user.grants, access);
            let standing = Standing {
                status: Some(user.status),
                root: user.is_root(),
            };
            let user = User {
                standing,
                gone: resolved.as_ref().map_or(0, |resolved| resolved.gone()),
                entries: resolved
                    .map(|resolved| vec![Entry::without_reason(resolved.grants)])
                    .map_err(|error| error.to_string()),
                findings: server_wide_rights(Address::User(name.clone()), &user.grants.server)
                    .into_iter()
                    .collect(),
            };
            (name.clone(), user)
        });
        Self {
            source: AccessSource::Server,
            users: users.collect(),
        }
    }

    /// The users that are known, in order.
    pub fn users(&self) -> impl Iterator<Item = &ResourceName> {
        self.users.keys()
    }
}

impl User {
    /// What it is able to do; `None` when that is not known. Root's is
    /// everything, which no set of grants says.
    pub(super) fn effective(&self) -> Option<EffectiveRights<ResourceName>> {
        let entries = self.entries.as_ref().ok()?;
        let all = entries.iter().fold(Grants::default(), |all, entry| {
            all.join(entry.grants.clone())
        });
        Some(all.normal().effective())
    }

    /// The words that give a right there.
    pub(super) fn reasons(&self, right: Right, scope: &Scope<ResourceName>) -> Vec<Reason> {
        let entries = self.entries.iter().flatten();
        entries
            .flat_map(|entry| {
                let lines = entry.grants.that_allow(right, scope).into_iter();
                lines.map(|line| Reason {
                    on: line.scope.cloned(),
                    words: line.words,
                    preset: entry.preset,
                    origin: entry.origin.clone(),
                })
            })
            .collect()
    }

    /// A right with the words that give it there.
    pub(super) fn because(&self, right: Right, scope: &Scope<ResourceName>) -> RightWithReasons {
        RightWithReasons {
            right,
            because: self.reasons(right, scope),
        }
    }
}

impl From<DeclaredGrants> for Entry {
    fn from(declared: DeclaredGrants) -> Self {
        let DeclaredGrants {
            grants,
            preset,
            origin,
        } = declared;
        Self {
            grants: grants.normal(),
            preset,
            origin: Some(origin),
        }
    }
}

impl Entry {
    fn without_reason(grants: Grants<ResourceName>) -> Self {
        Self {
            grants,
            preset: None,
            origin: None,
        }
    }
}
