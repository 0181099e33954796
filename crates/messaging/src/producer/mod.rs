//! Sending messages.

mod builder;
mod delivery;
mod outgoing;
mod partitioning;
mod partitions;
mod prepare;
mod queue;
mod retry;
mod sender;
mod stamp;
mod worker;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

pub use builder::ProducerBuilder;
pub use delivery::Delivery;
pub use outgoing::Outgoing;
pub use partitioning::{KeyOf, Partitioning};
use prepare::Preparation;
pub use queue::Confirmation;
use queue::Intake;
pub use retry::RetryPolicy;
use stamp::Stamp;

use crate::connection::{Connection, Participant};
use crate::error::MessagingError;

/// The most bytes that a payload may have, as it is sent.
pub const MAX_PAYLOAD_BYTES: usize = iggy::prelude::MAX_PAYLOAD_SIZE as usize;

/// Sends values of one type to one topic: batched, repeated until they are there, in
/// order by partition. A cheap handle; clones share the buffer.
///
/// ```
/// use iggyctl_messaging::codec::Json;
/// use iggyctl_messaging::{Connection, Manifest, Partitioning, Producer};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Trade {
///     symbol: String,
///     price: f64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), iggyctl_messaging::MessagingError> {
/// let connection = Connection::open("embedded")?;
/// let producer = Producer::<Trade>::builder(&connection, "market", "trades")
///     .partitioning(Partitioning::key(|trade: &Trade| trade.symbol.clone()))
///     .ensure(Manifest::topic("market", "trades", 3)?)
///     .build(Json)?;
///
/// let trade = Trade { symbol: "BTCUSDT".to_owned(), price: 64_000.5 };
/// let confirmation = producer.send(trade).await?;
/// assert_eq!(confirmation.offset, Some(0));
///
/// // Sends what is buffered, and closes.
/// connection.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct Producer<T> {
    preparation: Arc<Preparation<T>>,
    intake: Arc<Intake>,
}

impl<T: Send + Sync + 'static> Producer<T> {
    /// How to make one for a topic.
    #[must_use]
    pub fn builder(connection: &Connection, stream: &str, topic: &str) -> ProducerBuilder<T> {
        ProducerBuilder::new(connection, stream, topic)
    }

    /// Sends a message and waits until it is there.
    ///
    /// # Errors
    /// A message that cannot be sent, a server that refuses it, or none that answers
    /// within all retries: see [`MessagingError`]. After an error the message may be
    /// there all the same, when only the answer was lost.
    pub async fn send(
        &self,
        message: impl Into<Outgoing<T>>,
    ) -> Result<Confirmation, MessagingError> {
        self.enqueue(message).await?.await
    }

    /// Gives a message to the buffer, and waits only until there is room for it. What
    /// is returned tells its end to who wants to know; the message is sent in any
    /// case.
    ///
    /// # Errors
    /// A message that cannot be sent; [`MessagingError::Closed`] after a shutdown.
    pub async fn enqueue(
        &self,
        message: impl Into<Outgoing<T>>,
    ) -> Result<Delivery, MessagingError> {
        let prepared = self
            .preparation
            .prepare(message.into(), &mut Stamp::now())?;
        let mut deliveries = self.intake.take(vec![prepared]).await?;
        deliveries.pop().ok_or(MessagingError::Closed)
    }

    /// As [`enqueue`](Self::enqueue), with many in this order, for less than one at a
    /// time costs. Either all of them can be sent or none is.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    pub async fn enqueue_all<M: Into<Outgoing<T>>>(
        &self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<Vec<Delivery>, MessagingError> {
        let messages = messages.into_iter();
        let mut prepared = Vec::with_capacity(messages.size_hint().0);
        let mut stamp = Stamp::now();
        for message in messages {
            prepared.push(self.preparation.prepare(message.into(), &mut stamp)?);
        }
        self.intake.take(prepared).await
    }

    /// Waits until everything that was given to it before has ended, well or not.
    pub async fn flush(&self) {
        self.intake.flush().await;
    }

    /// Bytes that wait or are on their way.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.intake.held()
    }

    /// Takes no more messages, and waits until all it has have ended. Shutting the
    /// connection down does this to all of its producers.
    pub async fn shutdown(&self) {
        self.intake.finish().await;
    }
}

impl Participant for Intake {
    fn finish(&self) -> BoxFuture<'_, ()> {
        self.close();
        Box::pin(self.flush())
    }
}

impl<T> Clone for Producer<T> {
    fn clone(&self) -> Self {
        Self {
            preparation: Arc::clone(&self.preparation),
            intake: Arc::clone(&self.intake),
        }
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Producer")
            .field("buffered_bytes", &self.intake.held())
            .finish_non_exhaustive()
    }
}
