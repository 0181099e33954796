//! How an apply ended: each step, and the exit code.

use iggyctl_core::plan::{ApprovedPlan, Blocked, Plan, Step};
use iggyctl_core::render::{ApplyReport, StepReport, StepStatus, Verification};
use iggyctl_engine::apply::{ApplyOutcome, StepResult};

use super::ApplyArguments;
use super::document::ApplyDocument;
use crate::cli::Process;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

/// How a plan that is not carried out is said.
pub(super) struct NothingDone<'a> {
    /// What standard output is for, where it is not for people.
    document: Option<&'a ApplyDocument>,
    steps: Vec<Step>,
    blocked: Vec<Blocked>,
}

impl<'a> NothingDone<'a> {
    /// Keeps what is said of each step.
    pub(super) fn of(plan: &Plan, document: Option<&'a ApplyDocument>) -> Self {
        Self {
            document,
            steps: plan.steps.clone(),
            blocked: plan.blocked.clone(),
        }
    }

    /// Standard output has one document even when nothing is carried out.
    pub(super) fn because(self, process: &Process, error: CommandError) -> CommandError {
        let Some(document) = self.document else {
            return error;
        };
        let steps = self.steps.iter();
        let steps = steps.map(|step| not_attempted(step, &error.message));
        let ended = ApplyReport::new(steps.collect(), self.blocked, Verification::Skipped);
        let printed = document.text(ended, process);
        match printed.and_then(|text| process.output(&text)) {
            Ok(()) => error,
            Err(unprinted) => unprinted,
        }
    }
}

pub(super) fn exit_code(
    arguments: &ApplyArguments,
    outcome: &ApplyOutcome,
    verified: &Verification,
) -> ExitCode {
    let (applied, _, _) = outcome.counts();
    if !outcome.is_complete() {
        return if applied == 0 && !outcome.has_unknown() {
            // Nothing was changed, so nothing is partial.
            ExitCode::Error
        } else {
            ExitCode::PartiallyApplied
        };
    }
    match verified {
        Verification::Differs { .. } | Verification::Failed { .. } => ExitCode::PartiallyApplied,
        Verification::Converged | Verification::ConvergedExcept { .. } | Verification::Skipped => {
            if arguments.detailed_exitcode {
                ExitCode::ChangesPending
            } else {
                ExitCode::Done
            }
        }
    }
}

/// How each step ended, in words.
pub(in crate::cli) fn step_reports(plan: &ApprovedPlan, outcome: &ApplyOutcome) -> Vec<StepReport> {
    plan.steps()
        .iter()
        .zip(&outcome.steps)
        .map(|(step, ended)| {
            let (status, reason) = match &ended.result {
                StepResult::Applied => (StepStatus::Applied, None),
                StepResult::Failed(failure) if failure.is_unknown() => {
                    (StepStatus::Unknown, Some(failure.to_string()))
                }
                StepResult::Failed(failure) => (StepStatus::Failed, Some(failure.to_string())),
                StepResult::NotAttempted(reason) => {
                    (StepStatus::NotAttempted, Some(reason.to_string()))
                }
            };
            StepReport {
                id: step.id,
                address: step.address.clone(),
                action: step.action.to_string(),
                status,
                reason,
            }
        })
        .collect()
}

fn not_attempted(step: &Step, reason: &str) -> StepReport {
    StepReport {
        id: step.id,
        address: step.address.clone(),
        action: step.action.to_string(),
        status: StepStatus::NotAttempted,
        reason: Some(reason.to_owned()),
    }
}
