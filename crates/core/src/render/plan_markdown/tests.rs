use std::collections::BTreeSet;

use super::page::LIMIT;
use super::*;
use crate::check::check;
use crate::diff::diff;
use crate::plan::{Approvals, plan};
use crate::quantity::MessageExpiry;
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;
use crate::testing::{declare_group, declare_stream, declare_topic, there_stream, there_topic};

const DAY: u64 = 86_400_000_000;

fn subject() -> ReviewSubject {
    ReviewSubject {
        project: Some("shop".to_owned()),
        server: "production".to_owned(),
    }
}

fn markdown(desired: &DesiredState, observed: &ObservedState) -> String {
    let changes = diff(desired, observed);
    let findings = check(&changes, desired, observed);
    let plan = plan(&changes, &Approvals::default());
    PlanReport::new(&plan, &changes, &findings).to_markdown(&subject())
}

#[test]
fn what_is_risky_comes_first_and_the_rest_is_folded() {
    let mut desired = DesiredState::default();
    let mut observed = ObservedState::default();
    let returns = declare_topic(&mut desired, "orders", "returns");
    returns.partitions = Some(2);
    let live = there_topic(&mut observed, "orders", "returns");
    live.partitions = 8;
    live.messages = 17;
    let events = declare_topic(&mut desired, "orders", "events");
    events.settings.message_expiry = Some(MessageExpiry::from_micros(7 * DAY));
    let live = there_topic(&mut observed, "orders", "events");
    live.messages = 48_211;
    live.settings.message_expiry = Some(MessageExpiry::from_micros(30 * DAY));
    declare_topic(&mut desired, "orders", "new").partitions = Some(3);
    for stream in ["a", "b"] {
        there_stream(&mut observed, stream);
        for number in 0..6 {
            let topic = format!("t-{number}");
            let declared = declare_topic(&mut desired, stream, &topic);
            declared.settings.message_expiry = Some(MessageExpiry::NEVER);
            let live = there_topic(&mut observed, stream, &topic);
            live.settings.message_expiry = Some(MessageExpiry::from_micros(DAY));
        }
    }
    insta::assert_snapshot!(markdown(&desired, &observed));
}

#[test]
fn nothing_to_do_is_said_in_one_line() {
    let mut desired = DesiredState::default();
    declare_stream(&mut desired, "orders");
    let mut observed = ObservedState::default();
    there_stream(&mut observed, "orders");
    insta::assert_snapshot!(markdown(&desired, &observed));
}

/// Every name is different, every topic changes in its own way, and each is risky.
#[test]
fn ten_thousand_changes_stay_below_the_limit_and_what_is_left_out_is_counted() {
    let mut desired = DesiredState::default();
    let mut observed = ObservedState::default();
    for number in 0_u32..10_000 {
        let (stream, topic) = (format!("s-{}", number / 100), format!("t-{number}"));
        let declared = declare_topic(&mut desired, &stream, &topic);
        declared.partitions = Some(2 + number);
        there_topic(&mut observed, &stream, &topic).partitions = 1;
    }
    let text = markdown(&desired, &observed);
    assert!(text.len() <= LIMIT, "{}", text.len());
    assert!(text.len() > LIMIT - 2000, "{}", text.len());
    let shown = text.matches("\n| ⚠️").count();
    let left_out = 10_000 - shown;
    assert!(
        text.contains(&format!("\n**{left_out} rows left out**")),
        "{shown}"
    );
    assert!(text.contains("**Plan: 10000 to update."), "{text:.200}");
    assert_eq!(
        text.matches("<details>").count(),
        text.matches("</details>").count()
    );
}

#[test]
fn ten_thousand_changes_that_are_alike_are_one_row() {
    let mut desired = DesiredState::default();
    let mut observed = ObservedState::default();
    for number in 0_u32..10_000 {
        let (stream, topic) = (format!("s-{}", number / 100), format!("t-{number}"));
        let declared = declare_topic(&mut desired, &stream, &topic);
        declared.partitions = Some(6);
        there_topic(&mut observed, &stream, &topic).partitions = 1;
        declare_group(&mut desired, &stream, &topic, "billing");
    }
    let text = markdown(&desired, &observed);
    assert!(text.len() <= LIMIT, "{}", text.len());
    let (head, _) = text.split_once("<details>").unwrap();
    assert_eq!(
        head.matches("\n| ⚠️ | **10000 topics** in 100 streams:")
            .count(),
        1,
        "{head}"
    );
    assert!(head.len() < 4000, "{}", head.len());
}

/// The longest names there can be, in the longest form of them.
#[test]
fn an_address_is_whole_or_not_there() {
    let mut desired = DesiredState::default();
    let mut all = BTreeSet::new();
    for number in 0..300 {
        let (stream, topic) = (format!("{number:03}{}", "/".repeat(252)), "|".repeat(255));
        declare_topic(&mut desired, &stream, &topic).partitions = Some(number + 1);
        all.insert(format!(
            "topic/{number:03}{}/{}",
            "%2F".repeat(252),
            "%7C".repeat(255)
        ));
    }
    let text = markdown(&desired, &ObservedState::default());
    assert!(text.len() <= LIMIT, "{}", text.len());
    let mut seen = 0;
    for code in text.split('`').filter(|code| code.starts_with("topic/")) {
        assert!(all.contains(code), "{code}");
        seen += 1;
    }
    assert!(seen > 10);
    assert!(text.contains("rows left out**"));
}

#[test]
fn markers_of_two_subjects_differ_and_stay_comments() {
    let marker = |project: &str, server: &str| {
        ReviewSubject {
            project: Some(project.to_owned()),
            server: server.to_owned(),
        }
        .marker("plan")
    };
    assert_eq!(
        marker("shop", "production"),
        "<!-- iggyctl plan: shop/production -->"
    );
    assert_ne!(marker("a/b", "c"), marker("a", "b/c"));
    assert_ne!(marker("a--b", "c"), marker("a-b", "c"));
    for evil in ["--> <script>", "a--!>b", ">", "->", "\n::error::"] {
        let marker = marker(evil, evil);
        let inner = marker
            .strip_prefix("<!-- ")
            .unwrap()
            .strip_suffix(" -->")
            .unwrap();
        assert!(
            !inner.contains("--") && !inner.contains('>') && !inner.contains('\n'),
            "{inner}"
        );
    }
}

/// What is owned and not declared: listed without `--prune`, removed with it, and held back
/// where it holds something.
#[test]
fn what_nobody_declares_is_listed_or_removed() {
    let mut desired = DesiredState::default();
    desired.owns.streams = vec!["*".to_owned()];
    declare_topic(&mut desired, "orders", "events");
    declare_stream(&mut desired, "orders").topics_listed = true;
    let mut observed = ObservedState::default();
    there_topic(&mut observed, "orders", "events");
    let extra = there_topic(&mut observed, "orders", "extra");
    (extra.messages, extra.size_bytes) = (12, 3 << 20);
    there_topic(&mut observed, "orders", "idle");
    there_stream(&mut observed, "old");
    let mut texts = Vec::new();
    for prune in [false, true] {
        let changes = diff(&desired, &observed);
        let findings = check(&changes, &desired, &observed);
        let approvals = Approvals {
            prune,
            ..Approvals::default()
        };
        let plan = plan(&changes, &approvals);
        let report = PlanReport::new(&plan, &changes, &findings);
        texts.push(report.to_markdown(&subject()));
        texts.push(crate::render::annotations_text(
            report.annotations(|address| desired.origin(address)),
        ));
    }
    insta::assert_snapshot!(texts.join("\n=====\n"));
}
