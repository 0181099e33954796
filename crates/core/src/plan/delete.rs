//! The steps that delete streams, topics and consumer groups which are owned and not
//! declared, and what comes before: whoever has grants on one loses them first.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::access::present;
use super::blocked::{BlockedLines, is_approved};
use super::build::Steps;
use super::step::{Action, Precondition, Risk, StepId};
use super::{Approvals, Stage};
use crate::address::Address;
use crate::diff::{
    BlockReason, Change, ChangeSet, Difference, GroupRemoval, GroupStake, Holder, Stake,
    StreamRemoval, TopicRemoval, UserChange,
};
use crate::name::ResourceName;

/// Something that is deleted.
pub(super) struct Deletion<'a> {
    address: &'a Address,
    /// By the name that the server has now.
    live: Address,
    difference: &'a Difference,
    /// Somebody named it, so it is deleted with what is in it.
    is_allowed: bool,
    /// The users, by their names on the server, who have grants on it.
    holders: Vec<&'a ResourceName>,
}

/// What is deleted; nothing unless that was asked for.
pub(super) fn deletions<'a>(
    changes: &'a ChangeSet,
    approvals: &Approvals,
    blocked: &BlockedLines<'_>,
) -> Vec<Deletion<'a>> {
    let doomed = changes
        .prunable
        .iter()
        .filter(|change| change.is_deletion() && blocked.pruned.contains(&change.address));
    doomed
        .map(|change| {
            let live = changes.live_address(change);
            Deletion {
                holders: holders_of(changes, &live),
                address: &change.address,
                live,
                difference: &change.difference,
                is_allowed: approvals.allow_destroy.contains(&change.address),
            }
        })
        .collect()
}

fn holders_of<'a>(changes: &'a ChangeSet, live: &Address) -> Vec<&'a ResourceName> {
    let holders = changes.holders.iter();
    holders
        .filter(|(_, holder)| holder.holds(live))
        .map(|(name, _)| name)
        .collect()
}

/// What stands in the way of deleting it: data that nobody named, and users whose
/// grants would outlive it.
pub(super) fn obstacles(
    change: &Change,
    changes: &ChangeSet,
    approvals: &Approvals,
    pruned_users: &BTreeSet<&Address>,
) -> Vec<BlockReason> {
    let address = &change.address;
    let mut reasons = change.obstacles.clone();
    reasons.retain(|reason| !is_approved(address, reason, approvals));
    if !approvals.allow_destroy.contains(address)
        && let Some(stake) = stake_of(address, &change.difference)
    {
        reasons.push(BlockReason::HoldsData(Box::new(stake)));
    }
    let live = changes.live_address(change);
    for holder in changes
        .holders
        .values()
        .filter(|holder| holder.holds(&live))
    {
        if !pruned_users.contains(&holder.address) && !loses_grants(holder, &live, changes) {
            let user = holder.address.clone();
            let reason = BlockReason::StillGranted { user };
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    reasons
}

/// Whether the plan takes away what the user has on it, before it is deleted. Of its
/// own login it takes nothing away until everything is done.
fn loses_grants(holder: &Holder, live: &Address, changes: &ChangeSet) -> bool {
    if holder.is_me || holder.grants.is_none() {
        return false;
    }
    if !holder.is_managed {
        return true;
    }
    let narrowed = changes
        .changes
        .iter()
        .find_map(|change| match &change.difference {
            Difference::ChangeUser(user) if change.address == holder.address => narrowed(user),
            _ => None,
        });
    narrowed.is_some_and(|kept| !crate::diff::grants_on(kept, live))
}

fn narrowed(user: &UserChange) -> Option<&crate::access::Grants<ResourceName>> {
    user.permissions.as_ref()?.narrowed.as_ref()
}

/// What is lost with it, unless that is nothing. Consumer groups hold offsets.
fn stake_of(address: &Address, difference: &Difference) -> Option<Stake> {
    match difference {
        Difference::DeleteStream(stream) if !stream.is_empty() => {
            Some(stake_of_stream(address, stream))
        }
        Difference::DeleteTopic(topic) if !topic.is_empty() => {
            let mut stake = Stake::default();
            add_topic(&mut stake, address, topic);
            Some(stake)
        }
        Difference::DeleteConsumerGroup(group) => Some(Stake {
            groups: vec![group_stake(address.clone(), *group)],
            ..Stake::default()
        }),
        _ => None,
    }
}

/// What is lost with a stream.
#[must_use]
pub fn stake_of_stream(address: &Address, stream: &StreamRemoval) -> Stake {
    let mut stake = Stake {
        topics: u32::try_from(stream.topics.len()).unwrap_or(u32::MAX),
        ..Stake::default()
    };
    let Address::Stream(name) = address else {
        return stake;
    };
    for (topic_name, topic) in &stream.topics {
        let address = Address::Topic(name.clone(), topic_name.clone());
        add_topic(&mut stake, &address, topic);
        if stream.unasked.contains(topic_name) {
            stake.unasked.push(address);
        }
    }
    stake
}

/// What is lost with a topic.
#[must_use]
pub fn stake_of_topic(address: &Address, topic: &TopicRemoval) -> Stake {
    let mut stake = Stake::default();
    add_topic(&mut stake, address, topic);
    stake
}

/// What is lost with a consumer group.
#[must_use]
pub fn group_stake(address: Address, group: GroupRemoval) -> GroupStake {
    GroupStake {
        address,
        members: group.members,
        lag: group.lag,
    }
}

fn add_topic(stake: &mut Stake, address: &Address, topic: &TopicRemoval) {
    stake.messages = stake.messages.saturating_add(topic.holds.messages);
    stake.bytes = stake.bytes.saturating_add(topic.holds.bytes);
    stake.oldest_micros = match (stake.oldest_micros, topic.oldest_micros) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    let (Some(groups), Address::Topic(stream, name)) = (&topic.groups, address) else {
        stake.groups_unknown += 1;
        return;
    };
    for (group, removal) in groups {
        let address = Address::ConsumerGroup(stream.clone(), name.clone(), group.clone());
        stake.groups.push(group_stake(address, *removal));
    }
}

impl Steps {
    /// Takes the grants on what is deleted away from those whose permissions no manifest
    /// manages; the others lose them by what is declared.
    pub(super) fn strip_holders(&mut self, changes: &ChangeSet, deletions: &[Deletion<'_>]) {
        let removed: BTreeSet<&Address> = deletions.iter().map(|deletion| &deletion.live).collect();
        let mut stripped: BTreeMap<&ResourceName, &Holder> = BTreeMap::new();
        for user in deletions.iter().flat_map(|deletion| &deletion.holders) {
            if let Some(holder) = changes.holders.get(*user)
                && !holder.is_managed
                && !self.narrows.contains_key(&holder.address)
            {
                stripped.insert(user, holder);
            }
        }
        for (user, holder) in stripped {
            let keeps = holder.without(&removed);
            let address = &holder.address;
            let id = self.set_permissions(Stage::Narrow, address, user, &keeps, Vec::new());
            self.narrows.insert(address.clone(), id);
            if holder.gone > 0 {
                self.clears.push(id);
            }
        }
    }

    pub(super) fn delete_resources(&mut self, changes: &ChangeSet, deletions: &[Deletion<'_>]) {
        for deletion in deletions {
            let mut needs: Vec<StepId> = deletion
                .holders
                .iter()
                .filter_map(|user| changes.holders.get(*user))
                .filter_map(|holder| self.narrows.get(&holder.address).copied())
                .collect();
            needs.sort_unstable();
            needs.dedup();
            self.delete(deletion, needs);
        }
    }

    fn delete(&mut self, deletion: &Deletion<'_>, needs: Vec<StepId>) {
        let (action, is_empty) = match (deletion.difference, &deletion.live) {
            (Difference::DeleteStream(removal), Address::Stream(stream)) => (
                Action::DeleteStream {
                    stream: stream.clone(),
                    found: removal.incarnation,
                    topics: removal.topics.keys().cloned().collect(),
                    only_if_empty: !deletion.is_allowed,
                },
                removal.is_empty(),
            ),
            (Difference::DeleteTopic(removal), Address::Topic(stream, topic)) => (
                Action::DeleteTopic {
                    stream: stream.clone(),
                    topic: topic.clone(),
                    found: removal.incarnation,
                    only_if_empty: !deletion.is_allowed,
                },
                removal.is_empty(),
            ),
            (
                Difference::DeleteConsumerGroup(removal),
                Address::ConsumerGroup(stream, topic, group),
            ) => (
                Action::DeleteConsumerGroup {
                    stream: stream.clone(),
                    topic: topic.clone(),
                    group: group.clone(),
                    found: removal.incarnation,
                },
                false,
            ),
            _ => return,
        };
        let mut preconditions: Vec<Precondition> = present(&deletion.live);
        if !deletion.is_allowed {
            preconditions.push(Precondition::Empty {
                address: deletion.live.clone(),
            });
        }
        // Without data it can only be missed by whoever knows its name.
        let risk = if is_empty {
            Risk::Risky
        } else {
            Risk::Destructive
        };
        // Groups first, then topics, then streams: each is one call in any case, and none
        // is inside another that is deleted, too.
        self.push_in(
            Stage::Delete,
            deletion.address,
            action,
            needs,
            preconditions,
            risk,
        );
        self.deleted.insert(deletion.address.clone());
    }
}
