//! How many objects there are, for the metrics.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::api::v1alpha1::Kind;

use super::World;
use crate::operator::cluster::DECLARING;
use crate::operator::model::ServerKey;
use crate::operator::resources::RESOURCES;
use crate::operator::resources::status::{Condition, ConditionStatus};

/// How many there are of what.
pub(crate) struct Census {
    objects: BTreeMap<(Kind, &'static str), usize>,
    conflicts: BTreeMap<Kind, usize>,
    /// The server objects.
    pub(crate) servers: BTreeSet<ServerKey>,
}

impl Census {
    /// The kinds that are counted.
    pub(crate) fn kinds() -> impl Iterator<Item = Kind> {
        RESOURCES.iter().map(|resource| resource.kind)
    }

    /// By kind and condition `Ready`, also where there are none.
    pub(crate) fn objects(&self) -> impl Iterator<Item = ((Kind, &'static str), usize)> {
        let all = Self::kinds();
        let all = all.flat_map(|kind| ["true", "false", "unknown"].map(|ready| (kind, ready)));
        all.map(|key| (key, self.objects.get(&key).copied().unwrap_or(0)))
    }

    /// Objects that declare what another one holds, of each kind that declares something.
    pub(crate) fn conflicts(&self) -> impl Iterator<Item = (Kind, usize)> {
        let kinds = DECLARING.into_iter();
        kinds.map(|kind| (kind, self.conflicts.get(&kind).copied().unwrap_or(0)))
    }

    fn add(&mut self, kind: Kind, conditions: &[Condition]) {
        let status = |asked: &str| {
            let found = conditions.iter().find(|it| it.kind == asked);
            found.map_or(ConditionStatus::Unknown, |it| it.status)
        };
        let ready = match status("Ready") {
            ConditionStatus::True => "true",
            ConditionStatus::False => "false",
            ConditionStatus::Unknown => "unknown",
        };
        *self.objects.entry((kind, ready)).or_default() += 1;
        if status("Conflicted") == ConditionStatus::True {
            *self.conflicts.entry(kind).or_default() += 1;
        }
    }
}

impl World {
    /// Counts what there is.
    pub(crate) fn census(&self) -> Census {
        let state = self.state();
        let mut census = Census {
            objects: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            servers: state.servers.keys().cloned().collect(),
        };
        for object in state.objects.values() {
            census.add(object.key.kind, &object.status.conditions);
        }
        for test in state.smoke_tests.values() {
            census.add(test.object.key.kind, &test.status.conditions);
        }
        for server in state.servers.values() {
            census.add(server.key.object_kind(), &server.status.conditions);
        }
        census
    }
}
