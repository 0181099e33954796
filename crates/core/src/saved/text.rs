//! The form in a file: JSON with a digest of the whole text, so that what was changed or
//! cut off is noticed. It is no signature: who can write the file can write another one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::places::{places, restore};
use super::{PlannedServer, SavedPlan, Touched, hexadecimal};
use crate::address::Address;
use crate::diagnostic::Origin;
use crate::ledger::AppliedManifest;
use crate::render::PlanReport;

/// The newest form that is written and read.
pub const FORMAT_VERSION: u32 = 1;

/// What a file begins with; the number of the form follows, then a comma.
const BEGINNING: &str = "{\"formatVersion\":";
/// Before the digest.
const DIGEST: &str = "\"sha256\":\"";
/// What stands in the place of the digest while it is made.
const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Why a text is not a plan that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedPlanError {
    /// It is something else.
    #[error("this is not a saved plan")]
    NotAPlan,
    /// A later iggyctl wrote it.
    #[error(
        "this plan has the form {found}, and this version of iggyctl reads the form {FORMAT_VERSION}: a newer one wrote it"
    )]
    Newer {
        /// The form that it has.
        found: u32,
    },
    /// An iggyctl wrote it that could not be.
    #[error("this plan has the form {found}, which there never was")]
    NoSuchForm {
        /// The form that it says.
        found: u32,
    },
    /// Its digest is not the one of its text.
    #[error("this plan was changed or cut off after it was written")]
    Changed,
    /// Its digest is right, and something in it is not.
    #[error("this plan cannot be read: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
}

impl SavedPlanError {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAPlan => "saved-plan/not-a-plan",
            Self::Newer { .. } => "saved-plan/newer",
            Self::NoSuchForm { .. } => "saved-plan/no-such-form",
            Self::Changed => "saved-plan/changed",
            Self::Malformed { .. } => "saved-plan/malformed",
        }
    }
}

/// The fields in the order in which they are written: the first three are found without
/// reading the rest.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Form {
    format_version: u32,
    sha256: String,
    product: String,
    server: PlannedServer,
    project: Option<String>,
    manifests: String,
    #[serde(default)]
    sources: Vec<AppliedManifest>,
    policies: BTreeSet<String>,
    plan: PlanReport,
    pruned: BTreeSet<Address>,
    places: Vec<Origin>,
    declared: BTreeMap<Address, Origin>,
    touched: Touched,
}

impl SavedPlan {
    /// Whether a file that begins with these bytes (64 are enough) is one of a plan, whatever
    /// became of the rest.
    #[must_use]
    pub fn is_said_by(start: &[u8]) -> bool {
        let start = String::from_utf8_lossy(start);
        start.starts_with(BEGINNING) && start.contains(DIGEST)
    }

    /// The plan as text, with a line break at the end.
    ///
    /// # Errors
    /// None that a plan can cause: all of it is texts, numbers and lists.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let Self {
            product,
            server,
            project,
            manifests,
            sources,
            policies,
            report,
            pruned,
            declared,
            touched,
        } = self;
        let mut text = serde_json::to_string(&Form {
            format_version: FORMAT_VERSION,
            sha256: BLANK.to_owned(),
            product: product.clone(),
            server: server.clone(),
            project: project.clone(),
            manifests: manifests.clone(),
            sources: sources.clone(),
            policies: policies.clone(),
            plan: report.clone(),
            pruned: pruned.clone(),
            places: places(&report.steps),
            declared: declared.clone(),
            touched: touched.clone(),
        })?;
        text.push('\n');
        let digest = hexadecimal(&Sha256::digest(&text));
        Ok(text.replacen(BLANK, &digest, 1))
    }

    /// Reads a plan back.
    ///
    /// # Errors
    /// When the bytes are no saved plan, one of a newer form, or one that is not as it was
    /// written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SavedPlanError> {
        let found = form_of(bytes).ok_or(SavedPlanError::NotAPlan)?;
        if found > FORMAT_VERSION {
            return Err(SavedPlanError::Newer { found });
        }
        if found < FORMAT_VERSION {
            return Err(SavedPlanError::NoSuchForm { found });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| SavedPlanError::Changed)?;
        if !is_as_written(text) {
            return Err(SavedPlanError::Changed);
        }
        let form: Form = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        let Form {
            format_version: _,
            sha256: _,
            product,
            server,
            project,
            manifests,
            sources,
            policies,
            mut plan,
            pruned,
            places,
            declared,
            touched,
        } = form;
        if !restore(&mut plan.steps, places) {
            return Err(malformed(&"the places do not fit the steps"));
        }
        Ok(Self {
            product,
            server,
            project,
            manifests,
            sources,
            policies,
            report: plan,
            pruned,
            declared,
            touched,
        })
    }
}

fn malformed(reason: &impl ToString) -> SavedPlanError {
    SavedPlanError::Malformed {
        reason: reason.to_string(),
    }
}

/// The number of the form, which is where every form has it.
fn form_of(bytes: &[u8]) -> Option<u32> {
    let rest = bytes.strip_prefix(BEGINNING.as_bytes())?;
    let end = rest.iter().position(|byte| *byte == b',')?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

fn is_as_written(text: &str) -> bool {
    let Some((before, rest)) = text.split_once(DIGEST) else {
        return false;
    };
    let Some((digest, after)) = rest.split_at_checked(BLANK.len()) else {
        return false;
    };
    let mut hasher = Sha256::new();
    for part in [before, DIGEST, BLANK, after] {
        hasher.update(part);
    }
    hexadecimal(&hasher.finalize()) == digest
}
