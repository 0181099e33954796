use std::collections::BTreeSet;

use super::{
    Action, Approvals, BlockReason, DestructionGrant, Plan, Refusal, RestrictError, Risk, plan,
};
use crate::address::Address;
use crate::diff::diff;
use crate::quantity::{ByteSize, MessageExpiry};
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;
use crate::testing::{
    apply_plan, declare_group, declare_stream, declare_topic, name, there_group, there_stream,
    there_topic,
};

fn planned(desired: &DesiredState, observed: &ObservedState) -> Plan {
    plan(&diff(desired, observed), &Approvals::default())
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// `id address: action (needs)`, one line per step.
fn lines(plan: &Plan) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let needs: Vec<u32> = step.needs.iter().map(|need| need.0).collect();
        let (id, address, action) = (step.id.0, &step.address, &step.action);
        text.push_str(&format!(
            "{id} {address}: {action} {needs:?} {:?}\n",
            step.risk
        ));
    }
    for line in &plan.blocked {
        text.push_str(&format!("blocked {}: {:?}\n", line.address, line.reason));
    }
    text
}

#[test]
fn the_order_of_everything() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    // A chain of streams, with a chain of topics inside.
    declare_stream(&mut desired, "b").previous_name = Some(name("a"));
    declare_stream(&mut desired, "c").previous_name = Some(name("b"));
    there_topic(&mut observed, "a", "x");
    there_topic(&mut observed, "a", "y");
    there_stream(&mut observed, "b");
    declare_topic(&mut desired, "b", "y").previous_name = Some(name("x"));
    declare_topic(&mut desired, "b", "z").previous_name = Some(name("y"));
    declare_topic(&mut desired, "b", "z")
        .settings
        .message_expiry = Some(MessageExpiry::NEVER);
    declare_topic(&mut desired, "b", "z").partitions = Some(3);
    declare_group(&mut desired, "b", "z", "g");
    // New in new, new in renamed, group of what is only changed.
    declare_stream(&mut desired, "new");
    declare_topic(&mut desired, "new", "big").partitions = Some(2500);
    declare_group(&mut desired, "new", "big", "g");
    declare_topic(&mut desired, "c", "fresh");
    declare_topic(&mut desired, "s", "t")
        .settings
        .message_expiry = Some(MessageExpiry::from_micros(1));
    declare_topic(&mut desired, "s", "t").partitions = Some(2);
    declare_group(&mut desired, "s", "t", "g");
    there_topic(&mut observed, "s", "t");

    let plan = planned(&desired, &observed);
    insta::assert_snapshot!(lines(&plan));
    apply_plan(&plan, &mut observed).unwrap();
    assert!(diff(&desired, &observed).changes.is_empty());
}

#[test]
fn a_rename_with_settings_is_one_call() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    let topic = declare_topic(&mut desired, "s", "new");
    topic.previous_name = Some(name("old"));
    topic.settings.message_expiry = Some(MessageExpiry::from_micros(9));
    there_topic(&mut observed, "s", "old");
    let plan = planned(&desired, &observed);
    let [step] = plan.steps.as_slice() else {
        panic!("{plan:?}");
    };
    assert_eq!(step.address, address("topic/s/new"));
    let Action::UpdateTopic {
        topic,
        rename_to,
        settings,
        ..
    } = &step.action
    else {
        panic!("{step:?}");
    };
    assert_eq!((topic, rename_to), (&name("old"), &Some(name("new"))));
    assert_eq!(settings.message_expiry, Some(MessageExpiry::from_micros(9)));
    assert_eq!(plan.summary.rename, 1);
    assert_eq!(plan.summary.update, 0);
}

#[test]
fn what_depends_on_something_blocked_is_blocked() {
    let (mut desired, observed) = (DesiredState::default(), ObservedState::default());
    declare_topic(&mut desired, "missing", "t");
    declare_group(&mut desired, "missing", "t", "g");
    declare_stream(&mut desired, "fine");
    let plan = planned(&desired, &observed);
    insta::assert_snapshot!(lines(&plan));
    assert_eq!(plan.summary.blocked, 2);
}

#[test]
fn only_the_differing_attribute_is_held_back() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    let topic = declare_topic(&mut desired, "s", "t");
    topic.settings.segment_size = Some(ByteSize::MIB);
    topic.settings.message_expiry = Some(MessageExpiry::from_micros(1));
    declare_group(&mut desired, "s", "t", "g");
    there_topic(&mut observed, "s", "t");
    let plan = planned(&desired, &observed);
    insta::assert_snapshot!(lines(&plan));
}

fn shrinking() -> (DesiredState, ObservedState) {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_topic(&mut desired, "s", "t").partitions = Some(1);
    let live = there_topic(&mut observed, "s", "t");
    live.partitions = 1500;
    live.messages = 12;
    (desired, observed)
}

#[test]
fn partitions_shrink_only_when_allowed_by_address() {
    let (desired, mut observed) = shrinking();
    let plan_without = planned(&desired, &observed);
    assert!(plan_without.steps.is_empty());
    let [line] = plan_without.blocked.as_slice() else {
        panic!("{plan_without:?}");
    };
    assert_eq!(
        line.reason,
        BlockReason::PartitionShrink {
            from: 1500,
            to: 1,
            messages: 12
        }
    );
    assert!(line.way_out.contains("--allow-destroy topic/s/t"));

    let elsewhere = Approvals {
        allow_destroy: BTreeSet::from([address("stream/s"), address("topic/s/u")]),
        ..Approvals::default()
    };
    assert!(
        plan(&diff(&desired, &observed), &elsewhere)
            .steps
            .is_empty()
    );

    let here = Approvals {
        allow_destroy: BTreeSet::from([address("topic/s/t")]),
        ..Approvals::default()
    };
    let allowed = plan(&diff(&desired, &observed), &here);
    insta::assert_snapshot!(lines(&allowed));
    assert_eq!(allowed.summary.destructive, 1);

    // The plan alone is not enough: somebody has to grant it.
    let refusal = allowed.clone().approve(true, &DestructionGrant::default());
    assert_eq!(
        refusal.unwrap_err(),
        Refusal::DestructionNotGranted {
            addresses: here.allow_destroy.clone()
        }
    );
    let grant = DestructionGrant::from_command_line(here.allow_destroy);
    let approved = allowed.approve(false, &grant).unwrap();
    assert!(
        approved
            .steps()
            .iter()
            .all(|step| step.risk == Risk::Destructive)
    );
    apply_plan(approved.plan(), &mut observed).unwrap();
    assert!(diff(&desired, &observed).changes.is_empty());
}

#[test]
fn blocked_lines_stop_the_whole_unless_skipped() {
    let (mut desired, observed) = shrinking();
    declare_topic(&mut desired, "s", "new");
    let plan = planned(&desired, &observed);
    let grant = DestructionGrant::default();
    let refusal = plan.clone().approve(false, &grant).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::Blocked {
            blocked: plan.blocked.clone()
        }
    );
    assert_eq!(plan.approve(true, &grant).unwrap().steps().len(), 1);
}

#[test]
fn only_takes_what_is_inside_and_what_that_needs() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_stream(&mut desired, "one");
    declare_topic(&mut desired, "one", "t");
    declare_group(&mut desired, "one", "t", "g");
    declare_topic(&mut desired, "one", "u");
    declare_stream(&mut desired, "two").previous_name = Some(name("old"));
    there_group(&mut observed, "old", "t", "g");
    declare_topic(&mut desired, "two", "t").partitions = Some(2);
    declare_topic(&mut desired, "missing", "t");
    declare_group(&mut desired, "missing", "t", "g");
    let whole = planned(&desired, &observed);
    let only = |texts: &[&str]| {
        let addresses: Vec<Address> = texts.iter().map(|text| address(text)).collect();
        whole.clone().restrict(&addresses, &desired)
    };
    let shown = |texts: &[&str]| lines(&only(texts).unwrap());

    insta::assert_snapshot!(shown(&["group/one/t/g"]));
    insta::assert_snapshot!(shown(&["topic/two/t", "topic/one/u"]));
    insta::assert_snapshot!(shown(&["stream/old"]));
    insta::assert_snapshot!(shown(&["group/missing/t/g"]));
    // Declared and converged, or with everything: no error, no surprise.
    assert_eq!(
        shown(&["stream/one", "stream/two", "stream/missing"]),
        lines(&whole)
    );
    assert_eq!(only(&["group/one/t/g"]).unwrap().summary.create, 3);
    assert_eq!(
        only(&["topic/one/nobody"]).unwrap_err(),
        RestrictError::Unknown(address("topic/one/nobody"))
    );
}

#[test]
fn only_additions_change_nothing_that_exists() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    there_topic(&mut observed, "orders", "events");
    declare_stream(&mut desired, "orders");
    let events = declare_topic(&mut desired, "orders", "events");
    events.partitions = Some(5);
    events.settings.message_expiry = Some(MessageExpiry::NEVER);
    declare_topic(&mut desired, "orders", "new").partitions = Some(2);
    declare_group(&mut desired, "orders", "new", "group");
    declare_stream(&mut desired, "other");
    declare_topic(&mut desired, "other", "topic");
    // A topic in a stream that would have to be renamed first.
    there_stream(&mut observed, "former");
    declare_stream(&mut desired, "later").previous_name = Some(name("former"));
    declare_topic(&mut desired, "later", "inside");

    let all = planned(&desired, &observed);
    assert!(lines(&all).contains("later/inside"), "{}", lines(&all));
    insta::assert_snapshot!(lines(&all.only_additions()), @r"
    0 stream/other: create stream [] Safe
    1 topic/orders/new: create topic with 2 partitions [] Safe
    2 topic/other/topic: create topic with 1 partition [0] Safe
    3 topic/orders/events: add partitions 1 → 5 [] Risky
    ");
}
