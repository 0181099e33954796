use std::collections::{BTreeMap, BTreeSet};

use super::names::Names;
use crate::access::{Grants, Preset, Scope, StreamGrants};
use crate::address::Address;
use crate::diagnostic::Origin;
use crate::name::ResourceName;
use crate::state::desired::{DesiredState, Presence};
use crate::state::desired_user::{
    DesiredPermissions, DesiredUser, NameOrPattern, StreamRule, TopicRule,
};

/// What the manifest grants, by name, and what it names in vain.
#[derive(Debug, Default)]
pub(super) struct Target {
    pub(super) grants: Grants<ResourceName>,
    /// Neither declared nor on the server, and not optional.
    pub(super) missing: Vec<Address>,
}

/// What one entry of a manifest grants, patterns and presets expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredGrants {
    /// By name.
    pub grants: Grants<ResourceName>,
    /// The preset that stands for these words; `None` when they are written out.
    pub preset: Option<Preset>,
    /// The entry; that of the user for rights on the whole server.
    pub origin: Origin,
}

/// What is there beside what is declared.
#[derive(Clone, Copy)]
pub(super) enum Known<'a, 'n> {
    /// What a server has.
    Server(&'a Names<'n>),
    /// Nobody asked: whatever is named may be there.
    Unasked,
}

impl Known<'_, '_> {
    fn has_stream(self, name: &ResourceName) -> bool {
        match self {
            Self::Server(names) => names.has_stream(name),
            Self::Unasked => true,
        }
    }

    fn has_topic(self, stream: &ResourceName, topic: &ResourceName) -> bool {
        match self {
            Self::Server(names) => names.has_topic(stream, topic),
            Self::Unasked => true,
        }
    }
}

/// Expands presets and patterns, and looks every name up.
pub(super) fn target(
    user: &DesiredUser,
    desired: &DesiredState,
    known: Known<'_, '_>,
) -> Option<Target> {
    let permissions = user.permissions.as_ref()?;
    let mut missing = Vec::new();
    let pieces = pieces(permissions, &user.origin, desired, known, &mut missing);
    let mut target = Target::default();
    for piece in pieces {
        target.grants = target.grants.join(piece.grants);
    }
    target.grants = target.grants.normal();
    missing.sort();
    missing.dedup();
    target.missing = missing;
    Some(target)
}

/// Entry by entry; some may grant nothing.
pub(super) fn pieces(
    permissions: &DesiredPermissions,
    user: &Origin,
    desired: &DesiredState,
    known: Known<'_, '_>,
    missing: &mut Vec<Address>,
) -> Vec<DeclaredGrants> {
    let DesiredPermissions {
        preset,
        allow,
        streams,
    } = permissions;
    let mut pieces = Vec::new();
    pieces.extend(of_preset(*preset, &Scope::Server, user));
    let on_server = Grants {
        server: allow.clone(),
        ..Grants::default()
    };
    pieces.push(written(on_server, user));
    for rule in streams {
        for stream in streams_of(rule, desired, known, missing) {
            of_stream(rule, &stream, desired, known, missing, &mut pieces);
        }
    }
    pieces
}

fn of_preset(
    preset: Option<Preset>,
    scope: &Scope<ResourceName>,
    origin: &Origin,
) -> Option<DeclaredGrants> {
    preset.map(|preset| DeclaredGrants {
        grants: preset.grants(scope),
        preset: Some(preset),
        origin: origin.clone(),
    })
}

fn written(grants: Grants<ResourceName>, origin: &Origin) -> DeclaredGrants {
    DeclaredGrants {
        grants,
        preset: None,
        origin: origin.clone(),
    }
}

fn of_stream(
    rule: &StreamRule,
    stream: &ResourceName,
    desired: &DesiredState,
    known: Known<'_, '_>,
    missing: &mut Vec<Address>,
    pieces: &mut Vec<DeclaredGrants>,
) {
    let StreamRule {
        name: _,
        optional: _,
        preset,
        allow,
        topics,
        origin,
    } = rule;
    pieces.extend(of_preset(*preset, &Scope::Stream(stream.clone()), origin));
    let granted = StreamGrants {
        allow: allow.clone(),
        topics: BTreeMap::new(),
    };
    pieces.push(written(on_stream(stream, granted), origin));
    for rule in topics {
        for topic in topics_of(rule, stream, desired, known, missing) {
            let TopicRule {
                name: _,
                optional: _,
                preset,
                allow,
                origin,
            } = rule;
            let scope = Scope::Topic(stream.clone(), topic.clone());
            pieces.extend(of_preset(*preset, &scope, origin));
            let granted = StreamGrants {
                allow: BTreeSet::new(),
                topics: [(topic, allow.clone())].into(),
            };
            pieces.push(written(on_stream(stream, granted), origin));
        }
    }
}

fn on_stream(stream: &ResourceName, granted: StreamGrants<ResourceName>) -> Grants<ResourceName> {
    Grants {
        streams: [(stream.clone(), granted)].into(),
        ..Grants::default()
    }
}

fn streams_of(
    rule: &StreamRule,
    desired: &DesiredState,
    known: Known<'_, '_>,
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
            if is_declared || known.has_stream(name) {
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
    known: Known<'_, '_>,
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
            let topics = desired.streams.get(stream).map(|stream| &stream.topics);
            let is_declared = topics
                .and_then(|topics| topics.get(name))
                .is_some_and(|topic| topic.presence == Presence::Declared);
            if is_declared || known.has_topic(stream, name) {
                return vec![name.clone()];
            }
            if !rule.optional {
                missing.push(Address::Topic(stream.clone(), name.clone()));
            }
            Vec::new()
        }
    }
}
