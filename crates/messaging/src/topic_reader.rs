//! Looking into a topic, request by request, with the patience of a command: what may
//! pass is tried again a few times.

use std::time::Duration;

use backon::BackoffBuilder as _;
use iggy::prelude::{Consumer, PolledMessages, TopicClient as _};

use crate::connection::{Connection, Session, exponential};
use crate::consumer::requests::{Failure, Requests};
use crate::consumer::start::Position;
use crate::error::MessagingError;
use crate::names::named;

/// After that many a person is told. With the pauses between them, about ten seconds.
const MOST_ATTEMPTS: u32 = 10;

const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Reads one topic, in the name of one consumer.
pub(crate) struct TopicReader {
    pub(crate) requests: Requests,
    pub(crate) stream: String,
    pub(crate) topic: String,
}

/// One partition, as its topic lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListedPartition {
    pub(crate) id: u32,
    /// The newest offset; none when there never was a message (since the last purge).
    pub(crate) last: Option<u64>,
    /// How many messages there are, eventually consistent.
    pub(crate) messages: u64,
}

impl TopicReader {
    pub(crate) fn new(
        connection: &Connection,
        stream: &str,
        topic: &str,
        consumer: Consumer,
    ) -> Result<Self, MessagingError> {
        Ok(Self {
            requests: Requests {
                connection: connection.clone(),
                stream: named(stream, "the stream")?,
                topic: named(topic, "the topic")?,
                consumer,
            },
            stream: stream.to_owned(),
            topic: topic.to_owned(),
        })
    }

    /// Tries until it is done, as long as that may help.
    ///
    /// The session is given away: the compiler cannot tell that a future which borrows
    /// it is `Send`, and services spawn what they wait for.
    pub(crate) async fn patiently<R, F: Future<Output = Result<R, Failure>>>(
        &self,
        operation: &'static str,
        request: impl Fn(Session) -> F,
    ) -> Result<R, MessagingError> {
        let mut pauses = exponential(PAUSE, LONGEST_PAUSE).build();
        let mut attempts = 0;
        loop {
            let session = self.requests.connection.session().await?;
            attempts += 1;
            let last = match request(session).await {
                Ok(reply) => return Ok(reply),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::NotThere) => return Err(self.no_topic()),
                Err(Failure::MayPass(last)) => last,
            };
            if attempts >= MOST_ATTEMPTS {
                return Err(MessagingError::GaveUp {
                    operation,
                    attempts,
                    last,
                });
            }
            tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
    }

    pub(crate) fn no_topic(&self) -> MessagingError {
        MessagingError::NoTopic {
            stream: self.stream.clone(),
            topic: self.topic.clone(),
        }
    }

    /// All partitions by id.
    pub(crate) async fn partitions(&self) -> Result<Vec<ListedPartition>, MessagingError> {
        let requests = &self.requests;
        let listed = self
            .patiently("read the topic", |session| async move {
                let request = session
                    .client()
                    .get_topic(&requests.stream, &requests.topic);
                match requests.ask(&session, "read the topic", request).await? {
                    Some(topic) => Ok(topic.partitions),
                    None => Err(Failure::NotThere),
                }
            })
            .await?;
        let mut partitions: Vec<ListedPartition> = listed
            .into_iter()
            .map(|partition| ListedPartition {
                id: partition.id,
                // A partition without messages has the newest offset 0, too.
                last: (partition.messages_count > 0 || partition.current_offset > 0)
                    .then_some(partition.current_offset),
                messages: partition.messages_count,
            })
            .collect();
        partitions.sort_by_key(|partition| partition.id);
        Ok(partitions)
    }

    /// Messages from this offset on, or from the first one after it that is there.
    pub(crate) async fn poll(
        &self,
        partition: u32,
        position: Position,
        count: u32,
    ) -> Result<PolledMessages, MessagingError> {
        let requests = &self.requests;
        self.patiently("poll messages", |session| async move {
            requests
                .poll(&session, partition, position, count, false)
                .await
        })
        .await
    }

    /// The offset of the oldest message that is there.
    pub(crate) async fn first(&self, partition: u32) -> Result<Option<u64>, MessagingError> {
        let polled = self.poll(partition, Position::Offset(0), 1).await?;
        Ok(polled.messages.first().map(|message| message.header.offset))
    }

    /// The offset of the newest message that is there.
    pub(crate) async fn last(&self, partition: u32) -> Result<Option<u64>, MessagingError> {
        let polled = self.poll(partition, Position::Last, 1).await?;
        Ok(polled.messages.last().map(|message| message.header.offset))
    }

    /// The offset of the first message that the server got at this time (microseconds
    /// since the Unix epoch) or later.
    pub(crate) async fn first_since(
        &self,
        partition: u32,
        micros: u64,
    ) -> Result<Option<u64>, MessagingError> {
        // What comes first may be a little older, by as much as a batch.
        let mut position = Position::Timestamp(micros);
        loop {
            let polled = self.poll(partition, position, 1000).await?;
            let Some(newest) = polled.messages.last() else {
                return Ok(None);
            };
            let found = polled
                .messages
                .iter()
                .find(|message| message.header.timestamp >= micros);
            if let Some(found) = found {
                return Ok(Some(found.header.offset));
            }
            position = Position::Offset(newest.header.offset + 1);
        }
    }

    /// The offset that is stored for the consumer of this.
    pub(crate) async fn stored(&self, partition: u32) -> Result<Option<u64>, MessagingError> {
        let requests = &self.requests;
        self.patiently("read the stored offset", |session| async move {
            requests.stored(&session, partition).await
        })
        .await
    }
}
