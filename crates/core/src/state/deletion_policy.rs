use serde::{Deserialize, Serialize};

use crate::quantity::closed_set;

/// What becomes of a resource on the server when it is no longer declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DeletionPolicy {
    /// It stays until somebody names it.
    Retain,
    /// It is deleted.
    Delete,
    /// It is deleted if nothing is lost with it.
    DeleteIfEmpty,
}

closed_set!(DeletionPolicy, "`Retain`, `Delete` or `DeleteIfEmpty`", {
    Retain => "Retain",
    Delete => "Delete",
    DeleteIfEmpty => "DeleteIfEmpty",
});
