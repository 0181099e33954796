//! The name of a stream, topic, consumer group, user or token, as the server keeps it.

mod pattern;
mod pattern_set;
mod resource_name;

/// Streams whose names begin with this are the tool's own: no manifest declares them, and
/// no pattern matches them.
pub const RESERVED_STREAM_PREFIX: &str = "iggyctl";

pub use pattern::{NamePattern, PatternError};
pub use pattern_set::NamePatternSet;
pub use resource_name::{MAX_NAME_BYTES, NameError, ResourceName};
