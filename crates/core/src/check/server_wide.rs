//! Rights that do not end at a stream.

use std::collections::BTreeSet;

use super::{Finding, FindingCode, Severity};
use crate::access::{Scope, ServerPermission};
use crate::address::Address;
use crate::name::ResourceName;
use crate::state::desired_user::DesiredPermissions;

/// Of the permissions that a manifest declares.
pub(super) fn declared(address: &Address, permissions: &DesiredPermissions) -> Option<Finding> {
    let mut words = permissions.allow.clone();
    if let Some(preset) = permissions.preset {
        words.extend(preset.grants::<ResourceName>(&Scope::Server).server);
    }
    server_wide_rights(address.clone(), &words)
}

/// What these words on the whole server mean for others; `None` when there are
/// none.
#[must_use]
pub fn server_wide_rights(address: Address, words: &BTreeSet<ServerPermission>) -> Option<Finding> {
    let listed: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
    if listed.is_empty() {
        return None;
    }
    let reaches_streams = words.iter().any(|word| is_about_streams(*word));
    let reach = if words.contains(&ServerPermission::ManageUsers) {
        ": it can give itself everything"
    } else if reaches_streams {
        ": on all streams, also those that others create later"
    } else {
        ""
    };
    let changes_something = words.iter().any(|word| manages(*word));
    Some(Finding {
        code: FindingCode::ServerWideRights.into(),
        severity: match changes_something {
            true => Severity::Warning,
            false => Severity::Note,
        },
        message: format!(
            "{address} has {} on the whole server{reach}",
            listed.join(", ")
        ),
        address,
        fix: match reaches_streams {
            true => "grant it on the streams that it needs, or keep it for administrators",
            false => "keep it for administrators",
        }
        .to_owned(),
        origin: None,
    })
}

/// `manage_servers` allows today what `read_servers` does, and says that it is
/// for more.
fn manages(word: ServerPermission) -> bool {
    use ServerPermission as Word;
    match word {
        Word::ManageServers | Word::ManageUsers | Word::ManageStreams | Word::ManageTopics => true,
        Word::ReadServers
        | Word::ReadUsers
        | Word::ReadStreams
        | Word::ReadTopics
        | Word::PollMessages
        | Word::SendMessages => false,
    }
}

/// Whether there is a narrower form of it, on a stream.
fn is_about_streams(word: ServerPermission) -> bool {
    use ServerPermission as Word;
    match word {
        Word::ManageServers | Word::ReadServers | Word::ManageUsers | Word::ReadUsers => false,
        Word::ManageStreams
        | Word::ReadStreams
        | Word::ManageTopics
        | Word::ReadTopics
        | Word::PollMessages
        | Word::SendMessages => true,
    }
}
