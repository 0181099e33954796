use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Kind, Manifest, ServerReference, Spec};
use crate::quantity::SmokeTimeout;

/// Real traffic after each change.
pub type IggySmokeTest = Manifest<IggySmokeTestSpec>;

/// What an `IggySmokeTest` tries, and on what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IggySmokeTestSpec {
    /// The object that says where the server is: an `IggyServer` of the same namespace (without it,
    /// the one called `default`), or a `ClusterIggyServer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_ref: Option<ServerReference>,
    /// The `IggyTopology` of the same namespace that is tried, each time that it has changed: its
    /// streams, topics, groups and permissions, as `iggyctl smoke -f` does. Without it the server
    /// itself is tried, with scenarios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology_ref: Option<TopologyReference>,
    /// The scenarios to run on the server, as `iggyctl smoke --scenario`; all of them without a
    /// list. Each makes streams of its own and removes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<ScenarioName>,
    /// How long one run may take, `1s` to `1h`; `5m` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<SmokeTimeout>,
}

impl Spec for IggySmokeTestSpec {
    const KIND: Kind = Kind::IggySmokeTest;
    const DESCRIPTION: &'static str = "Real traffic through a topology or a server after each change of it, run by the operator. The command line passes over it: it has `iggyctl smoke`.";
}

/// An `IggyTopology` of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopologyReference {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The name of a scenario, such as `basic`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct ScenarioName(#[schemars(length(min = 1, max = 63))] pub String);
