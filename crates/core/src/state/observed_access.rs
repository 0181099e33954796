//! What a server has of users, and the ids that their grants speak of.

use std::collections::BTreeMap;

use crate::access::{Grants, UserStatus};
use crate::name::ResourceName;
use crate::state::observed_token::{ObservedToken, SinkContent};

/// Numeric id of the root user: it may do everything, and the server protects
/// its permissions and its status (48, 49).
pub const ROOT: u32 = 0;

/// Everything about access that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservedAccess {
    /// All users by name, also those that nobody declares: whose grants they
    /// hold decides what a new stream would be open to.
    pub users: BTreeMap<ResourceName, ObservedUser>,
    /// The streams of the server by the ids that grants name.
    pub streams: BTreeMap<u32, KnownStream>,
    /// The user that the connection is logged in as.
    pub me: Option<ResourceName>,
    /// Whether that login was made with the password that root has by default,
    /// where it matters: whoever holds the credentials says so.
    pub default_password: bool,
    /// What is where the values of declared tokens go, by the declared names of
    /// user and token. One that is missing here was not looked at.
    pub sinks: BTreeMap<(ResourceName, ResourceName), SinkContent>,
    /// Which server this is, as iggyctl was told where to find it.
    pub server: Option<String>,
    /// When this was read, in microseconds since the Unix epoch: what expires
    /// is compared with it. 0 when nobody looked at the clock.
    pub read_at_micros: u64,
}

/// A stream as grants speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownStream {
    /// Its name.
    pub name: ResourceName,
    /// Its topics by id; `None` when they were not read because no grant
    /// speaks of single ones.
    pub topics: Option<BTreeMap<u32, ResourceName>>,
}

/// A user of the server.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedUser {
    /// Numeric id; 0 is root. The server gives a freed one to the next user.
    pub id: u32,
    /// Creation time in microseconds since the Unix epoch; 1 for root.
    pub created_at_micros: u64,
    /// Whether it may log in.
    pub status: UserStatus,
    /// What it is granted, by the ids of streams and topics. Ids of what was
    /// deleted stay, and apply to what gets them next.
    pub grants: Grants<u32>,
    /// Whether the declared password is the live one.
    pub password: PasswordCheck,
    /// Its access tokens by name; `None` when they were not read: the server
    /// lists them only to the user itself.
    pub tokens: Option<BTreeMap<ResourceName, ObservedToken>>,
}

impl ObservedUser {
    /// Whether it is root, which may do everything; the server changes only
    /// its name and its password.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.id == ROOT
    }
}

/// What trying to log in with the declared passwords showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordCheck {
    /// Nobody asked: no password is declared, or the check was switched off.
    NotChecked,
    /// The declared password is the live one.
    Declared,
    /// The declared previous password is the live one.
    Previous,
    /// Neither is.
    Neither,
    /// It cannot be known, such as that of an inactive user.
    Unverifiable {
        /// Why, in words for a person.
        reason: String,
    },
}
