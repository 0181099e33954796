//! The large part of a record.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::after::{Tried, after, unread};
use super::text::{LedgerError, from_json, to_json};
use super::{
    AppliedManifest, AppliedState, Away, Incarnation, Left, Revision, Settled, removed_by,
};
use crate::address::Address;
use crate::drift::{Applied, adopted};
use crate::render::{ApplyReport, PlanReport, StepReport, Verification};
use crate::state::RetainedThing;
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;

/// What was known before the first step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BegunDocument {
    /// The manifests; of a destroy those of what it was to remove.
    pub manifests: Vec<AppliedManifest>,
    /// The plan as it was shown, with the steps.
    pub plan: PlanReport,
    /// How it stood: what counts when the end is never written.
    pub before: Settled,
    /// What was renamed by hand, and is there under another name.
    #[serde(default)]
    pub away: BTreeSet<Away>,
    /// What earlier applies deleted, and this one does not declare.
    pub removed: BTreeMap<Address, Removed>,
    /// What is deleted only by its name, since this apply, or the last one that declared it,
    /// declared `deletionPolicy: Retain`.
    #[serde(default)]
    pub retained: BTreeSet<Address>,
    /// Which things these were, as far as earlier applies knew it: one that was renamed by
    /// hand, or replaced, stays what it is.
    #[serde(default)]
    pub retained_things: BTreeSet<RetainedThing>,
    /// What is declared, was there, and no earlier apply had recorded: nobody was shown that it
    /// is taken over, since `--only` left it out, or it was to be removed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub passed_over: BTreeSet<Address>,
}

/// What was known after the last step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedDocument {
    /// How each step ended.
    pub steps: Vec<StepReport>,
    /// What reading the server again has shown.
    pub verified: Verification,
    /// Which thing has a declared name now, where that is another one than before.
    pub incarnations: BTreeMap<Address, Incarnation>,
    /// Of what nobody knows how it is.
    pub unsettled: BTreeSet<Address>,
    /// What was not carried out.
    #[serde(default)]
    pub left: Left,
    /// What this apply deleted.
    pub removed: BTreeMap<Address, Removed>,
}

/// Something that was deleted, or renamed, by an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// By which.
    pub revision: Revision,
    /// Which thing it was, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Incarnation>,
}

impl BegunDocument {
    /// What is written before the first step; `observed` is what the plan was made from,
    /// and `previous` what the last apply of the project left behind.
    #[must_use]
    pub fn new(
        manifests: Vec<AppliedManifest>,
        plan: PlanReport,
        desired: &DesiredState,
        observed: &ObservedState,
        previous: Option<&AppliedState>,
    ) -> Self {
        let destroys = plan.approvals.destroy;
        let removed = previous.into_iter().flat_map(|previous| &previous.removed);
        // What is there again is left alone, and is from now on as it was found.
        let removed = removed.filter(|(address, _)| {
            let is_made = desired.declares(address) && !destroys;
            !is_made && Incarnation::of(observed, address).is_none()
        });
        let earlier = previous.into_iter().flat_map(|previous| &previous.retained);
        // What `--only` left out was not applied, and neither was what is said of it now.
        let earlier =
            earlier.filter(|address| !desired.declares(address) || !plan.is_asked_for(address));
        let mut retained = desired.retained();
        retained.extend(earlier.cloned());
        // What is destroyed is in no manifest any more, and may have been blocked.
        let own = desired.owns.retained.own_names().into_iter();
        retained.extend(own.filter(|address| !desired.declares(address)));
        let retained_things = previous.map(|previous| previous.retained_things.clone());
        let Found {
            before,
            away,
            passed_over,
        } = Found::new(&plan, desired, observed, previous);
        Self {
            passed_over,
            retained,
            retained_things: retained_things.unwrap_or_default(),
            manifests,
            plan,
            before,
            away,
            removed: removed
                .map(|(address, was)| (address.clone(), *was))
                .collect(),
        }
    }

    /// The document as it is kept, before it is compressed.
    ///
    /// # Errors
    /// None that a document can cause: all of it is texts, numbers and lists.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        to_json(self)
    }

    /// Reads a document back.
    ///
    /// # Errors
    /// When it is none, or one of a newer form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LedgerError> {
        from_json(bytes)
    }
}

impl EndedDocument {
    /// What is written after the last step; `read` is what was read then, if it could be.
    #[must_use]
    pub fn new(
        revision: Revision,
        begun: &BegunDocument,
        ended: &ApplyReport,
        desired: &DesiredState,
        read: Option<&ObservedState>,
    ) -> Self {
        let steps = &begun.plan.steps;
        let blocked = ended.blocked.iter().map(|blocked| &blocked.address);
        let tried = Tried::new(steps, &ended.steps, blocked, begun.plan.approvals.destroy);
        let settled = match read {
            Some(observed) => after(&begun.before, Settled::of(desired, observed, None), &tried),
            None => unread(&begun.before, &tried),
        };
        let Settled {
            mut incarnations,
            unsettled,
            left,
        } = settled;
        incarnations.retain(|address, now| begun.before.incarnations.get(address) != Some(now));
        Self {
            steps: ended.steps.clone(),
            verified: ended.verified.clone(),
            incarnations,
            unsettled,
            left,
            removed: removed_by(revision, &begun.plan.steps, &ended.steps),
        }
    }

    /// The document as it is kept, before it is compressed.
    ///
    /// # Errors
    /// None that a document can cause: all of it is texts, numbers and lists.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        to_json(self)
    }

    /// Reads a document back.
    ///
    /// # Errors
    /// When it is none, or one of a newer form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LedgerError> {
        from_json(bytes)
    }
}

/// What is found before the first step.
#[derive(Default)]
struct Found {
    before: Settled,
    /// What got another name by hand.
    away: BTreeSet<Away>,
    passed_over: BTreeSet<Address>,
}

impl Found {
    fn new(
        plan: &PlanReport,
        desired: &DesiredState,
        observed: &ObservedState,
        previous: Option<&AppliedState>,
    ) -> Self {
        let is_taken_over = |it: &Address| !plan.approvals.destroy && plan.is_asked_for(it);
        let passed_over = |previous: Option<&Applied<'_>>| {
            if plan.only.is_empty() && !plan.approvals.destroy {
                return BTreeSet::new();
            }
            let mut adopted = adopted(desired, previous, observed);
            adopted.retain(|address| !is_taken_over(address));
            adopted
        };
        let Some(previous) = previous else {
            return Self {
                before: Settled::of(desired, observed, None),
                passed_over: passed_over(None),
                ..Self::default()
            };
        };
        // What another version of iggyctl cannot read any more is history that is lost.
        let Ok(state) = previous.compile() else {
            return Self {
                before: Settled::of(desired, observed, None),
                ..Self::default()
            };
        };
        let removed = BTreeSet::new();
        let expected = previous.expected(&state, &removed, 0);
        let mut before = Settled::of(desired, observed, Some(&expected));
        // Nobody was shown what `--only` left out.
        for (address, was) in &previous.incarnations {
            if let Some(now) = before.incarnations.get_mut(address)
                && !plan.is_asked_for(address)
            {
                *now = *was;
            }
        }
        for address in &previous.left.absent {
            if !plan.is_asked_for(address)
                && Incarnation::of(observed, address).is_some()
                && before.incarnations.remove(address).is_some()
            {
                before.left.attributes.remove(address);
                before.left.absent.insert(address.clone());
            }
        }
        Self {
            before,
            away: Away::of(desired, observed, &expected),
            passed_over: passed_over(Some(&expected)),
        }
    }
}
