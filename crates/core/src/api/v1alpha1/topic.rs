use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::{with_lifecycle, without_lifecycle};
use super::{Kind, Manifest, Name, Spec, StreamName};
use crate::quantity::{
    ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry, MessagesRequiredToSave,
    PartitionCount,
};
use crate::state::DeletionPolicy;

/// One topic as a document of its own.
pub type IggyTopic = Manifest<IggyTopicSpec>;

impl Spec for IggyTopicSpec {
    const KIND: Kind = Kind::IggyTopic;
    const DESCRIPTION: &'static str =
        "One topic in a stream that is declared elsewhere, or that is already on the server.";
}

/// The two shapes of a topic have the same settings, and differ only in how they say where and
/// what the topic is. A nested struct would put a level into the manifest that means nothing to
/// its author, so the fields are written once here.
macro_rules! with_topic_settings {
    (
        $lifecycle:ident
        $(#[$attribute:meta])*
        $name:ident { $($identity:tt)* }
    ) => {
        $lifecycle! {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($identity)*
            /// The name it had before: the topic is renamed in place, with its data. Acts only
            /// while the new name is missing, and the old one is there and not declared itself
            /// (unless that one is renamed, too), so a stale one is harmless.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub previous_name: Option<Name>,
            /// What becomes of it when it is no longer declared: `Retain`, `Delete` or `DeleteIfEmpty`. On the
            /// command line `Retain` is kept until `--allow-destroy` names it, and data always has to be named.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub deletion_policy: Option<DeletionPolicy>,
            /// Number of partitions, 0 to 1,000,000; a new topic without it gets one. Growing is
            /// done in place (keys then map to other partitions), shrinking loses data and must be
            /// allowed on the command line.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub partitions: Option<PartitionCount>,
            /// In Kubernetes, whether the number of partitions may become smaller, which loses what is in
            /// the last ones. On the command line that is allowed with `--allow-destroy`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub allow_partition_shrink: Option<bool>,
            /// How long messages are kept: `7d`, `36h`, `1h 30m`, ISO 8601 `P7D`, or `never`
            /// (the server's default).
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub message_expiry: Option<MessageExpiry>,
            /// How large the topic may grow before its oldest segments are deleted: `50GiB`, a
            /// number of bytes, or `unlimited` (the server's default). At least `segmentSize`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub max_topic_size: Option<MaxTopicSize>,
            /// Compression recorded for the topic: `none` (the server's default) or `gzip`. The
            /// server itself does not compress.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub compression: Option<Compression>,
            /// Size of one segment file: 1 MiB to 1 GiB (the server's default), in multiples of 512
            /// bytes. Create-only: the server cannot change it afterwards.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub segment_size: Option<ByteSize>,
            /// When a message counts as stored: `replicated` (the server's default) or `persisted`.
            /// Create-only.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub durability: Option<Durability>,
            /// When a consumer offset counts as stored: `replicated` (the server's default) or
            /// `persisted`. Create-only.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub consumer_offset_durability: Option<Durability>,
            /// Flush a partition after this many messages, 1 to 16,777,216; the server's default is
            /// 1024. Create-only.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub messages_required_to_save: Option<MessagesRequiredToSave>,
            /// Flush a partition after this many bytes, at most 1 GiB; the server's default is
            /// 1 MiB. Create-only.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub size_of_messages_required_to_save: Option<ByteSize>,
            /// Reserve each segment file up front; the server's default is `false`. `segmentSize`
            /// times `partitions` may be at most 64 GiB when the topic is created. Create-only.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub preallocate_segments: Option<bool>,
            /// Names of its consumer groups. Without a list, groups of the topic are left alone.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub consumer_groups: Option<Vec<Name>>,
        }
        }
    };
}

with_topic_settings! {
    without_lifecycle
    /// A topic of a stream.
    Topic {
        /// Name on the server, 1 to 255 bytes. Not a number such as `5` or `+5`.
        pub name: Name,
    }
}

with_topic_settings! {
    with_lifecycle
    /// What an `IggyTopic` declares.
    IggyTopicSpec {
        /// The stream it is in. Looked up on the server if no manifest declares it, never created.
        pub stream: StreamName,
        /// Name on the server; `metadata.name` without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<Name>,
    }
}

impl IggyTopicSpec {
    /// The stream, and the topic as it would be written in that stream;
    /// `metadata_name` is its name when the spec gives none.
    #[must_use]
    pub fn into_topic(self, metadata_name: Name) -> (StreamName, Topic) {
        let Self {
            stream,
            name,
            previous_name,
            deletion_policy,
            partitions,
            allow_partition_shrink,
            message_expiry,
            max_topic_size,
            compression,
            segment_size,
            durability,
            consumer_offset_durability,
            messages_required_to_save,
            size_of_messages_required_to_save,
            preallocate_segments,
            consumer_groups,
            server_ref: _,
            management: _,
            adoption: _,
            drift_policy: _,
            interval: _,
        } = self;
        let topic = Topic {
            name: name.unwrap_or(metadata_name),
            previous_name,
            deletion_policy,
            partitions,
            allow_partition_shrink,
            message_expiry,
            max_topic_size,
            compression,
            segment_size,
            durability,
            consumer_offset_durability,
            messages_required_to_save,
            size_of_messages_required_to_save,
            preallocate_segments,
            consumer_groups,
        };
        (stream, topic)
    }
}
