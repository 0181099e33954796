//! What is pending or blocked, in words.

use iggyctl_core::address::Address;
use iggyctl_core::render::{ChangeReport, ChangeVerb, PlanReport};

use super::Concluding;
use crate::operator::resources::status::{ChangeLine, PlanStatus};

/// Most lines of `status.plan`.
const LINES: usize = 50;

/// Most addresses that a message names.
pub(super) const NAMED: usize = 5;

pub(super) fn lines_of(report: &PlanReport) -> Vec<ChangeLine> {
    let blocked = report.blocked.iter().map(|line| ChangeLine {
        address: line.address.to_string(),
        summary: line.why(),
        code: Some(line.reason.code()),
    });
    let pending = report
        .changes
        .iter()
        .filter(|change| change.verb != ChangeVerb::Blocked)
        .map(|change| ChangeLine {
            address: change.address.to_string(),
            summary: summary(change),
            code: None,
        });
    blocked.chain(pending).collect()
}

pub(super) fn summary(change: &ChangeReport) -> String {
    let verb = match change.verb {
        ChangeVerb::Create => "create",
        ChangeVerb::Update => "update",
        ChangeVerb::Rename => "rename",
        ChangeVerb::Deactivate => "deactivate",
        ChangeVerb::Delete => "delete",
        ChangeVerb::Blocked => "blocked",
    };
    let attributes: Vec<String> = change
        .attributes
        .iter()
        .map(|attribute| match &attribute.from {
            Some(from) => format!("{}: {from} → {}", attribute.name, attribute.to),
            None => format!("{}: {}", attribute.name, attribute.to),
        })
        .collect();
    let from = change.previous.as_ref();
    let from = from.map_or_else(String::new, |from| format!(" from {from}"));
    match attributes.is_empty() {
        true => format!("{verb}{from}"),
        false => format!("{verb}{from} ({})", attributes.join(", ")),
    }
}

/// Some addresses, and how many more.
pub(in crate::operator::round) fn names<'a>(
    addresses: impl Iterator<Item = &'a Address>,
) -> String {
    let all: Vec<&Address> = addresses.collect();
    let named: Vec<String> = all.iter().take(NAMED).map(ToString::to_string).collect();
    match all.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

impl Concluding<'_> {
    /// Its lines, or those of a look.
    pub(super) fn all_lines(&self) -> Vec<ChangeLine> {
        match self.after.looked.get(&self.place) {
            None => self.lines.clone(),
            Some(report) => {
                let mut lines = lines_of(report);
                lines.retain(|line| self.declares(line));
                lines
            }
        }
    }

    /// Whether the line is about something that the object itself declares, and not about
    /// what that is in.
    fn declares(&self, line: &ChangeLine) -> bool {
        let declared = self.member.declared.as_ref();
        declared.is_ok_and(|declared| {
            let address = line.address.parse::<Address>();
            address.is_ok_and(|address| declared.state.declares(&address))
        })
    }

    pub(super) fn first_lines(&self) -> String {
        let lines = self.all_lines();
        let first: Vec<String> = lines
            .iter()
            .take(NAMED)
            .map(|line| format!("{}: {}", line.address, line.summary))
            .collect();
        match lines.len().saturating_sub(NAMED) {
            0 => first.join("; "),
            more => format!("{} and {more} more", first.join("; ")),
        }
    }

    pub(super) fn plan_status(&self) -> Option<PlanStatus> {
        let mut lines = self.all_lines();
        if lines.is_empty() {
            return None;
        }
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let blocked = lines.iter().filter(|line| line.code.is_some()).count();
        let pending = lines.len() - blocked;
        lines.truncate(LINES);
        Some(PlanStatus {
            pending: number(pending),
            blocked: number(blocked),
            changes: lines,
        })
    }
}
