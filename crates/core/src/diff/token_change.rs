use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::TokenSlot;
use crate::address::Address;
use crate::name::ResourceName;
use crate::quantity::MessageExpiry;
use crate::state::desired_token::TokenDestination;
use crate::state::desired_user::SecretReference;
use crate::state::observed_token::ObservedToken;

/// What is to be done about an access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenChange {
    /// Why.
    pub cause: TokenCause,
    /// The token of the server that has to go first, since the new one gets its
    /// name.
    pub revoke_first: Option<Revocation>,
    /// Which name the new one gets; `None` when none is created.
    pub create: Option<TokenSlot>,
    /// The token that is revoked when the new one is delivered.
    pub revoke_after: Option<Revocation>,
    /// Whether what is where the value goes belonged to a user that is no more.
    pub takes_over: bool,
    /// How long a new one is valid.
    pub expiry: MessageExpiry,
    /// Where its value goes.
    pub write_to: TokenDestination,
    /// How to become its user before anything is renamed or gets another
    /// password.
    pub login_before: TokenLogin,
    /// How to become its user afterwards.
    pub login_after: TokenLogin,
    /// The name of its user before a rename.
    pub live_user: ResourceName,
}

/// Why a token changes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum TokenCause {
    /// There is none.
    New,
    /// One was about to be created, and its value was not delivered.
    NotDelivered,
    /// The one that was delivered is no longer on the server.
    Gone,
    /// The one that was delivered has ended.
    Ended,
    /// The one that was delivered ends within `rotateBefore`.
    EndsSoon,
    /// It was named on the command line.
    Requested,
    /// It was replaced, and its predecessor was to be revoked then.
    PredecessorLeft,
}

/// A token of the server that is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Which of its names it has.
    pub slot: TokenSlot,
    /// Why it may go.
    pub reason: RevocationReason,
    /// What was there when it was looked at; another one is not revoked. `None`
    /// when it was gone already, and only the note is left.
    pub found: Option<ObservedToken>,
}

/// Why a token of the server is taken away.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum RevocationReason {
    /// Nobody has its value.
    NotDelivered,
    /// It lets nobody in any more.
    Ended,
    /// A later one took its place.
    Predecessor,
}

/// How to become the user of a token: the server lets nobody else create or
/// list it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TokenLogin {
    /// It is the user that iggyctl is logged in as.
    Own,
    /// With its password.
    Password(#[schemars(with = "crate::secret::SecretSource")] SecretReference),
}

/// What is to be known about a token that does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenNotice {
    /// The token.
    pub address: Address,
    /// What.
    pub what: TokenNoticeKind,
}

/// What is to be known about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenNoticeKind {
    /// The server has a valid one, and its value is not where it belongs.
    Elsewhere {
        /// Whether it would have to be replaced by now.
        is_due: bool,
    },
    /// Others than its owner can read the value.
    OpenToOthers,
    /// The value that is where it belongs is not the one of the server.
    ValueRefused,
    /// It was created to be valid for another time than is declared now.
    OtherExpiry {
        /// What was declared then.
        from: MessageExpiry,
        /// What is declared now.
        to: MessageExpiry,
    },
    /// The tokens of the user could not be listed.
    NotCompared {
        /// Why, in words for a person.
        reason: String,
    },
}
