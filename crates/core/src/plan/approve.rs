use std::collections::BTreeSet;

use super::{Blocked, MassDeletion, Plan, Risk, Step, UnexpectedRemovals};
use crate::address::Address;

/// The permission to lose data, resource by resource.
///
/// Only the edge that a person speaks to makes one: the command line from
/// `--allow-destroy`, each address typed by somebody, and the operator from what objects
/// say. A library that applies
/// plans takes an [`ApprovedPlan`] and never makes a grant of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DestructionGrant {
    addresses: BTreeSet<Address>,
    /// How many resources a person said that are removed.
    removals: Option<u32>,
}

impl DestructionGrant {
    /// What a person typed after `--allow-destroy`.
    #[must_use]
    pub fn from_command_line(addresses: BTreeSet<Address>) -> Self {
        Self {
            addresses,
            removals: None,
        }
    }

    /// What custom resources allow: those whose `deletionPolicy: Delete` or
    /// `allowPartitionShrink: true` somebody wrote. They were written resource by resource,
    /// so the number of removals needs no word of its own.
    #[must_use]
    pub fn from_deletion_policies(addresses: BTreeSet<Address>, plan: &Plan) -> Self {
        Self {
            addresses,
            removals: plan.mass_deletion.map(|deletion| deletion.removed),
        }
    }

    /// With the number of resources that a person said are removed, typed or after
    /// `--expect-removals`.
    #[must_use]
    pub fn expecting(mut self, removals: Option<u32>) -> Self {
        self.removals = removals;
        self
    }
}

/// Why a plan is not approved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Some of what is needed is blocked.
    #[error("{} needed {} blocked", blocked.len(), if blocked.len() == 1 { "change is" } else { "changes are" })]
    Blocked {
        /// The lines.
        blocked: Vec<Blocked>,
    },
    /// Much of what is owned would be removed, and nobody said how much.
    #[error(
        "{} of {} resources would be removed{}",
        deletion.removed,
        deletion.there,
        match said {
            Some(said) => format!(
                ", and {said} {} expected",
                if *said == 1 { "was" } else { "were" }
            ),
            None => String::new(),
        }
    )]
    RemovalsNotConfirmed {
        /// How much.
        deletion: MassDeletion,
        /// What was said.
        said: Option<u32>,
    },
    /// Somebody said how much is removed, and it is not so.
    #[error("{0}")]
    RemovalsNotAsExpected(UnexpectedRemovals),
    /// A step would lose data that nobody allowed to be lost.
    #[error("a step would lose data of {}, which was not allowed", list(addresses))]
    DestructionNotGranted {
        /// The resources.
        addresses: BTreeSet<Address>,
    },
}

fn list(addresses: &BTreeSet<Address>) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// A plan that may be applied. [`Plan::approve`] is the only way to make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedPlan {
    plan: Plan,
}

impl ApprovedPlan {
    /// The plan as it was approved.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.plan.steps
    }
}

impl Plan {
    /// Approves the plan as a whole. With `skip_blocked` blocked lines are left
    /// out of the apply instead of stopping it.
    ///
    /// # Errors
    ///
    /// Blocked lines without `skip_blocked`; a step that loses data of a
    /// resource that the grant does not name; a plan that removes another number
    /// of resources than the grant says, or much of what is owned when it says none.
    pub fn approve(
        self,
        skip_blocked: bool,
        grant: &DestructionGrant,
    ) -> Result<ApprovedPlan, Refusal> {
        if !self.blocked.is_empty() && !skip_blocked {
            return Err(Refusal::Blocked {
                blocked: self.blocked,
            });
        }
        let addresses: BTreeSet<Address> = self
            .steps
            .iter()
            .filter(|step| step.risk == Risk::Destructive)
            .filter(|step| !grant.addresses.contains(&step.address))
            .map(|step| step.address.clone())
            .collect();
        if !addresses.is_empty() {
            return Err(Refusal::DestructionNotGranted { addresses });
        }
        if let Some(deletion) = self.mass_deletion
            && grant.removals != Some(deletion.removed)
        {
            let said = grant.removals;
            return Err(Refusal::RemovalsNotConfirmed { deletion, said });
        }
        self.expects(grant.removals)?;
        Ok(ApprovedPlan { plan: self })
    }

    /// Holds it to the number of resources that somebody said are removed, if somebody did.
    ///
    /// # Errors
    ///
    /// When it removes another number.
    pub fn expects(&self, removals: Option<u32>) -> Result<(), Refusal> {
        let removed = self.removals();
        match removals {
            Some(expected) if expected != removed => {
                let unexpected = UnexpectedRemovals { removed, expected };
                Err(Refusal::RemovalsNotAsExpected(unexpected))
            }
            Some(_) | None => Ok(()),
        }
    }
}
