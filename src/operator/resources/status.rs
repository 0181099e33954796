//! What the operator says of an object.

use std::collections::BTreeSet;

use iggyctl_core::state::DeletionPolicy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The status of what declares something on a server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TopologyStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, and where they apply `Synced`, `Drifted`, `Conflicted` and
    /// `SecretWritten`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<Condition>,
    /// What this object holds on the server.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) claims: Vec<Claim>,
    /// What this object declares and another one holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conflicts: Vec<Conflict>,
    /// What is pending, or was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<PlanStatus>,
    /// Tells what was applied completely last: a digest of the spec without its policies. Where
    /// only those change, what differs on the server was changed by somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) synced_declaration: Option<String>,
    /// When something was last changed on the server for this object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_applied_time: Option<Time>,
}

/// The status of what says where a server is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServerStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed_generation: Option<i64>,
    /// `Ready`, `Reconciling` and `Stalled`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<Condition>,
    /// The server's version, as it says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_version: Option<String>,
    /// What tells this server from another one at the same address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_identity: Option<String>,
    /// How the connection is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection: Option<ConnectionStatus>,
    /// How many objects use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dependants: Option<i64>,
    /// Marks of what is being created for many objects at once, so that an operator that ends in
    /// between knows it for its own: empty at rest.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    // Not a set: the schema of a resource knows no `uniqueItems`.
    #[schemars(
        with = "Vec<String>",
        length(max = 40_000),
        inner(length(max = 16)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub(crate) creating: BTreeSet<String>,
}

/// How a connection is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ConnectionStatus {
    /// How long the server took to answer, in milliseconds, rounded up to 1, 2, 5, 10, 20, 50 and so
    /// on, so that it does not change with every answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency_milliseconds: Option<i64>,
    /// The latest error, while there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
}

/// The status of a smoke test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SmokeTestStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed_generation: Option<i64>,
    /// `Ready` (the last run passed), `Reconciling` (one is running) and `Stalled`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<Condition>,
    /// The last run that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_run: Option<SmokeRun>,
}

/// One run of a smoke test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SmokeRun {
    /// When it began.
    pub(crate) started_at: Time,
    /// When it ended.
    pub(crate) finished_at: Time,
    /// What was tried: the generation of the topology, or the version of the server.
    pub(crate) subject: String,
    /// How many checks held.
    pub(crate) passed: i64,
    /// How many did not.
    pub(crate) failed: i64,
    /// Those that did not, at most 20, in one line each.
    // Two of them may read the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub(crate) failures: Vec<String>,
}

/// One aspect of an object, as all of Kubernetes says it (`metav1.Condition`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition {
    /// Which aspect.
    #[serde(rename = "type")]
    #[schemars(
        length(max = 316),
        regex(
            pattern = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
        )
    )]
    pub(crate) kind: String,
    /// Whether it holds.
    pub(crate) status: ConditionStatus,
    /// The generation of the spec that it was seen for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub(crate) observed_generation: Option<i64>,
    /// When it last began or ceased to hold.
    pub(crate) last_transition_time: Time,
    /// Why, in one word that programs can rely on.
    #[schemars(
        length(min = 1, max = 1024),
        regex(pattern = r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
    )]
    pub(crate) reason: String,
    /// Why, for people.
    #[schemars(length(max = 32768))]
    pub(crate) message: String,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ConditionStatus {
    True,
    False,
    Unknown,
}

/// One thing on a server that an object holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claim {
    /// What, such as `topic/orders/events`.
    pub(crate) address: String,
    /// The server: its own identity where it has one, its address otherwise.
    pub(crate) server: String,
    /// Its number on the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i64>,
    /// When the server says that it was created, in microseconds since 1970: together with the number
    /// it tells whether this is still the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_at_microseconds: Option<i64>,
    /// What becomes of it once the object no longer declares it, as the object said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletion_policy: Option<DeletionPolicy>,
}

/// Something that an object declares and another one holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conflict {
    /// What, such as `topic/orders/events`.
    pub(crate) address: String,
    /// The object that holds it: its kind, namespace and name.
    pub(crate) held_by: String,
    /// Its number on the server, by which this object takes it over once nobody else holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i64>,
    /// When the server says that it was created, in microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_at_microseconds: Option<i64>,
}

/// What is pending, or was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PlanStatus {
    /// How many changes are pending.
    pub(crate) pending: i64,
    /// How many are blocked, or were refused.
    pub(crate) blocked: i64,
    /// The first 50 of them.
    // More than one line may be about the same thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub(crate) changes: Vec<ChangeLine>,
}

/// One change, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeLine {
    /// What it is about, such as `topic/orders/events`.
    pub(crate) address: String,
    /// What would change.
    pub(crate) summary: String,
    /// Why it is blocked, as `iggyctl plan -o json` says it; absent of what is pending, and of what
    /// was refused, whose summary begins with the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
}

/// A moment, RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Time(pub(crate) String);

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}
