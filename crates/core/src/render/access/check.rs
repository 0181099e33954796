use schemars::JsonSchema;
use serde::Serialize;

use super::FORMAT_VERSION;
use super::overview::{AccessOverview, AccessSource, Standing};
use super::reason::{Reason, scope_address};
use super::user::inactive;
use crate::access::{Right, Scope};
use crate::name::ResourceName;
use crate::render::scope_text::{safe, scope_text};

/// Whether somebody may do something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessCheck {
    /// Version of this form.
    pub format_version: u32,
    /// Where it is known from.
    pub source: AccessSource,
    /// Who.
    #[schemars(with = "String")]
    pub user: ResourceName,
    /// Whether it may log in, which is no part of the answer, and whether it is
    /// root.
    #[serde(flatten)]
    pub standing: Standing,
    /// What.
    pub right: Right,
    /// On all of this: `server`, or an address.
    #[serde(serialize_with = "scope_address")]
    #[schemars(with = "String")]
    pub on: Scope<ResourceName>,
    /// The answer; absent when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// The words that give it; each is enough alone.
    pub because: Vec<Reason>,
}

impl AccessOverview {
    /// Whether this user has a right on all of that; `None` when there is no
    /// such user.
    #[must_use]
    pub fn check(
        &self,
        name: &ResourceName,
        right: Right,
        on: &Scope<ResourceName>,
    ) -> Option<AccessCheck> {
        let user = self.users.get(name)?;
        let root = user.standing.root;
        let effective = user.effective().map(|rights| rights.allows(right, on));
        Some(AccessCheck {
            format_version: FORMAT_VERSION,
            source: self.source,
            user: name.clone(),
            standing: user.standing.clone(),
            right,
            on: on.clone(),
            allowed: if root { Some(true) } else { effective },
            unknown: user.entries.as_ref().err().cloned().filter(|_| !root),
            because: match root {
                true => Vec::new(),
                false => user.reasons(right, on),
            },
        })
    }
}

impl AccessCheck {
    /// As people read it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (user, right) = (safe(&self.user), self.right);
        let on = scope_text(self.on.as_ref());
        let mut text = match (self.allowed, &self.unknown) {
            (Some(true), _) => format!("yes: {user} has {right} on {on}\n"),
            (Some(false), _) => format!("no: {user} does not have {right} on {on}\n"),
            (None, reason) => {
                let reason = reason.as_deref().unwrap_or_default();
                format!("not known of {user}: {}\n", safe(&reason))
            }
        };
        if self.standing.root {
            text.push_str("  it is root and may do everything\n");
        }
        for reason in &self.because {
            text.push_str(&format!("  by {}\n", reason.text()));
        }
        if let Some(note) = inactive(&self.standing) {
            text.push_str(&format!("{note}\n"));
        }
        text
    }
}
