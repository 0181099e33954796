//! What a person may ask for about what nobody declares.

use proptest::prelude::*;

use crate::address::Address;
use crate::diff::diff;
use crate::plan::Approvals;
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, ObservedState};

/// Whether pruning is asked for, and how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruning {
    /// It is not asked for.
    Nothing,
    /// Users that are removed stay as tombstones.
    Tombstones,
    /// Everybody who is removed was named, and is deleted.
    Deletes,
}

/// Each of them.
pub fn pruning() -> impl Strategy<Value = Pruning> {
    prop::sample::select(vec![
        Pruning::Nothing,
        Pruning::Tombstones,
        Pruning::Deletes,
    ])
}

/// Everything allowed that a person could allow, apart from deleting users where only
/// tombstones are asked for.
#[must_use]
pub fn all_approvals(
    desired: &DesiredState,
    observed: &ObservedState,
    pruning: Pruning,
) -> Approvals {
    let mut approvals = Approvals {
        prune: pruning != Pruning::Nothing,
        ..Approvals::default()
    };
    if let AccessReading::Read(access) = &observed.access {
        let users = access.users.keys().cloned();
        approvals.allow_destroy = users.map(Address::User).collect();
    }
    for change in diff(desired, observed).prunable {
        match (&change.address, pruning) {
            (_, Pruning::Nothing) => {}
            (Address::User(_), Pruning::Tombstones) => {
                approvals.allow_destroy.remove(&change.address);
            }
            _ => {
                approvals.allow_destroy.insert(change.address);
            }
        }
    }
    approvals
}
