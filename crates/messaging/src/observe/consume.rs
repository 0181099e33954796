use std::time::Duration;

use tracing::span::EnteredSpan;

use super::{CONSUME_LAG, CONSUME_TOTAL, DEAD_LETTERED_TOTAL, REDELIVERED_TOTAL};
use crate::consumer::{Redelivery, Ticket};

/// Tells of one consumer.
pub(crate) struct Observer {
    pub(crate) stream: String,
    pub(crate) topic: String,
    /// The name of the consumer, or of the group.
    consumer: String,
}

impl Observer {
    pub(crate) fn new(stream: &str, topic: &str, consumer: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            topic: topic.to_owned(),
            consumer: consumer.to_owned(),
        }
    }

    fn labels(&self) -> [(&'static str, String); 3] {
        [
            ("stream", self.stream.clone()),
            ("topic", self.topic.clone()),
            ("consumer", self.consumer.clone()),
        ]
    }

    /// Messages of one partition were handled; the offset that is stored now, if one is.
    pub(crate) fn handled(&self, partition: u32, messages: u64, offset: Option<u64>) {
        if messages > 0 {
            metrics::counter!(CONSUME_TOTAL, &self.labels()).increment(messages);
        }
        tracing::debug!(
            event = "consume_success",
            stream = self.stream,
            topic = self.topic,
            consumer = self.consumer,
            partition,
            messages,
            offset,
        );
    }

    /// How many messages of a partition are not done with.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a gauge is a float; beyond 2^53 messages nobody counts"
    )]
    pub(crate) fn lag(&self, partition: u32, messages: u64) {
        let [stream, topic, consumer] = self.labels();
        let labels = [
            stream,
            topic,
            consumer,
            ("partition", partition.to_string()),
        ];
        metrics::gauge!(CONSUME_LAG, &labels).set(messages as f64);
    }

    /// Around a delivery that is not the first of its message.
    pub(crate) fn retry_span(&self, ticket: Ticket, attempt: u32) -> EnteredSpan {
        tracing::debug_span!(
            "retry",
            stream = self.stream,
            topic = self.topic,
            partition = ticket.partition,
            offset = ticket.offset,
            attempt
        )
        .entered()
    }

    /// A message comes again.
    pub(crate) fn redelivers(&self, ticket: Ticket, again: &Redelivery) {
        metrics::counter!(REDELIVERED_TOTAL, &self.labels()).increment(1);
        let Redelivery {
            attempts,
            pause,
            error,
        } = again;
        self.retry(
            Some(ticket.partition),
            Some(ticket.offset),
            *attempts,
            *pause,
            error,
        );
    }

    /// A request is repeated after a pause.
    pub(crate) fn retries(&self, attempts: u32, pause: Duration, error: &str) {
        self.retry(None, None, attempts, pause, error);
    }

    fn retry(
        &self,
        partition: Option<u32>,
        offset: Option<u64>,
        attempts: u32,
        pause: Duration,
        error: &str,
    ) {
        tracing::warn!(
            event = "consume_retry",
            stream = self.stream,
            topic = self.topic,
            consumer = self.consumer,
            partition,
            offset,
            attempts,
            pause_millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            error,
        );
    }

    /// A message was given up: sent to the topic of dead letters, or left out.
    pub(crate) fn gave_up(&self, ticket: Ticket, attempts: u32, outcome: &str, error: &str) {
        metrics::counter!(DEAD_LETTERED_TOTAL, &self.labels()).increment(1);
        tracing::error!(
            event = "consume_failure",
            stream = self.stream,
            topic = self.topic,
            consumer = self.consumer,
            partition = ticket.partition,
            offset = ticket.offset,
            attempts,
            outcome,
            error,
        );
    }
}
