use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::code::FindingCode;
use crate::address::Address;

/// What is worth knowing before a plan is applied, in the order of the changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings {
    /// Each finding.
    pub findings: Vec<Finding>,
}

/// A risk, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its stable code.
    #[schemars(with = "String")]
    pub code: FindingCode,
    /// How bad it is.
    pub severity: Severity,
    /// The resource by its declared name.
    #[schemars(with = "String")]
    pub address: Address,
    /// What happens, with the facts.
    pub message: String,
    /// What can be done about it.
    pub fix: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Somebody may want to know.
    Note,
    /// Somebody may be surprised.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
        })
    }
}
