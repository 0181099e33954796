//! What a server and the sinks have of access tokens.

use crate::access::TokenSlot;
use crate::address::Address;
use crate::quantity::MessageExpiry;

/// An access token of the server, without its value, which nobody can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedToken {
    /// When it ends, in microseconds since the Unix epoch; `None` is never. An
    /// expired one stays listed and keeps its name until the server cleans up.
    pub expires_at_micros: Option<u64>,
}

/// What is where the value of a token goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkContent {
    /// Nothing: no value, and no note of iggyctl.
    Empty,
    /// What iggyctl left there.
    Record(TokenRecord),
    /// A value that iggyctl did not write. It is never overwritten.
    Foreign,
    /// It cannot be read, or what is there is not understood.
    Unreadable {
        /// Why, in words for a person.
        reason: String,
    },
}

/// What iggyctl notes beside the value of a token: never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// The token, as it was declared then.
    pub token: Address,
    /// Which user it belongs to: when the server created it, in microseconds
    /// since the Unix epoch. It stays when the user is renamed, and is another
    /// one on another server; that of root is the same everywhere.
    pub owner_created_at_micros: u64,
    /// Which server that was, as iggyctl was told where to find it.
    pub server: Option<String>,
    /// Which one was delivered.
    pub delivered: Option<DeliveredToken>,
    /// Which one was about to be created when iggyctl was last heard of: it may
    /// be on the server, and nobody has its value.
    pub pending: Option<TokenSlot>,
    /// The predecessor that is to be revoked once its successor is delivered.
    pub revokes: Option<TokenSlot>,
    /// Whether there is a value.
    pub has_value: bool,
    /// Whether others than its owner can read the value.
    pub is_open_to_others: bool,
    /// What the server says to the value.
    pub check: TokenCheck,
}

/// A token whose value was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveredToken {
    /// Its name on the server.
    pub slot: TokenSlot,
    /// How long it was declared to be valid when it was created.
    pub expiry: MessageExpiry,
}

/// What a login with a delivered value showed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenCheck {
    /// Nobody asked.
    #[default]
    NotChecked,
    /// It works.
    Accepted,
    /// The server does not take it.
    Refused,
}
