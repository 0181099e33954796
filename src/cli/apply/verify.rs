//! Reading the server again after an apply.

use iggyctl_core::plan::Blocked;
use iggyctl_core::render::Verification;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::ObservedState;

use super::ApplyArguments;
use crate::cli::secret_arguments::Gathered;
use crate::cli::session::Session;

/// What was left out of a plan when it was approved.
pub(super) struct LeftOut {
    pub(super) blocked: Vec<Blocked>,
    /// How many changes `--only` left out.
    pub(super) resources: u32,
}

impl LeftOut {
    /// What "everything is as declared" means then.
    pub(super) fn converged(&self) -> Verification {
        if self.blocked.is_empty() && self.resources == 0 {
            return Verification::Converged;
        }
        Verification::ConvergedExcept {
            blocked: u32::try_from(self.blocked.len()).unwrap_or(u32::MAX),
            left_out: self.resources,
        }
    }
}

/// What reading again has shown.
pub(super) struct Verified {
    pub(super) verification: Verification,
    /// What the server has now, where it was read.
    pub(super) there: Option<ObservedState>,
}

impl Verified {
    /// It was not read again.
    pub(super) const SKIPPED: Self = Self {
        verification: Verification::Skipped,
        there: None,
    };

    /// It could not be read.
    pub(super) fn failed(reason: String) -> Self {
        Self {
            verification: Verification::Failed { reason },
            there: None,
        }
    }
}

/// Plans again: nothing is left, except what was blocked before and skipped.
pub(super) async fn verify(
    arguments: &ApplyArguments,
    mut desired: DesiredState,
    gathered: &Gathered,
    session: &Session,
    accepted: &LeftOut,
) -> Verified {
    // What was replaced is not to be replaced once more.
    desired.forget_rotations();
    match arguments.planning.plan(desired, session, gathered).await {
        Ok(left) => {
            let there = Some(left.observed);
            let more_blocked = left
                .plan
                .blocked
                .len()
                .saturating_sub(accepted.blocked.len());
            let changes =
                left.plan.summary.changes() + u32::try_from(more_blocked).unwrap_or(u32::MAX);
            let verification = if changes == 0 {
                accepted.converged()
            } else {
                Verification::Differs { changes }
            };
            Verified {
                verification,
                there,
            }
        }
        Err(error) => Verified::failed(error.message),
    }
}
