//! What is done with a saved plan is what the plan showed: the same calls, in the same
//! order, after a way through a file; and only what it speaks of is read again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod simulated;

use std::collections::BTreeMap;

use iggyctl_core::check::check;
use iggyctl_core::diff::diff;
use iggyctl_core::plan::{Approvals, DestructionGrant, Plan, plan};
use iggyctl_core::render::PlanReport;
use iggyctl_core::saved::{PlannedServer, SavedPlan};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::testing::{declare_group, declare_stream, declare_topic, name};
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{Cancellation, Supplies, apply};
use iggyctl_engine::connect::ConnectionPool;
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::{Reach, observe_reaching, observe_touched};
use simulated::{Simulated, Stream, Streams, Topic};

/// `orders/events` gets partitions, another expiry and a group, `orders/extra` and `old` go,
/// `bills/paid` is new.
fn states() -> (DesiredState, Simulated) {
    let mut desired = DesiredState::default();
    desired.owns.streams = vec!["*".to_owned()];
    let events = declare_topic(&mut desired, "orders", "events");
    events.partitions = Some(3);
    events.settings.message_expiry = Some("7d".parse().unwrap());
    declare_group(&mut desired, "orders", "events", "billing");
    declare_stream(&mut desired, "orders").topics_listed = true;
    declare_stream(&mut desired, "bills");
    declare_topic(&mut desired, "bills", "paid");
    declare_stream(&mut desired, "unchanged");
    let topics = |topics: Vec<(&str, Topic)>| -> BTreeMap<_, _> {
        let topics = topics.into_iter();
        topics.map(|(text, topic)| (name(text), topic)).collect()
    };
    let orders = Stream {
        id: 0,
        topics: topics(vec![
            ("events", Topic::plain(0, &[])),
            ("extra", Topic::plain(1, &[])),
        ]),
    };
    let old = Stream {
        id: 1,
        topics: topics(vec![("letters", Topic::plain(0, &["readers"]))]),
    };
    let unchanged = Stream {
        id: 2,
        topics: topics(vec![("topic", Topic::plain(0, &["group"]))]),
    };
    let streams: Streams = [
        (name("orders"), orders),
        (name("old"), old),
        (name("unchanged"), unchanged),
    ]
    .into();
    (desired, Simulated::new(streams))
}

async fn planned(server: &Simulated, desired: &DesiredState) -> (Plan, SavedPlan) {
    let pool = ConnectionPool::new(server.clone());
    let observed = observe_reaching(&pool, desired, Reach::OwnedInDepth)
        .await
        .unwrap();
    let approvals = Approvals {
        prune: true,
        allow_destroy: ["stream/old".parse().unwrap()].into(),
        ..Approvals::default()
    };
    let changes = diff(desired, &observed);
    let findings = check(&changes, desired, &observed);
    let plan = plan(&changes, &approvals);
    assert_eq!(plan.blocked, []);
    let report = PlanReport::new(&plan, &changes, &findings);
    let identity = PlannedServer {
        name: "simulated".to_owned(),
        context: None,
        version: None,
        user_id: None,
        ledger: None,
        keeps_ledger: false,
    };
    let saved = SavedPlan::new(&plan, report, desired, &observed, identity, "0.1.0");
    (plan, saved)
}

/// The requests that carrying it out takes.
async fn requests(server: &Simulated, plan: Plan) -> Vec<String> {
    let removals = plan.mass_deletion.map(|deletion| deletion.removed);
    let allowed = plan.approvals.allow_destroy.clone();
    let grant = DestructionGrant::from_command_line(allowed).expecting(removals);
    let approved = plan.approve(false, &grant).unwrap();
    server.world().requests.clear();
    let pool = ConnectionPool::new(server.clone());
    let secrets = Secrets::default();
    let supplies = Supplies::new(&secrets, &NoSinks);
    let outcome = apply(
        &approved,
        &pool,
        supplies,
        &mut |_| {},
        &Cancellation::default(),
    )
    .await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    server.world().requests.clone()
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_makes_the_calls_that_the_plan_showed() {
    let (desired, server) = states();
    let (plan, _) = planned(&server, &desired).await;
    let steps = plan.steps.clone();
    let at_once = requests(&server, plan).await;

    let (desired, server) = states();
    let (_, saved) = planned(&server, &desired).await;
    let text = saved.to_text().unwrap();
    let read = SavedPlan::from_bytes(text.as_bytes()).unwrap();
    assert_eq!(read.report.steps, steps);
    let later = requests(&server, read.plan()).await;
    assert_eq!(later, at_once);
    // Each step is there, and each write is one of a step.
    let is_write = |request: &&String| {
        let reads = ["read", "list", "ping"];
        !reads.iter().any(|read| request.starts_with(read))
    };
    let mut writes: Vec<&String> = later.iter().filter(is_write).collect();
    writes.sort();
    assert_eq!(
        writes,
        [
            "add partitions to topic/orders/events",
            "create group/orders/events/billing",
            "create stream/bills",
            "create topic/bills/paid",
            "delete stream/old",
            "delete topic/orders/extra",
            "update topic/orders/events",
        ]
    );
    assert_eq!(writes.len(), steps.len());
}

#[tokio::test(start_paused = true)]
async fn only_what_the_plan_speaks_of_is_read_again() {
    let (desired, server) = states();
    let (_, saved) = planned(&server, &desired).await;
    server.world().requests.clear();
    let pool = ConnectionPool::new(server.clone());
    let now = observe_touched(&pool, &saved.touched).await.unwrap();
    assert_eq!(saved.touched.moved(&now), []);
    let requests = server.world().requests.clone();
    assert!(!requests.is_empty());
    let reads_unchanged = requests.iter().any(|request| request.contains("unchanged"));
    assert!(!reads_unchanged, "{requests:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_changes_meanwhile_is_found() {
    let (desired, server) = states();
    let (_, saved) = planned(&server, &desired).await;
    {
        let mut world = server.world();
        let orders = world.streams.get_mut(&name("orders")).unwrap();
        orders.topics.get_mut(&name("events")).unwrap().partitions = 2;
        let old = world.streams.get_mut(&name("old")).unwrap();
        let letters = old.topics.get_mut(&name("letters")).unwrap();
        letters.groups.insert(name("later"));
    }
    let pool = ConnectionPool::new(server.clone());
    let now = observe_touched(&pool, &saved.touched).await.unwrap();
    let moved: Vec<String> = saved
        .touched
        .moved(&now)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        moved,
        [
            "topic/old/letters: 1 consumer group more: later",
            "topic/orders/events: partitions 1 → 2",
        ]
    );
}
