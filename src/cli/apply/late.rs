//! A plan that was made some time before it is carried out: it is made again, and has to be the
//! same. That is so after a question, which a person may answer at any time, and for the first
//! apply of all with a ledger: until it has made the ledger there is nothing to have a lease in.
//!
//! ```text
//! plan ──▶ ask ──▶ is the lease still there? ──▶ plan again ──▶ the same: go on
//! plan ──▶ ask ──▶ make the ledger ──▶ lease ──▶ plan again ──┴─▶ another one: stale
//! ```

use std::collections::BTreeSet;
use std::mem::{Discriminant, discriminant};

use iggyctl_core::address::Address;
use iggyctl_core::plan::{Action, Plan, Stage, Step};
use iggyctl_core::render::escape;
use iggyctl_core::saved::Touched;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::ObservedState;

use super::finish::Apply;
use super::smoke::time_is_up;
use crate::cli::saved_plan;
use crate::cli::secret_arguments::Gathered;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

/// What a plan waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// The answer of a person.
    Answer,
    /// The lease, which the first apply of all with a ledger takes last.
    Lease,
}

impl Waited {
    fn words(self) -> &'static str {
        match self {
            Self::Answer => "the server was changed while the question waited for its answer",
            Self::Lease => {
                "the server was changed after it was planned, and before this first apply with a \
                 ledger could have the lease"
            }
        }
    }
}

impl Apply<'_> {
    /// Refuses to carry out what is not so any more by the time of the answer, and says what
    /// was read this time.
    pub(super) async fn check_after_question(
        &self,
        planned: &Plan,
        desired: &DesiredState,
        observed: Option<ObservedState>,
        gathered: &Gathered,
    ) -> Result<Option<ObservedState>, CommandError> {
        if self.lock.will_be_late() {
            // Checked as soon as the lease is there.
            return Ok(observed);
        }
        let check = async {
            self.lock.refuse_if_ended().await?;
            let again = self.plan_again(Waited::Answer, planned, desired, observed, gathered);
            self.lock.while_held(again).await
        };
        let checked = tokio::select! {
            checked = check => checked,
            () = time_is_up(self.deadline) => Err(CommandError::new(
                ExitCode::ServerUnavailable,
                "the time of --timeout is up",
            )),
        };
        checked.map_err(nothing_was_changed)
    }

    /// Refuses a plan that is another one now, and says what was read this time.
    pub(super) async fn plan_again(
        &self,
        waited: Waited,
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
            .retain_what_was_applied(&mut desired, session, self.is_recorded)
            .await?;
        let again = planning.plan(desired, session, gathered).await?;
        let moved = touched.moved(&again.observed);
        let mut lines: Vec<String> = moved.iter().map(ToString::to_string).collect();
        if shape(planned) != shape(&again.plan) {
            lines.extend(other_lines(planned, &again.plan));
        } else if lines.is_empty() {
            return Ok(Some(again.observed));
        }
        let colon = if lines.is_empty() { "" } else { ":" };
        let lines = lines.iter().map(|line| format!("\n  {}", escape(line)));
        let lines: String = lines.collect();
        let why = waited.words();
        Err(
            CommandError::new(ExitCode::Stale, format!("{why}{colon}{lines}"))
                .hint("apply again, and review what changes now"),
        )
    }
}

/// Says it once.
pub(super) fn nothing_was_changed(error: CommandError) -> CommandError {
    const SAID: &str = "nothing was changed: ";
    if error.message.starts_with(SAID) {
        return error;
    }
    CommandError {
        message: format!("{SAID}{}", error.message),
        ..error
    }
}

/// What one plan has and the other has not.
fn other_lines(before: &Plan, now: &Plan) -> Vec<String> {
    let steps = |plan: &Plan| -> BTreeSet<(Address, String)> {
        let step = |step: &Step| (step.address.clone(), step.action.to_string());
        plan.steps.iter().map(step).collect()
    };
    let blocked = |plan: &Plan| -> BTreeSet<(Address, String)> {
        let blocked = plan.blocked.iter();
        let blocked = blocked.map(|line| (line.address.clone(), "blocked".to_owned()));
        blocked.collect()
    };
    let mut lines = Vec::new();
    for (before, now) in [(steps(before), steps(now)), (blocked(before), blocked(now))] {
        let line = |((address, what), when): (&(Address, String), &str)| {
            format!("{address}: {what}, {when}")
        };
        lines.extend(before.difference(&now).map(|it| line((it, "no more"))));
        lines.extend(now.difference(&before).map(|it| line((it, "only now"))));
    }
    lines
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
