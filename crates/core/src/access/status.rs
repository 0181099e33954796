use serde::{Deserialize, Serialize};

use crate::quantity::closed_set;

/// Whether a user may log in. An inactive user's sessions go on until they end
/// by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    /// May log in.
    Active,
    /// May not.
    Inactive,
}

closed_set!(UserStatus, "`active` or `inactive`", {
    Active => "active",
    Inactive => "inactive",
});
