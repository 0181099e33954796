//! Temporary users with the declared rights on the copied streams.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{Expected, granted, is_root, may};
use super::copy::{CopiedTopic, CopiedUser, Copy, CopyNames};
use super::grants::{Mapped, map};
use super::limits::{share, spread};
use super::{Limits, NotTried};
use crate::access::{Grants, Right, ServerPermission, StreamGrants, UserStatus};
use crate::address::Address;
use crate::name::ResourceName;
use crate::secret::SecretSource;
use crate::state::desired::DesiredState;
use crate::state::desired_user::{
    DesiredPermissions, DesiredUser, NameOrPattern, SecretReference, StreamRule, TopicRule,
};
use crate::state::observed::ObservedState;
use crate::wording::counted;

/// What a copy is made from.
#[derive(Clone, std::marker::Copy)]
pub(super) struct Source<'a> {
    pub(super) desired: &'a DesiredState,
    pub(super) observed: &'a ObservedState,
    pub(super) limits: &'a Limits,
    pub(super) names: &'a CopyNames,
}

pub(super) fn copy_users(
    copy: &mut Copy,
    copies: &BTreeMap<ResourceName, ResourceName>,
    source: Source<'_>,
    notes: &mut Vec<String>,
) {
    let Source {
        desired,
        observed,
        limits,
        names,
    } = source;
    if copy.topics.is_empty() {
        return;
    }
    let mut copied_topics: BTreeMap<ResourceName, BTreeSet<ResourceName>> = BTreeMap::new();
    for CopiedTopic { real, .. } in &copy.topics {
        let topics = copied_topics.entry(real.stream.clone()).or_default();
        topics.insert(real.topic.clone());
    }
    let mut all = Vec::new();
    for (name, user) in &desired.users {
        let not_tried = |reason: &str| NotTried {
            address: Address::User(name.clone()),
            reason: reason.to_owned(),
        };
        if is_root(name, observed) {
            let reason = "the server allows everything to its root user";
            copy.not_tried.push(not_tried(reason));
            continue;
        }
        match granted(user, desired) {
            Some(grants) => all.push((name, user, grants)),
            None => copy
                .not_tried
                .push(not_tried("no manifest declares its permissions")),
        }
    }
    let total = all.len();
    let chosen = spread(all, limits.users);
    if chosen.len() < total {
        notes.push(format!(
            "of {}, {} have a temporary one that sends to the copy, evenly spread; --all makes \
             one for each",
            counted(total, "user"),
            chosen.len()
        ));
    }
    let sends_of_each = (limits.sends / chosen.len().max(1)).max(2);
    let mut fewer_sends = false;
    for (number, (name, user, grants)) in chosen.into_iter().enumerate() {
        let Some(copy_name) = names.name(number) else {
            continue;
        };
        let mapped = map(&grants, copies, &copied_topics);
        note(name, &mapped, notes);
        let password = SecretReference {
            source: SecretSource::Env(copy_name.to_string()),
            origin: user.origin.clone(),
        };
        copy.desired.users.insert(
            copy_name.clone(),
            DesiredUser {
                previous_name: None,
                status: Some(UserStatus::Active),
                password: Some(password.clone()),
                previous_password: None,
                permissions: Some(in_words(&mapped.grants, user)),
                origin: user.origin.clone(),
            },
        );
        let rights = grants.effective();
        let expected = copy.topics.iter().enumerate().map(|(place, topic)| {
            let allowed = may(&rights, Right::SendMessages, &topic.real);
            (place, Expected::of(allowed))
        });
        let (allowed, denied): (Vec<_>, Vec<_>) =
            expected.partition(|(_, expected)| *expected == Expected::Allowed);
        let shares = share(&[allowed.len(), denied.len()], sends_of_each);
        let mut sends = Vec::new();
        for (list, share) in [allowed, denied].into_iter().zip(shares) {
            fewer_sends |= share < list.len();
            sends.extend(spread(list, share));
        }
        sends.sort();
        copy.users.push(CopiedUser {
            real: name.clone(),
            copy: copy_name,
            password,
            sends,
        });
    }
    if fewer_sends {
        notes.push(
            "temporary users send to some of the copied topics only, evenly spread; --all tries \
             each"
                .to_owned(),
        );
    }
}

fn note(user: &ResourceName, mapped: &Mapped, notes: &mut Vec<String>) {
    let Mapped {
        grants: _,
        narrowed,
        dropped,
        elsewhere,
    } = mapped;
    let words = |words: &BTreeSet<ServerPermission>| {
        let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
        words.join(", ")
    };
    let user = Address::User(user.clone());
    if !narrowed.is_empty() {
        notes.push(format!(
            "{user} has {} on the whole server: its temporary user has what that means for \
             messages on the copied streams alone",
            words(narrowed)
        ));
    }
    if !dropped.is_empty() {
        notes.push(format!(
            "{user} has {} on the whole server, which no temporary user gets",
            words(dropped)
        ));
    }
    if !elsewhere.is_empty() {
        let streams: Vec<String> = elsewhere
            .iter()
            .map(|stream| Address::Stream(stream.clone()).to_string())
            .collect();
        notes.push(format!(
            "what {user} may do on {} is not tried on the copy, which has no such stream",
            streams.join(", ")
        ));
    }
}

/// Grants as a manifest would say them.
fn in_words(grants: &Grants<ResourceName>, user: &DesiredUser) -> DesiredPermissions {
    let Grants { server, streams } = grants;
    let origin = &user.origin;
    let streams = streams.iter().map(|(stream, granted)| {
        let StreamGrants { allow, topics } = granted;
        StreamRule {
            name: NameOrPattern::Name(stream.clone()),
            optional: false,
            preset: None,
            allow: allow.clone(),
            topics: topics
                .iter()
                .map(|(topic, allow)| TopicRule {
                    name: NameOrPattern::Name(topic.clone()),
                    optional: false,
                    preset: None,
                    allow: allow.clone(),
                    origin: origin.clone(),
                })
                .collect(),
            origin: origin.clone(),
        }
    });
    DesiredPermissions {
        preset: None,
        allow: server.clone(),
        streams: streams.collect(),
    }
}
