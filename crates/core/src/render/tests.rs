use super::{PlanReport, TextOptions};
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
