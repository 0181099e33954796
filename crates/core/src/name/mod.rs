//! The name of a stream, topic or consumer group, as the server keeps it.

mod resource_name;

pub use resource_name::{MAX_NAME_BYTES, NameError, ResourceName};
