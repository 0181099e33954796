//! What a scenario did: messages, bytes, and how long its requests took.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use iggyctl_core::render::{LatencyBucket, SmokeLatency};

use crate::latencies::{Bucket, Latencies, Percentiles};

/// Shared by all clients of a scenario.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Rc<RefCell<Recorded>>);

/// What was recorded.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Sent and read.
    pub(crate) messages: u64,
    /// Of payload.
    pub(crate) bytes: u64,
    /// How long what is shown took, where it was done before it was looked at.
    pub(crate) took: Option<Duration>,
    /// Of requests that send or read messages; absent before the first one.
    latencies: Option<Latencies>,
}

impl Recorder {
    /// A request that sent or read these messages.
    pub(crate) fn request(&self, took: Duration, payloads: impl Iterator<Item = usize>) {
        let mut recorded = self.0.borrow_mut();
        for bytes in payloads {
            recorded.messages += 1;
            recorded.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        }
        let latencies = recorded.latencies.get_or_insert_default();
        latencies.record(took);
    }

    /// Messages that were sent or read by a producer or a consumer, which make requests
    /// by themselves.
    pub(crate) fn messages(&self, count: usize, bytes: usize) {
        let mut recorded = self.0.borrow_mut();
        recorded.messages += u64::try_from(count).unwrap_or(u64::MAX);
        recorded.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// What is shown was done before, and took so long.
    pub(crate) fn took(&self, duration: Duration) {
        self.0.borrow_mut().took = Some(duration);
    }

    /// All until now; begins anew.
    pub(crate) fn take(&self) -> Recorded {
        std::mem::take(&mut self.0.borrow_mut())
    }
}

impl Recorded {
    /// Percentiles, and a bucket for each doubling from the shortest to the longest.
    pub(crate) fn latency(&self) -> Option<SmokeLatency> {
        let latencies = self.latencies.as_ref()?;
        let Percentiles { p50, p90, p99, max } = latencies.percentiles()?;
        let buckets = latencies.buckets().into_iter();
        Some(SmokeLatency {
            count: latencies.count(),
            p50,
            p90,
            p99,
            max,
            buckets: buckets
                .map(|Bucket { up_to, count }| LatencyBucket { up_to, count })
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_messages_are_counted_until_they_are_taken() {
        let recorder = Recorder::default();
        for micros in [3, 4, 5, 100, 1000, 1000] {
            recorder.request(Duration::from_micros(micros), [10, 20].into_iter());
        }
        recorder.messages(1, 5);
        let recorded = recorder.take();
        assert_eq!((recorded.messages, recorded.bytes), (13, 185));
        let latency = recorded.latency().unwrap();
        assert_eq!((latency.count, latency.max), (6, 1.0));
        assert_eq!(latency.buckets.iter().map(|it| it.count).sum::<u64>(), 6);
        assert!(recorder.take().latency().is_none());
    }
}
