use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use iggyctl_core::address::Address;
use iggyctl_core::plan::{Step, StepId};

use crate::broker::BrokerError;
use crate::connect::ConnectError;
use crate::delivery::SinkError;

/// How every step of a plan ended, in the order of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyOutcome {
    /// One for each step.
    pub steps: Vec<StepOutcome>,
}

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOutcome {
    /// The step.
    pub id: StepId,
    /// Its end.
    pub result: StepResult,
}

/// The three ends of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepResult {
    /// The server is as the step says.
    Applied,
    /// It was tried and is not known to be done.
    Failed(Failure),
    /// It was never sent.
    NotAttempted(NotAttempted),
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The server refused it; nothing was changed by it.
    #[error(transparent)]
    Refused(BrokerError),
    /// The server is not as the plan found it, so the step was not sent, or
    /// what it should have made is there and different.
    #[error(
        "the server is not as the plan found it: expected {expected}, found {found}; plan again"
    )]
    Moved {
        /// What the plan says.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Whether it was done is not known.
    #[error("{last}; whether it was done is not known: {why}. Plan again to see")]
    OutcomeUnknown {
        /// What the server or the connection said last.
        last: BrokerError,
        /// Why it was left at that.
        why: &'static str,
    },
    /// Nobody gave the secret that it needs.
    #[error("the password was not given")]
    NoSecret,
    /// Where the value of a token goes could not be written.
    #[error("{0}; {1}")]
    NotDelivered(SinkError, Aftermath),
    /// It was not done, and there is no connection to do it.
    #[error(transparent)]
    Unreachable(ConnectError),
}

/// What became of a token whose value or note could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Aftermath {
    /// It was not even created.
    #[error("no token was created")]
    NotCreated,
    /// Nobody has its value, so it was revoked.
    #[error("the new token was revoked again")]
    Revoked,
    /// Nobody has its value, and it could not be revoked.
    #[error("the new token could not be revoked, which the next apply does")]
    NotRevoked,
    /// The step is done, and the note that it was to be done is left.
    #[error("the token is revoked, and the note that it was to be is left")]
    NoteLeft,
}

impl Failure {
    /// Whether the step may have been carried out nevertheless.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. } => true,
            Self::Refused(_)
            | Self::Moved { .. }
            | Self::NoSecret
            | Self::NotDelivered(..)
            | Self::Unreachable(_) => false,
        }
    }
}

/// Why a step was not tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAttempted {
    /// A step that it needs, directly or by others in between, was tried and
    /// is not known to be done.
    #[error("{address} is needed first, and {} ({action})", if *.is_unknown { "its outcome is unknown" } else { "failed" })]
    Needs {
        /// The step that was tried.
        step: StepId,
        /// The resource that it was about.
        address: Address,
        /// What was to be done, in words.
        action: String,
        /// Whether its outcome is unknown; otherwise it was not done.
        is_unknown: bool,
    },
    /// The apply was told to stop.
    #[error("stopped before it")]
    Cancelled,
    /// The server could not be reached any more.
    #[error("no connection: {0}")]
    Unreachable(ConnectError),
}

impl ApplyOutcome {
    /// Whether every step was applied.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.steps
            .iter()
            .all(|step| step.result == StepResult::Applied)
    }

    /// How many steps were applied, failed (an unknown outcome counts as that)
    /// and were not attempted.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let mut counts = (0, 0, 0);
        for step in &self.steps {
            match step.result {
                StepResult::Applied => counts.0 += 1,
                StepResult::Failed(_) => counts.1 += 1,
                StepResult::NotAttempted(_) => counts.2 += 1,
            }
        }
        counts
    }

    /// Whether the outcome of a step is not known.
    #[must_use]
    pub fn has_unknown(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(&step.result, StepResult::Failed(failure) if failure.is_unknown()))
    }
}

/// What happens during an apply, in the order in which it happens.
#[derive(Debug, Clone, Copy)]
pub enum ApplyEvent<'a> {
    /// A step is being sent.
    StepStarted {
        /// The step.
        step: &'a Step,
    },
    /// A step is done.
    StepApplied {
        /// The step.
        step: &'a Step,
    },
    /// A step failed.
    StepFailed {
        /// The step.
        step: &'a Step,
        /// Why.
        failure: &'a Failure,
    },
    /// A step will not be tried.
    StepNotAttempted {
        /// The step.
        step: &'a Step,
        /// Why.
        reason: &'a NotAttempted,
    },
}

/// Tells an apply to stop: what is in flight is finished, the rest is not
/// attempted. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Throws the switch.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was thrown.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
