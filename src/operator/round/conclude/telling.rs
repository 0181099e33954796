//! What people are told once.

use std::collections::BTreeSet;

use iggyctl_core::address::Address;
use iggyctl_core::wording::counted;

use super::super::conditions::{ADOPTION_REFUSED, CONFLICTED, DRIFTED, bounded, is_true, turns_to};
use super::super::drift::lines_about;
use super::super::removal::Fate;
use super::Concluding;
use super::lines::{first_of, names};
use super::verdict::Verdict;
use crate::operator::model::{EventReason, Object, Reason};

/// Something that people are told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Happening {
    pub(crate) is_warning: bool,
    pub(crate) reason: EventReason,
    pub(crate) note: String,
}

impl Happening {
    pub(crate) fn normal(reason: EventReason, note: String) -> Self {
        Self {
            is_warning: false,
            reason,
            note,
        }
    }

    pub(crate) fn warning(reason: EventReason, note: String) -> Self {
        Self {
            is_warning: true,
            reason,
            note,
        }
    }

    /// That nothing more is done for an object until something else happens, where that is new.
    pub(in crate::operator::round) fn refusal(
        object: &Object,
        reason: Reason,
        message: &str,
    ) -> Option<Self> {
        let told = EventReason::of_refusal(reason)?;
        let is_new = turns_to(&object.status.conditions, reason);
        is_new.then(|| Self::warning(told, message.to_owned()))
    }
}

impl Concluding<'_> {
    /// What people are told: only what is new.
    pub(super) fn tell(&mut self, verdict: &Verdict) {
        let corrected = self.corrected();
        let applied = self.applied.iter().copied();
        let applied: Vec<&Address> = applied.filter(|it| !corrected.contains(it)).collect();
        let mut told = Vec::new();
        told.extend(self.correction(&corrected));
        if !applied.is_empty() {
            let resources = counted(applied.len(), "resource");
            let note = format!("{resources} applied: {}", names(applied.into_iter()));
            told.push(Happening::normal(EventReason::Applied, note));
        }
        self.happenings.extend(told);
        let known = &self.member.claims;
        let new = self
            .grant
            .adopted
            .iter()
            .filter(|it| !known.contains_key(it));
        let new: Vec<&Address> = new.collect();
        if !new.is_empty() && !self.decision.is_replaced {
            let note = format!("taken over as it is: {}", names(new.into_iter()));
            self.happenings
                .push(Happening::normal(EventReason::Adopted, note));
        }
        let fates = self.decision.removals.fates[self.place].clone();
        for (fate, reason, what) in [
            (Fate::Retained, EventReason::Retained, "stays on the server"),
            (
                Fate::HandedOver,
                EventReason::HandedOver,
                "goes on with another object",
            ),
        ] {
            let addresses = fates.iter().filter(|(_, it)| **it == fate);
            let addresses: Vec<&Address> = addresses.map(|(address, _)| address).collect();
            if !addresses.is_empty() {
                let note = format!("{what}: {}", names(addresses.into_iter()));
                self.happenings.push(Happening::normal(reason, note));
            }
        }
        for (address, why) in self.after.orphaned {
            if fates.contains_key(address) {
                let note = format!("{why}; left on the server: {address}");
                self.happenings
                    .push(Happening::warning(EventReason::Orphaned, note));
            }
        }
        self.tell_transitions(verdict);
    }

    /// That what differed is as declared again.
    fn correction(&self, corrected: &BTreeSet<&Address>) -> Option<Happening> {
        let note = if corrected.is_empty() {
            // It was corrected by a round that was cut off before it could say so.
            let status = &self.member.object.status;
            let was_to_be = is_true(&status.conditions, DRIFTED) && !self.leaves_drift();
            let is_over = self.member.is_settled() && !self.drifted();
            let is_asked = self.member.is_deleting() || self.decision.is_replaced;
            if !was_to_be || !is_over || is_asked {
                return None;
            }
            let lines = status.plan.as_ref().map(|plan| plan.changes.as_slice());
            format!("as declared again: {}", first_of(lines.unwrap_or_default()))
        } else {
            let lines = lines_about(&self.before, corrected);
            let resources = counted(corrected.len(), "resource");
            format!("{resources} changed back: {}", first_of(&lines))
        };
        Some(Happening::normal(EventReason::DriftCorrected, note))
    }

    fn tell_transitions(&mut self, verdict: &Verdict) {
        let object = &self.member.object;
        let before = &object.status.conditions;
        let mut told = Vec::new();
        if !self.grant.lost.is_empty() && !is_true(before, CONFLICTED) {
            let (reason, message) = self.conflicted();
            let reason = match reason {
                Reason::Conflicted => EventReason::Conflicted,
                _ => EventReason::PartiallyConflicted,
            };
            told.push(Happening::warning(reason, message));
        }
        // What is corrected was told before that.
        let mut drift = self.drift.iter();
        let is_told = drift.any(|address| self.after.tried.contains(*address));
        if self.drifted() && !is_told && !is_true(before, DRIFTED) {
            let note = first_of(&self.differing());
            told.push(Happening::warning(EventReason::DriftFound, note));
        }
        let refused = self.refused();
        let mut refused_before = before.iter();
        let refused_before =
            refused_before.any(|it| it.kind == ADOPTION_REFUSED && it.message == bounded(&refused));
        if !self.grant.refused.is_empty() && !refused_before {
            let note = format!("{refused}{}", self.recreated());
            told.push(Happening::warning(EventReason::AdoptionRefused, note));
        }
        told.extend(Happening::refusal(object, verdict.reason, &verdict.message));
        self.happenings.extend(told);
    }
}
