use std::collections::BTreeMap;

use super::names::Names;
use crate::access::{Grants, Scope, StreamGrants};
use crate::address::Address;
use crate::name::ResourceName;
use crate::state::desired::{DesiredState, Presence};
use crate::state::desired_user::{DesiredPermissions, NameOrPattern, StreamRule, TopicRule};

/// What the manifest grants, by name, and what it names in vain.
#[derive(Debug, Default)]
pub(super) struct Target {
    pub(super) grants: Grants<ResourceName>,
    /// Neither declared nor on the server, and not optional.
    pub(super) missing: Vec<Address>,
}

impl Target {
    fn add(&mut self, grants: Grants<ResourceName>) {
        self.grants = std::mem::take(&mut self.grants).join(grants);
    }
}

/// Expands presets and patterns, and looks every name up.
pub(super) fn target(
    permissions: &DesiredPermissions,
    desired: &DesiredState,
    names: &Names<'_>,
) -> Target {
    let DesiredPermissions {
        preset,
        allow,
        streams,
    } = permissions;
    let mut target = Target::default();
    if let Some(preset) = preset {
        target.add(preset.grants(&Scope::Server));
    }
    target.grants.server.extend(allow);
    for rule in streams {
        for stream in streams_of(rule, desired, names, &mut target.missing) {
            grant(rule, &stream, desired, names, &mut target);
        }
    }
    target.grants = target.grants.normal();
    target.missing.sort();
    target.missing.dedup();
    target
}

fn grant(
    rule: &StreamRule,
    stream: &ResourceName,
    desired: &DesiredState,
    names: &Names<'_>,
    target: &mut Target,
) {
    let StreamRule {
        name: _,
        optional: _,
        preset,
        allow,
        topics,
        origin: _,
    } = rule;
    if let Some(preset) = preset {
        target.add(preset.grants(&Scope::Stream(stream.clone())));
    }
    let mut own = Grants::default();
    own.streams.insert(
        stream.clone(),
        StreamGrants {
            allow: allow.clone(),
            topics: BTreeMap::new(),
        },
    );
    target.add(own);
    for rule in topics {
        for topic in topics_of(rule, stream, desired, names, &mut target.missing) {
            if let Some(preset) = rule.preset {
                let scope = Scope::Topic(stream.clone(), topic.clone());
                target.add(preset.grants(&scope));
            }
            let granted = target.grants.streams.entry(stream.clone()).or_default();
            granted
                .topics
                .entry(topic)
                .or_default()
                .extend(rule.allow.iter().copied());
        }
    }
}

fn streams_of(
    rule: &StreamRule,
    desired: &DesiredState,
    names: &Names<'_>,
    missing: &mut Vec<Address>,
) -> Vec<ResourceName> {
    match &rule.name {
        NameOrPattern::Pattern(pattern) => desired
            .streams
            .iter()
            .filter(|(name, stream)| {
                stream.presence == Presence::Declared && pattern.matches(name.as_str())
            })
            .map(|(name, _)| name.clone())
            .collect(),
        NameOrPattern::Name(name) => {
            let is_declared = desired
                .streams
                .get(name)
                .is_some_and(|stream| stream.presence == Presence::Declared);
            if is_declared || names.has_stream(name) {
                return vec![name.clone()];
            }
            if !rule.optional {
                missing.push(Address::Stream(name.clone()));
            }
            Vec::new()
        }
    }
}

fn topics_of(
    rule: &TopicRule,
    stream: &ResourceName,
    desired: &DesiredState,
    names: &Names<'_>,
    missing: &mut Vec<Address>,
) -> Vec<ResourceName> {
    let declared = || {
        let stream = desired.streams.get(stream).into_iter();
        let topics = stream.flat_map(|stream| &stream.topics);
        topics.filter(|(_, topic)| topic.presence == Presence::Declared)
    };
    match &rule.name {
        NameOrPattern::Pattern(pattern) => declared()
            .filter(|(name, _)| pattern.matches(name.as_str()))
            .map(|(name, _)| name.clone())
            .collect(),
        NameOrPattern::Name(name) => {
            let is_declared = declared().any(|(declared, _)| declared == name);
            if is_declared || names.has_topic(stream, name) {
                return vec![name.clone()];
            }
            if !rule.optional {
                missing.push(Address::Topic(stream.clone(), name.clone()));
            }
            Vec::new()
        }
    }
}
