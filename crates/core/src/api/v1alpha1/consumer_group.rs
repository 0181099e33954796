use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::with_lifecycle;
use super::{Kind, Manifest, Name, Spec, StreamName};
use crate::state::DeletionPolicy;

/// One consumer group as a document of its own.
pub type IggyConsumerGroup = Manifest<IggyConsumerGroupSpec>;

with_lifecycle! {
/// What an `IggyConsumerGroup` declares; the server keeps no settings for one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IggyConsumerGroupSpec {
    /// The stream of its topic. Looked up on the server if no manifest declares it, never created.
    pub stream: StreamName,
    /// The topic it reads. Looked up on the server if no manifest declares it, never created.
    pub topic: Name,
    /// Name on the server; `metadata.name` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// What becomes of it when it is no longer declared: `Retain`, `Delete` or `DeleteIfEmpty`. It
    /// holds offsets, so on the command line it always has to be named by `--allow-destroy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}
}

impl Spec for IggyConsumerGroupSpec {
    const KIND: Kind = Kind::IggyConsumerGroup;
    const DESCRIPTION: &'static str = "One consumer group of a topic that is declared elsewhere, or that is already on the server.";
}
