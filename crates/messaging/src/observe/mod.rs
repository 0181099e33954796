//! What can be seen of messages: spans and events of `tracing`, and metrics of the
//! `metrics` facade.
//!
//! Spans `send`, `poll`, `retry` and `acknowledge` have the fields `stream`, `topic`,
//! `partition`. Events have the field `event` (`emit_success`, `emit_retry`,
//! `emit_failure`, `consume_success`, `consume_retry`, `consume_failure`) and the same
//! others each time. The metrics go to whichever recorder of `metrics` the program
//! installs: `prometheus` (a default feature) or `opentelemetry` (a feature, for spans
//! and events, too).

pub(crate) mod consume;
pub(crate) mod emit;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
#[cfg(feature = "prometheus")]
pub mod prometheus;

/// Messages that are confirmed, by `stream` and `topic`.
pub const EMIT_TOTAL: &str = "iggy_emit_total";
/// Messages that were given up, by `stream` and `topic`.
pub const EMIT_FAILURE_TOTAL: &str = "iggy_emit_failure_total";
/// Seconds from the moment a message got into the buffer to its confirmation, all
/// retries included; by `stream` and `topic`.
pub const EMIT_LATENCY_SECONDS: &str = "iggy_emit_latency_seconds";
/// Messages that were handled, by `stream`, `topic` and `consumer` (or group).
pub const CONSUME_TOTAL: &str = "iggy_consume_total";
/// Messages of a partition that are not handled yet, as of the last poll that found
/// any, or the last stored offset; by `stream`, `topic`, `consumer` and `partition`.
pub const CONSUME_LAG: &str = "iggy_consume_lag";
/// Deliveries that were not acknowledged, after which the message comes again; by
/// `stream`, `topic` and `consumer`.
pub const REDELIVERED_TOTAL: &str = "iggy_redelivered_total";
/// Messages that were given up, whether they were sent to a topic of dead letters or
/// left out; by `stream`, `topic` and `consumer`.
pub const DEAD_LETTERED_TOTAL: &str = "iggy_dead_lettered_total";

/// Half a millisecond, where a server on the same machine answers, to half a minute,
/// where requests end.
#[cfg(any(feature = "opentelemetry", feature = "prometheus"))]
const LATENCY_BUCKETS: [f64; 15] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Says to the recorder what the metrics mean. Once, after it was installed.
pub fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!(EMIT_TOTAL, Unit::Count, "Messages that are confirmed");
    describe_counter!(
        EMIT_FAILURE_TOTAL,
        Unit::Count,
        "Messages that were given up"
    );
    describe_histogram!(
        EMIT_LATENCY_SECONDS,
        Unit::Seconds,
        "From the buffer to the confirmation"
    );
    describe_counter!(CONSUME_TOTAL, Unit::Count, "Messages that were handled");
    describe_gauge!(
        CONSUME_LAG,
        Unit::Count,
        "Messages of a partition that are not handled yet"
    );
    describe_counter!(
        REDELIVERED_TOTAL,
        Unit::Count,
        "Deliveries after which the message comes again"
    );
    describe_counter!(
        DEAD_LETTERED_TOTAL,
        Unit::Count,
        "Messages that were given up"
    );
}
