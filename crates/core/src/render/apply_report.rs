use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::to_json;
use super::smoke::SmokeReport;
use crate::address::Address;
use crate::plan::{Blocked, StepId};

/// Version of the JSON form, as for a plan.
const FORMAT_VERSION: u32 = 1;

/// How an apply ended: every step of the plan, and what was found afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplyReport {
    /// Version of this form.
    pub format_version: u32,
    /// Each step in the order of the plan.
    pub steps: Vec<StepReport>,
    /// How many steps ended how.
    pub counts: ApplyCounts,
    /// What was needed and blocked, and is as it was.
    pub blocked: Vec<Blocked>,
    /// What reading the server again has shown.
    pub verified: Verification,
    /// Whether it was `destroy`, which removes what is declared.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub destroys: bool,
    /// What trying it with real traffic has shown, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smoke: Option<SmokeReport>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// Its position in the plan.
    pub id: StepId,
    /// The resource by its declared name.
    #[schemars(with = "String")]
    pub address: Address,
    /// What was to be done, in words.
    pub action: String,
    /// How it ended.
    pub status: StepStatus,
    /// Why it failed or was not attempted, or what is remarkable about its success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl StepReport {
    /// Whether it did not go well, or something else is to be said of it.
    #[must_use]
    pub fn is_remarkable(&self) -> bool {
        self.status != StepStatus::Applied || self.reason.is_some()
    }
}

/// How a step ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum StepStatus {
    /// It is done.
    Applied,
    /// It was tried, and was not done.
    Failed,
    /// It was sent, and whether it was done is not known.
    Unknown,
    /// It was not sent.
    NotAttempted,
}

/// How many steps ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplyCounts {
    /// Steps that are done.
    pub applied: u32,
    /// Steps that were tried and were not done.
    pub failed: u32,
    /// Steps that were sent, and of which it is not known whether they were done.
    pub unknown: u32,
    /// Steps that were not sent.
    pub not_attempted: u32,
}

/// What reading the server again has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "result",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Verification {
    /// Nothing differs from what is declared.
    Converged,
    /// What was to be applied is as declared; something else was left out.
    ConvergedExcept {
        /// Lines that are blocked.
        blocked: u32,
        /// Resources that `--only` left out.
        left_out: u32,
    },
    /// Something still differs.
    Differs {
        /// How many resources.
        changes: u32,
    },
    /// It was not read again.
    Skipped,
    /// It could not be read.
    Failed {
        /// Why.
        reason: String,
    },
}

impl ApplyReport {
    /// Counts the steps.
    #[must_use]
    pub fn new(steps: Vec<StepReport>, blocked: Vec<Blocked>, verified: Verification) -> Self {
        let mut counts = ApplyCounts::default();
        for step in &steps {
            match step.status {
                StepStatus::Applied => counts.applied += 1,
                StepStatus::Failed => counts.failed += 1,
                StepStatus::Unknown => counts.unknown += 1,
                StepStatus::NotAttempted => counts.not_attempted += 1,
            }
        }
        Self {
            format_version: FORMAT_VERSION,
            steps,
            counts,
            blocked,
            verified,
            destroys: false,
            smoke: None,
        }
    }

    /// Says whether it was `destroy`.
    #[must_use]
    pub fn destroying(mut self, destroys: bool) -> Self {
        self.destroys = destroys;
        self
    }

    /// As it is typed.
    pub(super) fn command(&self) -> &'static str {
        match self.destroys {
            true => "destroy",
            false => "apply",
        }
    }

    /// What its heading begins with.
    pub(super) fn heading(&self) -> &'static str {
        match self.destroys {
            true => "Removal of",
            false => "Apply of",
        }
    }

    /// With what trying it has shown.
    #[must_use]
    pub fn with_smoke(mut self, smoke: Option<SmokeReport>) -> Self {
        self.smoke = smoke;
        self
    }

    /// The report as JSON, a line for each entry of a list, with a line break
    /// at the end.
    ///
    /// # Errors
    ///
    /// None that a report can cause: all of it is texts, numbers and lists.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        to_json(self)
    }
}
