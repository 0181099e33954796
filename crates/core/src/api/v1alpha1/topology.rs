use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::with_lifecycle;
use super::{Kind, Manifest, Owns, Spec, Stream, User};
use crate::state::DeletionPolicy;

/// A project: its streams with their topics and consumer groups, and its users, nested.
pub type IggyTopology = Manifest<IggyTopologySpec>;

with_lifecycle! {
/// What a project declares.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IggyTopologySpec {
    /// The context of the server that it is for: with another one, or with a server that is named by
    /// its address, nothing is planned. Without it, any server will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub context: Option<String>,
    /// What belongs to the project: nothing outside it is ever deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owns: Option<Owns>,
    /// What becomes of those streams, with their topics and groups, and of those users that say nothing
    /// of it themselves when they are no longer declared: `Retain`, `Delete` or `DeleteIfEmpty`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// The streams that the project declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<Vec<Stream>>,
    /// The users that the project declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<User>>,
}
}

impl Spec for IggyTopologySpec {
    const KIND: Kind = Kind::IggyTopology;
    const DESCRIPTION: &'static str = "A project: its streams with their topics and consumer groups, nested. At most one is applied at a time.";
}
