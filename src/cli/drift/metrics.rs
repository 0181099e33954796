//! What a watch tells Prometheus.

use std::time::Duration;

use iggyctl_core::drift::{DriftKind, DriftReport};
use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Looks by result: `ok`, or `error` when there was nothing to report.
const LOOKS: &str = "iggyctl_drift_looks_total";
/// What differed in the last look that could be made, by kind.
const ITEMS: &str = "iggyctl_drift_items";
/// Whether the last look could be made.
const UP: &str = "iggyctl_drift_up";
/// How many of the record and the lists could not be read in the last look.
const UNREAD: &str = "iggyctl_drift_unread";
/// How long the last look took that could be made.
const DURATION: &str = "iggyctl_drift_duration_seconds";
/// When the last look ended that could be made, in seconds since the Unix epoch.
const LAST: &str = "iggyctl_drift_last_success_timestamp_seconds";
/// Whether the server has another ledger than at the beginning, or none any more.
const OTHER_LEDGER: &str = "iggyctl_drift_other_ledger";

/// Says what they mean.
pub(super) fn describe() {
    describe_counter!(LOOKS, "Looks at the server by result.");
    describe_gauge!(
        ITEMS,
        "What differed in the last look that could be made, by kind."
    );
    describe_gauge!(
        UNREAD,
        "How many of the record and the lists that are compared could not be read."
    );
    describe_gauge!(UP, "Whether the last look could be made.");
    describe_gauge!(
        DURATION,
        "How long the last look took that could be made, in seconds."
    );
    describe_gauge!(LAST, "When the last look ended that could be made.");
    describe_gauge!(
        OTHER_LEDGER,
        "Whether the server has another ledger than at the beginning, or none any more."
    );
}

/// Counts a look.
pub(super) fn count(report: &DriftReport, took: Duration) {
    counter!(LOOKS, "result" => "ok").increment(1);
    let kinds = report.by_kind();
    for kind in DriftKind::ALL {
        let count = kinds.get(&kind).copied().unwrap_or(0);
        gauge!(ITEMS, "kind" => kind.word()).set(f64::from(count));
    }
    let unread = u32::try_from(report.unread.len()).unwrap_or(u32::MAX);
    gauge!(UNREAD).set(f64::from(unread));
    gauge!(UP).set(1.0);
    gauge!(OTHER_LEDGER).set(f64::from(u8::from(report.other_ledger.is_some())));
    gauge!(DURATION).set(took.as_secs_f64());
    let now = jiff::Timestamp::now().as_second();
    // Exact for the next 285 million years.
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    gauge!(LAST).set(now as f64);
}

/// Counts a look that could not be made.
pub(super) fn count_error() {
    counter!(LOOKS, "result" => "error").increment(1);
    gauge!(UP).set(0.0);
}
