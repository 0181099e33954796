//! One report in every form.

use super::*;
use crate::render::TextOptions;

fn scenario(name: &str, transport: &str, outcome: ScenarioOutcome) -> ScenarioReport {
    ScenarioReport {
        name: name.to_owned(),
        title: "what it shows".to_owned(),
        sample: Some(format!("examples/rust/src/{name}")),
        transport: transport.to_owned(),
        outcome,
        duration_milliseconds: 1234.5,
        messages: 100,
        bytes: 2000,
        latency: None,
    }
}

fn report() -> SmokeReport {
    let mut passed = scenario("basic", "tcp", ScenarioOutcome::Passed);
    passed.duration_milliseconds = 12.3;
    passed.latency = Some(SmokeLatency {
        count: 10,
        p50: 0.5,
        p90: 0.9,
        p99: 1.9,
        max: 2.0,
        buckets: [(0.256, 1), (0.512, 6), (1.024, 0), (2.048, 3)]
            .map(|(up_to, count)| LatencyBucket { up_to, count })
            .into(),
    });
    let failed = ScenarioOutcome::Failed {
        step: "read <all> messages".to_owned(),
        expected: "`message-1` | at offset 0".to_owned(),
        found: "\u{1b}[31m@everyone\u{202e} & \"more\"".to_owned(),
    };
    let skipped = ScenarioOutcome::Skipped {
        reason: "the server has no <quic>".to_owned(),
    };
    let late = ScenarioOutcome::TimedOut {
        limit_milliseconds: 60_000.0,
    };
    SmokeReport::new(
        SmokeServer {
            name: "iggy://broker:8090".to_owned(),
            version: Some("0.9.0".to_owned()),
        },
        "2026-01-02T03:04:05Z".to_owned(),
        4321.0,
        vec![
            passed,
            scenario("message-headers/plain", "tcp", failed),
            scenario("basic", "quic", skipped),
            scenario("replay", "websocket", late),
        ],
        vec!["stream iggyctl-smoke-0123abcd: <gone>".to_owned()],
    )
}

#[test]
fn for_a_terminal() {
    insta::assert_snapshot!(report().to_text(TextOptions::default()));
}

#[test]
fn for_programs() {
    insta::assert_snapshot!(report().to_json().unwrap());
}

#[test]
fn for_ci_systems() {
    insta::assert_snapshot!(report().to_junit().unwrap());
}

#[test]
fn for_a_pull_request() {
    insta::assert_snapshot!(report().to_markdown());
}

#[test]
fn as_a_page() {
    let page = report().to_html();
    insta::assert_snapshot!(page);
    // Nothing of a server is markup, and nothing comes from elsewhere.
    for foreign in [
        "<all>", "<quic>", "<gone>", "\u{1b}", "\u{202e}", "http", "<script", "url(",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn totals_are_counted_and_skipped_is_not_passed() {
    let report = report();
    let expected = SmokeTotals {
        passed: 1,
        failed: 1,
        timed_out: 1,
        skipped: 1,
    };
    assert_eq!(report.totals, expected);
    assert!(!report.is_good());
}

#[test]
fn ci_systems_get_the_notes_and_what_was_left_behind() {
    let report = report().with_notes(vec!["200 of 300 topics".to_owned()]);
    let junit = report.to_junit().unwrap();
    for remark in [
        "<system-out>note: 200 of 300 topics\n",
        "left behind: stream iggyctl-smoke-0123abcd: &lt;gone&gt;</system-out>",
    ] {
        assert!(junit.contains(remark), "{remark} in {junit}");
    }
}

#[test]
fn nothing_but_skipped_is_not_good_and_said() {
    let mut all = report();
    all.scenarios.retain(|it| it.outcome.word() == "skipped");
    let report = SmokeReport::new(all.server, all.started, 1.0, all.scenarios, Vec::new());
    assert!(!report.is_good());
    assert!(!report.has_failed());
    assert_eq!(report.summary(), "nothing was tried, 1 skipped in 1 ms");
    let markdown = report.to_markdown();
    assert!(!markdown.contains('✅'), "{markdown}");
    assert_eq!(report.verdict(), SmokeVerdict::NothingTried);
    let junit = report.to_junit().unwrap();
    assert!(
        junit.contains("<error message=\"nothing was tried\""),
        "{junit}"
    );
}

/// One that passed, of a run that is otherwise like this.
fn passed(interrupted: bool, left_behind: &[&str]) -> SmokeReport {
    let SmokeReport {
        server,
        started,
        scenarios,
        ..
    } = report();
    let passed = scenarios.into_iter().take(1).collect();
    let left_behind = left_behind.iter().map(|&left| left.to_owned()).collect();
    SmokeReport::new(server, started, 1.0, passed, left_behind).with_interruption(interrupted)
}

#[test]
fn signs_follow_the_verdict() {
    let (good, interrupted, left) = (passed(false, &[]), passed(true, &[]), passed(false, &["s"]));
    assert_eq!(good.verdict(), SmokeVerdict::Good);
    assert!(good.to_markdown().starts_with("## ✅"));
    assert!(good.to_junit().unwrap().contains("errors=\"0\""));
    assert!(!good.to_json().unwrap().contains("interrupted"));
    for (report, verdict, message) in [
        (
            &interrupted,
            SmokeVerdict::Interrupted,
            "interrupted before all had ended",
        ),
        (
            &left,
            SmokeVerdict::LeftBehind,
            "something could not be removed",
        ),
    ] {
        assert_eq!(report.verdict(), verdict);
        assert!(report.to_markdown().starts_with("## ⚠️"), "{verdict:?}");
        let junit = report.to_junit().unwrap();
        assert!(
            junit.contains(&format!("<error message=\"{message}\"")),
            "{junit}"
        );
    }
    let said = "interrupted: 1 passed in 1 ms";
    for text in [
        interrupted.to_text(TextOptions::default()),
        interrupted.to_markdown(),
        interrupted.to_html(),
    ] {
        assert!(text.contains(said), "{text}");
    }
    assert!(
        interrupted
            .to_json()
            .unwrap()
            .contains("\"interrupted\": true")
    );
}

#[test]
fn no_duration_is_a_thousand_milliseconds() {
    assert_eq!(text::duration(999.4), "999 ms");
    assert_eq!(text::duration(999.6), "1.0 s");
}

#[test]
fn a_bucket_with_anything_in_it_is_seen() {
    let latency = report().scenarios.swap_remove(0).latency.unwrap();
    assert_eq!(latency.picture(), "▂█ ▄");
}
