//! One run of a smoke test, in a thread of its own: its parts share things within a thread.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt as _;
use iggyctl_core::diff::diff;
use iggyctl_core::plan::{Approvals, plan};
use iggyctl_core::render::{ScenarioOutcome, ScenarioReport};
use iggyctl_core::smoke::Limits as Sampling;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_engine::Secrets;
use iggyctl_engine::connect::ConnectSettings;
use iggyctl_engine::delivery::FileSinks;
use iggyctl_engine::observe::{Checks, Reach, observe_and_check};

use super::super::connection::Connection;
use crate::smoke::topology::{self, Passwords, Topology};
use crate::smoke::{
    Lease, LeaseError, Limits, Restart, RunId, SCENARIOS, Selected, Target, checks, run_all,
};

/// What is to be done.
pub(super) struct Work {
    pub(super) connection: Connection,
    pub(super) subject: Subject,
    pub(super) timeout: Duration,
}

/// What is tried.
pub(super) enum Subject {
    /// The server, with these scenarios, or all.
    Server { scenarios: Vec<String> },
    /// What a topology declares.
    Topology {
        desired: Box<DesiredState>,
        secrets: Secrets,
    },
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) passed: usize,
    /// One line each.
    pub(super) failures: Vec<String>,
}

impl Found {
    fn failure(text: impl Into<String>) -> Self {
        Self {
            passed: 0,
            failures: vec![text.into()],
        }
    }
}

/// How many checks run at once.
const AT_ONCE: usize = 4;

/// Runs it; however it hangs, this comes back.
pub(super) async fn in_a_thread(work: Work, for_cleaning: Duration) -> Found {
    let longest = work.timeout + for_cleaning;
    let (tell, told) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("smoke-test".to_owned());
    let spawned = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let found = match runtime {
            Ok(runtime) => {
                runtime.block_on(async { tokio::time::timeout(longest, run(work)).await })
            }
            Err(error) => Ok(Found::failure(format!("there is no runtime: {error}"))),
        };
        let found = found.unwrap_or_else(|_| Found::failure("the run did not end"));
        // Nobody waits when the operator ends.
        let _ = tell.send(found);
    });
    match spawned {
        Err(error) => Found::failure(format!("there is no thread: {error}")),
        Ok(_) => match told.await {
            Ok(found) => found,
            Err(_) => Found::failure("the run ended unexpectedly"),
        },
    }
}

async fn run(work: Work) -> Found {
    let Work {
        connection,
        subject,
        timeout,
    } = work;
    let Connection {
        pool,
        address,
        made_from: _,
        authority: _authority,
    } = connection;
    let remote = pool.connector().address();
    let connect_timeout = ConnectSettings::default().deadline;
    let target = Target::new(address, pool, remote, connect_timeout, Restart::Nobody);
    let target = Rc::new(target);
    let limits = Limits {
        parallel: AT_ONCE,
        time: timeout,
    };
    let over = tokio::time::sleep(timeout).shared();
    let ended = match subject {
        Subject::Server { scenarios } => of_server(&target, &scenarios, limits, over).await,
        Subject::Topology { desired, secrets } => {
            of_topology(&target, *desired, secrets, limits, over).await
        }
    };
    target.close().await;
    target.admin.close().await;
    ended.unwrap_or_else(Found::failure)
}

async fn of_server(
    target: &Rc<Target>,
    names: &[String],
    limits: Limits,
    over: impl Future<Output = ()>,
) -> Result<Found, String> {
    let selected = select(names)?;
    let lease = Lease::take(target, RunId::random()).await.map_err(said)?;
    let transports = [target.main];
    let checks = checks(&selected, &transports, target, lease.run(), limits.time);
    let ended = run_all(checks, limits, over, &mut |_| {}).await;
    let left = lease.release(target).await;
    Ok(found(ended.scenarios, left, ended.was_stopped, limits.time))
}

async fn of_topology(
    target: &Rc<Target>,
    mut desired: DesiredState,
    secrets: Secrets,
    limits: Limits,
    over: impl Future<Output = ()> + Clone,
) -> Result<Found, String> {
    desired.forget_rotations();
    let sinks = FileSinks::new(None);
    let looked = Checks {
        secrets: Some(&secrets),
        reach: Reach::Declared,
        sinks: &sinks,
    };
    let observed = observe_and_check(&target.admin, &desired, looked).await;
    let observed = observed.map_err(|error| error.to_string())?;
    let plan = plan(&diff(&desired, &observed), &Approvals::default());
    let topology = Topology {
        desired,
        observed,
        plan,
        passwords: Passwords {
            known: secrets,
            ..Passwords::default()
        },
        sinks,
        limits: Sampling::USUAL,
        canary: false,
    };
    let run = RunId::random();
    let begun = topology::begin(topology, target, &run);
    let mut begun =
        begun.map_err(|failure| format!("cannot {}: {}", failure.step, failure.found))?;
    let on_copy = std::mem::take(&mut begun.on_copy);
    let lease = match on_copy.is_empty() {
        true => None,
        false => match Lease::take(target, run).await {
            Ok(lease) => Some(lease),
            Err(error) => {
                drop(on_copy);
                begun.end().await;
                return Err(said(error));
            }
        },
    };
    if lease.is_some() {
        begun.copy();
    }
    let at_once = std::mem::take(&mut begun.checks);
    let first = run_all(at_once, limits, over.clone(), &mut |_| {}).await;
    let mut was_stopped = first.was_stopped;
    let mut scenarios = first.scenarios;
    if lease.is_some() && !was_stopped {
        tokio::select! {
            () = begun.copied() => {}
            () = over.clone() => {}
        }
        let second = run_all(on_copy, limits, over, &mut |_| {}).await;
        was_stopped = second.was_stopped;
        scenarios.extend(second.scenarios);
    } else {
        drop(on_copy);
    }
    begun.end().await;
    let left = match lease {
        None => Vec::new(),
        Some(lease) => lease.release(target).await,
    };
    Ok(found(scenarios, left, was_stopped, limits.time))
}

fn select(names: &[String]) -> Result<Vec<Selected>, String> {
    if names.is_empty() {
        let all = SCENARIOS.iter().map(|scenario| Selected {
            scenario,
            is_wanted: false,
        });
        return Ok(all.collect());
    }
    let mut selected = Vec::new();
    for name in names {
        let pattern = glob::Pattern::new(name).map_err(|error| format!("{name}: {error}"))?;
        let before = selected.len();
        let meant = SCENARIOS.iter().filter(|it| pattern.matches(it.name));
        selected.extend(meant.map(|scenario| Selected {
            scenario,
            is_wanted: scenario.name == name,
        }));
        if selected.len() == before {
            return Err(format!("there is no scenario `{name}`"));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    selected.retain(|it| seen.insert(it.scenario.name));
    Ok(selected)
}

fn said(error: LeaseError) -> String {
    format!("cannot {}: {}", error.step, error.found)
}

/// Counts, and says of each that failed why.
fn found(
    reports: Vec<ScenarioReport>,
    left: Vec<String>,
    was_stopped: bool,
    time: Duration,
) -> Found {
    let mut found = Found::default();
    for report in &reports {
        let name = &report.name;
        match &report.outcome {
            ScenarioOutcome::Passed => found.passed += 1,
            ScenarioOutcome::Skipped { .. } => {}
            ScenarioOutcome::Failed {
                step,
                expected,
                found: instead,
            } => {
                let line = format!("{name}: {step}: expected {expected}, found {instead}");
                found.failures.push(line);
            }
            ScenarioOutcome::TimedOut { .. } => {
                found.failures.push(format!("{name}: did not end"));
            }
        }
    }
    if was_stopped {
        found.failures.push(format!("not done within {time:?}"));
    }
    if found.passed == 0 && found.failures.is_empty() {
        found.failures.push("nothing could be tried".to_owned());
    }
    let left = left.into_iter();
    found
        .failures
        .extend(left.map(|what| format!("left behind: {what}")));
    found
}
