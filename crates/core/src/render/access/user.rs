use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::FORMAT_VERSION;
use super::markdown::{Table, cell};
use super::overview::{AccessOverview, AccessSource, Standing};
use super::reason::{RightWithReasons, push_rights, scope_address};
use crate::access::{Right, Scope, UserStatus};
use crate::check::Finding;
use crate::name::ResourceName;
use crate::render::scope_text::{safe, scope_text};
use crate::wording::counted;

/// What one user may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserAccess {
    /// Version of this form.
    pub format_version: u32,
    /// Where it is known from.
    pub source: AccessSource,
    /// The user.
    #[schemars(with = "String")]
    pub user: ResourceName,
    /// Whether it may log in, and whether it is root.
    #[serde(flatten)]
    pub standing: Standing,
    /// Why it is not known what it may do; then there are no rights here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// The server, then each stream before its topics. What a wider one gives
    /// is not repeated; empty for root.
    pub rights: Vec<ScopeAccess>,
    /// Streams and topics that were deleted and that it has grants on: whatever
    /// gets their numbers next is open to it.
    pub granted_on_deleted: usize,
    /// What is worth knowing of it and its tokens, with stable codes.
    pub findings: Vec<Finding>,
}

/// What somebody may do there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScopeAccess {
    /// Where: `server`, or an address.
    #[serde(serialize_with = "scope_address")]
    #[schemars(with = "String")]
    pub on: Scope<ResourceName>,
    /// What, and by which words.
    pub rights: Vec<RightWithReasons>,
}

impl AccessOverview {
    /// What this user may do; `None` when there is no such user.
    #[must_use]
    pub fn user(&self, name: &ResourceName) -> Option<UserAccess> {
        let user = self.users.get(name)?;
        let effective = user.effective().unwrap_or_default();
        let rights = effective.iter().map(|(scope, rights)| {
            let on = scope.cloned();
            let rights = rights.iter().map(|right| user.because(right, &on));
            ScopeAccess {
                rights: rights.collect(),
                on,
            }
        });
        let root = user.standing.root;
        Some(UserAccess {
            format_version: FORMAT_VERSION,
            source: self.source,
            user: name.clone(),
            standing: user.standing.clone(),
            unknown: user.entries.as_ref().err().cloned().filter(|_| !root),
            rights: rights.filter(|_| !root).collect(),
            granted_on_deleted: user.gone,
            findings: user.findings.clone(),
        })
    }
}

impl UserAccess {
    /// As people read it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{}{}, {}:\n\n",
            safe(&self.user),
            status(&self.standing),
            self.source.text()
        );
        for ScopeAccess { on, rights } in &self.rights {
            text.push_str(&format!("  {}\n", scope_text(on.as_ref())));
            push_rights(&mut text, rights);
        }
        let notes = self.notes();
        if !self.rights.is_empty() && !notes.is_empty() {
            text.push('\n');
        }
        for line in notes {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// As a matrix: a line for each place, a column for each right.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let held: BTreeSet<Right> = self
            .rights
            .iter()
            .flat_map(|scope| scope.rights.iter().map(|right| right.right))
            .collect();
        let columns = held.iter().map(|right| right.to_string());
        let mut table = Table::new(std::iter::once("On".to_owned()).chain(columns));
        for ScopeAccess { on, rights } in &self.rights {
            let cells = held.iter().map(|column| {
                let right = rights.iter().find(|right| right.right == *column);
                right.map_or_else(String::new, |right| cell(&right.because, on))
            });
            table.row(&scope_text(on.as_ref()), cells);
        }
        let title = format!("{}{}", safe(&self.user), status(&self.standing));
        table.document(&title, self.source, &self.notes())
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.standing.root {
            notes.push("It is root and may do everything.".to_owned());
        } else if let Some(reason) = &self.unknown {
            notes.push(format!("Not known: {}.", safe(reason)));
        } else if self.rights.is_empty() {
            notes.push("It may do nothing.".to_owned());
        }
        notes.extend(inactive(&self.standing));
        if self.granted_on_deleted > 0 {
            let gone = counted(self.granted_on_deleted, "resource");
            notes.push(format!(
                "It has permissions on what was deleted ({gone}): what gets the number next is \
                 open to it."
            ));
        }
        for finding in &self.findings {
            let Finding {
                code,
                severity,
                address: _,
                message,
                fix,
                origin: _,
            } = finding;
            notes.push(format!("{severity} {code}: {} → {fix}", safe(message)));
        }
        notes
    }
}

/// In brackets behind a name.
pub(super) fn status(standing: &Standing) -> String {
    let root = standing.root.then_some("root");
    let status = standing.status.map(UserStatus::as_str);
    let words: Vec<&str> = root.into_iter().chain(status).collect();
    match words[..] {
        [] => String::new(),
        _ => format!(" ({})", words.join(", ")),
    }
}

pub(super) fn inactive(standing: &Standing) -> Option<String> {
    (standing.status == Some(UserStatus::Inactive))
        .then(|| "It is inactive and cannot log in; a session that is open goes on.".to_owned())
}

impl AccessSource {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Manifests => "as the manifests declare it",
            Self::Server => "as the server has it",
        }
    }
}
