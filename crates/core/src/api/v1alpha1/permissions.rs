use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Preset, ServerPermission, StreamPermission, TopicPermission};

/// All that a user may do, by names; whatever is not listed is not granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserPermissions {
    /// A bundle of rights on the whole server: `admin` or `readOnly`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Rights on the whole server, in the server's own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<ServerPermission>,
    /// Rights on streams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamPermissions>,
}

/// Rights on one stream, or on the declared streams that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamPermissions {
    /// The stream, or a pattern (`*` and `?`) of streams that the manifests declare.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Whether it is no mistake when the stream is neither declared nor on the server.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// A bundle of rights on the stream and all its topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Rights on the stream and all its topics, in the server's own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<StreamPermission>,
    /// Rights on single topics of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicPermissions>,
}

/// Rights on one topic, or on the declared topics that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicPermissions {
    /// The topic, or a pattern (`*` and `?`) of topics that the manifests declare.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Whether it is no mistake when the topic is neither declared nor on the server.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// A bundle of rights on the topic; some need a right on its stream, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Rights on the topic, in the server's own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<TopicPermission>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}
