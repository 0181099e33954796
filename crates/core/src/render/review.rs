//! The changes of a plan in the order in which somebody who reviews it looks at
//! them, with what the plan says about each.

use std::collections::BTreeMap;

use super::plan_body::{Line, body};
use super::plan_report::{ChangeReport, ChangeVerb, PlanReport};
use crate::address::Address;
use crate::check::{Finding, Severity};
use crate::plan::{Blocked, MassDeletion};
use crate::wording::counted;

/// What a plan is about: shown in its heading, and what tells the comments of two plans on
/// one pull request apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewSubject {
    /// The name of the `IggyTopology`, if there is one.
    pub project: Option<String>,
    /// What the server is called: the name of its context, or its address.
    pub server: String,
}

/// How much a row asks for attention, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// A policy refuses the whole plan because of it.
    Refused,
    /// It stops the apply.
    Blocked,
    /// Data or a user is gone afterwards.
    Loss,
    /// Somebody may be surprised.
    Warning,
    /// An ordinary change.
    Plain,
}

/// A change with everything that is said about it.
pub(super) struct ReviewRow<'a> {
    pub(super) change: &'a ChangeReport,
    pub(super) blocked: Vec<&'a Blocked>,
    pub(super) findings: Vec<&'a Finding>,
    pub(super) lines: Vec<Line>,
    pub(super) weight: Weight,
    /// Whether it is taken over.
    pub(super) adopts: bool,
}

/// A plan by its rows, streams before users.
pub(super) struct Review<'a> {
    pub(super) rows: Vec<ReviewRow<'a>>,
    /// What is said of something that does not change.
    pub(super) other_findings: Vec<&'a Finding>,
}

impl<'a> Review<'a> {
    pub(super) fn of(report: &'a PlanReport) -> Self {
        let mut blocked: BTreeMap<&Address, Vec<&Blocked>> = BTreeMap::new();
        for line in &report.blocked {
            blocked.entry(&line.address).or_default().push(line);
        }
        let mut findings: BTreeMap<&Address, Vec<&Finding>> = BTreeMap::new();
        for finding in &report.findings {
            findings.entry(&finding.address).or_default().push(finding);
        }
        let mut changes: Vec<&ChangeReport> = report.changes.iter().collect();
        changes.sort_by_key(|change| {
            let address = &change.address;
            let owner = address.stream().or(address.user());
            (address.user().is_some(), owner, address.parent().is_some())
        });
        let adopted = report.all_adopted();
        let rows = changes.into_iter().map(|change| {
            let blocked = blocked.remove(&change.address).unwrap_or_default();
            let findings = findings.remove(&change.address).unwrap_or_default();
            ReviewRow {
                lines: body(change, &blocked, &findings),
                weight: weight(change, &blocked, &findings),
                adopts: adopted.contains(&change.address),
                change,
                blocked,
                findings,
            }
        });
        let rows = rows.collect();
        Self {
            rows,
            other_findings: findings.into_values().flatten().collect(),
        }
    }

    /// The streams and users with their rows, in order.
    pub(super) fn by_owner<'r>(&'r self) -> Vec<(Address, Vec<&'r ReviewRow<'a>>)> {
        let mut owners: Vec<(Address, Vec<&ReviewRow<'a>>)> = Vec::new();
        for row in &self.rows {
            let owner = owner(&row.change.address);
            match owners.last_mut() {
                Some((last, rows)) if *last == owner => rows.push(row),
                _ => owners.push((owner, vec![row])),
            }
        }
        owners
    }
}

/// What is said of a plan that removes a large part of what is owned; none otherwise.
pub(super) fn mass_deletion_text(report: &PlanReport) -> Option<String> {
    let MassDeletion { removed, there } = report.mass_deletion?;
    let (resources, command) = match report.approvals.destroy {
        true => ("resources", "destroy"),
        false => ("owned resources", "apply"),
    };
    Some(format!(
        "Removes {removed} of {there} {resources}: {command} asks for the number, or takes \
         --expect-removals {removed}."
    ))
}

/// What is said of a plan that removes another number than somebody said; none otherwise.
pub(super) fn unexpected_removals_text(report: &PlanReport) -> Option<String> {
    let unexpected = report.unexpected_removals?;
    Some(format!("Not as --expect-removals says: {unexpected}."))
}

/// What is said above what is owned and not declared; none without it.
pub(super) fn unmanaged_head(report: &PlanReport) -> Option<String> {
    let count = report.unmanaged.len();
    (count > 0).then(|| {
        let count = counted(count, "resource");
        format!("{count} owned and not declared, left alone without --prune")
    })
}

/// The stream or the user that the resource is, or is in.
pub(super) fn owner(address: &Address) -> Address {
    match address {
        Address::Stream(stream) | Address::Topic(stream, _) => Address::Stream(stream.clone()),
        Address::ConsumerGroup(stream, _, _) => Address::Stream(stream.clone()),
        Address::User(user) | Address::Token(user, _) => Address::User(user.clone()),
    }
}

fn weight(change: &ChangeReport, blocked: &[&Blocked], findings: &[&Finding]) -> Weight {
    if findings.iter().any(|it| it.severity == Severity::Error) {
        Weight::Refused
    } else if !blocked.is_empty() {
        Weight::Blocked
    } else if change.destructive || change.verb == ChangeVerb::Delete {
        Weight::Loss
    } else if findings.iter().any(|it| it.severity >= Severity::Warning) {
        Weight::Warning
    } else {
        Weight::Plain
    }
}

/// `3 to create, 1 to update`, of some rows.
pub(super) fn counts<'a>(changes: impl Iterator<Item = &'a ChangeReport>) -> String {
    let mut by_verb: BTreeMap<ChangeVerb, u32> = BTreeMap::new();
    for change in changes {
        *by_verb.entry(change.verb).or_default() += 1;
    }
    let parts: Vec<String> = by_verb
        .into_iter()
        .map(|(verb, count)| format!("{count} {}", infinitive(verb)))
        .collect();
    parts.join(", ")
}

fn infinitive(verb: ChangeVerb) -> &'static str {
    match verb {
        ChangeVerb::Create => "to create",
        ChangeVerb::Update => "to update",
        ChangeVerb::Rename => "to rename",
        ChangeVerb::Deactivate => "to deactivate",
        ChangeVerb::Delete => "to delete",
        ChangeVerb::Blocked => "blocked",
    }
}

/// `5 topics`, by the kind of an address.
pub(super) fn counted_kind(count: usize, address: &Address) -> String {
    let kind = match address {
        Address::ConsumerGroup(..) => "consumer group",
        other => other.kind(),
    };
    counted(count, kind)
}
