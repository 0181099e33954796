//! What is pending or blocked, in words.

use iggyctl_core::address::Address;
use iggyctl_core::render::{ChangeReport, ChangeVerb, PlanReport};

use super::Concluding;
use crate::operator::model::listed;
use crate::operator::resources::status::{ChangeLine, PlanStatus};

/// Most lines of `status.plan`.
pub(in crate::operator::round) const LINES: usize = 50;

pub(in crate::operator::round) fn lines_of(report: &PlanReport) -> Vec<ChangeLine> {
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

fn summary(change: &ChangeReport) -> String {
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
    listed(&addresses.collect::<Vec<_>>(), ", ")
}

/// Some lines, and how many more.
pub(in crate::operator::round) fn first_of(lines: &[ChangeLine]) -> String {
    let lines = lines.iter();
    let lines = lines.map(|line| format!("{}: {}", line.address, line.summary));
    listed(&lines.collect::<Vec<_>>(), "; ")
}

/// What is pending, and what was refused besides what is blocked. What is not done comes
/// first: it is what somebody has to decide.
pub(in crate::operator::round) fn plan_of(
    lines: Vec<ChangeLine>,
    refused: Vec<ChangeLine>,
) -> Option<PlanStatus> {
    let (mut changes, pending): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.code.is_some());
    changes.extend(refused);
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let blocked = number(changes.len());
    let counts = (number(pending.len()), blocked);
    changes.extend(pending);
    if changes.is_empty() {
        return None;
    }
    changes.truncate(LINES);
    let (pending, blocked) = counts;
    Some(PlanStatus {
        pending,
        blocked,
        changes,
    })
}

impl Concluding<'_> {
    fn looked(&self) -> Option<&Vec<ChangeLine>> {
        self.after.looked.get(&self.place)
    }

    /// What differs of what it holds, or of what it looks at.
    pub(super) fn own_lines(&self) -> &[ChangeLine] {
        match self.looked() {
            Some(looked) if self.member.only_observes() => looked,
            _ => &self.lines,
        }
    }

    pub(super) fn plan_status(&self) -> Option<PlanStatus> {
        let refused = match self.member.only_observes() {
            true => Vec::new(),
            false => self.looked().cloned().unwrap_or_default(),
        };
        plan_of(self.own_lines().to_vec(), refused)
    }
}
