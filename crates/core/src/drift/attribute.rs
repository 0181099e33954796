//! Declared attributes with what the server has, in the words of a manifest.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Grants, Scope};
use crate::address::Address;
use crate::diff::{BlockReason, Change, Difference, Setting, TopicChange, UserChange};
use crate::name::ResourceName;
use crate::state::desired::DesiredTopic;
use crate::state::desired_user::DesiredUser;
use crate::state::observed::ObservedTopic;
use crate::state::observed_access::ObservedUser;

pub(super) const NAME: &str = "name";
pub(super) const PARTITIONS: &str = "partitions";
pub(super) const STATUS: &str = "status";
pub(crate) const PERMISSIONS: &str = "permissions";
/// Permissions on the whole server.
pub(super) const SERVER: &str = "server";
/// Permissions that were left over.
pub(super) const DELETED: &str = "of what was deleted";

pub(super) const NOTHING: &str = "nothing";
/// What is granted for it, as far as that can be said.
pub(super) const IT_IS_NOT_THERE: &str = "it is not there";
const NOT_READ: &str = "not known: ";
const UNKNOWN_TO_SERVER: &str = "not known to this server";

/// An attribute that is declared, or that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) live: String,
    pub(super) declared: String,
    pub(super) differs: bool,
}

impl Attribute {
    /// Whether it could be read.
    pub(super) fn is_known(&self) -> bool {
        !self.live.starts_with(NOT_READ)
    }
}

pub(super) type Attributes = BTreeMap<String, Attribute>;

fn differing(live: impl Into<String>, declared: impl Into<String>) -> Attribute {
    Attribute {
        live: live.into(),
        declared: declared.into(),
        differs: true,
    }
}

/// The name, where it is another one.
pub(super) fn of_name(live: &ResourceName, declared: &ResourceName) -> Option<(String, Attribute)> {
    (live != declared).then(|| {
        let attribute = differing(live.to_string(), declared.to_string());
        (NAME.to_owned(), attribute)
    })
}

/// Every declared attribute of a topic that is there; the change says which ones differ.
pub(super) fn of_topic(
    desired: &DesiredTopic,
    live: &ObservedTopic,
    change: Option<&Change>,
) -> Attributes {
    let mut differs: BTreeSet<&str> = BTreeSet::new();
    if let Some(Change {
        difference: Difference::ChangeTopic(topic),
        obstacles,
        ..
    }) = change
    {
        let TopicChange {
            renamed_from: _,
            settings,
            partitions,
            unchanged_attributes: _,
            holds: _,
            expires_at_once: _,
        } = topic.as_ref();
        differs.extend(settings.iter().map(|setting| setting.to.name()));
        differs.extend(partitions.map(|_| PARTITIONS));
        for obstacle in obstacles {
            match obstacle {
                BlockReason::CreateOnly { field, .. }
                | BlockReason::UnknownSetting { field, .. } => {
                    differs.insert(field);
                }
                BlockReason::BelowSegmentSize { .. } => {
                    differs.insert("maxTopicSize");
                }
                _ => {}
            }
        }
    }
    let live_settings: BTreeMap<&str, String> = Setting::present(&live.settings)
        .map(|setting| (setting.name(), setting.to_string()))
        .collect();
    let mut attributes = Attributes::new();
    let partitions = desired.partitions.into_iter();
    let partitions = partitions.map(|count| (PARTITIONS, count.to_string()));
    let settings = Setting::present(&desired.settings);
    let settings = settings.map(|setting| (setting.name(), setting.to_string()));
    for (name, declared) in partitions.chain(settings) {
        let there = match name {
            PARTITIONS => Some(live.partitions.to_string()),
            name => live_settings.get(name).cloned(),
        };
        let attribute = Attribute {
            live: there.unwrap_or_else(|| UNKNOWN_TO_SERVER.to_owned()),
            declared,
            differs: differs.contains(name),
        };
        attributes.insert(name.to_owned(), attribute);
    }
    attributes
}

/// The status, and each scope for which a user that is there has other permissions. A
/// password cannot be read.
pub(super) fn of_user(
    desired: &DesiredUser,
    live: &ObservedUser,
    change: Option<&Change>,
) -> Attributes {
    let mut attributes = Attributes::new();
    if let Some(status) = desired.status {
        let attribute = Attribute {
            live: live.status.to_string(),
            declared: status.to_string(),
            differs: status != live.status,
        };
        attributes.insert(STATUS.to_owned(), attribute);
    }
    let Some(Change {
        difference: Difference::ChangeUser(user),
        obstacles,
        ..
    }) = change
    else {
        return attributes;
    };
    let UserChange {
        renamed_from: _,
        status: _,
        password: _,
        permissions,
        unchanged_attributes: _,
    } = user.as_ref();
    if let Some(permissions) = permissions {
        let (from, to) = (words(&permissions.from), words(&permissions.to));
        let scopes: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
        for scope in scopes {
            let (from, to) = (from.get(scope), to.get(scope));
            if from != to {
                let text = |words: Option<&String>| words.cloned().unwrap_or(NOTHING.to_owned());
                attributes.insert(scope.clone(), differing(text(from), text(to)));
            }
        }
        if permissions.gone > 0 {
            let name = format!("{PERMISSIONS} {DELETED}");
            let live = format!("on {} of them", permissions.gone);
            attributes.insert(name, differing(live, NOTHING));
        }
    }
    for obstacle in obstacles {
        match obstacle {
            BlockReason::GrantTargetMissing { target } => {
                let name = format!("{PERMISSIONS} {target}");
                attributes.insert(name, differing(IT_IS_NOT_THERE, "granted"));
            }
            BlockReason::NotReadable { reason } => {
                let live = format!("{NOT_READ}{reason}");
                attributes.insert(PERMISSIONS.to_owned(), differing(live, "declared"));
            }
            BlockReason::RootProtected { field } if field == PERMISSIONS => {
                let attribute = differing("everything, as always for root", "declared");
                attributes.insert(field.clone(), attribute);
            }
            _ => {}
        }
    }
    attributes
}

/// The resource for which something is granted.
pub(super) fn scope_of(attribute: &str) -> Option<Address> {
    let scope = attribute.strip_prefix(PERMISSIONS)?;
    scope.strip_prefix(' ')?.parse().ok()
}

/// What granting something for a resource is called.
pub(super) fn named_for(scope: &Address) -> String {
    format!("{PERMISSIONS} {scope}")
}

/// What is granted, by scope.
pub(super) fn words(grants: &Grants<ResourceName>) -> BTreeMap<String, String> {
    let lines = grants.lines().into_iter();
    lines
        .map(|line| {
            let scope = match line.scope {
                Scope::Server => SERVER.to_owned(),
                Scope::Stream(stream) => Address::Stream(stream.clone()).to_string(),
                Scope::Topic(stream, topic) => {
                    Address::Topic(stream.clone(), topic.clone()).to_string()
                }
            };
            (format!("{PERMISSIONS} {scope}"), line.words.join(", "))
        })
        .collect()
}
