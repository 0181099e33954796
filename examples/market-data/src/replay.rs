//! Publishing updates, each to its topic.

use std::collections::BTreeMap;
use std::time::Duration;

use iggyctl_messaging::codec::Json;
use iggyctl_messaging::{
    Connection, Delivery, MessagingError, Partitioning, Producer, RetryPolicy,
};

use tokio::time::{Interval, interval};

use crate::STREAM;
use crate::update::{Topic, Update};

/// Confirmations that are not waited for yet. The buffer of a producer is bounded by
/// its bytes; this bounds what we remember of it.
const MOST_OPEN: usize = 10_000;

/// One producer for each topic.
pub struct Replayer {
    producers: BTreeMap<Topic, Producer<Update>>,
    open: Vec<Delivery>,
    confirmed: u64,
}

impl Replayer {
    /// Connects nothing yet.
    ///
    /// # Errors
    /// As [`iggyctl_messaging::ProducerBuilder::build`].
    pub fn new(connection: &Connection, retry: RetryPolicy) -> Result<Self, MessagingError> {
        let producer = |topic: Topic| {
            let producer = Producer::builder(connection, STREAM, topic.name())
                .partitioning(Partitioning::key(|update: &Update| update.symbol.clone()))
                .retry(retry)
                .build(Json)?;
            Ok((topic, producer))
        };
        let producers: Result<_, MessagingError> = Topic::ALL.into_iter().map(producer).collect();
        Ok(Self {
            producers: producers?,
            open: Vec::new(),
            confirmed: 0,
        })
    }

    /// Gives an update to the buffer of its topic, and waits only while that is full.
    /// Updates of a symbol never overtake each other in their topic, also when some of
    /// them are sent again.
    ///
    /// # Errors
    /// One that was given up, this or one before.
    pub async fn publish(&mut self, update: Update) -> Result<(), MessagingError> {
        if let Some(producer) = self.producers.get(&update.data.topic()) {
            self.open.push(producer.enqueue(update).await?);
        }
        if self.open.len() >= MOST_OPEN {
            self.confirm().await?;
        }
        Ok(())
    }

    /// Waits until the server has all of them; how many there were.
    ///
    /// # Errors
    /// One that was given up.
    pub async fn finish(mut self) -> Result<u64, MessagingError> {
        self.confirm().await?;
        Ok(self.confirmed)
    }

    async fn confirm(&mut self) -> Result<(), MessagingError> {
        for delivery in self.open.drain(..) {
            delivery.await?;
            self.confirmed += 1;
        }
        Ok(())
    }
}

/// How fast to publish.
#[derive(Debug)]
pub struct Pace(Option<Interval>);

impl Pace {
    /// So many a second, at least one; none for as many as the server takes.
    #[must_use]
    pub fn new(rate: Option<u32>) -> Self {
        Self(rate.map(|rate| interval(Duration::from_secs(1) / rate.max(1))))
    }

    /// Waits for the turn of the next one. What was late is caught up on.
    pub async fn turn(&mut self) {
        if let Some(interval) = &mut self.0 {
            interval.tick().await;
        }
    }
}
