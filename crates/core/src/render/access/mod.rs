//! Who may do what, and by which word: of one user, of one topic, or as the
//! answer to one question.
//!
//! ```text
//! DesiredState   ─┐                  ┌─▶ UserAccess  ──▶ to_text, to_markdown, serde
//!                 ├─▶ AccessOverview ┼─▶ TopicAccess ──▶ to_text, to_markdown, serde
//! ObservedAccess ─┘                  └─▶ AccessCheck ──▶ to_text, serde
//! ```

mod check;
pub(super) mod markdown;
mod overview;
mod reason;
#[cfg(test)]
mod tests;
mod topic;
mod user;

pub use check::AccessCheck;
pub use overview::{AccessOverview, AccessSource, Standing};
pub use reason::{Reason, RightWithReasons};
pub use topic::{TopicAccess, TopicUser, UnknownUser};
pub use user::{ScopeAccess, UserAccess};

/// Version of the JSON forms; it changes when a reader of the former ones would
/// misunderstand the new ones.
const FORMAT_VERSION: u32 = 1;
