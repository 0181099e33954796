//! Entries of a user's permissions that mean nothing.

use super::{Finding, FindingCode, Severity};
use crate::address::Address;
use crate::diff::ChangeSet;
use crate::name::ResourceName;
use crate::state::desired::{DesiredState, Presence};
use crate::state::desired_user::{DesiredPermissions, NameOrPattern, StreamRule, TopicRule};
use crate::state::observed_access::{KnownStream, ObservedAccess};

/// What is there beside what is declared.
#[derive(Clone, Copy)]
pub(super) enum There<'a> {
    /// Nobody asked: whatever is named may be there.
    NotAsked,
    /// What a server has, and what becomes of its names.
    Server(&'a ObservedAccess, &'a ChangeSet),
}

/// One finding for all such entries of a user.
///
/// An entry that is not optional and means nothing is no finding: the plan is
/// blocked by it.
pub(super) fn unused_grants(
    address: &Address,
    permissions: &DesiredPermissions,
    desired: &DesiredState,
    there: There<'_>,
) -> Option<Finding> {
    let mut unused = Vec::new();
    for rule in &permissions.streams {
        let streams = streams_of(rule, desired, there);
        if streams.is_empty() {
            unused.extend(in_vain(&rule.name, rule.optional, "stream", None));
            continue;
        }
        for topic in &rule.topics {
            let means_one = |stream: &&ResourceName| has_topic(topic, stream, desired, there);
            if !streams.iter().any(means_one) {
                let of = Some(&rule.name);
                unused.extend(in_vain(&topic.name, topic.optional, "topic", of));
            }
        }
    }
    (!unused.is_empty()).then(|| Finding {
        code: FindingCode::GrantUnused.into(),
        severity: Severity::Note,
        address: address.clone(),
        message: format!("it grants nothing: {}", unused.join("; ")),
        fix: "remove the entry, or correct its name".to_owned(),
        origin: None,
    })
}

fn in_vain(
    name: &NameOrPattern,
    optional: bool,
    kind: &str,
    of: Option<&NameOrPattern>,
) -> Option<String> {
    let of = match of {
        None => String::new(),
        Some(NameOrPattern::Name(stream)) => format!(" of `{stream}`"),
        Some(NameOrPattern::Pattern(pattern)) => format!(" of `{pattern}`"),
    };
    match name {
        NameOrPattern::Pattern(pattern) => {
            Some(format!("no declared {kind}{of} matches `{pattern}`"))
        }
        NameOrPattern::Name(name) => optional.then(|| {
            format!("the {kind} `{name}`{of} is optional, and neither declared nor on the server")
        }),
    }
}

/// The streams that an entry means, as they will be called.
fn streams_of<'a>(
    rule: &'a StreamRule,
    desired: &'a DesiredState,
    there: There<'_>,
) -> Vec<&'a ResourceName> {
    let declared = desired
        .streams
        .iter()
        .filter(|(_, stream)| stream.presence == Presence::Declared)
        .map(|(name, _)| name);
    match &rule.name {
        NameOrPattern::Pattern(pattern) => declared
            .filter(|name| pattern.matches(name.as_str()))
            .collect(),
        NameOrPattern::Name(name) => {
            let is_declared = || desired.declares(&Address::Stream(name.clone()));
            match is_declared() || there.has_stream(name, desired) {
                true => vec![name],
                false => Vec::new(),
            }
        }
    }
}

fn has_topic(
    rule: &TopicRule,
    stream: &ResourceName,
    desired: &DesiredState,
    there: There<'_>,
) -> bool {
    match &rule.name {
        NameOrPattern::Pattern(pattern) => {
            let topics = desired.streams.get(stream).into_iter();
            topics
                .flat_map(|stream| &stream.topics)
                .filter(|(_, topic)| topic.presence == Presence::Declared)
                .any(|(name, _)| pattern.matches(name.as_str()))
        }
        NameOrPattern::Name(name) => {
            desired.declares(&Address::Topic(stream.clone(), name.clone()))
                || there.has_topic(stream, name)
        }
    }
}

impl There<'_> {
    fn has_stream(self, name: &ResourceName, desired: &DesiredState) -> bool {
        let Self::Server(access, changes) = self else {
            return true;
        };
        // A name that a stream loses in this plan is no longer there.
        let is_lost = desired
            .streams
            .keys()
            .any(|declared| declared != name && changes.live_stream_name(declared) == name);
        !is_lost && live(access, name).is_some()
    }

    fn has_topic(self, stream: &ResourceName, topic: &ResourceName) -> bool {
        let Self::Server(access, changes) = self else {
            return true;
        };
        let Some(known) = live(access, changes.live_stream_name(stream)) else {
            return false;
        };
        // Topics that were not read may be there.
        known
            .topics
            .as_ref()
            .is_none_or(|topics| topics.values().any(|live| live == topic))
    }
}

fn live<'a>(access: &'a ObservedAccess, name: &ResourceName) -> Option<&'a KnownStream> {
    access.streams.values().find(|known| known.name == *name)
}
