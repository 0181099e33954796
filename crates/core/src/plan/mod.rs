//! From what differs to the ordered steps that repair it.
//!
//! A [`Plan`] is so specific that applying it has nothing left to choose:
//! each [`Step`] is one call on the broker, with everything the call needs.
//!
//! ```text
//! ChangeSet ──plan──▶ Plan ──restrict──▶ Plan ──approve──▶ ApprovedPlan
//! ```

mod access;
#[cfg(test)]
mod access_properties;
mod additions;
mod approve;
mod blocked;
mod build;
mod delete;
mod guard;
mod own_login;
#[cfg(test)]
mod properties;
mod prune;
mod rename_order;
mod restrict;
mod stage;
mod step;
mod summary;
#[cfg(test)]
mod tests;
mod tokens;
mod unused_approval;
mod way_out;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::diff::{Basis, BlockReason};
pub use approve::{ApprovedPlan, DestructionGrant, Refusal};
pub use build::plan;
pub use delete::{group_stake, stake_of_stream, stake_of_topic};
pub use guard::{MassDeletion, UnexpectedRemovals};
pub use restrict::RestrictError;
pub use stage::Stage;
pub use step::{Action, Cost, FoundToken, Precondition, Risk, Step, StepId};
pub use summary::{Summary, Verb};
pub use unused_approval::{UnusedApproval, UnusedReason};

use crate::address::Address;
use crate::diagnostic::Origin;
use crate::state::desired::DesiredState;

/// Most partitions that one request creates or removes
/// (`iggy_binary_protocol` 0.11.0, `lib.rs`).
pub const MAX_PARTITIONS_PER_REQUEST: u32 = 1000;

/// What the command line allows beyond what is safe. Given when the plan is
/// made, so that the plan shows what it will do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approvals {
    /// Resources that may lose data (`--allow-destroy ADDRESS`).
    #[schemars(with = "Vec<String>")]
    pub allow_destroy: BTreeSet<Address>,
    /// Access tokens that are replaced although they are valid (`--rotate
    /// ADDRESS`).
    #[schemars(with = "Vec<String>")]
    pub rotate: BTreeSet<Address>,
    /// Whether what the manifests own and do not declare is removed (`--prune`).
    pub prune: bool,
    /// Whether it is what the manifests declare that is removed (`destroy`).
    pub destroy: bool,
}

/// A change that is needed and will not be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// The resource.
    #[schemars(with = "String")]
    pub address: Address,
    /// Why.
    pub reason: BlockReason,
    /// The way out, with the flag to copy where there is one.
    pub way_out: String,
    /// Where the manifests declare the resource, once [`Plan::located`] said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_at: Option<Origin>,
}

/// What will be done, in order, and what will not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The steps in an order that satisfies every `needs`.
    pub steps: Vec<Step>,
    /// What is blocked.
    pub blocked: Vec<Blocked>,
    /// The fingerprint of what the server had.
    pub basis: Basis,
    /// What was allowed when the plan was made.
    pub approvals: Approvals,
    /// The addresses that it was restricted to; empty when it was not.
    pub only: BTreeSet<Address>,
    /// What no manifest declares and some of the steps remove.
    pub pruned: BTreeSet<Address>,
    /// Whether so much is deleted that the number is asked for.
    pub mass_deletion: Option<MassDeletion>,
    /// Counts for the footer.
    pub summary: Summary,
}

impl Plan {
    /// Adds to what is blocked where the manifests declare it: that is where
    /// most ways out begin.
    #[must_use]
    pub fn located(mut self, desired: &DesiredState) -> Self {
        for line in &mut self.blocked {
            line.declared_at = desired.origin(&line.address).cloned();
        }
        self
    }

    /// Whether there is nothing to do and nothing in the way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.blocked.is_empty()
    }
}
