//! What a scenario did: messages, bytes, and how long its requests took.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use iggyctl_core::render::{LatencyBucket, SmokeLatency};

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
    /// Of requests that send or read messages, in microseconds.
    latencies: Option<Histogram<u64>>,
}

/// No request takes longer: a scenario has a time limit.
const LONGEST_MICROS: u64 = 60 * 60 * 1_000_000;
/// Three digits: 1.23 ms and 1.24 ms are two.
const DIGITS: u8 = 3;

impl Recorder {
    /// A request that sent or read these messages.
    pub(crate) fn request(&self, took: Duration, payloads: impl Iterator<Item = usize>) {
        let mut recorded = self.0.borrow_mut();
        for bytes in payloads {
            recorded.messages += 1;
            recorded.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        }
        if recorded.latencies.is_none() {
            recorded.latencies = Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS).ok();
        }
        if let Some(latencies) = &mut recorded.latencies {
            latencies.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// Messages that were sent or read by a producer or a consumer, which make requests
    /// by themselves.
    pub(crate) fn messages(&self, count: usize, bytes: usize) {
        let mut recorded = self.0.borrow_mut();
        recorded.messages += u64::try_from(count).unwrap_or(u64::MAX);
        recorded.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// All until now; begins anew.
    pub(crate) fn take(&self) -> Recorded {
        std::mem::take(&mut self.0.borrow_mut())
    }
}

impl Recorded {
    /// Percentiles, and a bucket for each doubling from the shortest to the longest.
    pub(crate) fn latency(&self) -> Option<SmokeLatency> {
        let latencies = self.latencies.as_ref().filter(|it| !it.is_empty())?;
        let at = |quantile| milliseconds(latencies.value_at_quantile(quantile));
        let mut buckets = Vec::new();
        let mut from = 0;
        let mut up_to = 1_u64;
        while from <= latencies.max() {
            let count = latencies.count_between(from, up_to);
            if count > 0 || !buckets.is_empty() {
                buckets.push(LatencyBucket {
                    up_to: milliseconds(up_to),
                    count,
                });
            }
            from = up_to + 1;
            up_to *= 2;
        }
        Some(SmokeLatency {
            count: latencies.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: milliseconds(latencies.max()),
            buckets,
        })
    }
}

/// Counts are far below 2^53.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_in_one_bucket() {
        let recorder = Recorder::default();
        for micros in [3, 4, 5, 100, 1000, 1000] {
            recorder.request(Duration::from_micros(micros), [10, 20].into_iter());
        }
        recorder.messages(1, 5);
        let recorded = recorder.take();
        assert_eq!((recorded.messages, recorded.bytes), (13, 185));
        let latency = recorded.latency().unwrap();
        assert_eq!(latency.count, 6);
        assert_eq!(latency.max, 1.0);
        let buckets: Vec<(f64, u64)> = latency
            .buckets
            .iter()
            .map(|bucket| (bucket.up_to, bucket.count))
            .collect();
        assert_eq!(buckets.first(), Some(&(0.004, 2)));
        assert_eq!(buckets.last(), Some(&(1.024, 2)));
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 6);
        assert!(recorder.take().latency().is_none());
    }
}
