//! The steps of what is owned and not declared: users, so far.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::access::present;
use super::blocked::BlockedLines;
use super::build::Steps;
use super::step::{Action, Risk, StepId};
use super::{Approvals, Stage};
use crate::access::{Grants, UserStatus};
use crate::address::Address;
use crate::diff::{ChangeSet, Difference, UserPruning};
use crate::name::ResourceName;

/// A user that is removed.
pub(super) struct Pruning<'a> {
    address: &'a Address,
    name: &'a ResourceName,
    user: &'a UserPruning,
    /// Somebody named it, so it leaves no tombstone.
    is_deleted: bool,
}

/// The users that are removed; none unless that was asked for.
pub(super) fn prunings<'a>(
    changes: &'a ChangeSet,
    approvals: &Approvals,
    blocked: &BlockedLines<'_>,
) -> Vec<Pruning<'a>> {
    let pruned = changes.prunable.iter().filter_map(|change| {
        let address = &change.address;
        let (Difference::PruneUser(user), Address::User(name)) = (&change.difference, address)
        else {
            return None;
        };
        blocked.pruned.contains(address).then(|| Pruning {
            address,
            name,
            user,
            is_deleted: approvals.allow_destroy.contains(address),
        })
    });
    pruned.collect()
}

impl Steps {
    pub(super) fn strip_pruned(&mut self, prunings: &[Pruning<'_>]) {
        for pruning in prunings {
            if !pruning.user.has_permissions() {
                continue;
            }
            let nothing = Grants::default();
            let (address, name) = (pruning.address, pruning.name);
            let id = self.set_permissions(Stage::Narrow, address, name, &nothing, Vec::new());
            self.narrows.insert(address.clone(), id);
            if pruning.user.gone > 0 {
                self.clears.push(id);
            }
        }
    }

    pub(super) fn deactivate_pruned(&mut self, prunings: &[Pruning<'_>]) {
        for pruning in prunings.iter().filter(|pruning| pruning.user.is_active) {
            let action = Action::SetUserStatus {
                user: pruning.name.clone(),
                status: UserStatus::Inactive,
            };
            let address = pruning.address;
            let preconditions = present(address);
            let id = self.push_in(
                Stage::Deactivate,
                address,
                action,
                Vec::new(),
                preconditions,
                Risk::Risky,
            );
            self.deactivates.insert(address.clone(), id);
        }
    }

    pub(super) fn delete_users(&mut self, prunings: &[Pruning<'_>]) {
        // A user whose creation failed would be created by the next apply, and
        // get the id of one that is deleted now.
        let creates: Vec<StepId> = self
            .steps
            .iter()
            .filter(|step| matches!(step.action, Action::CreateUser { .. }))
            .map(|step| step.id)
            .collect();
        for pruning in prunings.iter().filter(|pruning| pruning.is_deleted) {
            let address = pruning.address;
            // A connection that goes on must be able to do nothing, and there
            // must be no new ones.
            let mut needs: Vec<StepId> = [&self.narrows, &self.deactivates]
                .into_iter()
                .filter_map(|steps| steps.get(address).copied())
                .collect();
            needs.extend(&creates);
            let action = Action::DeleteUser {
                user: pruning.name.clone(),
            };
            let preconditions = present(address);
            self.push_in(
                Stage::DeleteUsers,
                address,
                action,
                needs,
                preconditions,
                Risk::Destructive,
            );
        }
    }

    /// Those of them that have a step.
    pub(super) fn pruned_of(&self, prunings: &[Pruning<'_>]) -> BTreeSet<Address> {
        let pruned: BTreeSet<&Address> = prunings.iter().map(|pruning| pruning.address).collect();
        let steps = self.steps.iter().map(|step| &step.address);
        let changed = steps.filter(|address| pruned.contains(address));
        changed.cloned().collect()
    }
}
