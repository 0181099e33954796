//! The one thing about an object that matters most.

use std::collections::BTreeSet;

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::{DriftPolicy, Management};
use iggyctl_core::state::Incarnation;

use super::super::conditions::Health;
use super::super::removal::Fate;
use super::Concluding;
use super::lines::{first_of, names};
use crate::operator::model::{Reason, listed};
use crate::operator::resources::status::ChangeLine;

/// The one thing that matters most.
pub(super) struct Verdict {
    pub(super) health: Health,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Concluding<'_> {
    pub(super) fn verdict(&self, outstanding: &[Address]) -> Verdict {
        let stalled = |reason, message| Verdict {
            health: Health::Stalled,
            reason,
            message,
        };
        if self.decision.is_replaced && !self.member.claims.is_empty() {
            return stalled(
                Reason::ServerReplaced,
                "nothing of what was held is on the server any more: it was emptied, or it is \
                 another one; the server object says how to go on"
                    .to_owned(),
            );
        }
        let failed = self.own_failures();
        if !failed.is_empty() {
            return Verdict {
                health: Health::Reconciling,
                reason: Reason::ApplyFailed,
                message: listed(&failed, "; "),
            };
        }
        if let Some(holding) = self.holding(outstanding) {
            return stalled(Reason::HoldsData, holding);
        }
        if !outstanding.is_empty() {
            let what = names(outstanding.iter());
            return Verdict {
                health: Health::Reconciling,
                reason: Reason::Deleting,
                message: format!("to be deleted: {what}{}", self.unread(outstanding)),
            };
        }
        if self.member.is_deleting() {
            return Verdict {
                health: Health::Reconciling,
                reason: Reason::Deleting,
                message: String::new(),
            };
        }
        if !self.grant.lost.is_empty() {
            let (reason, message) = self.conflicted();
            return stalled(reason, message);
        }
        if let Some((address, why)) = self.grant.forbidden.first_key_value() {
            return stalled(Reason::NotPermitted, format!("{address}: {why}"));
        }
        if !self.grant.refused.is_empty() {
            return stalled(Reason::AdoptionRefused, self.refused());
        }
        let kept = self.kept_by_name();
        if !kept.is_empty() {
            let message = format!(
                "{} would be deleted, and stays since a previousName names it: take that away, or \
                 move its data by hand",
                names(kept.iter())
            );
            return stalled(Reason::Blocked, message);
        }
        let blocked: Vec<&ChangeLine> = self.lines.iter().filter(|it| it.code.is_some()).collect();
        if let Some(first) = blocked.first() {
            let more = match blocked.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            let message = format!("{}: {}{more}", first.address, first.summary);
            return stalled(Reason::Blocked, message);
        }
        let management = self.member.policies.management;
        if self.leaves_drift() && self.drifted() && management != Management::CreateOnly {
            return stalled(Reason::DriftFound, first_of(self.own_lines()));
        }
        if let Some(gone) = self.waits_in_vain() {
            let message = format!(
                "{gone} is gone, and who declares it only reports that: {}",
                first_of(&self.lines)
            );
            return stalled(Reason::Blocked, message);
        }
        if !self.lines.is_empty() && management == Management::Full {
            return Verdict {
                health: Health::Reconciling,
                reason: Reason::Progressing,
                message: first_of(&self.lines),
            };
        }
        Verdict {
            health: Health::Ready,
            reason: Reason::Applied,
            message: String::new(),
        }
    }

    /// Something that is gone, is left so by whoever declares it, and has all in it that is still
    /// to be made for this one.
    fn waits_in_vain(&self) -> Option<Address> {
        let is_left = |address: &Address| {
            let winner = self.decision.contest.winners.get(address);
            winner.is_some_and(|place| {
                let member = &self.members[*place];
                member.policies.management == Management::Full
                    && member.policies.drift_policy == DriftPolicy::Report
                    && member.is_settled()
            })
        };
        let gone = |line: &ChangeLine| {
            let address = line.address.parse::<Address>().ok()?;
            let mut parents = address.with_ancestors().skip(1);
            parents.find(|it| Incarnation::of(self.after.observed, it).is_none() && is_left(it))
        };
        let gone: Option<Vec<Address>> = self.lines.iter().map(gone).collect();
        gone?.into_iter().next()
    }

    pub(super) fn own_failures(&self) -> Vec<String> {
        let failed = self.failed.iter();
        failed
            .filter_map(|address| Some(format!("{address}: {}", self.after.failed.get(*address)?)))
            .collect()
    }

    pub(super) fn fails(&self) -> bool {
        !self.failed.is_empty()
    }

    /// What is to be deleted if it is empty, and is not.
    pub(super) fn holding(&self, outstanding: &[Address]) -> Option<String> {
        let blocked = self.lines.iter().filter(|line| line.code.is_some());
        let about: Vec<String> = blocked
            .filter(|line| {
                outstanding.iter().any(|it| {
                    let address = line.address.parse::<Address>();
                    address.is_ok_and(|address| it.contains(&address) || *it == address)
                })
            })
            .map(|line| format!("{}: {}", line.address, line.summary))
            .collect();
        let fates = &self.decision.removals.fates[self.place];
        let if_empty = |address: &Address| fates.get(address) == Some(&Fate::DeletedIfEmpty);
        let hint = match outstanding.iter().any(if_empty) {
            true => "deletionPolicy: Retain lets it stay, Delete deletes it",
            // What others have in it is not deleted by any policy of this one.
            false => "deletionPolicy: Retain lets it stay",
        };
        (!about.is_empty()).then(|| format!("{}; {hint}", listed(&about, "; ")))
    }

    /// Of what is to be deleted, what nobody can tell about.
    fn unread(&self, outstanding: &[Address]) -> String {
        let observed = self.after.observed;
        let unread = outstanding.iter().filter(|it| observed.is_unread(it));
        let unread: Vec<&Address> = unread.collect();
        match unread.is_empty() {
            true => String::new(),
            false => format!(
                "; the login may not read {}: with that right it goes on, and with deletionPolicy: \
                 Retain it stays",
                names(unread.into_iter())
            ),
        }
    }

    pub(super) fn conflicted(&self) -> (Reason, String) {
        let lost = &self.grant.lost;
        let reason = match self.grant.held.is_empty() {
            true => Reason::Conflicted,
            false => Reason::PartiallyConflicted,
        };
        let holders: BTreeSet<String> = lost
            .values()
            .map(|place| self.members[*place].object.key.to_string())
            .collect();
        let holders: Vec<String> = holders.into_iter().collect();
        let message = format!("{} held by {}", names(lost.keys()), listed(&holders, ", "));
        (reason, message)
    }

    pub(super) fn refused(&self) -> String {
        let topmost = self.grant.refused.iter().filter(|address| {
            let parent = address.parent();
            !parent.is_some_and(|parent| self.grant.refused.contains(&parent))
        });
        let topmost: Vec<&Address> = topmost.collect();
        let (are, them) = match topmost.len() {
            1 => ("is", "it"),
            _ => ("are", "them"),
        };
        format!(
            "{} {are} on the server already; adoption: Adopt takes {them} over",
            names(topmost.into_iter())
        )
    }

    /// What of that was its own until somebody made it anew; said once, since then it is held no
    /// more.
    pub(super) fn recreated(&self) -> String {
        match self.grant.recreated.is_empty() {
            true => String::new(),
            false => format!(
                "; created anew by somebody else: {}",
                names(self.grant.recreated.iter())
            ),
        }
    }
}
