use super::{PlanReport, ReviewSubject, TextOptions, TopologyChange, annotations_text};
use crate::address::Address;
use crate::check::check;
use crate::diff::diff;
use crate::plan::{Approvals, plan};
use crate::quantity::{ByteSize, Compression, MaxTopicSize, MessageExpiry};
use crate::state::desired::DesiredState;
use crate::state::observed::{ObservationGap, ObservedState};
use crate::testing::{
    declare_group, declare_stream, declare_topic, name, there_group, there_stream, there_topic,
};

const PLAIN: TextOptions = TextOptions {
    color: false,
    verbose: false,
};

fn report(desired: &DesiredState, observed: &ObservedState) -> PlanReport {
    report_with(desired, observed, &Approvals::default())
}

fn report_with(
    desired: &DesiredState,
    observed: &ObservedState,
    approvals: &Approvals,
) -> PlanReport {
    let changes = diff(desired, observed);
    let findings = check(&changes, desired, observed);
    PlanReport::new(&plan(&changes, approvals), &changes, &findings)
}

const DAY: u64 = 86_400_000_000;

fn a_bit_of_everything() -> (DesiredState, ObservedState) {
    let mut desired = DesiredState::default();
    let mut observed = ObservedState::default();

    declare_stream(&mut desired, "orders");
    there_stream(&mut observed, "orders");
    let events = declare_topic(&mut desired, "orders", "events");
    events.partitions = Some(6);
    events.settings.message_expiry = Some(MessageExpiry::from_micros(7 * DAY));
    events.settings.max_topic_size = Some(MaxTopicSize::from_bytes(50 << 30));
    events.settings.compression = Some(Compression::None);
    events.settings.segment_size = Some(ByteSize::new(256 << 20).unwrap());
    declare_group(&mut desired, "orders", "events", "audit");
    declare_group(&mut desired, "orders", "events", "billing");
    let live = there_topic(&mut observed, "orders", "events");
    live.partitions = 3;
    live.messages = 48_211;
    live.size_bytes = 5 << 30;
    live.settings.message_expiry = Some(MessageExpiry::from_micros(30 * DAY));
    live.settings.max_topic_size = Some(MaxTopicSize::from_bytes(50 << 30));
    there_group(&mut observed, "orders", "events", "billing");

    declare_topic(&mut desired, "orders", "dead-letters").previous_name = Some(name("dlq"));
    there_topic(&mut observed, "orders", "dlq");

    declare_topic(&mut desired, "orders", "returns").partitions = Some(2);
    let live = there_topic(&mut observed, "orders", "returns");
    live.partitions = 8;
    live.messages = 17;

    declare_stream(&mut desired, "payments");
    let settled = declare_topic(&mut desired, "payments", "settled");
    settled.partitions = Some(2500);
    settled.settings.message_expiry = Some(MessageExpiry::NEVER);
    declare_group(&mut desired, "payments", "settled", "ledger");

    declare_stream(&mut desired, "shipping").previous_name = Some(name("delivery"));
    there_stream(&mut observed, "delivery");
    declare_topic(&mut desired, "shipping", "parcels");
    there_topic(&mut observed, "delivery", "parcels");

    declare_topic(&mut desired, "warehouse", "stock");
    declare_group(&mut desired, "warehouse", "stock", "refill");

    declare_stream(&mut desired, "secret");
    declare_topic(&mut desired, "secret", "plans");
    observed.gaps.push(ObservationGap {
        address: Address::Stream(name("secret")),
        reason: "the login may not read it (Unauthorized, 41)".to_owned(),
    });
    (desired, observed)
}

#[test]
fn a_plan_as_people_read_it() {
    let (desired, observed) = a_bit_of_everything();
    insta::assert_snapshot!(report(&desired, &observed).to_text(PLAIN));
}

#[test]
fn a_plan_in_colour() {
    let (desired, observed) = a_bit_of_everything();
    let options = TextOptions {
        color: true,
        verbose: false,
    };
    let text = report(&desired, &observed).to_text(options);
    insta::assert_snapshot!(text.replace('\u{1b}', "␛"));
}

#[test]
fn a_plan_as_json() {
    let (desired, observed) = a_bit_of_everything();
    let json = report(&desired, &observed).to_json().unwrap();
    insta::assert_snapshot!(json);

    let schema = include_str!("../../../../schemas/plan.v1.json");
    let schema = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut report = serde_json::from_str(&json).unwrap();
    validator.validate(&report).unwrap();
    report["changes"][0]["verb"] = "destroy".into();
    assert!(validator.validate(&report).is_err());
}

/// Some that change, many that do not, and all but two of them taken over.
fn adopting() -> PlanReport {
    let mut desired = DesiredState::default();
    let mut observed = ObservedState::default();
    declare_stream(&mut desired, "orders");
    there_stream(&mut observed, "orders");
    for topic in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        declare_topic(&mut desired, "orders", topic);
        there_topic(&mut observed, "orders", topic);
        declare_topic(&mut desired, "sales", topic).partitions = Some(2);
        there_topic(&mut observed, "sales", topic);
    }
    declare_group(&mut desired, "orders", "a", "billing");
    there_group(&mut observed, "orders", "a", "billing");
    declare_topic(&mut desired, "orders", "events").partitions = Some(6);
    there_topic(&mut observed, "orders", "events").partitions = 3;
    declare_topic(&mut desired, "orders", "later").previous_name = Some(name("sooner"));
    there_topic(&mut observed, "orders", "sooner");
    declare_topic(&mut desired, "orders", "new");
    let less = declare_topic(&mut desired, "orders", "less");
    less.partitions = Some(1);
    there_topic(&mut observed, "orders", "less").partitions = 3;
    let mut report = report(&desired, &observed);
    // The first of many that are alike was applied before.
    let taken_over = |address: &Address| {
        let text = address.to_string();
        text != "topic/orders/new" && text != "topic/sales/a"
    };
    let adopted = crate::drift::adopted(&desired, None, &observed);
    report.adopt(adopted.into_iter().filter(taken_over));
    report
}

#[test]
fn what_is_taken_over_is_said_on_its_line() {
    let mut report = adopting();
    insta::assert_snapshot!(report.to_text(PLAIN));
    let verbose = report.to_text(TextOptions {
        verbose: true,
        ..PLAIN
    });
    let adopted = report.adopted.clone().unwrap_or_default();
    for address in &adopted {
        let is_line = |line: &str| {
            line.starts_with("  ")
                && line.split_whitespace().nth(1) == Some(&address.to_string())
                && line.ends_with("  adopts")
        };
        let lines = verbose.lines().filter(|line| is_line(line)).count();
        assert_eq!(lines, 1, "{address}: {verbose}");
    }
    assert_eq!(verbose.matches("  adopts\n").count(), adopted.len());
    // It is no change, and no count of one.
    let summary = report.summary;
    report.adopted = None;
    assert_eq!(report.summary, summary);
    assert!(!report.to_text(PLAIN).contains("adopt"));
}

#[test]
fn what_is_taken_over_as_it_is_is_no_change() {
    let mut desired = DesiredState::default();
    declare_topic(&mut desired, "orders", "events");
    declare_stream(&mut desired, "orders");
    let mut observed = ObservedState::default();
    there_topic(&mut observed, "orders", "events");
    let mut report = report(&desired, &observed);
    report.adopt(crate::drift::adopted(&desired, None, &observed));
    insta::assert_snapshot!(report.to_text(PLAIN), @r"
      · stream/orders  adopts
      · topic/orders/events  adopts

    No changes. 2 resources are as declared. 2 to adopt.
    ");
    // What `--only` leaves out is not taken over.
    report.only = vec![Address::Topic(name("orders"), name("events"))];
    report.adopt(crate::drift::adopted(&desired, None, &observed));
    let adopted = report.adopted.clone().unwrap_or_default();
    assert_eq!(adopted, report.only);
    report.adopt([]);
    assert_eq!(report.adopted, Some(Vec::new()));
    assert!(!report.to_text(PLAIN).contains("adopt"));
}

#[test]
fn what_is_taken_over_is_said_in_every_format() {
    let report = adopting();
    let subject = ReviewSubject {
        project: Some("shop".to_owned()),
        server: "production".to_owned(),
    };
    insta::assert_snapshot!(report.to_markdown(&subject));
    let html = report.to_html(&subject, &TopologyChange::default());
    let adopted = report.adopted.clone().unwrap_or_default();
    for address in &adopted {
        assert!(
            html.contains(&format!("<code>{address}</code>")),
            "{address}"
        );
    }
    // Those that change are in the list of what is risky as well.
    assert!(html.matches(">adopts<").count() >= adopted.len(), "{html}");
    let annotations = annotations_text(report.annotations(|_| None));
    let notice = annotations
        .lines()
        .find(|it| it.contains("iggyctl%3A adopts"));
    insta::assert_snapshot!(notice.unwrap_or_default());
}

#[test]
fn a_converged_server_is_one_line() {
    let mut desired = DesiredState::default();
    let mut observed = ObservedState::default();
    declare_stream(&mut desired, "orders");
    declare_topic(&mut desired, "orders", "events");
    there_topic(&mut observed, "orders", "events");
    let text = report(&desired, &observed).to_text(PLAIN);
    insta::assert_snapshot!(text, @"No changes. 2 resources are as declared.");
}

#[test]
fn many_alike_are_one_line_until_verbose() {
    let mut desired = DesiredState::default();
    declare_stream(&mut desired, "orders");
    for number in 0..100 {
        let topic = format!("t-{number:03}");
        declare_topic(&mut desired, "orders", &topic).partitions = Some(3);
        declare_group(&mut desired, "orders", &topic, "billing");
    }
    declare_topic(&mut desired, "orders", "t-050").partitions = Some(4);
    let report = report(&desired, &ObservedState::default());
    insta::assert_snapshot!(report.to_text(PLAIN));
    let verbose = report.to_text(TextOptions {
        color: false,
        verbose: true,
    });
    assert_eq!(verbose.matches("\n  + topic/orders/t-").count(), 100);
    assert_eq!(verbose.matches("\n  + group/orders/t-").count(), 100);
}

#[test]
fn an_allowed_loss_is_shown_on_its_line() {
    let mut desired = DesiredState::default();
    let mut observed = ObservedState::default();
    declare_stream(&mut desired, "orders");
    declare_topic(&mut desired, "orders", "events").partitions = Some(2);
    let live = there_topic(&mut observed, "orders", "events");
    live.partitions = 3;
    live.messages = 99;
    let mut approvals = Approvals::default();
    let address = "topic/orders/events".parse().unwrap();
    approvals.allow_destroy.insert(address);
    let text = report_with(&desired, &observed, &approvals).to_text(PLAIN);
    insta::assert_snapshot!(text);
}

#[test]
fn a_previous_name_beside_the_new_one_is_a_finding() {
    let mut desired = DesiredState::default();
    let mut observed = ObservedState::default();
    declare_stream(&mut desired, "new").previous_name = Some(name("old"));
    there_stream(&mut observed, "old");
    there_stream(&mut observed, "new");
    let text = report(&desired, &observed).to_text(PLAIN);
    insta::assert_snapshot!(text);
}

#[test]
fn names_cannot_deceive_the_reader() {
    let mut desired = DesiredState::default();
    declare_stream(&mut desired, "a\u{1b}[2Jb\u{202e}c/d");
    let text = report(&desired, &ObservedState::default()).to_text(PLAIN);
    insta::assert_snapshot!(text);
}
