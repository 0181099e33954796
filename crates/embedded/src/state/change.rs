//! What a committed write touched, by ids.

use crate::log::{ConsumerKey, PartitionKey};

/// The one thing a write made or removed; the store writes exactly this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that is kept on disk (group membership).
    Volatile,
    /// A stream was created or renamed.
    StreamPut { stream: u32 },
    /// A stream went, with its topics and groups.
    StreamRemoved { stream: u32 },
    /// A topic was created, changed, or got or lost partitions.
    TopicPut { stream: u32, topic: u32 },
    /// A topic lost partitions, with all that is in them.
    PartitionsRemoved { stream: u32, topic: u32 },
    /// A topic, or all topics of a stream, were emptied.
    Purged { stream: u32, topic: Option<u32> },
    /// A topic went, with its groups.
    TopicRemoved { stream: u32, topic: u32 },
    /// A group was created; its topic's next group id moved.
    GroupPut { stream: u32, topic: u32, group: u32 },
    /// A group went.
    GroupRemoved { stream: u32, topic: u32, group: u32 },
    /// A batch was appended.
    Appended(PartitionKey),
    /// The oldest batches of a partition went.
    Trimmed(PartitionKey),
    /// An offset was stored or deleted.
    OffsetPut(PartitionKey, ConsumerKey),
    /// A user was created; tokens left under its id went.
    UserCreated { user: u32 },
    /// A user was changed.
    UserPut { user: u32 },
    /// A user went, with its tokens.
    UserRemoved { user: u32 },
    /// A token was created.
    TokenPut { user: u32, name: String },
    /// A token went.
    TokenRemoved { user: u32, name: String },
}
