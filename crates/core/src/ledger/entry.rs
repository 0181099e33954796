//! The small entries of a history.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LedgerIdentity;
use super::text::{LedgerError, from_json, to_json};
use crate::render::ApplyCounts;

/// The largest entry that is read, in bytes: one takes about a kilobyte.
pub const MAX_ENTRY_BYTES: usize = 64 * 1024;

/// The number of an apply, from 1. The server gives it out, as the place of the first
/// entry of that apply: two at once never get the same one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Revision(NonZeroU64);

impl Revision {
    /// The revision of which the first entry is at an offset.
    #[must_use]
    pub fn at(offset: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(offset))
    }

    /// Where its first entry is.
    #[must_use]
    pub fn offset(self) -> u64 {
        self.0.get() - 1
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = self;
        write!(formatter, "{number}")
    }
}

impl FromStr for Revision {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Who applied, as far as it is known. All of it is what a program said of itself, but the
/// login, which the server was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// The user of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// User and name of the machine, such as `anna@laptop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// For whom a pipeline runs, such as `octocat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Where the run of a pipeline is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
}

/// What was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LedgeredCommand {
    /// `apply -f`
    Apply,
    /// `apply --plan`
    ApplyPlan,
    /// `destroy`
    Destroy,
}

impl LedgeredCommand {
    /// As it is typed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::ApplyPlan => "apply --plan",
            Self::Destroy => "destroy",
        }
    }
}

/// Where a document is: its parts in their order, and what they must be together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentPlace {
    /// The offsets of the parts.
    pub parts: Vec<u64>,
    /// Bytes of the document, as it is read.
    pub bytes: u64,
    /// SHA-256 (hexadecimal) of these bytes.
    pub sha256: String,
}

/// Written before the first step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    /// A text of its own for each run: an entry that was sent twice is known by it.
    pub run: String,
    /// The name of the `IggyTopology`, if there is one.
    pub project: Option<String>,
    /// Who.
    pub author: Author,
    /// The commit that the manifests are from.
    pub commit: Option<String>,
    /// The version of iggyctl.
    pub product: String,
    /// What was run.
    pub command: LedgeredCommand,
    /// How the server was named.
    pub server: String,
    /// The ledger that it was written to: in another one it is a copy.
    pub ledger: LedgerIdentity,
    /// SHA-256 (hexadecimal) of the manifests.
    pub manifests: String,
    /// How many steps there are.
    pub steps: u32,
    /// The rest.
    pub document: DocumentPlace,
}

/// Written after the last step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// As in [`Begun::run`].
    pub run: String,
    /// What it ends.
    pub revision: Revision,
    /// How.
    pub outcome: Outcome,
    /// How many steps ended how.
    pub counts: ApplyCounts,
    /// What differed and was no step of it.
    #[serde(default)]
    pub omitted: Omitted,
    /// The rest.
    pub document: DocumentPlace,
}

/// What differed and was not to be changed by an apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Omitted {
    /// Lines of the plan that were blocked.
    pub blocked: u32,
    /// Resources that `--only` left out.
    pub left_out: u32,
}

impl Omitted {
    /// Whether there is any.
    #[must_use]
    pub fn is_some(self) -> bool {
        let Self { blocked, left_out } = self;
        blocked > 0 || left_out > 0
    }
}

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Every step is done, and what was read afterwards is as declared, as far as it was
    /// not left out.
    Applied,
    /// Some of it is done, or may be.
    Partial,
    /// Nothing was changed.
    Failed,
}

impl Outcome {
    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// Either of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Entry {
    /// Before the first step.
    Begun(Box<Begun>),
    /// After the last one.
    Ended(Ended),
}

impl Entry {
    /// The entry as it is kept.
    ///
    /// # Errors
    /// None that an entry can cause: all of it is texts, numbers and lists.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        to_json(self)
    }

    /// Reads an entry back. Whoever may write to the ledger may have written anything.
    ///
    /// # Errors
    /// When it is no entry, or one of a newer form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LedgerError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(LedgerError::TooLarge {
                bytes: bytes.len() as u64,
            });
        }
        from_json(bytes)
    }
}
