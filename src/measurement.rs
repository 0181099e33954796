//! How many, how fast, and how long each took.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::latencies::{self, Latencies};

/// Counts messages while they go by, in memory that does not grow with them.
pub(crate) struct Measurement {
    started: Instant,
    messages: u64,
    bytes: u64,
    latencies: Latencies,
}

impl Measurement {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            messages: 0,
            bytes: 0,
            latencies: Latencies::default(),
        }
    }

    /// A message of this many bytes went by.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Something took this long.
    pub(crate) fn took(&mut self, latency: Duration) {
        self.latencies.record(latency);
    }

    /// How many messages so far.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// When the clock was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// All of it, until now.
    pub(crate) fn summary(&self) -> Summary {
        self.summary_after(self.started.elapsed())
    }

    fn summary_after(&self, elapsed: Duration) -> Summary {
        let seconds = elapsed.as_secs_f64();
        // Counts are far below 2^53.
        let rate = |count: u64| match seconds {
            0.0 => 0.0,
            seconds => rounded(count as f64 / seconds),
        };
        Summary {
            messages: self.messages,
            bytes: self.bytes,
            seconds: rounded(seconds),
            messages_per_second: rate(self.messages),
            bytes_per_second: rate(self.bytes),
            latency_milliseconds: self.latencies.percentiles().map(Percentiles::rounded),
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    pub(crate) messages: u64,
    /// Of their payloads.
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) messages_per_second: f64,
    pub(crate) bytes_per_second: f64,
    /// Absent when nothing was timed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency_milliseconds: Option<Percentiles>,
}

/// Of how long things took, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Percentiles {
    fn rounded(exact: latencies::Percentiles) -> Self {
        let latencies::Percentiles { p50, p90, p99, max } = exact;
        Self {
            p50: rounded(p50),
            p90: rounded(p90),
            p99: rounded(p99),
            max: rounded(max),
        }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p99, max } = self;
        write!(
            formatter,
            "p50 {p50} ms, p90 {p90} ms, p99 {p99} ms, max {max} ms"
        )
    }
}

impl fmt::Display for Summary {
    /// `3 messages, 36 B in 0.12 s: 25/s, 300 B/s`, without the latencies.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            messages,
            bytes,
            seconds,
            messages_per_second,
            bytes_per_second,
            latency_milliseconds: _,
        } = self;
        let noun = if *messages == 1 {
            "message"
        } else {
            "messages"
        };
        write!(
            formatter,
            "{messages} {noun}, {} in {seconds} s: {messages_per_second:.0}/s, {}/s",
            about(*bytes as f64),
            about(*bytes_per_second),
        )
    }
}

/// A number of bytes with three digits: `1.23 MB`.
pub(crate) fn about(bytes: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1e3;
        unit += 1;
    }
    let digits = match (unit, value) {
        (0, _) => 0,
        (_, value) if value < 9.995 => 2,
        (_, value) if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", units[unit])
}

/// To three digits after the point.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_rates_and_bytes_are_those_of_what_went_by() {
        let mut measurement = Measurement::start();
        for milliseconds in 1..=100 {
            measurement.count(20);
            measurement.took(Duration::from_millis(milliseconds));
        }
        let summary = measurement.summary_after(Duration::from_secs(4));
        assert_eq!((summary.messages, summary.bytes), (100, 2000));
        assert_eq!(summary.messages_per_second, 25.0);
        assert_eq!(summary.bytes_per_second, 500.0);
        let Percentiles { p50, p90, p99, max } = summary.latency_milliseconds.clone().unwrap();
        for (found, expected) in [(p50, 50.0), (p90, 90.0), (p99, 99.0), (max, 100.0)] {
            assert!(
                (found - expected).abs() < expected / 900.0,
                "{found} {expected}"
            );
        }
        assert_eq!(
            summary.to_string(),
            "100 messages, 2.00 kB in 4 s: 25/s, 500 B/s"
        );
    }

    #[test]
    fn nothing_has_no_percentiles_and_no_time_no_rate() {
        let summary = Measurement::start().summary_after(Duration::ZERO);
        assert_eq!(summary.latency_milliseconds, None);
        assert_eq!(summary.messages_per_second, 0.0);
    }

    #[test]
    fn bytes_have_three_digits() {
        for (bytes, text) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (1000.0, "1.00 kB"),
            (12_345.0, "12.3 kB"),
            (999_600.0, "1.00 MB"),
            (123_456_789.0, "123 MB"),
            (5e15, "5000 TB"),
        ] {
            assert_eq!(about(bytes), text);
        }
    }
}
