use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of an apply that begins only when every step of the part before has
/// ended. The server has no transactions, reuses the ids that its permissions
/// speak of, and replaces permissions as a whole; in this order nobody can at
/// any moment do what neither the old nor the new manifests allow.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Permissions are reduced to what both the old and the new ones allow, and
    /// grants on what is no longer there are taken away.
    Narrow,
    /// Access tokens are revoked that nobody has, that have ended, or that make
    /// room for a later one.
    Revoke,
    /// Users are made inactive.
    Deactivate,
    /// Consumer groups, topics and streams are deleted that are owned and not declared.
    Delete,
    /// Renames, streams, topics, partitions, groups, users without permissions.
    Resources,
    /// Passwords, before anybody may do more with them.
    Passwords,
    /// Permissions become what is declared.
    Widen,
    /// Users are made active.
    Activate,
    /// Access tokens are created and delivered, and what they replace is revoked.
    Tokens,
    /// Users are deleted. Last, and only when all others were created, since
    /// live connections of a deleted user act as whoever gets its id: that is
    /// then no user of this apply.
    DeleteUsers,
    /// The user that iggyctl is logged in as loses what a person allowed it to
    /// lose: everything before needs its rights.
    OwnLogin,
}
