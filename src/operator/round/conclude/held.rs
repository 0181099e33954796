//! What an object holds after a round.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::address::Address;
use iggyctl_core::state::{DeletionPolicy, Incarnation};

use super::super::decide::removes;
use super::super::member::Held;
use super::super::removal::Fate;
use super::{After, Concluding};

impl Concluding<'_> {
    /// What it holds from now on, as the server has it.
    pub(super) fn held(&self) -> BTreeMap<Address, Held> {
        if self.decision.is_replaced {
            return self.member.claims.clone();
        }
        let mut held = BTreeMap::new();
        for (address, was) in &self.grant.held {
            if let Some(incarnation) = self.known(address, was) {
                let policy = was.policy;
                held.insert(
                    address.clone(),
                    Held {
                        incarnation,
                        policy,
                    },
                );
            }
        }
        // The server still has a token that it may have no more, and somebody has to revoke that.
        for address in self.grant.forbidden.keys() {
            if let Address::Token(..) = address
                && let Some(was) = self.member.claims.get(address)
            {
                held.insert(address.clone(), *was);
            }
        }
        for (address, fate) in &self.decision.removals.fates[self.place] {
            let Some(was) = self.member.claims.get(address).copied() else {
                continue;
            };
            let place = match fate {
                Fate::Former => self.present_name(address, was),
                Fate::Deleted | Fate::DeletedIfEmpty => {
                    self.is_not_removed(address).then(|| address.clone())
                }
                Fate::HandedOver | Fate::Gone | Fate::Retained => None,
            };
            if let Some(place) = place {
                held.entry(place).or_insert(was);
            }
        }
        held
    }

    /// Which one it holds of something that it was granted, if it holds it. A claim without a
    /// number is for what may be there all the same: with it, the object would take over
    /// whatever somebody else calls so, and delete it one day.
    fn known(&self, address: &Address, granted: &Held) -> Option<Option<Incarnation>> {
        let live = Incarnation::of(self.after.observed, address);
        let before = self.member.claims.get(address);
        if matches!(address, Address::Token(..)) {
            let may_be_there = before.is_some() || self.is_made(address);
            return (may_be_there || self.is_delivered(address)).then_some(None);
        }
        let is_own = |live: Incarnation| {
            let mut claims = self.member.claims.values();
            granted.incarnation.is_some()
                || self.is_made(address)
                || claims.any(|held| held.incarnation == Some(live))
        };
        match live {
            Some(live) if is_own(live) => Some(Some(live)),
            None if self.after.unknown.contains(address) => Some(None),
            // Somebody said that all that was held may be gone.
            _ if self.subject.replacement_acknowledged => None,
            // Whatever comes by this name is another one than that which was held.
            _ => before?.incarnation.map(Some),
        }
    }

    /// Whether it came to be in this round, or may have, be it with what it is in.
    fn is_made(&self, address: &Address) -> bool {
        let After {
            applied,
            unknown,
            failed,
            ..
        } = self.after;
        let brings = |steps| self.decision.brings(self.place, address, steps);
        unknown.contains(address)
            || applied.contains(address)
            || !failed.contains_key(address) && (brings(applied) || brings(unknown))
    }

    /// Whether something that was to be removed is still there.
    fn is_not_removed(&self, address: &Address) -> bool {
        if matches!(address, Address::Token(..)) {
            // It is revoked, unless that failed.
            return self.after.failed.contains_key(address);
        }
        let observed = self.after.observed;
        let is_there = || Incarnation::of(observed, address).is_some();
        !self.grant.held.contains_key(address)
            && (observed.is_unread(address) || is_there() && !self.is_removed_user(address))
    }

    /// A user is removed when it may do nothing any more; it stays as a tombstone.
    fn is_removed_user(&self, address: &Address) -> bool {
        matches!(address, Address::User(_))
            && !self.after.failed.contains_key(address)
            && !self
                .lines
                .iter()
                .any(|line| line.address == address.to_string())
    }

    /// What it is called now that it may have been renamed, or what it is in. A claim goes with
    /// it, unless somebody declares it by that name.
    fn present_name(&self, address: &Address, was: Held) -> Option<Address> {
        let live = |name: &Address| Incarnation::of(self.after.observed, name);
        let successors = &self.decision.removals.successors[self.place];
        let successor = successors.get(address);
        let successor = successor.filter(|it| !self.decision.contest.winners.contains_key(it));
        if let Address::Token(..) = address {
            // Only its user tells where it is.
            let owner = |token: &Address| token.parent().and_then(|user| live(&user));
            let is_renamed = |it: &&Address| owner(address).is_none() && owner(it).is_some();
            let renamed = successors.get(address).filter(is_renamed);
            return match renamed {
                Some(_) => successor.cloned(),
                None => Some(address.clone()),
            };
        }
        match (live(address), was.incarnation) {
            (Some(live), Some(was)) if live == was => Some(address.clone()),
            (Some(_), None) => Some(address.clone()),
            (None, _) if self.after.observed.is_unread(address) => Some(address.clone()),
            (_, Some(was)) => successor.filter(|it| live(it) == Some(was)).cloned(),
            (None, None) => None,
        }
    }

    /// What is still to be removed.
    pub(super) fn outstanding(&self, held: &BTreeMap<Address, Held>) -> Vec<Address> {
        let removals = &self.decision.removals;
        let fates = removals.fates[self.place].iter();
        let successors = &removals.successors[self.place];
        let outstanding = fates.filter_map(|(address, fate)| match fate {
            Fate::Former => {
                // It was renamed with what it is in, and nobody declares it there.
                let moved = successors.get(address)?;
                let is_moved = !held.contains_key(address) && !self.grant.held.contains_key(moved);
                (is_moved && self.removes_later(moved, held)).then_some(moved)
            }
            _ => removes(*fate).then_some(address),
        });
        let outstanding = outstanding.filter(|address| held.contains_key(*address));
        outstanding.cloned().collect()
    }

    fn removes_later(&self, address: &Address, held: &BTreeMap<Address, Held>) -> bool {
        let policy = held.get(address).map(|held| held.policy);
        self.member
            .would_delete_by(policy.unwrap_or(DeletionPolicy::Retain))
    }

    /// What would be removed if nobody named it as what something was called before.
    pub(super) fn kept_by_name(&self) -> BTreeSet<Address> {
        let observed = self.after.observed;
        let fates = self.decision.removals.fates[self.place].iter();
        let kept = fates.filter(|(address, fate)| {
            let is_there = match address {
                Address::Token(..) => true,
                _ => Incarnation::of(observed, address).is_some(),
            };
            **fate == Fate::Former && is_there && self.member.would_delete(address)
        });
        let kept: BTreeSet<Address> = kept.map(|(address, _)| address.clone()).collect();
        let is_topmost = |address: &&Address| {
            let parent = address.parent();
            !parent.is_some_and(|parent| kept.contains(&parent))
        };
        kept.iter().filter(is_topmost).cloned().collect()
    }
}
