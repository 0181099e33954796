//! What a canary tells Prometheus.

use std::collections::BTreeSet;

use iggyctl_core::render::{ScenarioOutcome, ScenarioReport, SmokeReport};
use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Runs by result: `passed`, `failed`, or `error` when there was none to report.
const RUNS: &str = "iggyctl_smoke_runs_total";
/// Scenarios by name, transport and status.
const SCENARIOS: &str = "iggyctl_smoke_scenarios_total";
/// 1 when it passed the last time, 0 when it did not.
const UP: &str = "iggyctl_smoke_scenario_up";
/// How long it took the last time.
const DURATION: &str = "iggyctl_smoke_scenario_duration_seconds";
/// How long its requests with messages took the last time, by quantile.
const LATENCY: &str = "iggyctl_smoke_latency_seconds";
/// When the last run ended that could be made, in seconds since the Unix epoch.
const LAST: &str = "iggyctl_smoke_last_run_timestamp_seconds";

/// Says what they mean.
pub(crate) fn describe() {
    describe_counter!(RUNS, "Runs of the smoke test by result.");
    describe_counter!(SCENARIOS, "Scenarios by how they ended.");
    describe_gauge!(UP, "Whether a scenario passed in the last run.");
    describe_gauge!(DURATION, "How long a scenario took in the last run.");
    describe_gauge!(
        LATENCY,
        "Latency of requests with messages in the last run."
    );
    describe_gauge!(LAST, "When the last run ended that could be made.");
}

/// What is counted from run to run.
#[derive(Debug, Default)]
pub(crate) struct Canary {
    /// Names and transports of the scenarios that have a gauge of [`UP`].
    known: BTreeSet<(String, String)>,
}

impl Canary {
    /// Counts a run.
    pub(crate) fn count(&mut self, report: &SmokeReport) {
        let result = if report.is_good() { "passed" } else { "failed" };
        counter!(RUNS, "result" => result).increment(1);
        for scenario in &report.scenarios {
            if count_scenario(scenario) {
                let key = (scenario.name.clone(), scenario.transport.clone());
                self.known.insert(key);
            }
        }
        now();
    }

    /// Counts a run that could not be made: nothing works that worked before, and there
    /// is no run that ended.
    pub(crate) fn count_error(&self) {
        counter!(RUNS, "result" => "error").increment(1);
        for (name, transport) in &self.known {
            gauge!(UP, "scenario" => name.clone(), "transport" => transport.clone()).set(0.0);
        }
    }
}

fn now() {
    let now = jiff::Timestamp::now().as_second();
    // Exact for the next 285 million years.
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    gauge!(LAST).set(now as f64);
}

/// Whether it says anything about the scenario.
fn count_scenario(scenario: &ScenarioReport) -> bool {
    let name = scenario.name.clone();
    let transport = scenario.transport.clone();
    let status = scenario.outcome.word();
    counter!(
        SCENARIOS,
        "scenario" => name.clone(), "transport" => transport.clone(), "status" => status
    )
    .increment(1);
    let up = match scenario.outcome {
        ScenarioOutcome::Passed => 1.0,
        ScenarioOutcome::Failed { .. } | ScenarioOutcome::TimedOut { .. } => 0.0,
        // It says nothing either way.
        ScenarioOutcome::Skipped { .. } => return false,
    };
    gauge!(UP, "scenario" => name.clone(), "transport" => transport.clone()).set(up);
    gauge!(DURATION, "scenario" => name.clone(), "transport" => transport.clone())
        .set(scenario.duration_milliseconds / 1e3);
    let Some(latency) = &scenario.latency else {
        return true;
    };
    for (quantile, value) in [
        ("0.5", latency.p50),
        ("0.9", latency.p90),
        ("0.99", latency.p99),
        ("1", latency.max),
    ] {
        gauge!(
            LATENCY,
            "scenario" => name.clone(), "transport" => transport.clone(), "quantile" => quantile
        )
        .set(value / 1e3);
    }
    true
}
