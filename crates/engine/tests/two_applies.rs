//! Two applies at once that know nothing of each other, without a ledger: every order of
//! their requests, from the first one that reads to the last one that writes. Whatever they
//! did to each other, nothing is lost, nothing that is not declared is touched, and one
//! more apply makes the server exactly what its manifests declare.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod simulated;

use std::collections::BTreeMap;

use iggyctl_core::diff::diff;
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::plan::{Approvals, DestructionGrant, Plan, plan};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::testing::name;
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{
    ApplyOutcome, Cancellation, Failure, NotAttempted, StepResult, Supplies, apply,
};
use iggyctl_engine::broker::BrokerErrorKind;
use iggyctl_engine::connect::{Connect, ConnectionPool};
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::{Reach, observe_reaching};
use simulated::turns::{InTurn, Runner, in_every_order};
use simulated::{Simulated, Stream, Streams, Topic};

/// The spec of a topology.
fn desired(spec: &str) -> DesiredState {
    let text = format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: test }}\nspec: {spec}\n"
    );
    compile(
        &[SourceFile::new("test.yaml", text.as_bytes())],
        &Variables::default(),
    )
    .unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"))
    .state
}

/// What an apply allows.
fn approvals(prunes: bool) -> Approvals {
    Approvals {
        prune: prunes,
        ..Approvals::default()
    }
}

async fn made_plan<C: Connect>(
    pool: &ConnectionPool<C>,
    desired: &DesiredState,
    prunes: bool,
) -> Plan {
    let reach = if prunes {
        Reach::OwnedInDepth
    } else {
        Reach::Declared
    };
    let observed = observe_reaching(pool, desired, reach).await.unwrap();
    plan(&diff(desired, &observed), &approvals(prunes))
}

/// From reading to the end; what is blocked is left.
async fn whole_apply<C: Connect>(
    connector: C,
    desired: &DesiredState,
    prunes: bool,
) -> ApplyOutcome {
    let pool = ConnectionPool::with_limit(connector, 1);
    let plan = made_plan(&pool, desired, prunes).await;
    let removals = plan.mass_deletion.map(|deletion| deletion.removed);
    let grant = DestructionGrant::from_command_line([].into()).expecting(removals);
    let approved = plan.approve(true, &grant).unwrap();
    let secrets = Secrets::default();
    let supplies = Supplies::new(&secrets, &NoSinks);
    apply(
        &approved,
        &pool,
        supplies,
        &mut |_| {},
        &Cancellation::default(),
    )
    .await
}

/// A stream that nobody declares is beside the others.
fn server(streams: &[(&str, &[(&str, Topic)])]) -> Simulated {
    let bystander = ("bystander", &[("kept", Topic::plain(9, &["reader"]))][..]);
    let mut id = 0;
    let streams = streams.iter().chain([&bystander]).map(|(stream, topics)| {
        id += 1;
        let topics = topics.iter();
        let topics = topics.map(|(topic, live)| (name(topic), live.clone()));
        let topics: BTreeMap<_, _> = topics.collect();
        (name(stream), Stream { id, topics })
    });
    Simulated::new(streams.collect::<Streams>())
}

/// How two applies ended, of which each one then goes on alone.
struct Ended<'a> {
    server: &'a Simulated,
    outcomes: [ApplyOutcome; 2],
}

/// Runs both in every order and checks what always holds; then `check`, and one more apply
/// of each, after which there is nothing to do for it.
async fn both_in_every_order(
    streams: &[(&str, &[(&str, Topic)])],
    both: [&DesiredState; 2],
    prunes: bool,
    mut check: impl FnMut(&Ended<'_>),
) -> usize {
    let mut ends: Vec<(Simulated, [ApplyOutcome; 2])> = Vec::new();
    let servers = std::cell::RefCell::new(Vec::new());
    let orders = in_every_order(
        || {
            let server = server(streams);
            servers.borrow_mut().push(server.clone());
            both.map(|desired| {
                let connector = InTurn::new(server.clone());
                let work = whole_apply(connector.clone(), desired, prunes);
                Runner::start(&connector, work)
            })
        },
        |outcomes| {
            let server = servers.borrow_mut().pop().unwrap();
            ends.push((server, outcomes));
        },
    );
    for (server, outcomes) in ends {
        let before = self::server(streams);
        let is_as_before = |stream: &str| {
            let (before, after) = (before.world(), server.world());
            before.streams[&name(stream)] == after.streams[&name(stream)]
        };
        assert!(is_as_before("bystander"), "{:#?}", server.world().requests);
        check(&Ended {
            server: &server,
            outcomes,
        });
        for desired in both {
            whole_apply(server.clone(), desired, prunes).await;
            let pool = ConnectionPool::with_limit(server.clone(), 1);
            let left = made_plan(&pool, desired, prunes).await;
            assert_eq!(left.steps, [], "{:#?}", server.world().requests);
            assert!(is_as_before("bystander"));
        }
    }
    assert!(orders < 20_000, "{orders}");
    orders
}

/// One of them has done all that it planned; the other one, too, or it was told that
/// something is there already, and left what needs that to the next apply.
fn one_is_complete(ended: &Ended<'_>) {
    let requests = ended.server.world().requests.clone();
    let complete = ended.outcomes.iter().filter(|it| it.is_complete());
    assert!(complete.count() >= 1, "{requests:#?}");
    for step in ended.outcomes.iter().flat_map(|outcome| &outcome.steps) {
        let is_expected = match &step.result {
            StepResult::Applied | StepResult::NotAttempted(NotAttempted::Needs { .. }) => true,
            StepResult::Failed(Failure::Refused(error)) => {
                error.kind == BrokerErrorKind::AlreadyExists
            }
            StepResult::Failed(_) | StepResult::NotAttempted(_) => false,
        };
        assert!(is_expected, "{step:#?} {requests:#?}");
    }
}

#[tokio::test]
async fn of_the_same_manifests_both_succeed() {
    let same = desired(
        "{ streams: [{ name: orders, topics: [{ name: events, partitions: 2, messageExpiry: 1h, consumerGroups: [billing] }] }] }",
    );
    let orders = both_in_every_order(&[], [&same, &same], false, one_is_complete).await;
    assert!(orders > 10, "{orders}");
}

#[tokio::test]
async fn teams_that_share_a_stream_do_not_see_each_other() {
    let one = desired(
        "{ streams: [{ name: orders, topics: [{ name: events, consumerGroups: [billing] }] }] }",
    );
    let other =
        desired("{ streams: [{ name: orders, topics: [{ name: letters, messageExpiry: 1h }] }] }");
    let orders = both_in_every_order(&[], [&one, &other], false, one_is_complete).await;
    assert!(orders > 10, "{orders}");
}

#[tokio::test]
async fn of_two_values_one_holds() {
    let [one, other] = ["1h", "2h"].map(|expiry| {
        desired(&format!(
            "{{ streams: [{{ name: orders, topics: [{{ name: events, messageExpiry: {expiry}, consumerGroups: [billing] }}] }}] }}"
        ))
    });
    let there: &[(&str, Topic)] = &[("events", Topic::plain(7, &["audit"]))];
    let streams = [("orders", there)];
    let orders = both_in_every_order(&streams, [&one, &other], false, |ended| {
        one_is_complete(ended);
        let world = ended.server.world();
        let events = &world.streams[&name("orders")].topics[&name("events")];
        assert_eq!(events.id, 7);
        assert!(events.groups.contains(&name("audit")));
        let expiry = events.settings.message_expiry.unwrap().to_string();
        assert!(["1h", "2h"].contains(&expiry.as_str()), "{expiry}");
    })
    .await;
    assert!(orders > 10, "{orders}");
}

#[tokio::test]
async fn a_rename_is_done_once() {
    let same =
        desired("{ streams: [{ name: orders, topics: [{ name: events, previousName: old }] }] }");
    let there: &[(&str, Topic)] = &[("old", Topic::plain(7, &["audit"]))];
    let streams = [("orders", there)];
    let orders = both_in_every_order(&streams, [&same, &same], false, |ended| {
        let world = ended.server.world();
        let topics = &world.streams[&name("orders")].topics;
        assert_eq!(topics.len(), 1, "{:#?}", world.requests);
        assert_eq!(topics[&name("events")].id, 7, "{:#?}", world.requests);
    })
    .await;
    assert!(orders > 10, "{orders}");
}

#[tokio::test]
async fn what_both_prune_goes_once_and_nothing_else_does() {
    let same = desired(
        "{ owns: { streams: [orders] }, streams: [{ name: orders, topics: [{ name: events }] }] }",
    );
    let there: &[(&str, Topic)] = &[
        ("events", Topic::plain(7, &["audit"])),
        ("former", Topic::plain(8, &[])),
    ];
    let streams = [("orders", there)];
    let orders = both_in_every_order(&streams, [&same, &same], true, |ended| {
        let world = ended.server.world();
        let topics = &world.streams[&name("orders")].topics;
        assert_eq!(topics[&name("events")].id, 7);
        assert!(!topics.contains_key(&name("former")));
    })
    .await;
    assert!(orders > 10, "{orders}");
}

/// Adding partitions is relative on the wire and the server has no compare-and-swap for
/// it: between the read of one apply and its request the other one may add, too. That can
/// be no less than what is declared, nothing is lost, and the plan says that it is too many.
#[tokio::test]
async fn partitions_may_be_added_twice_and_the_plan_says_so() {
    let same = desired(
        "{ streams: [{ name: orders, topics: [{ name: events, partitions: 3, consumerGroups: [billing] }] }] }",
    );
    let there: &[(&str, Topic)] = &[("events", Topic::plain(7, &[]))];
    let streams = [("orders", there)];
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    let mut blocked = Vec::new();
    let orders = both_in_every_order(&streams, [&same, &same], false, |ended| {
        let events = ended.server.world().streams[&name("orders")].topics[&name("events")].clone();
        *counts.entry(events.partitions).or_default() += 1;
        assert_eq!(events.id, 7);
        if events.partitions > 3 {
            blocked.push(ended.server.clone());
        }
    })
    .await;
    assert!(orders > 10, "{orders}");
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [3, 5]);
    for server in blocked {
        let pool = ConnectionPool::with_limit(server, 1);
        let left = made_plan(&pool, &same, false).await;
        assert_eq!(left.blocked.len(), 1);
    }
}
