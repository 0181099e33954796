use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What belongs to the project: nothing outside it is ever deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Owns {
    /// Streams by name or pattern (`*` and `?`), with all their topics and groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["orders", "billing-*"]]))]
    pub streams: Vec<String>,
    /// Topics `stream/topic` by name or pattern, in streams that belong to somebody else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["shared/orders-*"]]))]
    pub topics: Vec<String>,
    /// Users by name or pattern. `--prune` removes those that no manifest declares: they lose all
    /// permissions and become inactive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["svc-*"]]))]
    pub users: Vec<String>,
}
