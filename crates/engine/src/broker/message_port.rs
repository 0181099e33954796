use std::future::Future;

use bytes::Bytes;
use iggyctl_core::name::ResourceName;

use super::BrokerError;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeMessage {
    /// By which it is found again.
    pub id: u128,
    /// What it holds; at least one byte.
    pub payload: Bytes,
    /// A header with a text, so that others can tell what it is.
    pub mark: Option<(&'static str, String)>,
}

/// A message that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMessage {
    /// As it was sent with.
    pub id: u128,
    /// Its place in its partition.
    pub offset: u64,
    /// When the server stored it, in microseconds since the Unix epoch by the server's
    /// clock.
    pub stored_at_micros: u64,
    /// What it holds.
    pub payload: Bytes,
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// At the first message that is still kept.
    First,
    /// At the last one.
    Last,
    /// At this offset.
    Offset(u64),
}

/// One partition of a topic.
#[derive(Debug, Clone, Copy)]
pub struct PartitionRef<'a> {
    /// The stream.
    pub stream: &'a ResourceName,
    /// The topic.
    pub topic: &'a ResourceName,
    /// Counted from 0.
    pub partition: u32,
}

/// Single requests with messages, to find out whether they work: for traffic there is
/// `iggyctl-messaging`. No request stores an offset.
pub trait MessageProbe: Send + Sync {
    /// Sends one message. Returns its offset, where the server says it.
    ///
    /// # Errors
    /// When it is not known to be stored.
    fn send_message(
        &self,
        to: PartitionRef<'_>,
        message: &ProbeMessage,
    ) -> impl Future<Output = Result<Option<u64>, BrokerError>> + Send;

    /// Reads at most `count` messages, as nobody in particular.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read_messages(
        &self,
        of: PartitionRef<'_>,
        from: ReadFrom,
        count: u32,
    ) -> impl Future<Output = Result<Vec<FoundMessage>, BrokerError>> + Send;

    /// The same as a member of a group. `None` when the server says that the partition is
    /// that of another member.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read_as_member(
        &self,
        of: PartitionRef<'_>,
        group: &ResourceName,
        from: ReadFrom,
        count: u32,
    ) -> impl Future<Output = Result<Option<Vec<FoundMessage>>, BrokerError>> + Send;

    /// Becomes a member of a group, until it leaves or the connection ends.
    ///
    /// # Errors
    /// When it is not known to be one.
    fn join_group(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        group: &ResourceName,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Which partitions of a group are those of this connection; none when it is no
    /// member.
    ///
    /// # Errors
    /// When it cannot be read.
    fn assigned_partitions(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        group: &ResourceName,
    ) -> impl Future<Output = Result<Vec<u32>, BrokerError>> + Send;

    /// Leaves a group.
    ///
    /// # Errors
    /// When it is not known to have left.
    fn leave_group(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        group: &ResourceName,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;
}
