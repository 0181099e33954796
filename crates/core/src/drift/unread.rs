use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, Listing, ObservedState};

/// Something that the comparison needs and the login may not read, and that is no single
/// resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// What it is.
    pub what: UnreadSource,
    /// What the server said, in words for a person.
    pub reason: String,
}

/// What a comparison is made from, apart from the resources themselves.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum UnreadSource {
    /// The record of the last apply: without it nobody can tell whose a difference is, and
    /// what was applied and is no longer declared is not known.
    Record,
    /// The list of the streams: without it, what is owned by a pattern is not known.
    Streams,
    /// The users: without them, which ones are owned and not declared is not known.
    Users,
}

impl Unread {
    /// What of the owned resources could not be listed.
    #[must_use]
    pub fn of_owned(desired: &DesiredState, observed: &ObservedState) -> Vec<Self> {
        let mut unread = Vec::new();
        if let Listing::Refused { reason } = &observed.listing {
            unread.push(Self {
                what: UnreadSource::Streams,
                reason: reason.clone(),
            });
        }
        if let AccessReading::Refused { reason } = &observed.access
            && desired.owns.owns_users()
        {
            unread.push(Self {
                what: UnreadSource::Users,
                reason: reason.clone(),
            });
        }
        unread
    }

    /// What is not known without it, in words for a person.
    #[must_use]
    pub fn consequence(&self) -> String {
        let Self { what, reason } = self;
        match what {
            UnreadSource::Record => format!(
                "The record of the last apply could not be read ({reason}), so nobody can tell \
                 whose a difference is, and what was applied and is no longer declared is not \
                 known."
            ),
            UnreadSource::Streams => format!(
                "The streams could not be listed ({reason}), so what is owned by a pattern and \
                 not declared is not known."
            ),
            UnreadSource::Users => format!(
                "The users could not be read ({reason}), so which ones are owned and not \
                 declared is not known."
            ),
        }
    }
}

impl fmt::Display for UnreadSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Record => "the record of the last apply",
            Self::Streams => "the list of streams",
            Self::Users => "the users",
        })
    }
}
