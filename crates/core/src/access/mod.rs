//! Who may do what: the server's permissions, what they effectively allow, and
//! what two sets of them have in common.
//!
//! ```text
//!  Grants<ResourceName>  as manifests and plans say it
//!  Grants<u32>           as the server keeps it, by numbers that it reuses
//!       │
//!       └─▶ effective rights: what the words imply (a stream-level read is a poll of every topic)
//! ```

mod grants;
mod permission;
mod status;

pub use grants::{Grants, StreamGrants};
pub use permission::{ServerPermission, StreamPermission, TopicPermission};
pub use status::UserStatus;
