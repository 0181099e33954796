//! How each step stands while an apply runs: what is known when a person does
//! not wait for its end.

use iggyctl_core::plan::{Action, ApprovedPlan, Step};
use iggyctl_engine::apply::{
    ApplyEvent, ApplyOutcome, Failure, NotAttempted, StepOutcome, StepResult,
};
use iggyctl_engine::broker::{BrokerError, BrokerErrorKind, Operation};

/// The state of every step, from the events of an apply.
pub(super) struct Record<'plan> {
    steps: &'plan [Step],
    results: Vec<StepResult>,
}

impl<'plan> Record<'plan> {
    /// Before the first event: nothing was sent.
    pub(super) fn new(plan: &'plan ApprovedPlan) -> Self {
        let steps = plan.steps();
        Self {
            steps,
            results: vec![StepResult::NotAttempted(NotAttempted::Cancelled); steps.len()],
        }
    }

    /// An event of the apply.
    pub(super) fn note(&mut self, event: ApplyEvent<'_>) {
        let (step, result) = match event {
            // Until its reply is there, a step that was sent may have been done.
            ApplyEvent::StepStarted { step } => (step, unknown(step)),
            ApplyEvent::StepApplied { step } => (step, StepResult::Applied),
            ApplyEvent::StepFailed { step, failure } => (step, StepResult::Failed(failure.clone())),
            ApplyEvent::StepNotAttempted { step, reason } => {
                (step, StepResult::NotAttempted(reason.clone()))
            }
        };
        if let Some(slot) = self.results.get_mut(step.id.0 as usize) {
            *slot = result;
        }
    }

    /// How it stands now.
    pub(super) fn outcome(self) -> ApplyOutcome {
        ApplyOutcome {
            steps: self
                .steps
                .iter()
                .zip(self.results)
                .map(|(step, result)| StepOutcome {
                    id: step.id,
                    result,
                })
                .collect(),
        }
    }
}

fn unknown(step: &Step) -> StepResult {
    StepResult::Failed(Failure::OutcomeUnknown {
        last: BrokerError {
            kind: BrokerErrorKind::OutcomeUnknown {
                reason: "no reply yet".to_owned(),
            },
            code: None,
            operation: operation(&step.action),
            address: Some(step.address.clone()),
        },
        why: "the apply was interrupted",
    })
}

fn operation(action: &Action) -> Operation {
    match action {
        Action::CreateStream { .. } => Operation::CreateStream,
        Action::RenameStream { .. } => Operation::RenameStream,
        Action::CreateTopic { .. } => Operation::CreateTopic,
        Action::UpdateTopic { .. } => Operation::UpdateTopic,
        Action::AddPartitions { .. } => Operation::CreatePartitions,
        Action::RemovePartitions { .. } => Operation::DeletePartitions,
        Action::CreateConsumerGroup { .. } => Operation::CreateConsumerGroup,
        Action::DeleteStream { .. } => Operation::DeleteStream,
        Action::DeleteTopic { .. } => Operation::DeleteTopic,
        Action::DeleteConsumerGroup { .. } => Operation::DeleteConsumerGroup,
        Action::CreateUser { .. } => Operation::CreateUser,
        Action::RenameUser { .. } => Operation::RenameUser,
        Action::SetUserStatus { .. } => Operation::SetUserStatus,
        Action::DeleteUser { .. } => Operation::DeleteUser,
        Action::ChangePassword { .. } => Operation::ChangePassword,
        Action::SetPermissions { .. } => Operation::UpdatePermissions,
        Action::CreateToken { .. } => Operation::CreateToken,
        Action::RevokeToken { .. } => Operation::DeleteToken,
    }
}
