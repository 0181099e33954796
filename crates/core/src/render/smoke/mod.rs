//! What smoke scenarios found, for people, machines and pull requests.
//!
//! The samples of `iggyctl smoke` and the checks that are derived from a manifest give
//! the same [`ScenarioReport`]s; everything here is about those.

mod html;
mod junit;
mod markdown;
#[cfg(test)]
mod tests;
mod text;

use schemars::JsonSchema;
use serde::Serialize;

/// Version of the form of the report.
const FORMAT_VERSION: u32 = 1;

/// How all scenarios of a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmokeReport {
    /// Version of this form.
    pub format_version: u32,
    /// What the run was made against.
    pub server: SmokeServer,
    /// When it began, as RFC 3339 writes it.
    pub started: String,
    /// How long it took, in milliseconds.
    pub duration_milliseconds: f64,
    /// Whether it was asked to end before all had ended; absent when it was not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// How many ended how.
    pub totals: SmokeTotals,
    /// In the order of the table, whatever ended first.
    pub scenarios: Vec<ScenarioReport>,
    /// What the run could not remove, with the reason; the next run tries again.
    pub left_behind: Vec<String>,
    /// What was not tried as it is declared, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What to make of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmokeVerdict {
    /// Something was tried, nothing failed, and nothing stays on the server.
    Good,
    /// Something failed, or did not end in time.
    Failed,
    /// It was asked to end before all had ended; nothing had failed until then.
    Interrupted,
    /// Everything was skipped, so that nothing says that it works.
    NothingTried,
    /// Nothing failed, but something could not be removed.
    LeftBehind,
}

impl SmokeVerdict {
    /// Why it is not good although nothing failed; `None` where that is not so.
    #[must_use]
    pub fn doubt(self) -> Option<&'static str> {
        match self {
            Self::Good | Self::Failed => None,
            Self::Interrupted => Some("interrupted before all had ended"),
            Self::NothingTried => Some("nothing was tried"),
            Self::LeftBehind => Some("something could not be removed"),
        }
    }
}

/// A server as a run saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmokeServer {
    /// Its address without credentials, or what it is called.
    pub name: String,
    /// Absent where the login may not read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// How many scenarios ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmokeTotals {
    /// Did everything that is expected.
    pub passed: u32,
    /// Did something else.
    pub failed: u32,
    /// Did not end within the time limit.
    pub timed_out: u32,
    /// Could not run; never counted as passed.
    pub skipped: u32,
}

/// How one scenario ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioReport {
    /// Its name in the table; with the transport it is what a line is known by.
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// The official sample it mirrors, as a path in apache/iggy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
    /// Over what it was run: tcp, quic, websocket or http.
    pub transport: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: ScenarioOutcome,
    /// How long it took, in milliseconds.
    pub duration_milliseconds: f64,
    /// How many messages it sent and read.
    pub messages: u64,
    /// How many bytes of payload those were.
    pub bytes: u64,
    /// How long its requests with messages took; absent when it made none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<SmokeLatency>,
}

/// How a scenario ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ScenarioOutcome {
    /// Everything was as expected.
    Passed,
    /// Something was not.
    Failed {
        /// What was being done.
        step: String,
        /// What should have been.
        expected: String,
        /// What was.
        found: String,
    },
    /// It could not be run.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It did not end.
    TimedOut {
        /// How long it had, in milliseconds.
        limit_milliseconds: f64,
    },
}

/// How long requests took, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmokeLatency {
    /// How many were measured.
    pub count: u64,
    /// Half of them took at most this long.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// The longest.
    pub max: f64,
    /// How many fell into each range, shortest first; for the small picture.
    pub buckets: Vec<LatencyBucket>,
}

/// A range of latencies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatencyBucket {
    /// Its end, in milliseconds.
    pub up_to: f64,
    /// How many fell into it.
    pub count: u64,
}

impl SmokeReport {
    /// All of a run; totals are counted from its scenarios.
    #[must_use]
    pub fn new(
        server: SmokeServer,
        started: String,
        duration_milliseconds: f64,
        scenarios: Vec<ScenarioReport>,
        left_behind: Vec<String>,
    ) -> Self {
        let mut totals = SmokeTotals::default();
        for scenario in &scenarios {
            *match &scenario.outcome {
                ScenarioOutcome::Passed => &mut totals.passed,
                ScenarioOutcome::Failed { .. } => &mut totals.failed,
                ScenarioOutcome::Skipped { .. } => &mut totals.skipped,
                ScenarioOutcome::TimedOut { .. } => &mut totals.timed_out,
            } += 1;
        }
        Self {
            format_version: FORMAT_VERSION,
            server,
            started,
            duration_milliseconds,
            interrupted: false,
            totals,
            scenarios,
            left_behind,
            notes: Vec::new(),
        }
    }

    /// With what a person should know about how it was tried.
    #[must_use]
    pub fn with_notes(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }

    /// Of a run that was perhaps asked to end before all had ended.
    #[must_use]
    pub fn with_interruption(mut self, interrupted: bool) -> Self {
        self.interrupted = interrupted;
        self
    }

    /// What to make of it: signs and exit codes follow this.
    #[must_use]
    pub fn verdict(&self) -> SmokeVerdict {
        if self.has_failed() {
            SmokeVerdict::Failed
        } else if self.interrupted {
            SmokeVerdict::Interrupted
        } else if !self.is_good() {
            SmokeVerdict::NothingTried
        } else if !self.left_behind.is_empty() {
            SmokeVerdict::LeftBehind
        } else {
            SmokeVerdict::Good
        }
    }

    /// Whether something was tried and nothing failed. Skipped scenarios say nothing
    /// either way, so nothing else than those is not good.
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.has_failed() && self.totals.passed > 0
    }

    /// Whether something failed, or did not end in time.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.totals.failed > 0 || self.totals.timed_out > 0
    }

    /// As one JSON document with a line break at its end.
    ///
    /// # Errors
    /// Never in practice.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl SmokeLatency {
    /// A bar for each bucket, shortest latencies first: `▁▃█▂`. A bucket with anything in
    /// it is never empty.
    #[must_use]
    pub fn picture(&self) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.buckets.iter().map(|bucket| bucket.count).max();
        let most = most.unwrap_or(0).max(1);
        let bar = |bucket: &LatencyBucket| {
            let height = bucket.count * (BARS.len() as u64 - 1) / most;
            let height = usize::try_from(height).unwrap_or(0);
            match bucket.count {
                0 => ' ',
                _ => BARS.get(height).copied().unwrap_or('█'),
            }
        };
        self.buckets.iter().map(bar).collect()
    }
}

impl ScenarioOutcome {
    /// One word for it: passed, failed, skipped, timed out.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::TimedOut { .. } => "timed out",
        }
    }
}
