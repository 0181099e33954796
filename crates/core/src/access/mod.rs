//! Who may do what: the server's permissions, what they effectively allow, and
//! what two sets of them have in common.
//!
//! ```text
//!  Grants<ResourceName>  as manifests and plans say it
//!  Grants<u32>           as the server keeps it, by numbers that it reuses
//!       │
//!       ├─▶ EffectiveRights: what the words imply (a stream-level read is a poll of every topic)
//!       └─▶ common: the most that neither of two grants forbids
//!
//!  Preset ──▶ Grants, and what it has to give away
//!  Operation ──▶ Right ──▶ the words of which any one is enough
//! ```

mod effective;
mod grants;
mod narrow;
mod operation;
mod permission;
mod preset;
mod right;
mod right_set;
mod scope;
mod scope_words;
mod status;
mod token_slot;

#[cfg(test)]
mod properties;

pub use effective::EffectiveRights;
pub use grants::{Grants, StreamGrants};
pub use narrow::common;
pub use operation::Operation;
pub use permission::{ServerPermission, StreamPermission, TopicPermission};
pub use preset::{GivenAway, Preset};
pub use right::{AnyOf, Right};
pub use right_set::RightSet;
pub use scope::{Level, Scope};
pub use scope_words::ScopeWords;
pub use status::UserStatus;
pub use token_slot::TokenSlot;
