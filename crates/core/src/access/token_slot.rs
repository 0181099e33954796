use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::ResourceName;

/// Which of its two names on the server an access token has. A token cannot be
/// given a new value, so while one replaces another there are two, and each has
/// its own name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum TokenSlot {
    /// The declared name, `ci`.
    First,
    /// The declared name and a mark, `ci~2`.
    Second,
}

impl TokenSlot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    /// What the second name has at its end. No manifest declares such a name.
    pub const MARK: &'static str = "~2";

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// The name on the server of a token that is declared by this name.
    #[must_use]
    pub fn name_of(self, token: &ResourceName) -> ResourceName {
        match self {
            Self::First => token.clone(),
            // A declared name leaves room for it, and any other has at most 255
            // bytes, of which the server would refuse more.
            Self::Second => format!("{token}{}", Self::MARK)
                .parse()
                .unwrap_or_else(|_| token.clone()),
        }
    }
}

impl fmt::Display for TokenSlot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::First => "first",
            Self::Second => "second",
        })
    }
}
