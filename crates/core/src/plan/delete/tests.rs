//! Deleting what nobody declares: what a plan says, does and refuses.

use crate::access::{Grants, StreamGrants, StreamPermission, TopicPermission, UserStatus};
use crate::address::Address;
use crate::check::check;
use crate::diff::{Facts, diff};
use crate::plan::{
    Action, Approvals, BlockReason, DestructionGrant, Plan, Refusal, Risk, Stage, plan,
};
use crate::render::{PlanReport, TextOptions};
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_access::{KnownStream, ObservedAccess, ObservedUser, PasswordCheck};
use crate::testing::{
    apply_plan, declare_stream, declare_topic, name, there_group, there_stream, there_topic,
};

/// `orders` is declared with the topics `events` and `new`; `extra`, which holds messages,
/// and the empty `idle` are not, and neither are the streams `old`, with a group, and `bare`.
/// `ann`, whom nobody declares, may read `old` and the topic `extra`.
fn states() -> (DesiredState, ObservedState) {
    let mut desired = DesiredState::default();
    desired.owns.streams = vec!["*".to_owned()];
    declare_topic(&mut desired, "orders", "events");
    declare_topic(&mut desired, "orders", "new");
    declare_stream(&mut desired, "orders").topics_listed = true;
    for stream in ["declared-a", "declared-b", "declared-c"] {
        declare_stream(&mut desired, stream);
    }
    let mut observed = ObservedState::default();
    there_topic(&mut observed, "orders", "events");
    let extra = there_topic(&mut observed, "orders", "extra");
    (extra.messages, extra.size_bytes) = (12, 3 << 20);
    there_topic(&mut observed, "orders", "idle");
    there_group(&mut observed, "old", "letters", "readers");
    for stream in ["bare", "declared-a", "declared-b", "declared-c"] {
        there_stream(&mut observed, stream);
    }
    let mut access = ObservedAccess::default();
    for (stream, there) in &observed.streams {
        let topics = there.topics.iter();
        let known = KnownStream {
            name: stream.clone(),
            topics: Some(
                topics
                    .map(|(name, topic)| (topic.id, name.clone()))
                    .collect(),
            ),
        };
        access.streams.insert(there.id, known);
    }
    let mut grants = Grants::default();
    for (stream, topic) in [("orders", Some("extra")), ("old", None), ("bare", None)] {
        let there = &observed.streams[&name(stream)];
        let granted: &mut StreamGrants<u32> = grants.streams.entry(there.id).or_default();
        match topic {
            Some(topic) => {
                let id = there.topics[&name(topic)].id;
                granted
                    .topics
                    .insert(id, [TopicPermission::PollMessages].into());
            }
            None => granted.allow = [StreamPermission::ReadStream].into(),
        }
    }
    let ann = ObservedUser {
        id: 1,
        created_at_micros: 1,
        status: UserStatus::Active,
        grants,
        password: PasswordCheck::NotChecked,
        tokens: None,
    };
    access.users.insert(name("ann"), ann);
    observed.access = AccessReading::Read(Box::new(access));
    (desired, observed)
}

fn approvals(allowed: &[&str]) -> Approvals {
    Approvals {
        prune: true,
        allow_destroy: allowed.iter().map(|text| text.parse().unwrap()).collect(),
        ..Approvals::default()
    }
}

fn planned(approvals: &Approvals) -> (Plan, String) {
    let (desired, observed) = states();
    planned_for(&desired, &observed, approvals)
}

fn planned_for(
    desired: &DesiredState,
    observed: &ObservedState,
    approvals: &Approvals,
) -> (Plan, String) {
    let facts = Facts {
        oldest_micros: [("topic/orders/extra".parse().unwrap(), 1_790_000_000_000_000)].into(),
        lags: [("group/old/letters/readers".parse().unwrap(), 7)].into(),
        ..Facts::default()
    };
    let changes = diff(desired, observed).with_facts(&facts);
    let findings = check(&changes, desired, observed);
    let plan = plan(&changes, approvals);
    let text = PlanReport::new(&plan, &changes, &findings).to_text(TextOptions::default());
    (plan, text)
}

#[test]
fn without_prune_it_is_information() {
    let (plan, text) = planned(&Approvals::default());
    assert!(plan.steps.iter().all(|step| step.stage == Stage::Resources));
    insta::assert_snapshot!(text);
}

#[test]
fn what_holds_something_is_blocked_with_the_facts() {
    let (plan, text) = planned(&approvals(&[]));
    let deleted: Vec<String> = plan.pruned.iter().map(ToString::to_string).collect();
    assert_eq!(deleted, ["stream/bare", "topic/orders/idle"]);
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_named_is_deleted_after_its_readers_lost_it() {
    let (plan, text) = planned(&approvals(&["topic/orders/extra", "stream/old"]));
    insta::assert_snapshot!(text);
    assert_eq!(plan.blocked, []);
    let steps: Vec<String> = plan
        .steps
        .iter()
        .map(|step| {
            format!(
                "{:?} {}: {} after {:?}",
                step.stage, step.address, step.action, step.needs
            )
        })
        .collect();
    insta::assert_snapshot!(steps.join("\n"));
    let (_, mut observed) = states();
    apply_plan(&plan, &mut observed).unwrap();
    let AccessReading::Read(access) = &observed.access else {
        panic!("users were read");
    };
    assert!(access.users[&name("ann")].grants.is_empty());
}

#[test]
fn an_empty_one_goes_only_while_it_is_empty() {
    let (plan, _) = planned(&approvals(&["topic/orders/extra"]));
    let only_if_empty = |address: &str| {
        let address: Address = address.parse().unwrap();
        let step = plan
            .steps
            .iter()
            .find(|step| step.address == address && step.stage == Stage::Delete);
        step.map(|step| match &step.action {
            Action::DeleteStream { only_if_empty, .. }
            | Action::DeleteTopic { only_if_empty, .. } => (*only_if_empty, step.risk),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(
        only_if_empty("topic/orders/idle"),
        Some((true, Risk::Risky))
    );
    assert_eq!(
        only_if_empty("topic/orders/extra"),
        Some((false, Risk::Destructive))
    );
    assert_eq!(only_if_empty("stream/old"), None);
    let grant = DestructionGrant::default();
    let refused = plan.approve(true, &grant).unwrap_err();
    assert!(matches!(refused, Refusal::DestructionNotGranted { .. }));
}

#[test]
fn a_user_that_keeps_grants_blocks_the_delete() {
    let (desired, mut observed) = states();
    if let AccessReading::Read(access) = &mut observed.access {
        access.me = Some(name("ann"));
    }
    let (plan, _) = planned_for(&desired, &observed, &approvals(&["stream/old"]));
    let user = Address::User(name("ann"));
    let blocked: Vec<String> = plan
        .blocked
        .iter()
        .filter(|line| line.reason == BlockReason::StillGranted { user: user.clone() })
        .map(|line| line.address.to_string())
        .collect();
    assert_eq!(blocked, ["stream/bare", "stream/old", "topic/orders/extra"]);
}

/// Ten of them declared and there: removing two is tidying up, removing more than half is
/// asked about, and so is whatever a project does that declares nothing.
#[test]
fn much_is_asked_about() {
    let (mut desired, observed) = states();
    let (plan, _) = planned(&approvals(&[]));
    assert_eq!(plan.mass_deletion, None);
    for stream in ["declared-a", "declared-b", "declared-c"] {
        desired.streams.remove(&name(stream));
    }
    let (plan, text) = planned_for(&desired, &observed, &approvals(&["stream/old"]));
    let deletion = plan.mass_deletion.unwrap();
    assert_eq!((deletion.removed, deletion.there), (7, 10));
    assert!(text.contains("--expect-removals 7"), "{text}");
    let grant = |removals| {
        DestructionGrant::from_command_line(approvals(&["stream/old"]).allow_destroy)
            .expecting(removals)
    };
    for said in [None, Some(6), Some(8)] {
        let refused = plan.clone().approve(true, &grant(said)).unwrap_err();
        assert!(matches!(refused, Refusal::RemovalsNotConfirmed { .. }));
    }
    assert!(plan.approve(true, &grant(Some(7))).is_ok());

    let mut nothing = DesiredState::default();
    nothing.owns.streams = vec!["bare".to_owned()];
    let (plan, _) = planned_for(&nothing, &observed, &approvals(&[]));
    assert_eq!(plan.mass_deletion.map(|it| it.removed), Some(1));
    assert_eq!(plan.removals(), 1);
}
