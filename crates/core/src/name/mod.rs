//! The name of a stream, topic, consumer group, user or token, as the server keeps it.

mod pattern;
mod resource_name;

pub use pattern::{NamePattern, PatternError};
pub use resource_name::{MAX_NAME_BYTES, NameError, ResourceName};
