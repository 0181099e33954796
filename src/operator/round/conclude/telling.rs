//! What people are told once.

use iggyctl_core::address::Address;
use iggyctl_core::wording::counted;

use super::super::conditions::{ADOPTION_REFUSED, CONFLICTED, DRIFTED, bounded, is_settled};
use super::super::removal::Fate;
use super::Concluding;
use super::lines::names;
use crate::operator::model::Reason;
use crate::operator::resources::status::ConditionStatus;

/// Something that people are told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Happening {
    pub(crate) is_warning: bool,
    /// One word.
    pub(crate) reason: &'static str,
    pub(crate) note: String,
}

impl Happening {
    pub(crate) fn normal(reason: &'static str, note: String) -> Self {
        Self {
            is_warning: false,
            reason,
            note,
        }
    }

    pub(crate) fn warning(reason: &'static str, note: String) -> Self {
        Self {
            is_warning: true,
            reason,
            note,
        }
    }
}

impl Concluding<'_> {
    /// What people are told: only what is new.
    pub(super) fn tell(&mut self) {
        let is_unasked = is_settled(&self.member.object) && !self.member.is_deleting();
        let is_correction = |address: &&Address| is_unasked && self.drift.contains(address);
        let (corrected, applied): (Vec<_>, Vec<_>) =
            self.changed().into_iter().partition(is_correction);
        let mut told = Vec::new();
        for (changed, reason, verb) in [
            (corrected, "DriftCorrected", "changed back"),
            (applied, "Applied", "applied"),
        ] {
            if !changed.is_empty() {
                let resources = counted(changed.len(), "resource");
                let note = format!("{resources} {verb}: {}", names(changed.into_iter()));
                told.push(Happening::normal(reason, note));
            }
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
            self.happenings.push(Happening::normal("Adopted", note));
        }
        let fates = self.decision.removals.fates[self.place].clone();
        for (fate, reason, what) in [
            (Fate::Retained, "Retained", "stays on the server"),
            (
                Fate::HandedOver,
                "HandedOver",
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
                self.happenings.push(Happening::warning("Orphaned", note));
            }
        }
        self.tell_transitions();
    }

    pub(super) fn tell_transitions(&mut self) {
        let was = |kind: &str| {
            let mut conditions = self.member.object.status.conditions.iter();
            conditions.any(|it| it.kind == kind && it.status == ConditionStatus::True)
        };
        let mut told = Vec::new();
        if !self.grant.lost.is_empty() && !was(CONFLICTED) {
            let (reason, message) = self.conflicted();
            told.push(Happening::warning(reason.as_str(), message));
        }
        if self.drifted() && !was(DRIFTED) {
            told.push(Happening::warning("DriftFound", self.first_lines()));
        }
        let refused = self.refused();
        let mut refused_before = self.member.object.status.conditions.iter();
        let refused_before =
            refused_before.any(|it| it.kind == ADOPTION_REFUSED && it.message == bounded(&refused));
        if !self.grant.refused.is_empty() && !refused_before {
            let reason = Reason::AdoptionRefused.as_str();
            told.push(Happening::warning(reason, refused));
        }
        self.happenings.extend(told);
    }
}
