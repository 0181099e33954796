//! The report for a pull request or a summary of CI: what is wrong first, the rest folded.

use super::text::duration;
use super::{ScenarioOutcome, ScenarioReport, SmokeReport, SmokeVerdict};
use crate::render::access::markdown;
use crate::render::escape::escape;

impl SmokeReport {
    /// As GitHub's markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let sign = match self.verdict() {
            SmokeVerdict::Good => "✅",
            SmokeVerdict::Failed => "❌",
            SmokeVerdict::Interrupted | SmokeVerdict::NothingTried | SmokeVerdict::LeftBehind => {
                "⚠️"
            }
        };
        let mut text = format!("## {sign} Smoke test of {}\n\n", literal(&self.server.name));
        text.push_str(&self.summary());
        if let Some(version) = &self.server.version {
            text.push_str(&format!(", server version {}", literal(version)));
        }
        text.push_str(".\n");
        for note in &self.notes {
            text.push_str(&format!("\nNote: {}\n", literal(note)));
        }
        for left in &self.left_behind {
            text.push_str(&format!("\n⚠️ Left behind: {}\n", literal(left)));
        }
        let (bad, rest): (Vec<_>, Vec<_>) = self.scenarios.iter().partition(|it| is_bad(it));
        if !bad.is_empty() {
            text.push_str(
                "\n| Scenario | Over | Step | Expected | Found |\n|---|---|---|---|---|\n",
            );
        }
        for scenario in bad {
            let (step, expected, found) = match &scenario.outcome {
                ScenarioOutcome::Failed {
                    step,
                    expected,
                    found,
                } => (literal(step), literal(expected), literal(found)),
                ScenarioOutcome::TimedOut { limit_milliseconds } => {
                    let limit = duration(*limit_milliseconds);
                    (
                        String::new(),
                        format!("an end within {limit}"),
                        "none".to_owned(),
                    )
                }
                ScenarioOutcome::Passed | ScenarioOutcome::Skipped { .. } => continue,
            };
            let (name, transport) = (literal(&scenario.name), literal(&scenario.transport));
            text.push_str(&format!(
                "| **{name}** | {transport} | {step} | {expected} | {found} |\n"
            ));
        }
        if rest.is_empty() {
            return text;
        }
        text.push_str(&format!(
            "\n<details><summary>{} that passed, {} that were skipped</summary>\n\n\
             | | Scenario | Over | Took | Messages | p50 | p99 | |\n\
             |---|---|---|--:|--:|--:|--:|---|\n",
            self.totals.passed, self.totals.skipped
        ));
        for scenario in rest {
            row(&mut text, scenario);
        }
        text.push_str("\n</details>\n");
        text
    }
}

fn row(text: &mut String, scenario: &ScenarioReport) {
    let (name, transport) = (literal(&scenario.name), literal(&scenario.transport));
    if let ScenarioOutcome::Skipped { reason } = &scenario.outcome {
        let reason = literal(reason);
        text.push_str(&format!(
            "| ⏭️ | {name} | {transport} | | | | | {reason} |\n"
        ));
        return;
    }
    let took = duration(scenario.duration_milliseconds);
    let (p50, p99, picture) = match &scenario.latency {
        Some(latency) => (
            format!("{:.2} ms", latency.p50),
            format!("{:.2} ms", latency.p99),
            latency.picture(),
        ),
        None => (String::new(), String::new(), String::new()),
    };
    text.push_str(&format!(
        "| ✅ | {name} | {transport} | {took} | {} | {p50} | {p99} | {picture} |\n",
        scenario.messages
    ));
}

pub(super) fn is_bad(scenario: &ScenarioReport) -> bool {
    match scenario.outcome {
        ScenarioOutcome::Failed { .. } | ScenarioOutcome::TimedOut { .. } => true,
        ScenarioOutcome::Passed | ScenarioOutcome::Skipped { .. } => false,
    }
}

fn literal(text: &str) -> String {
    markdown::literal(&escape(text))
}
