//! What an apply does when the network loses something, step by step.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod simulated;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use iggyctl_core::diagnostic::Origin;
use iggyctl_core::diff::diff;
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::{Approvals, ApprovedPlan, DestructionGrant, Plan, plan};
use iggyctl_core::quantity::MessageExpiry;
use iggyctl_core::state::desired::{
    DesiredConsumerGroup, DesiredState, DesiredStream, DesiredTopic, Presence, TopicSettings,
};
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{
    ApplyEvent, ApplyOutcome, Cancellation, Failure, NotAttempted, StepResult, Supplies, apply,
    verify,
};
use iggyctl_engine::connect::ConnectionPool;
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::{Reach, observe};
use proptest::prelude::*;
use simulated::{Fault, Simulated, Stream, Streams, Topic, defaults};

fn name(text: &str) -> ResourceName {
    text.parse().unwrap()
}

fn origin() -> Origin {
    Origin {
        file: Arc::from("test.yaml"),
        line: 1,
        column: 1,
    }
}

fn stream(topics: impl IntoIterator<Item = (&'static str, DesiredTopic)>) -> DesiredStream {
    DesiredStream {
        presence: Presence::Declared,
        previous_name: None,
        topics_listed: true,
        topics: topics
            .into_iter()
            .map(|(topic, desired)| (name(topic), desired))
            .collect(),
        origin: origin(),
    }
}

fn topic(partitions: u32) -> DesiredTopic {
    DesiredTopic {
        presence: Presence::Declared,
        previous_name: None,
        partitions: Some(partitions),
        settings: TopicSettings::default(),
        groups_listed: false,
        groups: BTreeMap::new(),
        origin: origin(),
    }
}

fn desired(streams: impl IntoIterator<Item = (&'static str, DesiredStream)>) -> DesiredState {
    DesiredState {
        streams: streams
            .into_iter()
            .map(|(stream, desired)| (name(stream), desired))
            .collect(),
        ..DesiredState::default()
    }
}

/// One of everything.
fn orders() -> DesiredState {
    let mut events = topic(3);
    events.settings.message_expiry = Some(MessageExpiry::from_micros(7_000_000));
    events.groups = ["audit", "billing"]
        .map(|group| (name(group), DesiredConsumerGroup { origin: origin() }))
        .into();
    desired([("orders", stream([("events", events), ("dead", topic(1))]))])
}

fn live_topic(partitions: u32) -> Topic {
    Topic {
        id: 7,
        partitions,
        settings: defaults(),
        groups: BTreeSet::new(),
    }
}

fn live(streams: impl IntoIterator<Item = (&'static str, Vec<(&'static str, Topic)>)>) -> Streams {
    let mut id = 0;
    streams
        .into_iter()
        .map(|(stream, topics)| {
            id += 1;
            let topics = topics.into_iter().map(|(topic, live)| (name(topic), live));
            (
                name(stream),
                Stream {
                    id,
                    topics: topics.collect(),
                },
            )
        })
        .collect()
}

async fn made_plan(pool: &ConnectionPool<Simulated>, desired: &DesiredState) -> Plan {
    let observed = observe(pool, desired).await.unwrap();
    let mut approvals = Approvals::default();
    for (stream_name, stream) in &desired.streams {
        for topic_name in stream.topics.keys() {
            approvals
                .allow_destroy
                .insert(format!("topic/{stream_name}/{topic_name}").parse().unwrap());
        }
    }
    plan(&diff(desired, &observed), &approvals)
}

async fn approved(pool: &ConnectionPool<Simulated>, desired: &DesiredState) -> ApprovedPlan {
    let plan = made_plan(pool, desired).await;
    let grant = DestructionGrant::from_command_line(plan.approvals.allow_destroy.clone());
    plan.approve(true, &grant).unwrap()
}

async fn run(server: &Simulated, plan: &ApprovedPlan) -> ApplyOutcome {
    let pool = ConnectionPool::new(server.clone());
    let mut events = Vec::new();
    let outcome = apply(
        plan,
        &pool,
        Supplies::new(&Secrets::default(), &NoSinks),
        &mut |event| events.push(format!("{event:?}").split(' ').next().unwrap().to_owned()),
        &Cancellation::default(),
    )
    .await;
    assert_eq!(outcome.steps.len(), plan.steps().len());
    let ends = events.iter().filter(|event| *event != "StepStarted");
    assert_eq!(ends.count(), outcome.steps.len(), "{events:?}");
    outcome
}

/// Applies the plan for `desired` with a fault at its `at`-th write.
async fn applied(
    server: &Simulated,
    desired: &DesiredState,
    at: usize,
    fault: Fault,
) -> ApplyOutcome {
    let pool = ConnectionPool::new(server.clone());
    let plan = approved(&pool, desired).await;
    server.fault(at, fault);
    run(server, &plan).await
}

async fn assert_converged(server: &Simulated, desired: &DesiredState) {
    let pool = ConnectionPool::new(server.clone());
    let changes = verify(&pool, desired, Reach::Declared).await.unwrap();
    assert!(changes.changes.is_empty(), "{:#?}", changes.changes);
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_applied_step_by_step_on_one_connection() {
    let server = Simulated::default();
    let desired = orders();
    let pool = ConnectionPool::new(server.clone());
    let plan = approved(&pool, &desired).await;
    server.world().requests.clear();
    assert!(run(&server, &plan).await.is_complete());
    assert_eq!(
        server.world().requests,
        [
            "create stream/orders",
            "create topic/orders/dead",
            "create topic/orders/events",
            "create group/orders/events/audit",
            "create group/orders/events/billing",
        ]
    );
    assert_converged(&server, &desired).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_message_at_any_step_does_not_stop_an_apply() {
    for at in 0..5 {
        for fault in [
            Fault::LostReply,
            Fault::LostRequest,
            Fault::LateCommit,
            Fault::NotSent,
        ] {
            let server = Simulated::default();
            let outcome = applied(&server, &orders(), at, fault).await;
            assert!(outcome.is_complete(), "{at} {fault:?}: {outcome:#?}");
            assert_converged(&server, &orders()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_step_stops_only_what_needs_it() {
    let server = Simulated::default();
    let outcome = applied(&server, &orders(), 2, Fault::Refused).await;
    assert_eq!(outcome.counts(), (2, 1, 2));
    assert!(!outcome.has_unknown());
    let not_attempted = outcome.steps.iter().filter(|step| {
        matches!(&step.result, StepResult::NotAttempted(NotAttempted::Needs { step, .. }) if step.0 == 2)
    });
    assert_eq!(not_attempted.count(), 2);
    assert!(
        server.world().streams[&name("orders")]
            .topics
            .contains_key(&name("dead"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_leaves_the_rest_not_attempted() {
    let server = Simulated::default();
    let outcome = applied(&server, &orders(), 1, Fault::Gone).await;
    assert_eq!(outcome.counts(), (1, 1, 3));
    assert!(outcome.has_unknown());
    server.heal();
    let pool = ConnectionPool::new(server.clone());
    let plan = approved(&pool, &orders()).await;
    assert_eq!(
        plan.steps().len(),
        3,
        "the lost reply was about something done"
    );
    assert!(run(&server, &plan).await.is_complete());
    assert_converged(&server, &orders()).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_cannot_be_replaced_leaves_the_work_to_the_others() {
    let server = Simulated::default();
    let names: Vec<String> = (0..4000).map(|number| format!("s{number}")).collect();
    let desired = DesiredState {
        streams: names.iter().map(|text| (name(text), stream([]))).collect(),
        ..DesiredState::default()
    };
    let pool = ConnectionPool::new(server.clone());
    let plan = approved(&pool, &desired).await;
    server.fault(3900, Fault::Closed);
    server.world().logins = 0;
    server.world().latency_of_writes = Duration::from_millis(1);
    let outcome = run(&server, &plan).await;
    assert!(server.world().logins > 1, "there are others");
    assert_eq!(outcome.counts(), (3999, 1, 0));
    assert!(!outcome.has_unknown());
}

#[tokio::test(start_paused = true)]
async fn the_last_connection_that_cannot_be_replaced_ends_the_apply() {
    let server = Simulated::default();
    let outcome = applied(&server, &orders(), 1, Fault::Closed).await;
    assert_eq!(outcome.counts(), (1, 1, 3));
    assert!(outcome.steps.iter().any(|step| matches!(
        step.result,
        StepResult::NotAttempted(NotAttempted::Unreachable(_))
    )));
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_failed_step_names_it_also_from_afar() {
    let server = Simulated::default();
    let outcome = applied(&server, &orders(), 0, Fault::Refused).await;
    assert_eq!(outcome.counts(), (0, 1, 4));
    for step in &outcome.steps[1..] {
        let StepResult::NotAttempted(reason) = &step.result else {
            panic!("{step:?}");
        };
        assert_eq!(
            reason.to_string(),
            "stream/orders is needed first, and failed (create stream)"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_created_meanwhile_is_not_ours() {
    let server = Simulated::default();
    let pool = ConnectionPool::new(server.clone());
    let plan = approved(&pool, &orders()).await;
    server.world().streams = live([("orders", vec![])]);
    let outcome = run(&server, &plan).await;
    assert!(
        matches!(
            &outcome.steps[0].result,
            StepResult::Failed(Failure::Refused(_))
        ),
        "{outcome:#?}"
    );
    assert_eq!(outcome.counts(), (0, 1, 4));
}

#[tokio::test(start_paused = true)]
async fn partitions_are_added_once_whatever_is_lost() {
    for fault in [
        Fault::LostReply,
        Fault::LostRequest,
        Fault::LateCommit,
        Fault::NotSent,
    ] {
        let server = Simulated::new(live([("orders", vec![("events", live_topic(2))])]));
        let desired = desired([("orders", stream([("events", topic(2005))]))]);
        let outcome = applied(&server, &desired, 1, fault).await;
        assert!(outcome.is_complete(), "{fault:?}: {outcome:#?}");
        assert_converged(&server, &desired).await;
    }
}

#[tokio::test(start_paused = true)]
async fn partitions_are_never_removed_twice() {
    let shrink = desired([("orders", stream([("events", topic(2))]))]);
    let five = || Simulated::new(live([("orders", vec![("events", live_topic(5))])]));
    let removals = |server: &Simulated| {
        let world = server.world();
        let removals = world
            .requests
            .iter()
            .filter(|request| request.starts_with("remove"));
        removals.count()
    };

    let server = five();
    let outcome = applied(&server, &shrink, 0, Fault::LostReply).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert_eq!(removals(&server), 1);

    let server = five();
    let outcome = applied(&server, &shrink, 0, Fault::LostRequest).await;
    assert!(outcome.has_unknown(), "{outcome:#?}");
    assert_eq!(removals(&server), 1);
    assert_eq!(
        server.world().streams[&name("orders")].topics[&name("events")].partitions,
        5
    );

    let server = five();
    let outcome = applied(&server, &shrink, 0, Fault::LateCommit).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert_eq!(removals(&server), 1);
}

#[tokio::test(start_paused = true)]
async fn partitions_that_moved_since_the_plan_are_left_alone() {
    for (from, to, now) in [(2, 4, 3), (4, 2, 3), (2, 4, 4), (4, 2, 2)] {
        let server = Simulated::new(live([("orders", vec![("events", live_topic(from))])]));
        let pool = ConnectionPool::new(server.clone());
        let desired = desired([("orders", stream([("events", topic(to))]))]);
        let plan = approved(&pool, &desired).await;
        server.world().streams = live([("orders", vec![("events", live_topic(now))])]);
        let before = server.world().streams.clone();
        let outcome = run(&server, &plan).await;
        assert!(
            matches!(
                &outcome.steps[0].result,
                StepResult::Failed(Failure::Moved { .. })
            ),
            "{outcome:#?}"
        );
        assert_eq!(server.world().streams, before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_renames_survives_a_lost_message_at_any_step() {
    for at in 0..3 {
        for fault in [Fault::LostReply, Fault::LostRequest, Fault::LateCommit] {
            let server = Simulated::new(live([("a", vec![("old", live_topic(1))]), ("b", vec![])]));
            let mut renamed_topic = topic(1);
            renamed_topic.previous_name = Some(name("old"));
            let mut b = stream([("new", renamed_topic)]);
            b.previous_name = Some(name("a"));
            let mut c = stream([]);
            c.previous_name = Some(name("b"));
            let desired = desired([("b", b), ("c", c)]);
            let outcome = applied(&server, &desired, at, fault).await;
            assert!(outcome.is_complete(), "{at} {fault:?}: {outcome:#?}");
            assert_converged(&server, &desired).await;
            let ids: Vec<u32> = server
                .world()
                .streams
                .values()
                .map(|stream| stream.id)
                .collect();
            assert_eq!(ids, [1, 2], "b was a, c was b");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_finishes_what_is_in_flight() {
    let server = Simulated::default();
    let pool = ConnectionPool::new(server.clone());
    let plan = approved(&pool, &orders()).await;
    let cancellation = Cancellation::default();
    let outcome = apply(
        &plan,
        &pool,
        Supplies::new(&Secrets::default(), &NoSinks),
        &mut |event| {
            if let ApplyEvent::StepStarted { step } = event
                && step.id.0 == 1
            {
                cancellation.cancel();
            }
        },
        &cancellation,
    )
    .await;
    assert_eq!(outcome.counts(), (2, 0, 3));
    assert!(
        outcome.steps[2..]
            .iter()
            .all(|step| step.result == StepResult::NotAttempted(NotAttempted::Cancelled))
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_read_is_a_gap() {
    let server = Simulated::new(live([("orders", vec![]), ("shared", vec![])]));
    server.world().unreadable.insert(name("shared"));
    let pool = ConnectionPool::new(server.clone());
    let desired = desired([("orders", stream([])), ("shared", stream([]))]);
    let observed = observe(&pool, &desired).await.unwrap();
    assert_eq!(observed.gaps.len(), 1);
    assert_eq!(observed.gaps[0].address.to_string(), "stream/shared");
    assert!(observed.streams.contains_key(&name("orders")));
}

#[tokio::test(start_paused = true)]
async fn reads_are_the_fewest_that_do() {
    let mut streams: BTreeMap<ResourceName, DesiredStream> = BTreeMap::new();
    for number in 0..100 {
        let topics: BTreeMap<_, _> = (0..100)
            .map(|topic_number| (name(&format!("topic-{topic_number}")), topic(1)))
            .collect();
        let mut stream = stream([]);
        stream.topics = topics;
        streams.insert(name(&format!("stream-{number}")), stream);
    }
    let desired = DesiredState {
        streams,
        ..DesiredState::default()
    };
    let server = Simulated::default();
    let pool = ConnectionPool::new(server.clone());
    observe(&pool, &desired).await.unwrap();
    // They are missing, so it is asked, too, who would get access to them: what
    // users and streams there are.
    assert_eq!(server.world().requests.len(), 100 + 2);
    assert_eq!(server.world().logins, 1);
    let plan = approved(&pool, &desired).await;
    let outcome = run(&server, &plan).await;
    assert!(outcome.is_complete());
    let before = server.world().requests.len();
    observe(&pool, &desired).await.unwrap();
    assert_eq!(server.world().requests.len() - before, 100);
}

/// A small world, so that random states meet each other.
fn any_live() -> impl Strategy<Value = Streams> {
    let topic = (
        0..4_u32,
        0..3_u64,
        prop::collection::btree_set("[xy]", 0..2),
    )
        .prop_map(|(partitions, expiry, groups)| Topic {
            id: 1,
            partitions,
            settings: TopicSettings {
                message_expiry: Some(match expiry {
                    0 => MessageExpiry::NEVER,
                    seconds => MessageExpiry::from_micros(seconds * 1_000_000),
                }),
                ..defaults()
            },
            groups: groups.iter().map(|group| name(group)).collect(),
        });
    let topics = prop::collection::btree_map("[pqr]", topic, 0..3);
    prop::collection::btree_map("[abcd]", topics, 0..4).prop_map(|streams| {
        let mut id = 0;
        streams
            .into_iter()
            .map(|(stream, topics)| {
                id += 1;
                let topics = topics
                    .into_iter()
                    .map(|(topic, live)| (name(&topic), live))
                    .collect();
                (name(&stream), Stream { id, topics })
            })
            .collect()
    })
}

fn any_desired() -> impl Strategy<Value = DesiredState> {
    let topic = (
        prop::option::of(0..4_u32),
        prop::option::of(1..3_u64),
        prop::collection::btree_set("[xy]", 0..2),
    )
        .prop_map(|(partitions, expiry, groups)| DesiredTopic {
            partitions,
            settings: TopicSettings {
                message_expiry: expiry
                    .map(|seconds| MessageExpiry::from_micros(seconds * 1_000_000)),
                ..TopicSettings::default()
            },
            groups: groups
                .iter()
                .map(|group| (name(group), DesiredConsumerGroup { origin: origin() }))
                .collect(),
            ..topic(1)
        });
    let topics = prop::collection::btree_map("[pqr]", topic, 0..3);
    // A rename points down the alphabet, so there is no cycle.
    let entry = (topics, prop::option::of("[abc]"));
    prop::collection::btree_map("[abcd]", entry, 0..4).prop_map(|streams| {
        let mut taken = BTreeSet::new();
        DesiredState {
            streams: streams
                .into_iter()
                .map(|(stream_name, (topics, previous))| {
                    let previous = previous
                        .filter(|previous| *previous < stream_name)
                        .filter(|previous| taken.insert(previous.clone()));
                    let mut stream = stream([]);
                    stream.previous_name = previous.map(|previous| name(&previous));
                    stream.topics = topics
                        .into_iter()
                        .map(|(topic, desired)| (name(&topic), desired))
                        .collect();
                    (name(&stream_name), stream)
                })
                .collect(),
            ..DesiredState::default()
        }
    })
}

fn any_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::LostReply),
        Just(Fault::LostRequest),
        Just(Fault::LateCommit),
        Just(Fault::NotSent),
        Just(Fault::Refused),
        Just(Fault::Gone),
        Just(Fault::Closed),
    ]
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    #[test]
    fn from_any_state_an_apply_converges(live in any_live(), desired in any_desired()) {
        block_on(async {
            let server = Simulated::new(live.clone());
            let pool = ConnectionPool::new(server.clone());
            let plan = approved(&pool, &desired).await;
            let outcome = run(&server, &plan).await;
            assert!(outcome.is_complete(), "{outcome:#?}");
            assert_untouched(&live, &desired, &server);
            let again = made_plan(&pool, &desired).await;
            assert!(again.steps.is_empty(), "{:#?}", again.steps);
        });
    }

    #[test]
    fn from_any_state_with_any_fault_two_applies_converge(
        live in any_live(),
        desired in any_desired(),
        at in 0..12_usize,
        fault in any_fault(),
    ) {
        block_on(async {
            let server = Simulated::new(live.clone());
            applied(&server, &desired, at, fault).await;
            server.heal();
            let pool = ConnectionPool::new(server.clone());
            let plan = approved(&pool, &desired).await;
            let outcome = run(&server, &plan).await;
            assert!(outcome.is_complete(), "{outcome:#?}");
            assert_untouched(&live, &desired, &server);
            let again = made_plan(&pool, &desired).await;
            assert!(again.steps.is_empty(), "{:#?}", again.steps);
        });
    }
}

/// Streams and topics that no manifest names are as they were.
fn assert_untouched(before: &Streams, desired: &DesiredState, server: &Simulated) {
    let named = |stream: &ResourceName| {
        desired.streams.contains_key(stream)
            || desired
                .streams
                .values()
                .any(|other| other.previous_name.as_ref() == Some(stream))
    };
    let world = server.world();
    for (stream, was) in before.iter().filter(|(stream, _)| !named(stream)) {
        assert_eq!(world.streams.get(stream), Some(was), "{stream}");
    }
    let ids: BTreeMap<u32, &Stream> = world
        .streams
        .values()
        .map(|stream| (stream.id, stream))
        .collect();
    for was in before.values() {
        let now = ids.get(&was.id).expect("no stream is ever deleted");
        for (topic, live) in &was.topics {
            let declared = desired
                .streams
                .values()
                .any(|stream| stream.topics.contains_key(topic));
            if !declared {
                assert_eq!(now.topics.get(topic), Some(live), "{topic}");
            }
        }
    }
}
