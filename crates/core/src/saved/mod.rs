//! A plan in a file: what was shown, and what it depends on.
//!
//! ```text
//! Plan, PlanReport, DesiredState, ObservedState ──▶ SavedPlan ◀──text──▶ file
//!                                                      │
//!                          ObservedState of later ──▶ moved ──▶ nothing, or what moved
//! ```
//!
//! The steps that are carried out and the steps that are shown are one list, so a file
//! cannot show something else than it does. It never holds a secret, only where one
//! comes from.

mod mentioned;
mod places;
#[cfg(test)]
mod tests;
mod text;
mod touched;

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use text::{FORMAT_VERSION, SavedPlanError};
pub use touched::{Moved, Touched};

use crate::address::Address;
use crate::diagnostic::Origin;
use crate::ledger::{AppliedManifest, LedgerIdentity};
use crate::plan::{Action, Plan, Step};
use crate::render::{PlanReport, ReviewSubject};
use crate::state::Retained;
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;

/// Which server a plan was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedServer {
    /// Its address without credentials, or what else it is called.
    pub name: String,
    /// The name of the context that named it, if one did.
    pub context: Option<String>,
    /// The version it reports; `None` when the login may not ask for it.
    pub version: Option<String>,
    /// The numeric id of the user that read it, as far as the server tells it.
    pub user_id: Option<u32>,
    /// Its ledger, if it has one and the login may read that.
    #[serde(default)]
    pub ledger: Option<LedgerIdentity>,
    /// Whether the context records every apply in the ledger of its server.
    #[serde(default)]
    pub keeps_ledger: bool,
}

/// A plan that can be carried out later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedPlan {
    /// The version of iggyctl that made it.
    pub product: String,
    /// The server that it is for.
    pub server: PlannedServer,
    /// The name of the `IggyTopology`, if there is one.
    pub project: Option<String>,
    /// SHA-256 (hexadecimal) of what the manifests declare, with every variable
    /// substituted. Two plans of one version of iggyctl have the same one when they were
    /// made from the same declarations at the same places.
    pub manifests: String,
    /// The manifests, for the ledger; none where everything is removed.
    pub sources: Vec<AppliedManifest>,
    /// SHA-256 (hexadecimal) of each file of policies that it was held to.
    pub policies: BTreeSet<String>,
    /// What is shown, with the steps that are carried out.
    pub report: PlanReport,
    /// What no manifest declares and some of the steps remove.
    pub pruned: BTreeSet<Address>,
    /// Where what the report speaks of is declared.
    pub declared: BTreeMap<Address, Origin>,
    /// What was on the server of all that the steps speak of.
    pub touched: Touched,
}

impl SavedPlan {
    /// Puts together what is kept of a plan; `observed` is what it was made from.
    #[must_use]
    pub fn new(
        plan: &Plan,
        report: PlanReport,
        desired: &DesiredState,
        observed: &ObservedState,
        server: PlannedServer,
        product: &str,
    ) -> Self {
        let spoken_of = report.changes.iter().map(|change| &change.address);
        let spoken_of = spoken_of
            .chain(report.blocked.iter().map(|line| &line.address))
            .chain(report.findings.iter().map(|finding| &finding.address));
        // Of what nobody declares it is said where the next thing around it is declared.
        let with_parents =
            |address: &Address| iter::successors(Some(address.clone()), Address::parent);
        let declared = spoken_of.flat_map(with_parents).filter_map(|address| {
            let origin = desired.origin(&address)?.clone();
            Some((address, origin))
        });
        Self {
            product: product.to_owned(),
            server,
            project: desired.project.clone(),
            // `Debug` has every field, and of secrets only where they come from.
            manifests: digest_of(format!("{desired:?}").as_bytes()),
            sources: Vec::new(),
            policies: BTreeSet::new(),
            declared: declared.collect(),
            touched: Touched::of(plan, desired, observed),
            pruned: plan.pruned.clone(),
            report: PlanReport {
                steps: plan.steps.clone(),
                blocked: plan.blocked.clone(),
                ..report
            },
        }
    }

    /// Keeps what the manifests say.
    #[must_use]
    pub fn declaring(mut self, sources: Vec<AppliedManifest>) -> Self {
        self.sources = sources;
        self
    }

    /// Says which policies it was held to.
    #[must_use]
    pub fn held_to(mut self, policies: BTreeSet<String>) -> Self {
        self.policies = policies;
        self
    }

    /// The plan, as it was.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let PlanReport {
            format_version: _,
            server: _,
            changes: _,
            blocked,
            findings: _,
            steps,
            summary,
            basis,
            approvals,
            only,
            left_out: _,
            mass_deletion,
            // No such plan is saved.
            unexpected_removals: _,
            unmanaged: _,
            adopted: _,
        } = &self.report;
        Plan {
            steps: steps.clone(),
            blocked: blocked.clone(),
            basis: basis.clone(),
            approvals: approvals.clone(),
            only: only.iter().cloned().collect(),
            pruned: self.pruned.clone(),
            mass_deletion: *mass_deletion,
            summary: *summary,
        }
    }

    /// What its steps remove, though an apply after it has declared `deletionPolicy: Retain`
    /// and nobody named it: what was named when the plan was made may go.
    #[must_use]
    pub fn retained_since(&self, retained: &Retained, now: &ObservedState) -> Vec<Moved> {
        let named = &self.report.approvals.allow_destroy;
        let steps = self.report.steps.iter();
        let removed: BTreeSet<Address> = steps
            .filter(|step| self.pruned.contains(&step.address) && !named.contains(&step.address))
            .map(removed_by)
            .collect();
        let kept = removed.iter().flat_map(|address| retained.of(address, now));
        kept.map(|kept| Moved {
            what: match kept.declared_as {
                Some(former) => format!("its deletionPolicy is Retain now, as {former}"),
                None => "its deletionPolicy is Retain now".to_owned(),
            },
            address: kept.address,
        })
        .collect()
    }

    /// What it is about, for its heading.
    #[must_use]
    pub fn subject(&self) -> ReviewSubject {
        let PlannedServer { name, context, .. } = &self.server;
        ReviewSubject {
            project: self.project.clone(),
            server: context.as_ref().unwrap_or(name).clone(),
        }
    }
}

/// What a step deletes, by the name that the server has for it then; of users it is whom it
/// changes.
fn removed_by(step: &Step) -> Address {
    match &step.action {
        Action::DeleteStream { stream, .. } => Address::Stream(stream.clone()),
        Action::DeleteTopic { stream, topic, .. } => Address::Topic(stream.clone(), topic.clone()),
        Action::DeleteConsumerGroup {
            stream,
            topic,
            group,
            found: _,
        } => Address::ConsumerGroup(stream.clone(), topic.clone(), group.clone()),
        _ => step.address.clone(),
    }
}

/// The SHA-256 of something, in hexadecimal.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}
