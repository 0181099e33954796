use std::collections::BTreeSet;

use super::{BlockReason, Plan, Risk, Stage, Step};
use crate::address::Address;
use crate::name::ResourceName;
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, Listing, ObservedState};
use crate::wording::nearest;

/// An address of `--allow-destroy` that allows nothing in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedApproval {
    /// The address as it was given.
    pub address: Address,
    /// Why it allows nothing.
    pub reason: UnusedReason,
}

/// Why naming something allows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnusedReason {
    /// It is blocked for a reason that this approval does not take away.
    BlockedOtherwise,
    /// What waits for an approval is inside it.
    Inside(Address),
    /// It was probably another one that was meant: one that waits for an approval in this plan
    /// and looks like it. Nothing else is ever suggested: who copies the suggestion loses what
    /// it names.
    Meant(Address),
    /// A manifest declares it, and no step loses its data.
    LosesNothing,
    /// It is removed anyway, with what it is in.
    GoesWith(Address),
    /// It would be removed with `--prune`.
    NeedsPrune,
    /// What it is in would be removed, with `--prune` or named by itself.
    NotByItself(Address),
    /// `--only` leaves it out.
    LeftOut,
    /// The server has nothing of that name.
    NotThere,
    /// It is owned, and the manifests do not say what else there may be beside it: what it is
    /// in has no list of that kind.
    NotListed,
    /// No manifest declares it or owns it.
    NotOwned,
}

impl Plan {
    /// The approvals without which this plan would be the same: mistyped, or
    /// left over from an earlier apply. `prunable` is what is owned, there and not declared.
    #[must_use]
    pub fn unused_approvals(
        &self,
        desired: &DesiredState,
        observed: &ObservedState,
        prunable: &BTreeSet<Address>,
    ) -> Vec<UnusedApproval> {
        let is_used = |address: &Address| {
            // The steps of a user are there only because they were allowed.
            let needs_it = |step: &Step| {
                step.risk == Risk::Destructive
                    || step.stage == Stage::Delete
                    || address.user().is_some()
            };
            self.steps
                .iter()
                .any(|step| needs_it(step) && step.address == *address)
        };
        let mut unused = self.approvals.allow_destroy.clone();
        unused.retain(|address| !is_used(address));
        unused
            .into_iter()
            .map(|address| UnusedApproval {
                reason: self.reason(&address, desired, observed, prunable),
                address,
            })
            .collect()
    }

    fn reason(
        &self,
        address: &Address,
        desired: &DesiredState,
        observed: &ObservedState,
        prunable: &BTreeSet<Address>,
    ) -> UnusedReason {
        let around = |all: &BTreeSet<Address>| {
            let found = all.iter().find(|it| *it != address && it.contains(address));
            found.cloned()
        };
        let is_there = presence(address, desired, observed);
        let is_destroyed = desired.owns.exactly.contains(address);
        if self.blocked.iter().any(|line| line.address == *address) {
            return UnusedReason::BlockedOtherwise;
        }
        match self.meant(address, desired) {
            Some(inside) if address.contains(&inside) => return UnusedReason::Inside(inside),
            Some(meant) if is_there != Some(true) && !is_destroyed => {
                return UnusedReason::Meant(meant);
            }
            Some(_) | None => {}
        }
        if desired.declares(address) {
            UnusedReason::LosesNothing
        } else if let Some(parent) = around(&self.pruned) {
            UnusedReason::GoesWith(parent)
        } else if is_there == Some(false) {
            UnusedReason::NotThere
        } else if prunable.contains(address) && !self.approvals.prune {
            UnusedReason::NeedsPrune
        } else if prunable.contains(address) || is_destroyed {
            match self.only.is_empty() {
                true => UnusedReason::LosesNothing,
                false => UnusedReason::LeftOut,
            }
        } else if let Some(parent) = around(prunable) {
            UnusedReason::NotByItself(parent)
        } else if is_there == Some(true) && is_owned(address, desired) {
            UnusedReason::NotListed
        } else {
            UnusedReason::NotOwned
        }
    }

    fn meant(&self, address: &Address, desired: &DesiredState) -> Option<Address> {
        let waiting: Vec<Address> = self
            .blocked
            .iter()
            .filter_map(|line| match &line.reason {
                BlockReason::PartitionShrink { .. }
                | BlockReason::HoldsData(_)
                | BlockReason::Retained { .. }
                | BlockReason::OwnLogin { .. } => Some(line.address.clone()),
                BlockReason::StaleGrants { user } => Some(user.clone()),
                _ => None,
            })
            .collect();
        let inside = waiting.iter().find(|waiting| address.contains(waiting));
        if inside.is_some() || desired.declares(address) {
            return inside.cloned();
        }
        most_like(address, &waiting)
    }
}

/// Whether the server has it; `None` where nobody looked.
fn presence(address: &Address, desired: &DesiredState, observed: &ObservedState) -> Option<bool> {
    if observed
        .gaps
        .iter()
        .any(|gap| gap.address.contains(address))
    {
        return None;
    }
    let stream = |name: &ResourceName| {
        let scope = desired.owns.scope();
        let is_listed = observed.listing == Listing::Read && scope.may_reach_into(name);
        let is_looked_for =
            is_listed || desired.streams.contains_key(name) || scope.named_streams().contains(name);
        match observed.streams.get(name) {
            Some(stream) => Some(Some(stream)),
            None => is_looked_for.then_some(None),
        }
    };
    match address {
        Address::Stream(name) => stream(name).map(|it| it.is_some()),
        Address::Topic(name, topic) => {
            stream(name).map(|it| it.is_some_and(|it| it.topics.contains_key(topic)))
        }
        Address::ConsumerGroup(name, topic, group) => {
            let topic = stream(name)?.and_then(|it| it.topics.get(topic));
            match topic {
                None => Some(false),
                Some(topic) => Some(topic.groups.as_ref()?.contains_key(group)),
            }
        }
        Address::User(user) => match &observed.access {
            AccessReading::Read(access) => Some(access.users.contains_key(user)),
            AccessReading::NotNeeded | AccessReading::Refused { .. } => None,
        },
        Address::Token(..) => None,
    }
}

fn is_owned(address: &Address, desired: &DesiredState) -> bool {
    let scope = desired.owns.scope();
    match address {
        Address::Stream(stream) => scope.owns_stream(stream),
        Address::Topic(stream, topic) | Address::ConsumerGroup(stream, topic, _) => {
            scope.owns_topic(stream, topic)
        }
        Address::User(user) => desired.owns.owned_users().contains(user),
        Address::Token(..) => false,
    }
}

fn most_like(address: &Address, candidates: &[Address]) -> Option<Address> {
    // The kind is no part of the likeness: it would make all of a kind alike.
    let names = |address: &Address| {
        let text = address.to_string();
        text.split_once('/')
            .map_or_else(String::new, |(_, names)| names.to_owned())
    };
    let texts: Vec<String> = candidates.iter().map(names).collect();
    let found = nearest(&names(address), texts.iter().map(String::as_str))?;
    let index = texts.iter().position(|text| text == found)?;
    candidates.get(index).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::diff;
    use crate::plan::{Approvals, plan};
    use crate::testing::{declare_stream, declare_topic, there_group, there_topic};

    fn reason(
        desired: &DesiredState,
        observed: &ObservedState,
        prune: bool,
        allowed: &str,
    ) -> Option<UnusedReason> {
        let approvals = Approvals {
            allow_destroy: [allowed.parse().unwrap()].into(),
            prune,
            ..Approvals::default()
        };
        let changes = diff(desired, observed);
        let prunable = changes.prunable.iter().map(|it| it.address.clone());
        let prunable = prunable.collect();
        let unused = plan(&changes, &approvals).unused_approvals(desired, observed, &prunable);
        assert!(unused.iter().all(|it| it.address.to_string() == allowed));
        unused.into_iter().next().map(|it| it.reason)
    }

    /// Nobody is to be lost by copying a suggestion.
    #[test]
    fn what_waits_for_nothing_is_never_suggested() {
        let mut desired = DesiredState::default();
        let mut observed = ObservedState::default();
        for topic in ["svc-one", "svc-two"] {
            declare_topic(&mut desired, "orders", topic).partitions = Some(1);
            there_topic(&mut observed, "orders", topic).partitions = 1;
        }
        let reason = reason(&desired, &observed, false, "topic/orders/svc-on");
        assert_eq!(reason, Some(UnusedReason::NotThere));
    }

    #[test]
    fn the_reason_is_the_true_one() {
        let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
        for topic in ["events", "audit"] {
            declare_topic(&mut desired, "orders", topic).partitions = Some(1);
            there_topic(&mut observed, "orders", topic).partitions = 1;
        }
        there_topic(&mut observed, "orders", "events").partitions = 3;
        there_group(&mut observed, "orders", "audit", "stray");
        // Owned, and said by nobody what else is in it.
        declare_stream(&mut desired, "open");
        there_topic(&mut observed, "open", "inbox");
        for stream in ["old-a", "elsewhere"] {
            there_topic(&mut observed, stream, "data");
        }
        desired.owns.streams = ["orders", "open", "old-*"].map(str::to_owned).to_vec();
        observed.listing = Listing::Read;
        let address = |text: &str| -> Address { text.parse().unwrap() };
        let events = || address("topic/orders/events");
        for (prune, allowed, expected) in [
            (false, "topic/orders/events", None),
            (
                false,
                "topic/orders/audit",
                Some(UnusedReason::LosesNothing),
            ),
            (
                false,
                "topic/orders/event",
                Some(UnusedReason::Meant(events())),
            ),
            (false, "stream/orders", Some(UnusedReason::Inside(events()))),
            (false, "stream/old-a", Some(UnusedReason::NeedsPrune)),
            (true, "stream/old-a", None),
            (
                true,
                "topic/old-a/data",
                Some(UnusedReason::GoesWith(address("stream/old-a"))),
            ),
            (
                false,
                "topic/old-a/data",
                Some(UnusedReason::NotByItself(address("stream/old-a"))),
            ),
            (true, "stream/old-b", Some(UnusedReason::NotThere)),
            (true, "topic/open/none", Some(UnusedReason::NotThere)),
            (true, "topic/open/inbox", Some(UnusedReason::NotListed)),
            (
                true,
                "group/orders/audit/stray",
                Some(UnusedReason::NotListed),
            ),
            (true, "stream/elsewhere", Some(UnusedReason::NotOwned)),
            (true, "stream/nowhere", Some(UnusedReason::NotOwned)),
        ] {
            assert_eq!(
                reason(&desired, &observed, prune, allowed),
                expected,
                "{allowed}"
            );
        }
    }
}
