//! Deleting what is owned and not declared: whatever is lost on the way, exactly what the
//! plan found goes, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod simulated;

use std::collections::BTreeMap;

use iggyctl_core::diff::diff;
use iggyctl_core::plan::{Approvals, ApprovedPlan, DestructionGrant, plan};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::testing::{declare_stream, declare_topic, name};
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{ApplyOutcome, Cancellation, Failure, StepResult, Supplies, apply};
use iggyctl_engine::connect::ConnectionPool;
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::{Reach, observe_reaching};
use simulated::{Fault, Simulated, Stream, Streams, Topic};

/// `orders` is declared with `events` and no groups; the rest is not.
fn states() -> (DesiredState, Simulated) {
    let mut desired = DesiredState::default();
    desired.owns.streams = vec!["*".to_owned()];
    declare_topic(&mut desired, "orders", "events").groups_listed = true;
    declare_stream(&mut desired, "orders").topics_listed = true;
    let topics = |topics: Vec<(&str, Topic)>| -> BTreeMap<_, _> {
        let topics = topics.into_iter();
        topics.map(|(text, topic)| (name(text), topic)).collect()
    };
    let orders = Stream {
        id: 0,
        topics: topics(vec![
            ("events", Topic::plain(0, &["former"])),
            ("extra", Topic::plain(1, &[])),
        ]),
    };
    let old = Stream {
        id: 1,
        topics: topics(vec![("letters", Topic::plain(0, &["readers"]))]),
    };
    let streams: Streams = [(name("orders"), orders), (name("old"), old)].into();
    (desired, Simulated::new(streams))
}

async fn approved(server: &Simulated, desired: &DesiredState) -> ApprovedPlan {
    let pool = ConnectionPool::new(server.clone());
    let observed = observe_reaching(&pool, desired, Reach::OwnedInDepth)
        .await
        .unwrap();
    let allowed = ["stream/old", "group/orders/events/former"];
    let approvals = Approvals {
        prune: true,
        allow_destroy: allowed.iter().map(|text| text.parse().unwrap()).collect(),
        ..Approvals::default()
    };
    let plan = plan(&diff(desired, &observed), &approvals);
    assert_eq!(plan.blocked, []);
    let removals = plan.mass_deletion.map(|deletion| deletion.removed);
    let grant = DestructionGrant::from_command_line(approvals.allow_destroy).expecting(removals);
    plan.approve(false, &grant).unwrap()
}

async fn run(server: &Simulated, plan: &ApprovedPlan) -> ApplyOutcome {
    let pool = ConnectionPool::new(server.clone());
    let secrets = Secrets::default();
    let supplies = Supplies::new(&secrets, &NoSinks);
    apply(plan, &pool, supplies, &mut |_| {}, &Cancellation::default()).await
}

#[tokio::test(start_paused = true)]
async fn whatever_is_lost_on_the_way_exactly_that_is_deleted() {
    for at in 0..3 {
        for fault in [
            Fault::LostReply,
            Fault::LostRequest,
            Fault::LateCommit,
            Fault::NotSent,
        ] {
            let (desired, server) = states();
            let plan = approved(&server, &desired).await;
            assert_eq!(plan.steps().len(), 3);
            server.fault(at, fault);
            let outcome = run(&server, &plan).await;
            assert!(outcome.is_complete(), "{at} {fault:?}: {outcome:#?}");
            server.heal();
            let world = server.world();
            let streams: Vec<&str> = world.streams.keys().map(|it| it.as_str()).collect();
            assert_eq!(streams, ["orders"], "{at} {fault:?}");
            let topics = &world.streams[&name("orders")].topics;
            assert!(topics[&name("events")].groups.is_empty());
            assert_eq!(topics.len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_leaves_the_rest_to_the_next_plan() {
    for at in 0..3 {
        let (desired, server) = states();
        let plan = approved(&server, &desired).await;
        server.fault(at, Fault::Gone);
        assert!(!run(&server, &plan).await.is_complete());
        server.heal();
        let rest = approved(&server, &desired).await;
        assert_eq!(rest.steps().len(), 2 - at);
        assert!(run(&server, &rest).await.is_complete());
        assert!(approved(&server, &desired).await.steps().is_empty());
    }
}

fn moved(outcome: &ApplyOutcome) -> Vec<String> {
    let steps = outcome.steps.iter();
    steps
        .filter_map(|step| match &step.result {
            StepResult::Failed(Failure::Moved { expected, found }) => {
                Some(format!("{expected}; {found}"))
            }
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_came_since_the_plan_stays() {
    let (desired, server) = states();
    let plan = approved(&server, &desired).await;
    {
        let mut world = server.world();
        // Somebody deleted and created it again, with another number.
        world.streams.get_mut(&name("old")).unwrap().id = 7;
        let orders = world.streams.get_mut(&name("orders")).unwrap();
        let extra = orders.topics.get_mut(&name("extra")).unwrap();
        extra.groups.insert(name("newcomer"));
        let events = orders.topics.get_mut(&name("events")).unwrap();
        events.groups = [name("another")].into();
    }
    let outcome = run(&server, &plan).await;
    assert_eq!(
        moved(&outcome),
        [
            "the stream that the plan was made for; another one of its name, created since",
            "an empty topic; the consumer group `newcomer`",
        ]
    );
    let world = server.world();
    assert!(world.streams.contains_key(&name("old")));
    let topics = &world.streams[&name("orders")].topics;
    assert!(topics.contains_key(&name("extra")));
    assert!(topics[&name("events")].groups.contains(&name("another")));
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_came_into_a_doomed_stream_saves_it() {
    let (desired, server) = states();
    let plan = approved(&server, &desired).await;
    let late = Topic::plain(5, &[]);
    {
        let mut world = server.world();
        let old = world.streams.get_mut(&name("old")).unwrap();
        old.topics.insert(name("late"), late);
    }
    let outcome = run(&server, &plan).await;
    assert_eq!(
        moved(&outcome),
        ["a stream with 1 topic; the topic `late` in it, too"]
    );
    assert!(server.world().streams.contains_key(&name("old")));
}

/// An observation that is not about pruning asks for nothing more than before.
#[tokio::test(start_paused = true)]
async fn what_is_owned_costs_a_list_and_a_read_for_each_stream() {
    let (desired, server) = states();
    let pool = ConnectionPool::new(server.clone());
    for (reach, expected) in [
        (Reach::Declared, vec!["read stream/orders"]),
        (
            Reach::Owned,
            vec![
                "list the streams",
                "read stream/old",
                "read stream/orders",
                "list the consumer groups of topic/orders/events",
            ],
        ),
    ] {
        server.world().requests.clear();
        observe_reaching(&pool, &desired, reach).await.unwrap();
        assert_eq!(server.world().requests, expected, "{reach:?}");
    }
}
