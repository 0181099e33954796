//! Users: what is declared by name against what the server keeps by numbers.
//!
//! ```text
//!  DesiredPermissions ──target──▶ Grants by name ─┐
//!                                                 ├─user──▶ Change
//!  Grants by id ──names──▶ Grants by name, and ───┘
//!                          what names nothing any more ──dangling──▶ what a create would open
//! ```

mod by_name;
mod dangling;
mod holders;
mod names;
mod prune;
mod rotation;
mod target;
mod token;
mod user;

pub use by_name::{declared_grants, live_grants};
pub use dangling::StaleGrants;
pub(super) use dangling::StaleIds;
pub(super) use holders::holders;
pub use holders::{Holder, grants_on};
pub(super) use names::Names;
pub use names::{Resolved, TopicsUnread};
pub use prune::UserPruning;
pub(super) use prune::prunable_users;
pub use target::DeclaredGrants;
pub(super) use token::{Tokens, compare_tokens};
pub use user::live_user_names;
pub(super) use user::{Users, compare_users};
