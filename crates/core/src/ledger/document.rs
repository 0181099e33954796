//! The large part of a record.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{LedgerError, from_json, to_json};
use super::{AppliedManifest, AppliedState, Incarnation, Revision, Settled, removed_by};
use crate::address::Address;
use crate::render::{ApplyReport, PlanReport, StepReport, StepStatus, Verification};
use crate::state::RetainedThing;
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;

/// What was known before the first step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BegunDocument {
    /// The manifests; none where everything is removed.
    pub manifests: Vec<AppliedManifest>,
    /// The plan as it was shown, with the steps.
    pub plan: PlanReport,
    /// How it stood: what counts when the end is never written.
    pub before: Settled,
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
    /// What is not known to be as declared.
    pub unsettled: BTreeSet<Address>,
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
        let removed = previous.into_iter().flat_map(|previous| &previous.removed);
        // What is there again is left alone, and is from now on as it was found.
        let removed = removed.filter(|(address, _)| {
            !desired.declares(address) && Incarnation::of(observed, address).is_none()
        });
        let earlier = previous.into_iter().flat_map(|previous| &previous.retained);
        let earlier = earlier.filter(|address| !desired.declares(address));
        let mut retained = desired.retained();
        retained.extend(earlier.cloned());
        // What is destroyed is in no manifest any more, and may have been blocked.
        let own = desired.owns.retained.own_names().into_iter();
        retained.extend(own.filter(|address| !desired.declares(address)));
        let retained_things = previous.map(|previous| previous.retained_things.clone());
        Self {
            retained,
            retained_things: retained_things.unwrap_or_default(),
            manifests,
            plan,
            before: Settled::of(desired, observed),
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
    /// What is written after the last step; `after` is what was read then, if it could be.
    #[must_use]
    pub fn new(
        revision: Revision,
        begun: &BegunDocument,
        ended: &ApplyReport,
        desired: &DesiredState,
        after: Option<&ObservedState>,
    ) -> Self {
        let undone = ended
            .steps
            .iter()
            .filter(|step| step.status != StepStatus::Applied)
            .map(|step| &step.address);
        let blocked = ended.blocked.iter().map(|blocked| &blocked.address);
        // What nobody declares and is not deleted is as nobody said how it should be.
        let blocked = blocked.filter(|address| desired.declares(address));
        let settled = match after {
            Some(observed) => Settled::of(desired, observed).without(undone),
            None => {
                let steps = ended.steps.iter().map(|step| &step.address);
                begun.before.clone().without(steps)
            }
        };
        let Settled {
            mut incarnations,
            unsettled,
        } = settled.without(blocked);
        incarnations.retain(|address, now| begun.before.incarnations.get(address) != Some(now));
        Self {
            steps: ended.steps.clone(),
            verified: ended.verified.clone(),
            incarnations,
            unsettled,
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
