//! The leases of a ledger as they are shown.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Author, report::FORMAT_VERSION};
use crate::render::{escape, to_json};

/// Who applies what now, as the server's ledger says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaseList {
    /// Version of this form.
    pub format_version: u32,
    /// The leases, by project.
    pub leases: Vec<LeaseLine>,
}

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaseLine {
    /// The name of the `IggyTopology`; absent for manifests without one.
    pub project: Option<String>,
    /// The number of this lease; the next one gets a higher one.
    pub epoch: u32,
    /// How it stands.
    pub state: LeaseState,
    /// What is run under it, such as `apply`.
    pub command: Option<String>,
    /// Who has it.
    pub author: Option<Author>,
    /// Since when, by the clock of the server (RFC 3339, UTC).
    pub since: Option<String>,
    /// When it was renewed last, by the same clock.
    pub renewed: Option<String>,
    /// When it ends unless it is renewed, by the same clock.
    pub until: Option<String>,
}

/// How a lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LeaseState {
    /// Somebody has it; past `until` the next one who wants it gets it.
    Held,
    /// Nobody has said that it is theirs.
    Unclaimed,
    /// It is nobody's any more; the next one who wants it gets it.
    Over,
}

impl LeaseState {
    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Unclaimed => "unclaimed",
            Self::Over => "over",
        }
    }
}

impl LeaseList {
    /// A list, in the order of `leases`.
    #[must_use]
    pub fn new(leases: Vec<LeaseLine>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            leases,
        }
    }

    /// The report as JSON, a line for each entry of a list.
    ///
    /// # Errors
    /// None that a report can cause: all of it is texts, numbers and lists.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        to_json(self)
    }

    /// A paragraph for each lease. What its owner says of itself was written by whoever may
    /// write to the ledger.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.leases.is_empty() {
            return "Nobody applies with a ledger now.\n".to_owned();
        }
        let lines = self.leases.iter().map(LeaseLine::to_text);
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl LeaseLine {
    fn to_text(&self) -> String {
        let Self {
            project,
            epoch,
            state,
            command,
            author,
            since,
            renewed,
            until,
        } = self;
        let project = project.as_deref().unwrap_or("(no project)");
        let mut text = format!("{}: {} (number {epoch})\n", escape(project), state.as_str());
        let author = author.as_ref();
        for (name, value) in [
            ("command", command.as_ref()),
            ("machine", author.and_then(|it| it.machine.as_ref())),
            ("user", author.and_then(|it| it.login.as_ref())),
            ("actor", author.and_then(|it| it.actor.as_ref())),
            ("run", author.and_then(|it| it.run_url.as_ref())),
            ("since", since.as_ref()),
            ("renewed", renewed.as_ref()),
            ("until", until.as_ref()),
        ] {
            if let Some(value) = value {
                text.push_str(&format!("  {name:8} {}\n", escape(value)));
            }
        }
        text
    }
}
