use super::*;
use crate::check::check;
use crate::diff::diff;
use crate::plan::{Approvals, plan};
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;
use crate::testing::{declare_group, declare_stream, declare_topic, there_topic};

fn page_of(desired: &DesiredState, observed: &ObservedState) -> String {
    let changes = diff(desired, observed);
    let findings = check(&changes, desired, observed);
    let plan = plan(&changes, &Approvals::default());
    let report = PlanReport::new(&plan, &changes, &findings);
    let subject = ReviewSubject {
        project: Some("shop".to_owned()),
        server: "production".to_owned(),
    };
    let topology = TopologyChange::of(&report, desired, observed);
    report.to_html(&subject, &topology)
}

#[test]
fn a_small_plan_as_a_page() {
    let mut desired = DesiredState::default();
    let mut observed = ObservedState::default();
    declare_topic(&mut desired, "orders", "events").partitions = Some(6);
    there_topic(&mut observed, "orders", "events").partitions = 3;
    declare_group(&mut desired, "orders", "events", "billing");
    let page = page_of(&desired, &observed);
    // Style and script are files of their own.
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (body, _) = rest.split_once("<script>").unwrap();
    let (_, title) = head.split_once("<title>").unwrap();
    let lines = format!("{title}{body}").replace("><", ">\n<");
    insta::assert_snapshot!(lines);
}

#[test]
fn ten_thousand_changes_are_a_page_of_some_megabytes() {
    let mut desired = DesiredState::default();
    for number in 0..10_000 {
        let (stream, topic) = (format!("s-{:03}", number / 100), format!("t-{number}"));
        declare_stream(&mut desired, &stream);
        declare_topic(&mut desired, &stream, &topic).partitions = Some(3);
    }
    let page = page_of(&desired, &ObservedState::default());
    assert!(page.len() < 6 << 20, "{}", page.len());
    // Each topic has a row, and each stream.
    assert_eq!(page.matches(" data-row=").count(), 10_100);
    assert!(page.contains("88 more streams"));
}
