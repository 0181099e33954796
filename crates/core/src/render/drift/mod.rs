//! What drifted, as text, JSON, markdown and annotations.

mod annotations;
mod markdown;
mod sentence;
#[cfg(test)]
mod tests;
mod text;

use super::json::to_json;
use crate::drift::{DriftClass, DriftCounts, DriftRecord, DriftReport, DriftVerdict, UnreadSource};
use crate::wording::counted;

impl DriftReport {
    /// The report as JSON, a line for each item, with a line break at the end.
    ///
    /// # Errors
    /// Never for a report; the serializer's own.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        to_json(self)
    }

    /// The one line that counts everything.
    #[must_use]
    pub fn footer(&self) -> String {
        let DriftCounts {
            drift,
            ahead,
            undecided,
            unreadable,
            information: _,
            ignored,
        } = self.counts;
        let other_ledger = self.other_ledger.as_ref();
        let other_ledger = other_ledger.map(|other| format!("Drift: {other}."));
        let by_hand = match (drift, self.verdict) {
            (0, DriftVerdict::Drift) => None,
            (0, DriftVerdict::None) => Some(
                match (self.record.is_some(), ignored) {
                    (true, 0) => "No drift: the server is as it was applied.",
                    (true, _) => {
                        "No drift: the server is as it was applied in all that is not ignored."
                    }
                    (false, 0) => "The server is as Git declares it.",
                    (false, _) => "The server is as Git declares it in all that is not ignored.",
                }
                .to_owned(),
            ),
            (0, DriftVerdict::Ahead) => Some("No drift.".to_owned()),
            (0, DriftVerdict::Undecided | DriftVerdict::Unreadable) => {
                Some("No drift that can be told.".to_owned())
            }
            (drift, _) => Some(format!("Drift: {} made by hand.", counted(drift, "change"))),
        };
        let mut parts: Vec<String> = other_ledger.into_iter().chain(by_hand).collect();
        if ahead > 0 {
            let places = counted(ahead, "change");
            parts.push(format!("Git is ahead by {places}."));
        }
        if undecided > 0 {
            let differences = counted(undecided, "difference");
            parts.push(format!("{differences} cannot be told apart."));
        }
        if unreadable > 0 {
            parts.push(format!("{unreadable} could not be read."));
        }
        if !self.unread.is_empty() {
            let what: Vec<String> = self.unread.iter().map(|it| it.what.to_string()).collect();
            parts.push(format!("Could not be read: {}.", what.join(", ")));
        }
        if ignored > 0 {
            parts.push(format!("{ignored} ignored."));
        }
        parts.join(" ")
    }

    /// What the server was compared with.
    fn subject(&self) -> String {
        let mut unread = self.unread.iter();
        if let Some(unread) = unread.find(|unread| unread.what == UnreadSource::Record) {
            return unread.consequence();
        }
        match (&self.record, &self.no_record) {
            (Some(record), _) => format!("Compared with {}.", record_text(record)),
            (None, Some(reason)) => format!(
                "There is no record of an apply, so nobody can tell whose the differences are: {reason}."
            ),
            (None, None) => String::new(),
        }
    }
}

fn record_text(record: &DriftRecord) -> String {
    let DriftRecord {
        revision,
        at_micros: _,
        begun_at,
        by,
        commit,
    } = record;
    let commit = commit
        .as_ref()
        .map_or_else(String::new, |commit| format!(", commit {commit}"));
    format!("revision {revision} of {begun_at} by {by}{commit}")
}

/// What the items of a class are called together.
fn heading(class: DriftClass) -> &'static str {
    match class {
        DriftClass::Drift => "Changed on the server by hand",
        DriftClass::Ahead => "Git is ahead: the next apply changes it",
        DriftClass::Undecided => "Nobody can tell whose it is",
        DriftClass::Unreadable => "Could not be read",
        DriftClass::Information => "Good to know, and nothing that an apply changes",
    }
}
