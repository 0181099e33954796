use std::collections::{BTreeMap, BTreeSet};

use super::paint::Role;
use super::plan_report::{ChangeReport, ChangeVerb};
use super::stake_text::stake_text;
use crate::address::Address;
use crate::check::{Finding, FindingCode, Severity};
use crate::diff::{BlockReason, LoginAttribute};
use crate::plan::Blocked;
use crate::state::OtherProject;
use crate::wording::counted;

/// A line under the header of a change. Two changes with equal lines look
/// alike, which is what makes them members of one bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub(super) role: Role,
    pub(super) depth: usize,
    pub(super) text: String,
}

/// Everything that is said about one change, reasons right under the
/// attribute that causes them.
pub(super) fn body(
    change: &ChangeReport,
    blocked: &[&Blocked],
    findings: &[&Finding],
) -> Vec<Line> {
    let mut rows: Vec<Row> = change
        .attributes
        .iter()
        .map(|attribute| Row {
            role: if change.destructive && attribute.name == PARTITIONS {
                Role::Loss
            } else {
                Role::Plain
            },
            name: attribute.name.clone(),
            value: arrow(attribute.from.as_deref(), &attribute.to),
            reasons: Vec::new(),
        })
        .collect();
    let mut general = removal(change);
    for line in blocked {
        match blocked_row(line) {
            Some(row) => rows.push(row),
            None => general.extend(blocked_lines(line, 2)),
        }
    }
    for finding in findings {
        let lines = located_finding_lines(finding);
        let attributes = finding.code.built_in().map_or(&[][..], attributes_of);
        let row = attributes
            .iter()
            .find_map(|name| rows.iter().position(|row| row.name == *name));
        match row {
            Some(index) => rows[index].reasons.extend(lines),
            None => general.extend(lines.into_iter().map(|line| Line {
                depth: line.depth - 1,
                ..line
            })),
        }
    }
    if change.destructive && change.verb != ChangeVerb::Delete {
        let loss = Line {
            role: Role::Loss,
            depth: 3,
            text: format!(
                "the removed partitions go with their data{}",
                share_of(change.messages.unwrap_or(0))
            ),
        };
        if let Some(row) = rows.iter_mut().find(|row| row.name == PARTITIONS) {
            row.reasons.insert(0, loss);
        }
    }

    let width = rows.iter().map(|row| row.name.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut lines = general;
    for row in rows {
        lines.push(Line {
            role: row.role,
            depth: 2,
            text: format!("{:width$}  {}", row.name, row.value),
        });
        lines.extend(row.reasons);
    }
    if change.unchanged_attributes > 0 && change.verb != ChangeVerb::Create {
        let count = change.unchanged_attributes;
        lines.push(Line {
            role: Role::Faint,
            depth: 2,
            text: format!("({} unchanged)", counted(count, "attribute")),
        });
    }
    lines
}

/// What becomes of a resource that is removed.
fn removal(change: &ChangeReport) -> Vec<Line> {
    let line = |role, depth, text: &str| Line {
        role,
        depth,
        text: text.to_owned(),
    };
    let verb = change.verb;
    let why = match change.destroyed {
        true => "",
        false => "no manifest declares it; ",
    };
    if verb == ChangeVerb::Delete && !matches!(change.address, Address::User(_)) {
        let role = match change.destructive {
            true => Role::Loss,
            false => Role::Faint,
        };
        let text = match &change.loses {
            Some(stake) => format!("deleted with {}", stake_text(&change.address, stake)),
            None => "deleted; it is empty".to_owned(),
        };
        let mut lines = vec![line(role, 2, &text)];
        lines.extend(change.stripped.iter().map(|user| {
            let text = format!("{user} loses its permissions on it first");
            line(Role::Faint, 3, &text)
        }));
        return lines;
    }
    match verb {
        ChangeVerb::Deactivate => vec![
            line(
                Role::Faint,
                2,
                &format!(
                    "{why}it is not deleted, since its live connections would go on, and act as \
                     whoever gets its number next"
                ),
            ),
            line(
                Role::Faint,
                3,
                "→ to delete it all the same, name it with --allow-destroy",
            ),
        ],
        ChangeVerb::Delete => vec![line(
            Role::Loss,
            2,
            &format!(
                "{why}it goes with its access tokens, while its live connections go on, and act \
                 as whoever gets its number next"
            ),
        )],
        ChangeVerb::Create | ChangeVerb::Update | ChangeVerb::Rename | ChangeVerb::Blocked => {
            Vec::new()
        }
    }
}

pub(super) fn finding_lines(finding: &Finding) -> Vec<Line> {
    vec![
        Line {
            role: match finding.severity {
                Severity::Error => Role::Loss,
                Severity::Warning => Role::Warning,
                Severity::Note => Role::Faint,
            },
            depth: 3,
            text: format!("{} {}: {}", finding.severity, finding.code, finding.message),
        },
        Line {
            role: Role::Faint,
            depth: 4,
            text: format!("→ {}", finding.fix),
        },
    ]
}

/// [`finding_lines`], with where the resource is declared: a plan does not say that.
pub(super) fn located_finding_lines(finding: &Finding) -> Vec<Line> {
    let mut lines = finding_lines(finding);
    if let (Some(origin), Some(first)) = (&finding.origin, lines.first_mut()) {
        first
            .text
            .push_str(&format!(" ({}:{})", origin.file, origin.line));
    }
    lines
}

const PARTITIONS: &str = "partitions";

struct Row {
    role: Role,
    name: String,
    value: String,
    reasons: Vec<Line>,
}

fn arrow(from: Option<&str>, to: &str) -> String {
    match from {
        Some(from) => format!("{from} → {to}"),
        None => to.to_owned(),
    }
}

/// The attributes that may have caused a finding, the likeliest first.
fn attributes_of(code: FindingCode) -> &'static [&'static str] {
    match code {
        FindingCode::KeyRoutingChanges
        | FindingCode::PreallocationGrows
        | FindingCode::PartitionsOutOfProportion => &[PARTITIONS],
        FindingCode::RetentionUnlimited => &["messageExpiry", "maxTopicSize"],
        FindingCode::ExpiryLowered => &["messageExpiry"],
        FindingCode::MaxSizeLowered => &["maxTopicSize"],
        FindingCode::SizeNotEnforceable => &["maxTopicSize", PARTITIONS],
        FindingCode::PasswordNotVerified | FindingCode::PasswordShared => &["password"],
        FindingCode::TokenNeverExpires => &["expiry"],
        FindingCode::RenameBreaksClients
        | FindingCode::RenameIgnored
        | FindingCode::PresetGivesMore
        | FindingCode::ServerWideRights
        | FindingCode::GrantUnused
        | FindingCode::DefaultRootPassword
        | FindingCode::TokensOfInactiveUser
        | FindingCode::TokenElsewhere
        | FindingCode::TokenOpenToOthers
        | FindingCode::TokenValueRefused
        | FindingCode::TokenExpiryDiffers
        | FindingCode::TokenNotCompared
        | FindingCode::AccessNotRead
        | FindingCode::UsersNotDeclared
        | FindingCode::InactiveUnsaid
        | FindingCode::GroupWithoutReader
        | FindingCode::OwnedNotListed => &[],
    }
}

impl Blocked {
    /// Why nothing is done, in words for a person, without the flags of the command line.
    #[must_use]
    pub fn why(&self) -> String {
        let (mut parts, mut lines) = match blocked_row(self) {
            Some(row) => (vec![format!("{} {}", row.name, row.value)], row.reasons),
            None => (Vec::new(), blocked_lines(self, 2)),
        };
        lines.truncate(1);
        parts.extend(lines.into_iter().map(|line| line.text));
        parts.join("; ")
    }
}

/// A blocked attribute, with its reason under it.
fn blocked_row(line: &Blocked) -> Option<Row> {
    let (name, value) = match &line.reason {
        BlockReason::CreateOnly { field, from, to } => (field.clone(), arrow(Some(from), to)),
        BlockReason::UnknownSetting { field, to } => (field.clone(), to.clone()),
        BlockReason::PartitionShrink { from, to, .. } => {
            (PARTITIONS.to_owned(), format!("{from} → {to}"))
        }
        BlockReason::BelowSegmentSize { .. }
        | BlockReason::PreallocationTooLarge { .. }
        | BlockReason::PasswordMissing
        | BlockReason::PasswordUnknown { .. }
        | BlockReason::GrantTargetMissing { .. }
        | BlockReason::RootProtected { .. }
        | BlockReason::OwnLogin { .. }
        | BlockReason::OwnLoginUndeclared
        | BlockReason::StaleGrants { .. }
        | BlockReason::ParentMissing { .. }
        | BlockReason::TokenNeedsPassword
        | BlockReason::SinkUnusable { .. }
        | BlockReason::RotationImpossible { .. }
        | BlockReason::HoldsData(_)
        | BlockReason::Retained { .. }
        | BlockReason::StillGranted { .. }
        | BlockReason::NotReadable { .. }
        | BlockReason::DependsOnBlocked { .. } => return None,
    };
    Some(Row {
        role: Role::Blocked,
        name,
        value,
        reasons: blocked_lines(line, 3),
    })
}

/// What is lost at most: messages are counted per topic, not per partition.
fn share_of(messages: u64) -> String {
    match messages {
        0 => "; the topic holds no messages".to_owned(),
        _ => format!(", of {} in the topic", counted(messages, "message")),
    }
}

/// What is retained, by which name it was declared, and by whom.
fn retained_text(
    address: &Address,
    what: &[Address],
    formerly: &BTreeMap<Address, Address>,
    elsewhere: &BTreeSet<OtherProject>,
) -> String {
    let declared_as = |kept: &Address| formerly.get(kept).map(|former| format!("as {former}"));
    let mut text = match what {
        [one] if one == address => match declared_as(one) {
            Some(former) => format!("its deletionPolicy is Retain, {former}"),
            None => "its deletionPolicy is Retain".to_owned(),
        },
        _ => {
            let what = what.iter().map(|kept| match declared_as(kept) {
                Some(former) => format!("{kept} ({former})"),
                None => kept.to_string(),
            });
            let what: Vec<String> = what.collect();
            format!("the deletionPolicy of {} is Retain", what.join(", "))
        }
    };
    if !elsewhere.is_empty() {
        let projects = elsewhere.iter().map(|OtherProject(name)| match name {
            Some(name) => format!("the project {name}"),
            None => "manifests without a project".to_owned(),
        });
        let projects: Vec<String> = projects.collect();
        text.push_str(&format!(", by the record of {}", projects.join(" and ")));
    }
    text
}

fn blocked_lines(line: &Blocked, depth: usize) -> Vec<Line> {
    let reason = match &line.reason {
        BlockReason::CreateOnly { .. } => "cannot be changed after creation".to_owned(),
        BlockReason::UnknownSetting { .. } => "this server does not know the setting".to_owned(),
        BlockReason::BelowSegmentSize {
            max_topic_size,
            segment_size,
        } => format!(
            "maxTopicSize {max_topic_size} is less than the segment size of the topic, \
             {segment_size}: the server refuses that"
        ),
        BlockReason::PreallocationTooLarge {
            partitions,
            segment_size,
            limit,
        } => format!(
            "{} preallocate {segment_size} each, more than {limit} together: the server refuses \
             to create that",
            counted(*partitions, "partition")
        ),
        BlockReason::PartitionShrink { from, to, messages } => format!(
            "removes the last {} of {} with their data{}",
            from.saturating_sub(*to),
            counted(*from, "partition"),
            share_of(*messages)
        ),
        BlockReason::ParentMissing { parent } => {
            format!("{parent} is neither declared nor on the server")
        }
        BlockReason::PasswordMissing => "a new user needs a password".to_owned(),
        BlockReason::PasswordUnknown {
            with_previous: false,
        } => "the declared password is not the live one".to_owned(),
        BlockReason::PasswordUnknown {
            with_previous: true,
        } => "neither the declared password nor the previous one is the live one".to_owned(),
        BlockReason::GrantTargetMissing { target } => {
            format!("the permissions name {target}, which is neither declared nor on the server")
        }
        BlockReason::RootProtected { field } => {
            format!("the server does not change `{field}` of its root user")
        }
        BlockReason::OwnLogin { attribute } => format!(
            "iggyctl is logged in as this user, and {} could lock it out",
            match attribute {
                LoginAttribute::Name => "another name",
                LoginAttribute::Status => "making it inactive",
                LoginAttribute::Permissions => "fewer permissions",
            }
        ),
        BlockReason::OwnLoginUndeclared => {
            "iggyctl is logged in as this user: removing it would lock iggyctl out".to_owned()
        }
        BlockReason::StaleGrants { user } => format!(
            "{user}, which no manifest manages, has permissions on something that was deleted, \
             and the server would give its number to this"
        ),
        BlockReason::TokenNeedsPassword => {
            "only the user itself can create a token, and its password is not declared".to_owned()
        }
        BlockReason::RotationImpossible { reason } => {
            format!("cannot be replaced as --rotate says: {reason}")
        }
        BlockReason::SinkUnusable { reason } => {
            format!("where the token is to be written cannot be used: {reason}")
        }
        BlockReason::Retained {
            what,
            formerly,
            elsewhere,
        } => retained_text(&line.address, what, formerly, elsewhere),
        BlockReason::HoldsData(stake) => {
            format!("it would go with {}", stake_text(&line.address, stake))
        }
        BlockReason::StillGranted { user } => format!(
            "{user} keeps permissions on it, which would apply to whatever gets its number next"
        ),
        BlockReason::NotReadable { reason } => format!("could not be read: {reason}"),
        BlockReason::DependsOnBlocked { address } => format!("needs {address}, which is blocked"),
    };
    let mut lines = vec![Line {
        role: Role::Blocked,
        depth,
        text: format!("blocked: {reason}"),
    }];
    // What it needs is shown with a way out of its own.
    if !matches!(line.reason, BlockReason::DependsOnBlocked { .. }) {
        lines.push(Line {
            role: Role::Faint,
            depth: depth + 1,
            text: format!("→ {}", line.way_out),
        });
    }
    lines
}

/// What is blocked and why, in one line.
pub(super) fn blocked_text(blocked: &Blocked) -> String {
    let (mut parts, lines) = match blocked_row(blocked) {
        Some(row) => (vec![format!("{} {}", row.name, row.value)], row.reasons),
        None => (Vec::new(), blocked_lines(blocked, 2)),
    };
    parts.extend(lines.into_iter().map(|line| line.text));
    parts.join("; ")
}
