use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::FindingCode;
use crate::address::Address;
use crate::diagnostic::Origin;

/// What is worth knowing before a plan is applied, in the order of the changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings {
    /// Each finding.
    pub findings: Vec<Finding>,
}

/// A risk, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its stable code, or the name of the rule of a policy.
    #[schemars(with = "String")]
    pub code: FindingId,
    /// How bad it is.
    pub severity: Severity,
    /// The resource by its declared name.
    #[schemars(with = "String")]
    pub address: Address,
    /// What happens, with the facts.
    pub message: String,
    /// What can be done about it.
    pub fix: String,
    /// Where the resource is declared; policies say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What a finding is called: `IGW0001` when iggyctl itself finds it,
/// `policy/POLICY/RULE` when a rule of a policy does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingId {
    /// A check of iggyctl itself.
    BuiltIn(FindingCode),
    /// A rule of a policy.
    Policy {
        /// `metadata.name` of the policy.
        policy: String,
        /// The rule's name.
        rule: String,
    },
}

impl FindingId {
    /// The code, if it is one of iggyctl itself.
    #[must_use]
    pub fn built_in(&self) -> Option<FindingCode> {
        match self {
            Self::BuiltIn(code) => Some(*code),
            Self::Policy { .. } => None,
        }
    }
}

impl From<FindingCode> for FindingId {
    fn from(code: FindingCode) -> Self {
        Self::BuiltIn(code)
    }
}

impl PartialEq<FindingCode> for FindingId {
    fn eq(&self, code: &FindingCode) -> bool {
        self.built_in() == Some(*code)
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(code) => code.fmt(formatter),
            Self::Policy { policy, rule } => write!(formatter, "policy/{policy}/{rule}"),
        }
    }
}

impl Serialize for FindingId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FindingId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut built_in = FindingCode::ALL.into_iter();
        if let Some(code) = built_in.find(|code| code.as_str() == text) {
            return Ok(Self::BuiltIn(code));
        }
        let mut parts = text.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("policy"), Some(policy), Some(rule)) => Ok(Self::Policy {
                policy: policy.to_owned(),
                rule: rule.to_owned(),
            }),
            _ => Err(serde::de::Error::custom(format!(
                "`{text}` is not the code of a finding"
            ))),
        }
    }
}

/// How bad a finding is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Somebody may want to know.
    Note,
    /// Somebody may be surprised.
    Warning,
    /// A policy refuses it; nothing of iggyctl itself does.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}
