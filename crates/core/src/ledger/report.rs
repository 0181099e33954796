//! A history as it is shown.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    AppliedManifest, AppliedState, Author, Begun, BegunDocument, Ended, EndedDocument,
    LedgerIdentity, LedgeredCommand, Left, Omitted, Outcome, Revision,
};
use crate::address::Address;
use crate::render::{
    ApplyCounts, ApplyReport, PlanReport, ReviewSubject, StepReport, Verification, to_json,
};
use crate::wording::time_of_server;

/// Version of the JSON forms, as for a plan.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The applies that a ledger has, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryReport {
    /// Version of this form.
    pub format_version: u32,
    /// The ledger; absent where the server has none.
    #[schemars(with = "Option<String>")]
    pub ledger: Option<LedgerIdentity>,
    /// Its records.
    pub revisions: Vec<HistoryLine>,
}

/// What is said of an apply in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryLine {
    /// Its number.
    pub revision: Revision,
    /// When it began, by the clock of the server (RFC 3339, UTC).
    pub begun_at: String,
    /// When it ended, by the same clock.
    pub ended_at: Option<String>,
    /// How it ended.
    pub outcome: HistoryOutcome,
    /// How many steps it had.
    pub steps: u32,
    /// How many of them ended how; absent until it has ended.
    pub counts: Option<ApplyCounts>,
    /// What differed and was no step of it; absent until it has ended.
    pub omitted: Option<Omitted>,
    /// The rest of the first entry; absent where it cannot be read.
    pub about: Option<HistoryAbout>,
    /// Why it cannot be read.
    pub unreadable: Option<String>,
}

/// What an apply said of itself before its first step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryAbout {
    /// The name of the `IggyTopology`, if there was one.
    pub project: Option<String>,
    /// What was run.
    pub command: LedgeredCommand,
    /// Who.
    pub author: Author,
    /// The commit that the manifests were from.
    pub commit: Option<String>,
    /// The version of iggyctl.
    pub product: String,
    /// How the server was named.
    pub server: String,
    /// SHA-256 (hexadecimal) of the manifests.
    pub manifests: String,
}

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HistoryOutcome {
    /// Every step is done, and nothing was blocked or left out.
    Applied,
    /// Some of it is done, or may be: steps failed or were not made, or some of what was
    /// to be changed was blocked or left out.
    Partial,
    /// Nothing was changed.
    Failed,
    /// It never said how it ended: it still runs, or was cut off.
    Unfinished,
    /// Its entry is none, or a newer iggyctl wrote it.
    Unreadable,
}

impl HistoryOutcome {
    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Partial => "applied in part",
            Self::Failed => "failed",
            Self::Unfinished => "unfinished",
            Self::Unreadable => "unreadable",
        }
    }
}

/// All that a ledger has of one apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionReport {
    /// Version of this form.
    pub format_version: u32,
    /// What a list says of it.
    pub record: HistoryLine,
    /// The plan as it was shown.
    pub plan: PlanReport,
    /// How each step ended; absent until it has ended.
    pub steps: Option<Vec<StepReport>>,
    /// What reading the server again has shown; absent until it has ended.
    pub verified: Option<Verification>,
    /// Of what nobody knows how it was afterwards.
    #[schemars(with = "Vec<String>")]
    pub unsettled: Vec<Address>,
    /// What was left otherwise than declared; of a destroy nothing.
    pub left: Vec<LeftLine>,
    /// What was declared; of a destroy nothing.
    pub manifests: Vec<AppliedManifest>,
}

/// Something that an apply left otherwise than declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftLine {
    /// The resource.
    #[schemars(with = "String")]
    pub address: Address,
    /// The attribute; absent where the resource was not there and stayed so.
    pub attribute: Option<String>,
    /// What the server had then; absent where that is not known, or nothing was there.
    pub live: Option<String>,
    /// What was declared.
    pub declared: Option<String>,
}

fn left_lines(left: Left) -> Vec<LeftLine> {
    let Left { absent, attributes } = left;
    let absent = absent.into_iter().map(|address| LeftLine {
        address,
        attribute: None,
        live: None,
        declared: None,
    });
    let attributes = attributes.into_iter().flat_map(|(address, attributes)| {
        attributes.into_iter().map(move |(name, left)| LeftLine {
            address: address.clone(),
            attribute: Some(name),
            live: left.live,
            declared: Some(left.declared),
        })
    });
    let mut lines: Vec<LeftLine> = absent.chain(attributes).collect();
    lines.sort_by(|one, other| one.address.cmp(&other.address));
    lines
}

impl HistoryLine {
    /// What is said of a record; times are in microseconds since the Unix epoch.
    #[must_use]
    pub fn new(
        revision: Revision,
        at_micros: u64,
        first: Result<&Begun, &str>,
        ending: Option<(&Ended, u64)>,
    ) -> Self {
        let counts = ending.map(|(ended, _)| ended.counts);
        Self {
            revision,
            begun_at: time_of_server(at_micros),
            ended_at: ending.map(|(_, at_micros)| time_of_server(at_micros)),
            outcome: match (first, ending) {
                (Err(_), _) => HistoryOutcome::Unreadable,
                (Ok(_), None) => HistoryOutcome::Unfinished,
                (Ok(_), Some((ended, _))) => match ended.outcome {
                    Outcome::Applied if ended.omitted.is_some() => HistoryOutcome::Partial,
                    Outcome::Applied => HistoryOutcome::Applied,
                    Outcome::Partial => HistoryOutcome::Partial,
                    Outcome::Failed => HistoryOutcome::Failed,
                },
            },
            steps: first.map_or(0, |begun| begun.steps),
            counts,
            omitted: ending.map(|(ended, _)| ended.omitted),
            about: first.ok().map(|begun| HistoryAbout {
                project: begun.project.clone(),
                command: begun.command,
                author: begun.author.clone(),
                commit: begun.commit.clone(),
                product: begun.product.clone(),
                server: begun.server.clone(),
                manifests: begun.manifests.clone(),
            }),
            unreadable: first.err().map(str::to_owned),
        }
    }
}

impl HistoryReport {
    /// A list, as it is in the order of `revisions`.
    #[must_use]
    pub fn new(ledger: Option<LedgerIdentity>, revisions: Vec<HistoryLine>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            ledger,
            revisions,
        }
    }

    /// The report as JSON, a line for each entry of a list.
    ///
    /// # Errors
    /// None that a report can cause: all of it is texts, numbers and lists.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        to_json(self)
    }
}

impl RevisionReport {
    /// Puts together what is shown of one apply.
    #[must_use]
    pub fn new(record: HistoryLine, begun: BegunDocument, ended: Option<EndedDocument>) -> Self {
        let plan = begun.plan.clone();
        let destroys = plan.approvals.destroy;
        let steps = ended.as_ref().map(|ended| ended.steps.clone());
        let verified = ended.as_ref().map(|ended| ended.verified.clone());
        let AppliedState {
            manifests,
            unsettled,
            left,
            incarnations: _,
            away: _,
            removed: _,
            retained: _,
            retained_things: _,
            passed_over: _,
        } = AppliedState::of(begun, ended);
        Self {
            format_version: FORMAT_VERSION,
            record,
            plan,
            steps,
            verified,
            unsettled: unsettled.into_iter().collect(),
            left: match destroys {
                true => Vec::new(),
                false => left_lines(left),
            },
            manifests: match destroys {
                true => Vec::new(),
                false => manifests,
            },
        }
    }

    /// How it ended, as the apply itself showed it; `None` until it has ended.
    #[must_use]
    pub fn apply(&self) -> Option<ApplyReport> {
        let steps = self.steps.clone()?;
        let verified = self.verified.clone()?;
        let ended = ApplyReport::new(steps, self.plan.blocked.clone(), verified);
        Some(ended.destroying(self.plan.approvals.destroy))
    }

    /// What it is about, for a heading.
    #[must_use]
    pub fn subject(&self) -> ReviewSubject {
        let about = self.record.about.as_ref();
        ReviewSubject {
            project: about.and_then(|about| about.project.clone()),
            server: about.map_or_else(String::new, |about| about.server.clone()),
        }
    }

    /// The report as JSON, a line for each entry of a list.
    ///
    /// # Errors
    /// None that a report can cause: all of it is texts, numbers and lists.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        to_json(self)
    }
}
