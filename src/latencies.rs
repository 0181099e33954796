//! How long things took: percentiles in memory that does not grow with them.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Durations, with three digits: 1.23 ms and 1.24 ms are two.
#[derive(Debug)]
pub(crate) struct Latencies(
    /// In microseconds. None would mean that the bounds below are wrong.
    Option<Histogram<u64>>,
);

/// Nothing that is waited for takes longer.
const LONGEST_MICROS: u64 = 24 * 60 * 60 * 1_000_000;
const DIGITS: u8 = 3;

/// Of some durations, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// How many durations were not longer than this, and longer than those of the bucket
/// before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    /// In milliseconds.
    pub(crate) up_to: f64,
    pub(crate) count: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS).ok())
    }
}

impl Latencies {
    /// Something took this long.
    pub(crate) fn record(&mut self, duration: Duration) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// Absent when there are none.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let histogram = self.0.as_ref().filter(|it| !it.is_empty())?;
        let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
        Some(Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: milliseconds(histogram.max()),
        })
    }

    /// A bucket for each doubling from the shortest to the longest.
    pub(crate) fn buckets(&self) -> Vec<Bucket> {
        let mut buckets = Vec::new();
        let Some(histogram) = self.0.as_ref().filter(|it| !it.is_empty()) else {
            return buckets;
        };
        let mut from = 0;
        let mut up_to = 1_u64;
        while from <= histogram.max() {
            let count = histogram.count_between(from, up_to);
            if count > 0 || !buckets.is_empty() {
                buckets.push(Bucket {
                    up_to: milliseconds(up_to),
                    count,
                });
            }
            from = up_to + 1;
            up_to *= 2;
        }
        buckets
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
    fn each_duration_is_in_one_bucket() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.buckets(), []);
        assert_eq!(latencies.percentiles(), None);
        for micros in [3, 4, 5, 100, 1000, 1000] {
            latencies.record(Duration::from_micros(micros));
        }
        assert_eq!(latencies.count(), 6);
        let buckets = latencies.buckets();
        let bucket = |up_to, count| Bucket { up_to, count };
        assert_eq!(buckets.first(), Some(&bucket(0.004, 2)));
        assert_eq!(buckets.last(), Some(&bucket(1.024, 2)));
        assert_eq!(buckets.iter().map(|it| it.count).sum::<u64>(), 6);
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::default();
        for milliseconds in 1..=100 {
            latencies.record(Duration::from_millis(milliseconds));
        }
        let Percentiles { p50, p90, p99, max } = latencies.percentiles().unwrap();
        for (found, expected) in [(p50, 50.0), (p90, 90.0), (p99, 99.0), (max, 100.0)] {
            let difference: f64 = found - expected;
            assert!(difference.abs() < expected / 900.0, "{found} {expected}");
        }
    }
}
