use std::future::Future;

use iggyctl_core::ledger::{HISTORY, REVISIONS, STREAM};
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::ObservedStream;

use crate::broker::{FoundMessage, PartitionRef, ProbeMessage, ReadFrom};
use crate::observe::ReadError;

/// A partition of the ledger that is only ever appended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Log {
    /// The entries of what has begun.
    Begun,
    /// The entries of what has ended.
    Ended,
    /// The parts of the documents.
    Documents,
}

impl Log {
    /// Where it is.
    #[must_use]
    pub fn partition(self) -> PartitionRef<'static> {
        let (topic, partition) = match self {
            Self::Begun => (&HISTORY, 0),
            Self::Ended => (&HISTORY, 1),
            Self::Documents => (&REVISIONS, 0),
        };
        PartitionRef {
            stream: &STREAM,
            topic,
            partition,
        }
    }
}

/// Reading the ledger of a server: whoever has only this cannot change anything.
pub trait LedgerRead: Send + Sync {
    /// The stream of the ledger; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn ledger_stream(
        &self,
    ) -> impl Future<Output = Result<Option<ObservedStream>, ReadError>> + Send;

    /// At most `count` messages, from the oldest to the newest.
    ///
    /// # Errors
    /// When they cannot be read; needs the right to poll.
    fn read_log(
        &self,
        log: Log,
        from: ReadFrom,
        count: u32,
    ) -> impl Future<Output = Result<Vec<FoundMessage>, ReadError>> + Send;
}

/// Writing it.
///
/// As for [`BrokerWrite`](crate::broker::BrokerWrite), an error that says that the outcome
/// is unknown means that it may have happened, or may still.
pub trait LedgerWrite: LedgerRead {
    /// Makes the stream.
    ///
    /// # Errors
    /// When it is not known to be made.
    fn create_ledger_stream(&self) -> impl Future<Output = Result<(), ReadError>> + Send;

    /// Makes one of its topics.
    ///
    /// # Errors
    /// When it is not known to be made.
    fn create_ledger_topic(
        &self,
        topic: &ResourceName,
        partitions: u32,
        settings: &TopicSettings,
    ) -> impl Future<Output = Result<(), ReadError>> + Send;

    /// Appends a message. Returns its offset, where the server says it.
    ///
    /// # Errors
    /// When it is not known to be stored.
    fn append(
        &self,
        log: Log,
        message: &ProbeMessage,
    ) -> impl Future<Output = Result<Option<u64>, ReadError>> + Send;
}
