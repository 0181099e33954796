//! The report for a terminal.

use super::{ScenarioOutcome, ScenarioReport, SmokeReport};
use crate::render::TextOptions;
use crate::render::escape::escape;
use crate::render::paint::{Role, paint};

impl SmokeReport {
    /// As people read it: a line for each scenario, and what was found where it failed.
    #[must_use]
    pub fn to_text(&self, options: TextOptions) -> String {
        let width = |of: fn(&ScenarioReport) -> &str| {
            let lengths = self.scenarios.iter().map(|it| of(it).chars().count());
            lengths.max().unwrap_or(0)
        };
        let (names, transports) = (width(|it| &it.name), width(|it| &it.transport));
        let mut text = format!("Smoke test of {}", escape(&self.server.name));
        if let Some(version) = &self.server.version {
            text.push_str(&format!(" (version {})", escape(version)));
        }
        text.push_str("\n\n");
        for scenario in &self.scenarios {
            line(&mut text, scenario, names, transports, options);
        }
        if !self.scenarios.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            let line = format!("note: {}", escape(note));
            text.push_str(&format!("{}\n", paint(options.color, Role::Faint, line)));
        }
        for left in &self.left_behind {
            let line = format!("left behind: {}", escape(left));
            text.push_str(&format!("{}\n", paint(options.color, Role::Warning, line)));
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    /// One line: how many ended how, and how long it took.
    #[must_use]
    pub fn summary(&self) -> String {
        let totals = self.totals;
        let first = match self.has_failed() || totals.passed > 0 {
            true => format!("{} passed", totals.passed),
            false => "nothing was tried".to_owned(),
        };
        let first = match self.interrupted {
            true => format!("interrupted: {first}"),
            false => first,
        };
        let mut parts = vec![first];
        for (count, word) in [
            (totals.failed, "failed"),
            (totals.timed_out, "timed out"),
            (totals.skipped, "skipped"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        format!(
            "{} in {}",
            parts.join(", "),
            duration(self.duration_milliseconds)
        )
    }
}

fn line(
    text: &mut String,
    scenario: &ScenarioReport,
    names: usize,
    transports: usize,
    options: TextOptions,
) {
    let ScenarioReport {
        name,
        title: _,
        sample: _,
        transport,
        outcome,
        duration_milliseconds,
        messages,
        bytes: _,
        latency,
    } = scenario;
    let (role, sign) = match outcome {
        ScenarioOutcome::Passed => (Role::Create, "ok"),
        ScenarioOutcome::Failed { .. } => (Role::Loss, "FAIL"),
        ScenarioOutcome::Skipped { .. } => (Role::Warning, "skip"),
        ScenarioOutcome::TimedOut { .. } => (Role::Loss, "TIME"),
    };
    let sign = paint(options.color, role, format!("{sign:<4}"));
    let name = format!("{:<names$}", escape(name));
    let transport = format!("{:<transports$}", escape(transport));
    if let ScenarioOutcome::Skipped { reason } = outcome {
        text.push_str(&format!(
            "{sign}  {name}  {transport}  {}\n",
            escape(reason)
        ));
        return;
    }
    let took = duration(*duration_milliseconds);
    let mut cells = format!("{sign}  {name}  {transport}  {took:>8}  {messages:>6} messages");
    if let Some(latency) = latency {
        cells.push_str(&format!(
            "  p50 {:>6.2} ms  p99 {:>6.2} ms  {}",
            latency.p50,
            latency.p99,
            latency.picture()
        ));
    }
    text.push_str(cells.trim_end());
    text.push('\n');
    match outcome {
        ScenarioOutcome::Failed {
            step,
            expected,
            found,
        } => {
            for (word, value) in [("step", step), ("expected", expected), ("found", found)] {
                let word = paint(options.color, Role::Faint, format!("{word:>12}"));
                text.push_str(&format!("{word}  {}\n", escape(value)));
            }
        }
        ScenarioOutcome::TimedOut { limit_milliseconds } => text.push_str(&format!(
            "      did not end within {}\n",
            duration(*limit_milliseconds)
        )),
        ScenarioOutcome::Passed | ScenarioOutcome::Skipped { .. } => {}
    }
}

/// As short as it can be read: `340 ms`, `2.1 s`.
pub(super) fn duration(milliseconds: f64) -> String {
    // What would be rounded up to 1000 ms is a second.
    if milliseconds < 999.5 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.1} s", milliseconds / 1_000.0)
    }
}
