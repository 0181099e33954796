use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::with_lifecycle;
use super::{Kind, Manifest, Spec, StreamName, Topic};
use crate::state::DeletionPolicy;

/// One stream as a document of its own.
pub type IggyStream = Manifest<IggyStreamSpec>;

with_lifecycle! {
/// What an `IggyStream` declares.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IggyStreamSpec {
    /// Name on the server; `metadata.name` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<StreamName>,
    /// The name it had before: the stream is renamed in place, with its data. Acts only while the
    /// new name is missing, and the old one is there and not declared itself (unless that one is
    /// renamed, too), so a stale one is harmless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_name: Option<StreamName>,
    /// What becomes of it when it is no longer declared: `Retain`, `Delete` or `DeleteIfEmpty`. On the
    /// command line `Retain` is kept until `--allow-destroy` names it, and data always has to be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Its topics. Without a list, topics of the stream are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<Topic>>,
}
}

impl Spec for IggyStreamSpec {
    const KIND: Kind = Kind::IggyStream;
    const DESCRIPTION: &'static str =
        "One stream, with its topics if they belong to the same owner.";
}

/// A stream of an `IggyTopology`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stream {
    /// Name on the server, 1 to 255 bytes. Not a number such as `5` or `+5`, and not beginning with `iggyctl`.
    pub name: StreamName,
    /// The name it had before: the stream is renamed in place, with its data. Acts only while the
    /// new name is missing, and the old one is there and not declared itself (unless that one is
    /// renamed, too), so a stale one is harmless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_name: Option<StreamName>,
    /// What becomes of it when it is no longer declared: `Retain`, `Delete` or `DeleteIfEmpty`. On the
    /// command line `Retain` is kept until `--allow-destroy` names it, and data always has to be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Its topics. Without a list, topics of the stream are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<Topic>>,
}
