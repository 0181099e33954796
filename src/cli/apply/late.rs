//! The first apply of all with a ledger: until it has made the ledger there is nothing to have
//! a lease in, so it has planned without one.
//!
//! ```text
//! plan ──▶ ask ──▶ make the ledger ──▶ lease ──▶ plan again ──▶ the same: go on
//!                                                          └──▶ another one: stale
//! ```

use std::mem::{Discriminant, discriminant};

use iggyctl_core::address::Address;
use iggyctl_core::plan::{Action, Plan, Stage};
use iggyctl_core::render::escape;
use iggyctl_core::saved::Touched;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::ObservedState;

use super::finish::Apply;
use crate::cli::saved_plan;
use crate::cli::secret_arguments::Gathered;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

impl Apply<'_> {
    /// Refuses a plan that is another one now, and says what was read this time.
    pub(super) async fn plan_again(
        &self,
        planned: &Plan,
        desired: &DesiredState,
        observed: Option<ObservedState>,
        gathered: &Gathered,
    ) -> Result<Option<ObservedState>, CommandError> {
        let Self {
            session, arguments, ..
        } = self;
        if let Some(saved) = self.saved {
            saved_plan::refuse_if_stale(saved, session).await?;
        }
        let Some(observed) = observed else {
            return Ok(None);
        };
        let planning = &arguments.planning;
        let touched = Touched::of(planned, desired, &observed);
        let mut desired = desired.clone();
        planning
            .retain_what_was_applied(&mut desired, session)
            .await?;
        let again = planning.plan(desired, session, gathered).await?;
        let moved = touched.moved(&again.observed);
        if moved.is_empty() && shape(planned) == shape(&again.plan) {
            return Ok(Some(again.observed));
        }
        let lines = moved
            .iter()
            .map(|line| format!("\n  {}", escape(&line.to_string())));
        let lines: String = lines.collect();
        Err(CommandError::new(
            ExitCode::Stale,
            format!(
                "the server was changed after it was planned, and before this first apply with a \
                 ledger could have the lease{}{lines}",
                if moved.is_empty() { "" } else { ":" }
            ),
        )
        .hint("apply again, and review what changes now"))
    }
}

/// What is done to what, without how many messages that is about.
type Shape<'a> = (
    Vec<(Stage, &'a Address, Discriminant<Action>)>,
    Vec<&'a Address>,
);

fn shape(plan: &Plan) -> Shape<'_> {
    let steps = plan.steps.iter();
    let steps = steps.map(|step| (step.stage, &step.address, discriminant(&step.action)));
    let blocked = plan.blocked.iter().map(|line| &line.address);
    (steps.collect(), blocked.collect())
}
