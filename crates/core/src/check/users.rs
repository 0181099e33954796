//! What is worth knowing about users.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::passwords::{SecretLookup, default_root_password, shared_passwords, with_set_passwords};
use super::tokens::{never_expires, of_inactive_users};
use super::unused_grants::{There, unused_grants};
use super::{Finding, FindingCode, Severity, server_wide};
use crate::access::{GivenAway, Level, Preset, UserStatus};
use crate::address::Address;
use crate::diff::{ChangeSet, Difference, live_user_names};
use crate::state::desired::DesiredState;
use crate::state::desired_user::DesiredPermissions;
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_access::PasswordCheck;

pub(super) fn check_users(
    changes: &ChangeSet,
    desired: &DesiredState,
    observed: &ObservedState,
    secrets: SecretLookup<'_>,
    findings: &mut Vec<Finding>,
) {
    let access = match &observed.access {
        AccessReading::Read(access) => Some(access.as_ref()),
        AccessReading::NotNeeded | AccessReading::Refused { .. } => None,
    };
    let there = access.map_or(There::NotAsked, |access| There::Server(access, changes));
    for change in &changes.changes {
        if let Address::Token(user, token) = &change.address {
            findings.extend(never_expires(desired, user, token));
        }
        // A user may be created with permissions that come to nothing.
        let (is_written, gets_some) = match &change.difference {
            Difference::CreateUser(creation) => (true, creation.grants.is_some()),
            Difference::ChangeUser(user) => {
                let is_written = user.permissions.is_some();
                (is_written, is_written)
            }
            _ => (false, false),
        };
        let user = change
            .address
            .user()
            .and_then(|name| desired.users.get(name));
        let permissions = user.and_then(|user| user.permissions.as_ref());
        if let Some(permissions) = permissions.filter(|_| is_written) {
            let address = &change.address;
            findings.extend(presets(address, permissions).filter(|_| gets_some));
            findings.extend(server_wide::declared(address, permissions));
            findings.extend(unused_grants(address, permissions, desired, there));
        }
    }
    let set = with_set_passwords(changes);
    findings.extend(shared_passwords(desired, secrets, |user| {
        set.contains(user)
    }));
    findings.extend(of_inactive_users(desired, access));
    findings.extend(access.and_then(|access| default_root_password(&set, desired, access)));
    findings.extend(not_declared(changes));
    match &observed.access {
        AccessReading::NotNeeded => {}
        AccessReading::Refused { reason } => findings.extend(not_read(changes, reason)),
        AccessReading::Read(access) => {
            for (name, live) in live_user_names(desired, access) {
                let Some(live) = access.users.get(live) else {
                    continue;
                };
                let status = desired.users.get(name).and_then(|user| user.status);
                if status.is_none() && live.status == UserStatus::Inactive {
                    findings.push(inactive_unsaid(Address::User(name.clone())));
                }
                if let PasswordCheck::Unverifiable { reason } = &live.password
                    && !set.contains(name)
                {
                    findings.push(not_verified(Address::User(name.clone()), reason));
                }
            }
        }
    }
}

fn inactive_unsaid(address: Address) -> Finding {
    Finding {
        code: FindingCode::InactiveUnsaid.into(),
        severity: Severity::Warning,
        message: format!(
            "{address} is inactive on the server, and no manifest says whether it should be"
        ),
        address,
        fix: "declare `status: active`, or `status: inactive` if that is meant".to_owned(),
        origin: None,
    }
}

/// Once, at the first thing that is created.
fn not_read(changes: &ChangeSet, reason: &str) -> Option<Finding> {
    let first = changes.changes.iter().find(|change| {
        matches!(
            change.difference,
            Difference::CreateStream | Difference::CreateTopic { .. }
        )
    })?;
    Some(Finding {
        code: FindingCode::AccessNotRead.into(),
        severity: Severity::Warning,
        address: first.address.clone(),
        message: format!(
            "whether somebody has permissions left over from something that was deleted, which \
             would open what is created now, is not known: the users could not be read: {reason}"
        ),
        fix: "apply with a login that may read users and list streams".to_owned(),
        origin: None,
    })
}

/// How many users one finding names.
const NAMED: usize = 5;

/// One for all of them: it is said until they are pruned or declared.
fn not_declared(changes: &ChangeSet) -> Option<Finding> {
    let users: Vec<&Address> = changes
        .prunable
        .iter()
        // The own login, for one, would not be pruned.
        .filter(|change| change.obstacles.is_empty())
        .filter(|change| match &change.difference {
            Difference::PruneUser(user) => !user.is_tombstone(),
            _ => false,
        })
        .map(|change| &change.address)
        .collect();
    let named = users.iter().take(NAMED).map(ToString::to_string);
    let mut names = named.collect::<Vec<_>>().join(", ");
    if users.len() > NAMED {
        names.push_str(&format!(" and {} more", users.len() - NAMED));
    }
    let (are, them) = match users.len() {
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    Some(Finding {
        code: FindingCode::UsersNotDeclared.into(),
        severity: Severity::Note,
        address: Address::clone(users.first()?),
        message: format!("{names} {are} inside `owns.users`, and no manifest declares {them}"),
        fix: format!("declare {them}, or take all permissions from {them} with --prune"),
        origin: None,
    })
}

/// A note: an inactive user may be declared to stay so, and then it is said in
/// every plan.
fn not_verified(address: Address, reason: &str) -> Finding {
    Finding {
        code: FindingCode::PasswordNotVerified.into(),
        severity: Severity::Note,
        message: format!(
            "whether the declared password of {address} is the live one is not known: {reason}"
        ),
        address,
        fix: "make the user active, or look after its password by hand".to_owned(),
        origin: None,
    }
}

/// What the presets of a user give beyond what they are named for.
fn presets(address: &Address, permissions: &DesiredPermissions) -> Option<Finding> {
    let mut given: BTreeSet<String> = BTreeSet::new();
    let mut add = |preset: Option<Preset>, level| {
        let sentence = |preset: Preset| {
            let sentence = GivenAway::sentence(&preset.gives_away(level))?;
            Some(format!("{preset} {sentence}"))
        };
        given.extend(preset.and_then(sentence));
    };
    add(permissions.preset, Level::Server);
    for stream in &permissions.streams {
        add(stream.preset, Level::Stream);
        for topic in &stream.topics {
            add(topic.preset, Level::Topic);
        }
    }
    (!given.is_empty()).then(|| Finding {
        code: FindingCode::PresetGivesMore.into(),
        severity: Severity::Note,
        address: address.clone(),
        message: given.into_iter().collect::<Vec<_>>().join(". "),
        fix: "`iggyctl explain IGW0010` says why, and what is narrower".to_owned(),
        origin: None,
    })
}
