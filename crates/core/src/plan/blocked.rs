//! What is needed and will not be done.

use std::collections::BTreeSet;

use super::way_out::way_out;
use super::{Approvals, Blocked, access, delete};
use crate::address::Address;
use crate::diff::{BlockReason, Change, ChangeSet, Difference, PartitionChange, TopicChange};

pub(super) struct BlockedLines<'a> {
    pub(super) lines: Vec<Blocked>,
    held_back: BTreeSet<&'a Address>,
    /// Users whose permissions speak of something that is held back.
    pub(super) without_grants: BTreeSet<&'a Address>,
    /// Nothing stands in the way of removing these.
    pub(super) pruned: BTreeSet<&'a Address>,
}

impl BlockedLines<'_> {
    pub(super) fn holds_back(&self, change: &Change) -> bool {
        self.held_back.contains(&change.address)
    }
}

/// Changes come parents first, so one pass finds everything that depends on
/// something blocked.
pub(super) fn blocked_lines<'a>(changes: &'a ChangeSet, approvals: &Approvals) -> BlockedLines<'a> {
    let mut blocked = BlockedLines {
        lines: Vec::new(),
        held_back: BTreeSet::new(),
        without_grants: BTreeSet::new(),
        pruned: BTreeSet::new(),
    };
    let prunable = changes.prunable.iter().filter(|_| approvals.prune);
    let (deletions, users): (Vec<&Change>, Vec<&Change>) =
        prunable.partition(|change| change.is_deletion());
    let obstacles = |change: &'a Change| {
        let reasons = change.obstacles.iter();
        reasons.filter(|reason| !is_approved(&change.address, reason, approvals))
    };
    for change in &users {
        if obstacles(change).next().is_none() {
            blocked.pruned.insert(&change.address);
        }
    }
    let mut undeletable = Vec::new();
    for change in deletions {
        let reasons = delete::obstacles(change, changes, approvals, &blocked.pruned);
        if reasons.is_empty() {
            blocked.pruned.insert(&change.address);
        }
        undeletable.extend(reasons.into_iter().map(|reason| (&change.address, reason)));
    }
    for change in &changes.changes {
        let parent = held_back_ancestor(&blocked.held_back, &change.address);
        let mut reasons = change.obstacles.clone();
        reasons.retain(|reason| {
            !is_approved(&change.address, reason, approvals)
                && !is_taken_away(reason, &blocked.pruned)
        });
        if let Difference::ChangeTopic(topic) = &change.difference {
            reasons.extend(forbidden_shrink(&change.address, topic, approvals));
        }
        let is_held_back = match &change.difference {
            Difference::Unknown => true,
            _ => change.can_be_held_back() && !reasons.is_empty(),
        };
        if is_held_back || parent.is_some() {
            blocked.held_back.insert(&change.address);
            if let (Some(address), true) = (parent, reasons.is_empty()) {
                reasons.push(BlockReason::DependsOnBlocked { address });
            }
        } else if let Some(address) = access::held_back_target(change, &blocked.held_back) {
            blocked.without_grants.insert(&change.address);
            reasons.push(BlockReason::DependsOnBlocked { address });
        }
        for reason in reasons {
            blocked.lines.push(line(&change.address, reason, approvals));
        }
    }
    for (address, reason) in undeletable {
        blocked.lines.push(line(address, reason, approvals));
    }
    for change in users {
        for reason in obstacles(change) {
            blocked
                .lines
                .push(line(&change.address, reason.clone(), approvals));
        }
    }
    blocked
}

fn line(address: &Address, reason: BlockReason, approvals: &Approvals) -> Blocked {
    Blocked {
        address: address.clone(),
        way_out: way_out(address, &reason, approvals),
        reason,
        declared_at: None,
    }
}

/// Whoever is pruned keeps no permissions, so nothing is opened to it.
fn is_taken_away(reason: &BlockReason, pruned: &BTreeSet<&Address>) -> bool {
    matches!(reason, BlockReason::StaleGrants { user } if pruned.contains(user))
}

/// What only waits for a person to allow it.
pub(super) fn is_approved(address: &Address, reason: &BlockReason, approvals: &Approvals) -> bool {
    match reason {
        BlockReason::StaleGrants { user } => approvals.allow_destroy.contains(user),
        BlockReason::OwnLogin { .. } | BlockReason::Retained { .. } => {
            approvals.allow_destroy.contains(address)
        }
        _ => false,
    }
}

fn held_back_ancestor(held_back: &BTreeSet<&Address>, address: &Address) -> Option<Address> {
    if held_back.is_empty() {
        return None;
    }
    let mut parent = address.parent();
    while let Some(ancestor) = parent {
        if held_back.contains(&ancestor) {
            return Some(ancestor);
        }
        parent = ancestor.parent();
    }
    None
}

pub(super) fn forbidden_shrink(
    address: &Address,
    topic: &TopicChange,
    approvals: &Approvals,
) -> Option<BlockReason> {
    let PartitionChange { from, to } = topic.partitions?;
    (to < from && !approvals.allow_destroy.contains(address)).then_some(
        BlockReason::PartitionShrink {
            from,
            to,
            messages: topic.holds.messages,
        },
    )
}
