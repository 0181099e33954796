//! Plans that delete so much that they may be a mistake.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Plan};
use crate::address::Address;
use crate::diff::{ChangeSet, Difference, Extent};
use crate::wording::counted;

/// A plan that leaves little of what is owned: whoever applies it says the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MassDeletion {
    /// How many streams, topics, consumer groups and users are removed; topics count
    /// with the stream that they are in, and groups do not with the topic.
    pub removed: u32,
    /// How many there are now, of those that are declared or owned.
    pub there: u32,
}

/// Another number of resources is removed than somebody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnexpectedRemovals {
    /// How many are removed, counted as [`MassDeletion::removed`].
    pub removed: u32,
    /// How many somebody said.
    pub expected: u32,
}

impl Plan {
    /// How many resources its steps remove, counted as [`MassDeletion::removed`].
    #[must_use]
    pub fn removals(&self) -> u32 {
        let mut removed: u32 = 0;
        let mut users = BTreeSet::new();
        for step in &self.steps {
            match &step.action {
                Action::DeleteStream { topics, .. } => {
                    let topics = u32::try_from(topics.len()).unwrap_or(u32::MAX);
                    removed = removed.saturating_add(topics).saturating_add(1);
                }
                Action::DeleteTopic { .. } | Action::DeleteConsumerGroup { .. } => {
                    removed = removed.saturating_add(1);
                }
                // Also of one that is inactive already: the plan counts it as deleted.
                Action::DeleteUser { .. } => {
                    users.insert(&step.address);
                }
                _ if self.pruned.contains(&step.address) => {
                    users.insert(&step.address);
                }
                _ => {}
            }
        }
        removed.saturating_add(u32::try_from(users.len()).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for UnexpectedRemovals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { removed, expected } = self;
        let removed = counted(*removed, "resource");
        let were = if *expected == 1 { "was" } else { "were" };
        write!(
            f,
            "{removed} would be removed, and {expected} {were} expected"
        )
    }
}

impl MassDeletion {
    /// Nothing is asked while at most half of it goes, and something declared stays. Of users
    /// that are inactive already nothing is left to ask about: whoever names one has said it.
    pub(super) fn of(changes: &ChangeSet, pruned: &BTreeSet<Address>) -> Option<Self> {
        let mut removed: u32 = 0;
        let mut inactive: u32 = 0;
        for change in &changes.prunable {
            if !pruned.contains(&change.address) {
                continue;
            }
            match &change.difference {
                Difference::PruneUser(user) if user.is_tombstone() => inactive += 1,
                _ => removed = removed.saturating_add(change.weight()),
            }
        }
        let Extent {
            declared,
            declared_there,
            prunable,
        } = changes.extent;
        let there = declared_there.saturating_add(prunable);
        let is_much = removed.saturating_mul(2) > there || declared == 0;
        (removed > 0 && is_much).then_some(Self {
            removed: removed.saturating_add(inactive),
            there: there.saturating_add(inactive),
        })
    }
}
