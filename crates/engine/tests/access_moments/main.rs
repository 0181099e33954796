//! At no moment of an apply can anybody do what neither the old nor the new
//! manifests allow: over the real wire protocol, looked at after every write.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod allowed;
mod by_hand;
mod scenario;

use std::collections::BTreeMap;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use iggyctl_core::diff::{Difference, diff};
use iggyctl_core::plan::{Action, ApprovedPlan, BlockReason, DestructionGrant, Plan, plan};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::AccessReading;
use iggyctl_core::testing::{Pruning, all_approvals};
use iggyctl_embedded::{AccessSnapshot, EmbeddedServer, FaultPlan, PasswordHashing};
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{ApplyOutcome, Cancellation, Supplies, apply};
use iggyctl_engine::broker::BrokerRead as _;
use iggyctl_engine::connect::{ConnectSettings, ConnectionPool, ServerAddress, ServerConnector};
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::{Checks, Reach, observe_and_check};
use proptest::test_runner::{Config, TestRunner};

use crate::allowed::Allowed;
use crate::scenario::{Interruption, Scenario, scenarios, secrets};

type Pool = ConnectionPool<ServerConnector>;

/// Under ten seconds on two cores, in debug.
const CASES: u32 = 256;

/// Applies after the first one until nothing is left to do: one that finishes,
/// and one for passwords that nobody could check before, see
/// [`Scenario::passwords_show_up_late`].
const MORE_APPLIES: usize = 2;

#[test]
fn nobody_can_at_any_moment_do_what_neither_allows() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    TestRunner::new(Config::with_cases(CASES))
        .run(&scenarios(), |scenario| {
            runtime.block_on(play(scenario));
            Ok(())
        })
        .unwrap();
}

/// The new grant is on everything, so it holds for what could not be deleted
/// before it.
#[test]
fn a_grant_on_everything_is_no_excess_on_what_waits_for_its_deletion() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(play(scenario::a_deletion_waits_for_a_refused_narrowing()));
}

async fn play(scenario: Scenario) {
    let server = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .record_access()
        .start()
        .await
        .unwrap();
    by_hand::bring_about(&server, &scenario).await;
    let before = server.access();
    drop(server.access_moments());

    let desired = &scenario.desired;
    let secrets = secrets(desired);
    let pool_of_the_first = pool(&server);
    let pruning = scenario.pruning;
    let first = made_plan(&pool_of_the_first, desired, pruning, &secrets).await;
    let mut reasons = first.blocked.iter().map(|line| &line.reason);
    // That has to be taken out of the manifests first.
    if reasons.any(|reason| matches!(reason, BlockReason::StillGranted { .. })) {
        return server.shutdown().await;
    }
    let first = approved(first);
    let mut crash = None;
    match scenario.interruption {
        Interruption::None => {}
        Interruption::Fault { kind, target, at } => {
            server
                .faults()
                .set(FaultPlan::none().once(kind, target, at));
        }
        Interruption::Crash { events } => crash = Some(events),
    }
    let outcome = run(&pool_of_the_first, &first, &secrets, crash).await;
    server.faults().clear();
    drop(pool_of_the_first);
    if scenario.interruption == Interruption::None {
        assert!(outcome.unwrap().is_complete());
    }

    let pool = pool(&server);
    all_others_are_gone(&pool).await;
    for _ in 0..MORE_APPLIES {
        let plan = made_plan(&pool, desired, pruning, &secrets).await;
        if plan.is_empty() {
            break;
        }
        let is_expected = scenario.interruption != Interruption::None
            || scenario.passwords_show_up_late
                && plan
                    .steps
                    .iter()
                    .all(|step| matches!(step.action, Action::ChangePassword { .. }));
        assert!(is_expected, "{plan:#?}");
        let outcome = run(&pool, &approved(plan), &secrets, None).await;
        assert!(outcome.as_ref().unwrap().is_complete(), "{outcome:#?}");
    }
    let again = made_plan(&pool, desired, pruning, &secrets).await;
    assert!(again.is_empty(), "{again:#?}");
    // What no step is planned for would not be in a plan either.
    let observed = observe_and_check(&pool, desired, checks(&secrets))
        .await
        .unwrap();
    let left = diff(desired, &observed);
    assert_eq!(left.changes, []);
    for change in &left.prunable {
        let is_removed =
            matches!(&change.difference, Difference::PruneUser(user) if user.is_tombstone());
        match pruning {
            Pruning::Nothing => {}
            Pruning::Tombstones => assert!(is_removed, "{change:#?}"),
            Pruning::Deletes => panic!("{change:#?}"),
        }
    }

    let after = server.access();
    let allowed = Allowed::new(&before, desired, &after);
    let since = |access: &AccessSnapshot| -> Vec<(u32, u64)> {
        let users = access.users.iter();
        users.map(|(id, user)| (*id, user.created_at)).collect()
    };
    let mut holders: BTreeMap<u32, u64> = since(&before).into_iter().collect();
    for (number, moment) in server.access_moments().iter().enumerate() {
        for (id, created_at) in since(&moment.access) {
            // Connections of a deleted user act as whoever gets its id.
            let holder = *holders.entry(id).or_insert(created_at);
            assert_eq!(holder, created_at, "after write {number}, the user {id}");
        }
        if let Some(ability) = allowed.excess(&moment.access) {
            panic!(
                "after write {number} (command {}): {ability:?}\n{before:#?}\nfirst {:#?}",
                moment.command,
                first.steps()
            );
        }
    }
    server.shutdown().await;
}

fn pool(server: &EmbeddedServer) -> Pool {
    let ServerAddress::Remote(remote) = server.connection_string().parse().unwrap() else {
        panic!("the server is remote");
    };
    let settings = ConnectSettings {
        deadline: Duration::from_secs(5),
        request_timeout: Duration::from_secs(5),
    };
    ConnectionPool::new(ServerConnector::new(remote, settings))
}

/// What a dead process had sent may still be carried out, as by somebody else:
/// that is over when the server has ended its connections.
async fn all_others_are_gone(pool: &Pool) {
    let connection = pool.acquire().await.unwrap();
    while connection.stats().await.unwrap().clients > 1 {}
}

/// With everything allowed that a person could allow of users.
async fn made_plan(
    pool: &Pool,
    desired: &DesiredState,
    pruning: Pruning,
    secrets: &Secrets,
) -> Plan {
    let observed = observe_and_check(pool, desired, checks(secrets))
        .await
        .unwrap();
    if let AccessReading::Refused { reason } = &observed.access {
        panic!("{reason}");
    }
    let approvals = all_approvals(desired, &observed, pruning);
    plan(&diff(desired, &observed), &approvals)
}

fn approved(plan: Plan) -> ApprovedPlan {
    let removals = plan.mass_deletion.map(|deletion| deletion.removed);
    let grant = DestructionGrant::from_command_line(plan.approvals.allow_destroy.clone())
        .expecting(removals);
    plan.approve(false, &grant).unwrap()
}

/// Dropped, whatever it is waiting for, after it told of so many `events`:
/// then there is no outcome.
async fn run(
    pool: &Pool,
    plan: &ApprovedPlan,
    secrets: &Secrets,
    events: Option<usize>,
) -> Option<ApplyOutcome> {
    let told = AtomicUsize::new(0);
    let mut on_event = |_: iggyctl_engine::apply::ApplyEvent<'_>| {
        told.fetch_add(1, Ordering::Relaxed);
    };
    let cancellation = Cancellation::default();
    let mut applying = pin!(apply(
        plan,
        pool,
        Supplies::new(secrets, &NoSinks),
        &mut on_event,
        &cancellation
    ));
    poll_fn(|context| match applying.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => match events {
            Some(events) if told.load(Ordering::Relaxed) >= events => Poll::Ready(None),
            _ => Poll::Pending,
        },
    })
    .await
}

fn checks(secrets: &Secrets) -> Checks<'_, NoSinks> {
    Checks {
        reach: Reach::OwnedInDepth,
        secrets: Some(secrets),
        sinks: &NoSinks,
    }
}
