use std::time::Duration;

use super::{EMIT_FAILURE_TOTAL, EMIT_LATENCY_SECONDS, EMIT_TOTAL};
use crate::error::MessagingError;

/// Tells of one producer.
pub(crate) struct Emitter {
    stream: String,
    topic: String,
}

impl Emitter {
    pub(crate) fn new(stream: &str, topic: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            topic: topic.to_owned(),
        }
    }

    fn labels(&self) -> [(&'static str, String); 2] {
        [
            ("stream", self.stream.clone()),
            ("topic", self.topic.clone()),
        ]
    }

    /// The messages of one request are there.
    pub(crate) fn sent(
        &self,
        partition: u32,
        base_offset: Option<u64>,
        attempts: u32,
        latencies: impl ExactSizeIterator<Item = Duration>,
    ) {
        let messages = latencies.len();
        // The handles are asked for each time, so that a recorder that is installed
        // later counts from then on; once for each request costs nothing.
        metrics::counter!(EMIT_TOTAL, &self.labels()).increment(messages as u64);
        let histogram = metrics::histogram!(EMIT_LATENCY_SECONDS, &self.labels());
        let mut longest = Duration::ZERO;
        for latency in latencies {
            longest = longest.max(latency);
            histogram.record(latency);
        }
        tracing::debug!(
            event = "emit_success",
            stream = self.stream,
            topic = self.topic,
            partition,
            messages,
            attempts,
            base_offset,
            latency_micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX),
        );
    }

    /// They are sent again after a pause.
    pub(crate) fn retries(
        &self,
        partition: u32,
        messages: usize,
        attempts: u32,
        pause: Duration,
        error: &str,
    ) {
        tracing::warn!(
            event = "emit_retry",
            stream = self.stream,
            topic = self.topic,
            partition,
            messages,
            attempts,
            pause_millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            error,
        );
    }

    /// They were given up.
    pub(crate) fn failed(&self, partition: Option<u32>, messages: usize, error: &MessagingError) {
        metrics::counter!(EMIT_FAILURE_TOTAL, &self.labels()).increment(messages as u64);
        tracing::error!(
            event = "emit_failure",
            stream = self.stream,
            topic = self.topic,
            partition,
            messages,
            %error,
        );
    }
}
