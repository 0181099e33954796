//! Receiving messages.

mod assignment;
mod batch_limit;
mod board;
mod builder;
pub mod dead_letters;
mod fetched;
mod in_hand;
pub(crate) mod incoming;
mod partition;
mod policy;
pub(crate) mod requests;
mod shared;
pub(crate) mod start;
mod storing;
mod tracker;
mod worker;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use tokio::task::coop::poll_proceed;

use assignment::Source;
pub(crate) use board::{Answer, Redelivery, Ticket};
pub use builder::ConsumerBuilder;
use incoming::Opening;
pub use policy::{Commit, DeadLetters, RedeliveryPolicy};
use shared::Next;
pub(crate) use shared::Shared;
pub use start::Start;

use crate::connection::Connection;
use crate::error::MessagingError;
use crate::message::{Acknowledgement, Message};

/// Receives values of one type from one topic: fetched ahead, handed over in order by
/// partition, and again when they could not be handled. Also a
/// [`Stream`].
///
/// ```
/// use iggyctl_messaging::codec::Json;
/// use iggyctl_messaging::{Connection, Consumer, DeadLetters, Manifest, Producer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), iggyctl_messaging::MessagingError> {
/// let connection = Connection::open("embedded")?;
/// let producer = Producer::<String>::builder(&connection, "jobs", "tasks")
///     .ensure(Manifest::topic("jobs", "tasks", 3)?)
///     .build(Json)?;
/// producer.send("resize".to_owned()).await?;
///
/// let mut consumer = Consumer::<String>::group(&connection, "workers", "jobs", "tasks")
///     .dead_letters(DeadLetters::to("jobs", "failed"))
///     .ensure(Manifest::topic("jobs", "failed", 1)?)
///     .build(Json)?;
/// while let Some(message) = consumer.next().await {
///     let message = message?;
///     match message.payload.as_str() {
///         "resize" => message.ack(),
///         other => {
///             let reason = format!("what is `{other}`?");
///             message.nack(reason);
///         }
///     }
///     # break;
/// }
///
/// // Stores what was acknowledged, leaves the group, and closes.
/// connection.shutdown().await;
/// assert!(consumer.next().await.is_none());
/// # Ok(())
/// # }
/// ```
pub struct Consumer<T> {
    shared: Arc<Shared>,
    opening: Opening<T>,
    reports_unreadable: bool,
}

impl<T: Send + 'static> Consumer<T> {
    /// How to make one that reads all partitions, or one of them, and stores its
    /// offsets by its name. Two with the same name read the same and store the same
    /// offsets.
    #[must_use]
    pub fn plain(
        connection: &Connection,
        name: &str,
        stream: &str,
        topic: &str,
    ) -> ConsumerBuilder<T> {
        ConsumerBuilder::new(connection, name, Source::All, stream, topic)
    }

    /// How to make a member of a group, which shares the partitions and the stored
    /// offsets with the other members. The group is made when it is not there.
    ///
    /// Each has a session with the server of its own, with the addresses and
    /// credentials of the connection, since a session is one member. With a client that
    /// was brought along it shares that: only one member of each group then.
    #[must_use]
    pub fn group(
        connection: &Connection,
        group: &str,
        stream: &str,
        topic: &str,
    ) -> ConsumerBuilder<T> {
        let source = Source::Group {
            name: group.to_owned(),
            creates: true,
        };
        ConsumerBuilder::new(connection, group, source, stream, topic)
    }

    /// The next message; waits for it. None after a shutdown of this or of its
    /// connection. Dropping the future loses nothing.
    ///
    /// # Errors
    /// What a person has to see to: a server that refuses, that is not found for as
    /// long as the connection's [`Backoff`](crate::connection::Backoff) allows, or a
    /// topic for dead letters that is not there. It is tried again after a pause all
    /// the same: calling this again goes on.
    pub async fn next(&mut self) -> Option<Result<Message<T>, MessagingError>> {
        futures::StreamExt::next(self).await
    }

    /// Comes back when the offset of everything that was acknowledged before is stored,
    /// as far as all before it are acknowledged.
    ///
    /// # Errors
    /// [`MessagingError::Closed`] after a shutdown.
    pub async fn commit(&self) -> Result<(), MessagingError> {
        self.shared.flush().await
    }

    /// Hands over nothing more, waits for the answers to what was handed over (5 s
    /// unless it is set otherwise), stores their offsets, and leaves the group. Shutting
    /// the connection down does this to all of its consumers; dropping this does, too,
    /// without waiting for it.
    pub async fn shutdown(&self) {
        self.shared.close();
        self.shared.end().await;
    }
}

impl<T: 'static> Stream for Consumer<T> {
    type Item = Result<Message<T>, MessagingError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Whoever only takes and answers messages would leave no room on its thread for
        // the task that fetches more of them and stores what is answered.
        let budget = ready!(poll_proceed(context));
        loop {
            let handed = match self.shared.next(context.waker()) {
                Next::Message(handed) => handed,
                Next::Error(error) => return Poll::Ready(Some(Err(error))),
                Next::Nothing => return Poll::Pending,
                Next::End => return Poll::Ready(None),
            };
            budget.made_progress();
            let _span = (handed.attempt > 1).then(|| {
                self.shared
                    .observer
                    .retry_span(handed.ticket, handed.attempt)
            });
            let (payload, headers) = match self.opening.open(&handed.message) {
                Ok(opened) => opened,
                Err(error) if self.reports_unreadable => {
                    let Ticket {
                        partition,
                        epoch: _,
                        offset,
                    } = handed.ticket;
                    let reason = error.to_string();
                    Acknowledgement::new(Arc::clone(&self.shared), handed.ticket).nack(&reason);
                    return Poll::Ready(Some(Err(MessagingError::Unreadable {
                        partition,
                        offset,
                        reason,
                    })));
                }
                Err(error) => {
                    self.shared.reject(handed, error.to_string());
                    continue;
                }
            };
            let header = &handed.message.header;
            return Poll::Ready(Some(Ok(Message {
                payload,
                partition: handed.ticket.partition,
                offset: handed.ticket.offset,
                id: header.id,
                timestamp: header.timestamp,
                origin_timestamp: header.origin_timestamp,
                headers,
                attempt: handed.attempt,
                acknowledgement: Acknowledgement::new(Arc::clone(&self.shared), handed.ticket),
            })));
        }
    }
}

impl<T> Unpin for Consumer<T> {}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Consumer")
            .field("stream", &self.shared.observer.stream)
            .field("topic", &self.shared.observer.topic)
            .finish_non_exhaustive()
    }
}
