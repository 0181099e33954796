//! The report as one page that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::markdown::is_bad;
use super::text::duration;
use super::{ScenarioOutcome, ScenarioReport, SmokeLatency, SmokeReport};
use crate::render::escape::escape;

/// No script, no font and no picture from elsewhere: the page can be kept as an artifact.
const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h1 span { opacity: .6; font-weight: normal; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #8884; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sign { font-weight: bold; white-space: nowrap; }
.passed .sign { color: #1a7f37; } .failed .sign { color: #cf222e; } .skipped { opacity: .65; }
dl { margin: .3rem 0 0; display: grid; grid-template-columns: max-content 1fr; gap: 0 .8rem; }
dt { opacity: .65; } dd { margin: 0; overflow-wrap: anywhere; font-family: ui-monospace, monospace; }
.title { opacity: .65; font-size: .9em; }
svg { height: 1.4rem; vertical-align: middle; } rect { fill: #58a6ff; }
";

impl SmokeReport {
    /// As one page of HTML, without scripts and without anything from elsewhere.
    #[must_use]
    pub fn to_html(&self) -> String {
        let title = format!("Smoke test of {}", escape(&self.server.name));
        let (bad, good): (Vec<_>, Vec<_>) = self.scenarios.iter().partition(|it| is_bad(it));
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    h1 {
                        (title)
                        @if let Some(version) = &self.server.version { " " span { (escape(version)) } }
                    }
                    p { strong { (self.summary()) } ", begun " (escape(&self.started)) }
                    @for note in &self.notes { p { "Note: " (escape(note)) } }
                    @for left in &self.left_behind { p { "Left behind: " (escape(left)) } }
                    table {
                        thead {
                            tr {
                                th {} th { "Scenario" } th { "Over" }
                                th.number { "Took" } th.number { "Messages" } th.number { "Bytes" }
                                th.number { "p50" } th.number { "p90" } th.number { "p99" } th.number { "max" }
                                th { "Latencies" }
                            }
                        }
                        tbody { @for scenario in bad.into_iter().chain(good) { (row(scenario)) } }
                    }
                }
            }
        }
        .into_string()
            + "\n"
    }
}

fn row(scenario: &ScenarioReport) -> Markup {
    let (class, word) = match &scenario.outcome {
        ScenarioOutcome::Passed => ("passed", "passed"),
        ScenarioOutcome::Failed { .. } => ("failed", "failed"),
        ScenarioOutcome::TimedOut { .. } => ("failed", "timed out"),
        ScenarioOutcome::Skipped { .. } => ("skipped", "skipped"),
    };
    html! {
        tr class=(class) {
            td.sign { (word) }
            td {
                (escape(&scenario.name))
                div.title { (escape(&scenario.title)) }
                (details(&scenario.outcome))
            }
            td { (escape(&scenario.transport)) }
            @if let ScenarioOutcome::Skipped { .. } = scenario.outcome {
                td colspan="8" {}
            } @else {
                td.number { (duration(scenario.duration_milliseconds)) }
                td.number { (scenario.messages) }
                td.number { (scenario.bytes) }
                @if let Some(latency) = &scenario.latency {
                    @for value in [latency.p50, latency.p90, latency.p99, latency.max] {
                        td.number { (format!("{value:.2} ms")) }
                    }
                    td { (picture(latency)) }
                } @else {
                    td colspan="5" {}
                }
            }
        }
    }
}

fn details(outcome: &ScenarioOutcome) -> Markup {
    html! {
        @match outcome {
            ScenarioOutcome::Passed => {}
            ScenarioOutcome::Failed { step, expected, found } => {
                dl {
                    dt { "step" } dd { (escape(step)) }
                    dt { "expected" } dd { (escape(expected)) }
                    dt { "found" } dd { (escape(found)) }
                }
            }
            ScenarioOutcome::TimedOut { limit_milliseconds } => {
                dl { dt { "expected" } dd { "an end within " (duration(*limit_milliseconds)) } }
            }
            ScenarioOutcome::Skipped { reason } => { dl { dt { "reason" } dd { (escape(reason)) } } }
        }
    }
}

/// A bar for each bucket, with its range and count where the mouse is.
fn picture(latency: &SmokeLatency) -> Markup {
    const WIDTH: usize = 8;
    const HEIGHT: u64 = 24;
    let most = latency.buckets.iter().map(|bucket| bucket.count).max();
    let most = most.unwrap_or(0).max(1);
    let width = WIDTH * latency.buckets.len();
    html! {
        svg viewBox=(format!("0 0 {width} {HEIGHT}")) role="img" aria-label=(latency.picture()) {
            @for (place, bucket) in latency.buckets.iter().enumerate() {
                @let height = (bucket.count * HEIGHT / most).max(u64::from(bucket.count > 0));
                rect x=(place * WIDTH) y=(HEIGHT - height) width=(WIDTH - 1) height=(height) {
                    title { (format!("up to {} ms: {}", bucket.up_to, bucket.count)) }
                }
            }
        }
    }
}
