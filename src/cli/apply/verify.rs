//! Reading the server again after an apply.

use iggyctl_core::plan::Blocked;
use iggyctl_core::render::Verification;
use iggyctl_core::state::desired::DesiredState;

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

/// Plans again: nothing is left, except what was blocked before and skipped.
pub(super) async fn verify(
    arguments: &ApplyArguments,
    mut desired: DesiredState,
    gathered: &Gathered,
    session: &Session,
    accepted: &LeftOut,
) -> Verification {
    // What was replaced is not to be replaced once more.
    desired.forget_rotations();
    match arguments.planning.plan(desired, session, gathered).await {
        Ok(left) => {
            let more_blocked = left
                .plan
                .blocked
                .len()
                .saturating_sub(accepted.blocked.len());
            let changes =
                left.plan.summary.changes() + u32::try_from(more_blocked).unwrap_or(u32::MAX);
            if changes == 0 {
                accepted.converged()
            } else {
                Verification::Differs { changes }
            }
        }
        Err(error) => Verification::Failed {
            reason: error.message,
        },
    }
}
