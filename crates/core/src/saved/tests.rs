use proptest::prelude::*;

use super::{FORMAT_VERSION, PlannedServer, SavedPlan, SavedPlanError};
use crate::check::check;
use crate::diff::diff;
use crate::plan::{Approvals, Plan, plan};
use crate::render::PlanReport;
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, ObservedState};
use crate::testing::{
    Pruning, all_approvals, declare_group, declare_topic, desired_state, name, observed_state,
    pruning, there_group, there_stream, there_topic, with_tokens, with_users, without_obstacles,
};

fn states() -> impl Strategy<Value = (DesiredState, ObservedState)> {
    let states = (desired_state(), observed_state()).prop_map(|(desired, observed)| {
        let desired = without_obstacles(desired, &observed);
        (desired, observed)
    });
    with_tokens(with_users(states))
}

fn server() -> PlannedServer {
    PlannedServer {
        name: "iggy://127.0.0.1:8090".to_owned(),
        context: Some("production".to_owned()),
        version: Some("0.9.0".to_owned()),
        user_id: Some(0),
        ledger: None,
        keeps_ledger: false,
    }
}

fn saved(
    desired: &DesiredState,
    observed: &ObservedState,
    approvals: &Approvals,
) -> (Plan, SavedPlan) {
    let changes = diff(desired, observed);
    let findings = check(&changes, desired, observed);
    let plan = plan(&changes, approvals).located(desired);
    let report = PlanReport::new(&plan, &changes, &findings);
    let saved = SavedPlan::new(&plan, report, desired, observed, server(), "0.1.0");
    (plan, saved)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_is_read_back_as_it_was(
        (desired, observed) in states(),
        pruning in pruning(),
        allows: bool,
    ) {
        let approvals = match allows {
            true => all_approvals(&desired, &observed, pruning),
            false => Approvals { prune: pruning != Pruning::Nothing, ..Approvals::default() },
        };
        let (plan, saved) = saved(&desired, &observed, &approvals);
        let text = saved.to_text().unwrap();
        let read = SavedPlan::from_bytes(text.as_bytes()).unwrap();
        prop_assert_eq!(&read, &saved);
        // A saved plan is held to a number as it was when it was made.
        if let Some(deletion) = plan.mass_deletion {
            prop_assert_eq!(read.plan().removals(), deletion.removed);
        }
        prop_assert_eq!(read.plan(), plan);
        prop_assert_eq!(read.to_text().unwrap(), text);
    }

    #[test]
    fn what_did_not_move_is_not_said_to_have_moved(
        (desired, observed) in states(),
        pruning in pruning(),
    ) {
        let approvals = all_approvals(&desired, &observed, pruning);
        let (_, saved) = saved(&desired, &observed, &approvals);
        prop_assert_eq!(saved.touched.moved(&observed), vec![]);
    }

    /// The names that have to be read are all that is looked at.
    #[test]
    fn what_no_step_speaks_of_does_not_matter(
        (desired, observed) in states(),
        pruning in pruning(),
    ) {
        let approvals = all_approvals(&desired, &observed, pruning);
        let (_, saved) = saved(&desired, &observed, &approvals);
        let mut now = observed;
        let needed = saved.touched.streams();
        now.streams.retain(|stream, _| needed.contains(stream));
        let groups = saved.touched.topics_with_groups();
        for (stream_name, stream) in &mut now.streams {
            for (topic_name, topic) in &mut stream.topics {
                topic.partitions += u32::from(!saved.report.steps.iter().any(|step| {
                    step.address.topic().is_some()
                }));
                topic.size_bytes += 1;
                if !groups.contains(&(stream_name.clone(), topic_name.clone())) {
                    topic.groups = None;
                }
            }
        }
        if !saved.touched.needs_users() {
            now.access = AccessReading::NotNeeded;
        }
        prop_assert_eq!(saved.touched.moved(&now), vec![]);
    }
}

/// `orders/events` gets partitions and a group, `orders/old` is deleted.
fn by_hand() -> (DesiredState, ObservedState) {
    let mut desired = DesiredState::default();
    desired.owns.topics = vec!["orders/old".to_owned()];
    let events = declare_topic(&mut desired, "orders", "events");
    events.partitions = Some(3);
    events.settings.message_expiry = Some("7d".parse().unwrap());
    declare_group(&mut desired, "orders", "events", "billing");
    desired
        .streams
        .get_mut(&name("orders"))
        .unwrap()
        .topics_listed = true;
    let mut observed = ObservedState::default();
    there_stream(&mut observed, "orders");
    let events = there_topic(&mut observed, "orders", "events");
    events.partitions = 1;
    events.settings.message_expiry = Some("7d".parse().unwrap());
    there_topic(&mut observed, "orders", "old").messages = 0;
    there_group(&mut observed, "orders", "old", "former");
    (desired, observed)
}

fn saved_by_hand() -> (SavedPlan, ObservedState) {
    let (desired, observed) = by_hand();
    let approvals = Approvals {
        prune: true,
        allow_destroy: ["topic/orders/old".parse().unwrap()].into(),
        ..Approvals::default()
    };
    let (plan, saved) = saved(&desired, &observed, &approvals);
    assert_eq!(plan.blocked, vec![]);
    let addresses: Vec<String> = plan.steps.iter().map(|it| it.address.to_string()).collect();
    assert_eq!(
        addresses,
        [
            "topic/orders/old",
            "topic/orders/events",
            "group/orders/events/billing"
        ]
    );
    (saved, observed)
}

fn moved(change: impl FnOnce(&mut ObservedState)) -> Vec<String> {
    let (saved, mut observed) = saved_by_hand();
    change(&mut observed);
    let moved = saved.touched.moved(&observed);
    moved.iter().map(ToString::to_string).collect()
}

fn topic<'a>(
    observed: &'a mut ObservedState,
    topic: &str,
) -> &'a mut crate::state::observed::ObservedTopic {
    let stream = observed.streams.get_mut(&name("orders")).unwrap();
    stream.topics.get_mut(&name(topic)).unwrap()
}

#[test]
fn what_moved_is_said_line_by_line() {
    let nothing: [&str; 0] = [];
    assert_eq!(moved(|_| {}), nothing);
    assert_eq!(
        moved(|now| {
            let events = topic(now, "events");
            events.partitions = 6;
            events.settings.message_expiry = Some("1h".parse().unwrap());
            topic(now, "old").messages = 3;
        }),
        [
            "topic/orders/events: messageExpiry 7d → 1h",
            "topic/orders/events: partitions 1 → 6",
            "topic/orders/old: it was empty, and holds messages now",
        ]
    );
    assert_eq!(
        moved(|now| {
            topic(now, "events").id += 7;
            now.streams
                .get_mut(&name("orders"))
                .unwrap()
                .topics
                .remove(&name("old"));
        }),
        [
            "topic/orders/events: another one of that name",
            "topic/orders/old: it is gone",
        ]
    );
    assert_eq!(
        moved(|now| {
            there_group(now, "orders", "events", "billing");
            there_group(now, "orders", "old", "later");
        }),
        [
            "topic/orders/old: 1 consumer group more: later",
            "group/orders/events/billing: it is there now",
        ]
    );
    assert_eq!(
        moved(|now| {
            now.streams
                .get_mut(&name("orders"))
                .unwrap()
                .created_at_micros += 1;
            topic(now, "events").created_at_micros += 1;
        }),
        ["stream/orders: another one of that name"]
    );
}

#[test]
fn what_nobody_compared_may_move() {
    let nothing: [&str; 0] = [];
    assert_eq!(
        moved(|now| {
            let events = topic(now, "events");
            events.messages += 1000;
            events.size_bytes += 1000;
            events.settings.max_topic_size = Some("1GiB".parse().unwrap());
            topic(now, "old").partitions += 1;
            topic(now, "old").groups = Some([].into());
            there_topic(now, "orders", "another");
            there_stream(now, "elsewhere");
        }),
        nothing
    );
}

#[test]
fn every_text_that_is_cut_off_is_refused() {
    let (saved, _) = saved_by_hand();
    let text = saved.to_text().unwrap();
    for end in 0..text.len() {
        assert!(
            SavedPlan::from_bytes(&text.as_bytes()[..end]).is_err(),
            "{end}"
        );
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let (saved, _) = saved_by_hand();
    let text = saved.to_text().unwrap();
    for at in 0..text.len() {
        for change in [1, 0x20, 0x80] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= change;
            assert!(SavedPlan::from_bytes(&bytes).is_err(), "{at} {change}");
        }
    }
    assert!(SavedPlan::from_bytes((text.clone() + " ").as_bytes()).is_err());
    assert!(SavedPlan::from_bytes((" ".to_owned() + &text).as_bytes()).is_err());
    let again = format!("{text}{text}");
    assert_eq!(
        SavedPlan::from_bytes(again.as_bytes()),
        Err(SavedPlanError::Changed)
    );
}

#[test]
fn other_forms_are_refused_by_their_number() {
    let form = |found: &str| {
        let text = format!("{{\"formatVersion\":{found},\"whatever\":1}}");
        SavedPlan::from_bytes(text.as_bytes()).unwrap_err()
    };
    let found = FORMAT_VERSION + 1;
    assert_eq!(form(&found.to_string()), SavedPlanError::Newer { found });
    assert_eq!(form("2").code(), "saved-plan/newer");
    assert_eq!(form("0"), SavedPlanError::NoSuchForm { found: 0 });
    assert_eq!(form("1"), SavedPlanError::Changed);
    assert_eq!(form("x"), SavedPlanError::NotAPlan);
    assert_eq!(form("99999999999"), SavedPlanError::NotAPlan);
    assert_eq!(
        SavedPlan::from_bytes(b"\xff\xfe"),
        Err(SavedPlanError::NotAPlan)
    );
}
