//! What the real server enforces: limits, topic options and error codes.

pub(crate) mod limits;
pub(crate) mod permissions;
pub(crate) mod rejection;
pub(crate) mod topic_options;

pub(crate) use rejection::{Refused, Rejection};
