use std::future::Future;

use iggyctl_core::name::ResourceName;

use super::{BrokerError, PartitionRef};

/// A message without what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePlace {
    /// Its place in its partition.
    pub offset: u64,
    /// When the server took it, in microseconds since the Unix epoch.
    pub timestamp_micros: u64,
}

/// Which message is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The first one that is still kept.
    First,
    /// The last one.
    Last,
    /// The first one that is no older than this, in microseconds since the Unix epoch.
    Since(u64),
}

/// What messages and readers of a partition there are: reads that change nothing, and no
/// offset is stored by them.
pub trait MessageFacts: Send + Sync {
    /// Where a message is; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read; needs the right to poll.
    fn find_message(
        &self,
        of: PartitionRef<'_>,
        which: Which,
    ) -> impl Future<Output = Result<Option<MessagePlace>, BrokerError>> + Send;

    /// The offset that a consumer group stored, which is that of the last message it read;
    /// `None` when it stored none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn stored_offset(
        &self,
        of: PartitionRef<'_>,
        group: &ResourceName,
    ) -> impl Future<Output = Result<Option<u64>, BrokerError>> + Send;
}
