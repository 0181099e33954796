use std::collections::{BTreeMap, BTreeSet};

use super::{Action, BlockReason, Plan, Step, StepId, Summary};
use crate::address::Address;
use crate::state::desired::DesiredState;

/// An address of `--only` that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestrictError {
    /// Nothing declared has this name.
    #[error("no manifest declares {0}")]
    Unknown(Address),
    /// It is removed in one step with what it is in.
    #[error("{address} is removed only with {parent}, which the manifests declare, too")]
    GoesWith {
        /// What was named.
        address: Box<Address>,
        /// What it is in.
        parent: Box<Address>,
    },
}

impl Plan {
    /// What is destroyed with something around it, which has no step of its own.
    fn goes_with(&self, address: &Address) -> Option<RestrictError> {
        let steps = self.steps.iter().map(|step| &step.address);
        let blocked = self.blocked.iter().map(|line| &line.address);
        let mut about = steps.chain(blocked);
        if !self.approvals.destroy || about.clone().any(|other| address.contains(other)) {
            return None;
        }
        let parent = Box::new(about.find(|other| other.contains(address))?.clone());
        let address = Box::new(address.clone());
        Some(RestrictError::GoesWith { address, parent })
    }

    /// Leaves of the plan what `only` names or contains, and what that needs.
    /// A renamed resource goes by its new name, or by its old one. Who is deleted
    /// only waits for the users that are created, so they do not come along.
    ///
    /// # Errors
    ///
    /// An address that is neither declared nor pruned, nor the old name of
    /// something that is renamed; or one that is destroyed only with what it is in.
    pub fn restrict(self, only: &[Address], desired: &DesiredState) -> Result<Self, RestrictError> {
        let mut only: BTreeSet<Address> = only.iter().cloned().collect();
        let new_names: BTreeMap<Address, Address> = self
            .steps
            .iter()
            .filter_map(|step| Some((old_name(&step.action)?, step.address.clone())))
            .collect();
        let is_known = |address: &Address| {
            desired.names(address)
                || new_names.contains_key(address)
                || self.pruned.contains(address)
                // What `destroy` is about, and what is blocked, be it declared or not.
                || desired.owns.exactly.contains(address)
                || self.blocked.iter().any(|line| line.address == *address)
        };
        if let Some(unknown) = only.iter().find(|address| !is_known(address)) {
            return Err(RestrictError::Unknown(unknown.clone()));
        }
        if let Some(error) = only.iter().find_map(|address| self.goes_with(address)) {
            return Err(error);
        }
        let renamed: Vec<Address> = only
            .iter()
            .filter_map(|address| new_names.get(address).cloned())
            .collect();
        only.extend(renamed);
        let selects = |address: &Address| {
            address
                .with_ancestors()
                .any(|address| only.contains(&address))
        };

        let Self {
            steps,
            blocked,
            basis,
            approvals,
            only: _,
            mut pruned,
            mass_deletion,
            summary,
        } = self;
        let mut keep: Vec<bool> = steps.iter().map(|step| selects(&step.address)).collect();
        // Needs point backwards, so one pass from the end finds all of them.
        for index in (0..steps.len()).rev() {
            if keep[index] {
                for &StepId(need) in &steps[index].needs {
                    keep[need as usize] |= !only_waits(&steps[index], &steps[need as usize]);
                }
            }
        }
        let mut new_ids = vec![StepId(0); steps.len()];
        let mut kept: Vec<Step> = Vec::new();
        for (index, mut step) in steps.into_iter().enumerate() {
            if !keep[index] {
                continue;
            }
            let id = StepId(u32::try_from(kept.len()).unwrap_or(u32::MAX));
            new_ids[index] = id;
            step.id = id;
            step.needs.retain(|need| keep[need.0 as usize]);
            for need in &mut step.needs {
                *need = new_ids[need.0 as usize];
            }
            kept.push(step);
        }

        let all_pruned = pruned.len();
        pruned.retain(|address| kept.iter().any(|step| step.address == *address));

        let mut blockers: BTreeSet<Address> = BTreeSet::new();
        for line in blocked.iter().filter(|line| selects(&line.address)) {
            if let BlockReason::DependsOnBlocked { address } = &line.reason {
                blockers.insert(address.clone());
            }
        }
        let blocked: Vec<_> = blocked
            .into_iter()
            .filter(|line| selects(&line.address) || blockers.contains(&line.address))
            .collect();
        Ok(Self {
            summary: Summary::of(&kept, &blocked, &pruned, summary.unchanged),
            steps: kept,
            blocked,
            basis,
            approvals,
            only,
            // Whoever names single ones knows what goes.
            mass_deletion: mass_deletion.filter(|_| pruned.len() == all_pruned),
            pruned,
        })
    }
}

fn only_waits(step: &Step, need: &Step) -> bool {
    matches!(
        (&step.action, &need.action),
        (Action::DeleteUser { .. }, Action::CreateUser { .. })
    )
}

fn old_name(action: &Action) -> Option<Address> {
    match action {
        Action::RenameStream { from, to: _ } => Some(Address::Stream(from.clone())),
        Action::RenameUser { from, to: _ } => Some(Address::User(from.clone())),
        Action::UpdateTopic {
            stream,
            topic,
            rename_to: Some(_),
            settings: _,
        } => Some(Address::Topic(stream.clone(), topic.clone())),
        Action::UpdateTopic { .. }
        | Action::CreateStream { .. }
        | Action::CreateTopic { .. }
        | Action::AddPartitions { .. }
        | Action::RemovePartitions { .. }
        | Action::CreateConsumerGroup { .. }
        | Action::DeleteStream { .. }
        | Action::DeleteTopic { .. }
        | Action::DeleteConsumerGroup { .. }
        | Action::CreateUser { .. }
        | Action::SetUserStatus { .. }
        | Action::DeleteUser { .. }
        | Action::ChangePassword { .. }
        | Action::SetPermissions { .. }
        | Action::CreateToken { .. }
        | Action::RevokeToken { .. } => None,
    }
}
