//! Rows of changes, those that are alike in one.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::check::FindingId;
use crate::render::adoption::ADOPTS;
use crate::render::github_text::{address_code, clipped, prose};
use crate::render::plan_body::Line;
use crate::render::plan_report::{AttributeReport, ChangeVerb};
use crate::render::review::{ReviewRow, Weight, counted_kind, owner};

/// From how many changes on that look alike they are one row.
pub(super) const ALIKE_FROM: usize = 3;

/// How many addresses a row of many has.
const NAMED: usize = 10;

/// A line of a cell is cut off here; what names a resource never is.
const LINE: usize = 500;

/// Changes in one row.
pub(in crate::render) struct Group<'r, 'a> {
    pub(in crate::render) members: Vec<&'r ReviewRow<'a>>,
}

/// What has to be the same. Facts such as a count of messages may differ; they are in the
/// details of each.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Likeness<'a> {
    weight: Weight,
    is_user: bool,
    kind: &'static str,
    verb: ChangeVerb,
    attributes: &'a [AttributeReport],
    renamed_to: Option<&'a Address>,
    findings: Vec<FindingId>,
    blocked: Vec<String>,
    /// Facts about data that goes are never summed up.
    loses: Vec<String>,
    adopts: bool,
}

/// Groups in the order of their first members, the most urgent first.
pub(in crate::render) fn groups<'r, 'a>(
    rows: impl Iterator<Item = &'r ReviewRow<'a>>,
) -> Vec<Group<'r, 'a>> {
    let mut places: BTreeMap<Likeness<'r>, usize> = BTreeMap::new();
    let mut groups: Vec<Group<'r, 'a>> = Vec::new();
    for row in rows {
        let place = *places.entry(likeness(row)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.members.push(row),
            None => groups.push(Group { members: vec![row] }),
        }
    }
    let mut split: Vec<Group<'r, 'a>> = Vec::new();
    for group in groups {
        if group.members.len() >= ALIKE_FROM {
            split.push(group);
        } else {
            let alone = group.members.into_iter();
            split.extend(alone.map(|row| Group { members: vec![row] }));
        }
    }
    split.sort_by_key(|group| group.members.first().map(|row| row.weight));
    split
}

fn likeness<'r>(row: &'r ReviewRow<'_>) -> Likeness<'r> {
    let address = row.change.address.to_string();
    let without_facts = |text: &str| {
        let text = text.replace(&address, "");
        text.chars().filter(|it| !it.is_ascii_digit()).collect()
    };
    let blocked = row.blocked.iter().map(|line| format!("{:?}", line.reason));
    Likeness {
        weight: row.weight,
        is_user: row.change.address.user().is_some(),
        kind: row.change.address.kind(),
        verb: row.change.verb,
        attributes: &row.change.attributes,
        renamed_to: row.change.previous.as_ref().map(|_| &row.change.address),
        findings: row.findings.iter().map(|it| it.code.clone()).collect(),
        blocked: blocked.map(|text| without_facts(&text)).collect(),
        loses: match row.weight {
            Weight::Loss => row.lines.iter().map(|line| line.text.clone()).collect(),
            Weight::Refused | Weight::Blocked | Weight::Warning | Weight::Plain => Vec::new(),
        },
        adopts: row.adopts,
    }
}

impl Group<'_, '_> {
    /// A row of a table with a sign, what it is about, and what is said of it.
    pub(super) fn row(&self) -> String {
        let Some(first) = self.members.first() else {
            return String::new();
        };
        let lines = said(first);
        let all_say_it = self.members.iter().all(|row| said(row) == lines);
        let mut cell: Vec<String> = lines.iter().map(|line| prose(line)).collect();
        if !all_say_it {
            let such_as = address_code(&first.change.address);
            cell.insert(0, format!("of the first, {such_as}:"));
        }
        format!(
            "| {} | {} | {} |\n",
            sign(first),
            self.title(),
            cell.join("<br>")
        )
    }

    fn title(&self) -> String {
        let [first, .., _] = self.members.as_slice() else {
            return self.members.first().map_or_else(String::new, |row| {
                let address = address_code(&row.change.address);
                match &row.change.previous {
                    Some(previous) => format!("{address}<br>was {}", address_code(previous)),
                    None => address,
                }
            });
        };
        let mut owners: Vec<Address> = self
            .members
            .iter()
            .map(|row| owner(&row.change.address))
            .collect();
        owners.dedup();
        let count = counted_kind(self.members.len(), &first.change.address);
        let place = match owners.as_slice() {
            _ if first.change.address.parent().is_none() => String::new(),
            [one] => format!(" in {}", address_code(one)),
            many => many.first().map_or_else(String::new, |owner| {
                format!(" in {}", counted_kind(many.len(), owner))
            }),
        };
        let mut parts = vec![format!("**{count}**{place}:")];
        let named = self.members.iter().take(NAMED);
        parts.extend(named.map(|row| address_code(&row.change.address)));
        if self.members.len() > NAMED {
            parts.push(format!("and {} more", self.members.len() - NAMED));
        }
        parts.join("<br>")
    }
}

fn said(row: &ReviewRow<'_>) -> Vec<String> {
    let mut lines: Vec<String> = row.lines.iter().map(line_text).collect();
    if lines.is_empty() {
        lines.push(match row.change.verb {
            ChangeVerb::Create => "new".to_owned(),
            ChangeVerb::Rename => "renamed".to_owned(),
            _ => String::new(),
        });
    }
    if row.adopts {
        lines.retain(|line| !line.is_empty());
        lines.insert(0, ADOPTS.to_owned());
    }
    lines
}

fn line_text(line: &Line) -> String {
    clipped(&line.text, LINE)
}

fn sign(row: &ReviewRow<'_>) -> &'static str {
    match (row.weight, row.change.verb) {
        (Weight::Refused | Weight::Blocked, _) => "⛔",
        (Weight::Loss, _) => "🗑️",
        (Weight::Warning, _) => "⚠️",
        (Weight::Plain, ChangeVerb::Create) => "➕",
        (Weight::Plain, ChangeVerb::Update) => "✏️",
        (Weight::Plain, ChangeVerb::Rename) => "🏷️",
        (Weight::Plain, ChangeVerb::Deactivate) => "💤",
        (Weight::Plain, ChangeVerb::Delete) => "🗑️",
        (Weight::Plain, ChangeVerb::Blocked) => "⛔",
    }
}
