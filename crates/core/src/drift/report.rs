use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ignore::Ignore;
use super::item::{DriftClass, DriftItem, DriftKind};
use super::other_ledger::OtherLedger;
use super::unread::{Unread, UnreadSource};

/// Version of the JSON form; it changes when a reader of the former one would
/// misunderstand the new one.
const FORMAT_VERSION: u32 = 1;

/// What is not as it was applied, or not as it is declared, and whose that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftReport {
    /// Version of this form.
    pub format_version: u32,
    /// The name of the `IggyTopology`; `null` when there is none.
    pub project: Option<String>,
    /// What the server is called: the name of its context, or its address.
    pub server: String,
    /// The apply that the server is compared with; `null` when there is no record of one.
    pub record: Option<DriftRecord>,
    /// Why there is no record, in words for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_record: Option<String>,
    /// That the server has another ledger than when `drift --watch` began, or none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_ledger: Option<OtherLedger>,
    /// All of it in a word.
    pub verdict: DriftVerdict,
    /// What differs, streams before users.
    pub items: Vec<DriftItem>,
    /// How many items there are of each class.
    pub counts: DriftCounts,
    /// What was asked to be ignored, and is nowhere.
    pub unused_ignores: Vec<String>,
    /// What is needed to compare, and could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// What was not compared, in words for a person.
    pub notes: Vec<String>,
}

/// The apply that the server is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftRecord {
    /// Its revision in the ledger.
    pub revision: u64,
    /// When it began by the server's clock, in microseconds since the Unix epoch.
    pub at_micros: u64,
    /// The same as `iggyctl history` says it (RFC 3339, UTC).
    pub begun_at: String,
    /// Who made it.
    pub by: String,
    /// The commit that it was made from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What a report comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DriftVerdict {
    /// The server is as it was applied and as Git declares it.
    None,
    /// Nobody changed the server by hand, and an apply would change it.
    Ahead,
    /// Something differs, and nobody can tell whose it is.
    Undecided,
    /// Something could not be read, and no drift was found in the rest.
    Unreadable,
    /// Somebody changed the server by hand.
    Drift,
}

/// How many items there are of each class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftCounts {
    /// Changed by hand.
    pub drift: u32,
    /// Git is ahead.
    pub ahead: u32,
    /// Nobody can tell.
    pub undecided: u32,
    /// Could not be read.
    pub unreadable: u32,
    /// Nothing that an apply would change, and nothing that counts as drift.
    pub information: u32,
    /// Left out because somebody asked for that; whatever their class is.
    pub ignored: u32,
}

impl DriftReport {
    /// Puts together what is shown.
    #[must_use]
    pub fn new(
        project: Option<String>,
        server: String,
        record: Result<DriftRecord, String>,
        mut items: Vec<DriftItem>,
        ignores: &[Ignore],
        notes: Vec<String>,
    ) -> Self {
        let mut used = vec![false; ignores.len()];
        let mut ignored = 0;
        items.retain(|item| {
            let mut is_ignored = false;
            for (ignore, used) in ignores.iter().zip(&mut used) {
                if ignore.covers(item) {
                    *used = true;
                    is_ignored = true;
                }
            }
            ignored += u32::from(is_ignored);
            !is_ignored
        });
        let mut counts = DriftCounts {
            ignored,
            ..DriftCounts::default()
        };
        for item in &items {
            let counted = match item.kind.class() {
                DriftClass::Drift => &mut counts.drift,
                DriftClass::Ahead => &mut counts.ahead,
                DriftClass::Undecided => &mut counts.undecided,
                DriftClass::Unreadable => &mut counts.unreadable,
                DriftClass::Information => &mut counts.information,
            };
            *counted += 1;
        }
        let unused = ignores.iter().zip(used).filter(|(_, used)| !used);
        let (record, no_record) = match record {
            Ok(record) => (Some(record), None),
            Err(reason) => (None, Some(reason)),
        };
        Self {
            format_version: FORMAT_VERSION,
            project,
            server,
            record,
            no_record,
            other_ledger: None,
            verdict: counts.verdict(),
            items,
            counts,
            unused_ignores: unused.map(|(ignore, _)| ignore.to_string()).collect(),
            unread: Vec::new(),
            notes,
        }
    }

    /// Says that the server has another ledger than it had, which is drift whatever else is
    /// found.
    #[must_use]
    pub fn with_other_ledger(mut self, other: Option<OtherLedger>) -> Self {
        if other.is_some() {
            self.verdict = DriftVerdict::Drift;
        }
        self.other_ledger = other;
        self
    }

    /// Says what could not be read: a report that found no drift without it is not green.
    #[must_use]
    pub fn with_unread(mut self, unread: Vec<Unread>) -> Self {
        if !unread.is_empty() && self.verdict != DriftVerdict::Drift {
            self.verdict = DriftVerdict::Unreadable;
        }
        let lists = unread.iter().filter(|it| it.what != UnreadSource::Record);
        // What the report is compared with is said before anything else.
        self.notes.extend(lists.map(Unread::consequence));
        self.unread = unread;
        self
    }

    /// How many items there are of each kind.
    #[must_use]
    pub fn by_kind(&self) -> BTreeMap<DriftKind, u32> {
        let mut kinds = BTreeMap::new();
        for item in &self.items {
            *kinds.entry(item.kind).or_default() += 1;
        }
        kinds
    }
}

impl DriftCounts {
    fn verdict(self) -> DriftVerdict {
        let Self {
            drift,
            ahead,
            undecided,
            unreadable,
            information: _,
            ignored: _,
        } = self;
        if drift > 0 {
            DriftVerdict::Drift
        } else if unreadable > 0 {
            DriftVerdict::Unreadable
        } else if undecided > 0 {
            DriftVerdict::Undecided
        } else if ahead > 0 {
            DriftVerdict::Ahead
        } else {
            DriftVerdict::None
        }
    }
}
