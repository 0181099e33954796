//! The copy is made by the reconciler, while other checks already run.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared as SharedFuture};
use iggyctl_core::address::Address;
use iggyctl_core::diff::diff;
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::{Approvals, DestructionGrant, plan};
use iggyctl_core::secret::Secret;
use iggyctl_core::smoke::{Copy, Difference, differences};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::wording::counted;
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{Cancellation, StepResult, Supplies, apply};
use iggyctl_engine::connect::{ConnectionPool, ServerConnector};
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::observe;
use tokio::sync::oneshot;

use super::{Shared, listed};
use crate::smoke::check::Check;
use crate::smoke::failure::{Failure, Stop};

/// What became of the copy.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// What of it is not there, because the reconciler would have to touch something
    /// else first, or may not.
    pub(super) blocked: BTreeMap<Address, String>,
    /// What of it could not be made, or is not as it should be.
    pub(super) failed: BTreeMap<Address, String>,
    /// Why none of it was made.
    pub(super) problem: Option<String>,
    /// How long it took to make it.
    pub(super) took: Duration,
}

/// Whoever needs the copy waits for this.
pub(super) type Making = SharedFuture<BoxFuture<'static, Arc<Made>>>;

/// The copy while it is made.
pub(super) struct Copying {
    cancellation: Cancellation,
    /// Whoever makes it waits for this.
    go: Option<oneshot::Sender<()>>,
    made: Making,
}

/// A reply that has not come by then is not going to be waited for.
const GRACE: Duration = Duration::from_secs(5);

impl Copying {
    /// In a task of its own: steps that were begun end, also when whoever waits for them
    /// is stopped. Nothing is made before [`begin`](Self::begin).
    pub(super) fn prepare(connector: ServerConnector, copy: &Copy, secrets: Secrets) -> Self {
        let cancellation = Cancellation::default();
        let (desired, stop) = (copy.desired.clone(), cancellation.clone());
        let (go, asked_for) = oneshot::channel();
        let task = tokio::spawn(async move {
            if asked_for.await.is_err() {
                return Arc::new(Made {
                    problem: Some("nothing of it was asked for".to_owned()),
                    ..Made::default()
                });
            }
            let pool = ConnectionPool::new(connector);
            let began = Instant::now();
            let mut made = make(&pool, &desired, &secrets, &stop).await;
            made.took = began.elapsed();
            pool.close().await;
            Arc::new(made)
        });
        let made = task.map(|ended| {
            ended.unwrap_or_else(|error| {
                Arc::new(Made {
                    problem: Some(error.to_string()),
                    ..Made::default()
                })
            })
        });
        Self {
            cancellation,
            go: Some(go),
            made: made.boxed().shared(),
        }
    }

    /// Makes it.
    pub(super) fn begin(&mut self) {
        if let Some(go) = self.go.take() {
            // Nobody listens when the runtime ends.
            let _ = go.send(());
        }
    }

    pub(super) fn made(&self) -> Making {
        self.made.clone()
    }

    /// Nothing of it is made any more afterwards.
    pub(super) async fn end(self) {
        self.cancellation.cancel();
        drop(self.go);
        let _ = tokio::time::timeout(GRACE, self.made).await;
    }
}

/// Passwords for the temporary users, that nobody else knows.
pub(super) fn passwords(copy: &Copy) -> (BTreeMap<ResourceName, Secret>, Secrets) {
    let random = || uuid::Uuid::now_v7().simple().to_string();
    let users = copy.users.iter();
    let passwords: Vec<_> = users
        .map(|user| (user, Secret::new(format!("{}{}", random(), random()))))
        .collect();
    let by_name = passwords
        .iter()
        .map(|(user, password)| (user.copy.clone(), password.clone()));
    let secrets = passwords
        .iter()
        .map(|(user, password)| (user.password.clone(), password.clone()));
    (by_name.collect(), secrets.collect())
}

async fn make(
    pool: &ConnectionPool<ServerConnector>,
    desired: &DesiredState,
    secrets: &Secrets,
    cancellation: &Cancellation,
) -> Made {
    match try_to_make(pool, desired, secrets, cancellation).await {
        Ok(made) => made,
        Err(problem) => Made {
            problem: Some(problem),
            ..Made::default()
        },
    }
}

async fn try_to_make(
    pool: &ConnectionPool<ServerConnector>,
    desired: &DesiredState,
    secrets: &Secrets,
    cancellation: &Cancellation,
) -> Result<Made, String> {
    let mut made = Made::default();
    let observed = observe(pool, desired).await.map_err(|it| it.to_string())?;
    let planned = plan(&diff(desired, &observed), &Approvals::default());
    for line in &planned.blocked {
        let Difference { address, found, .. } = Difference::blocked(line);
        made.blocked.insert(address, found);
    }
    // Nothing is there yet, so there is nothing to lose.
    let approved = planned
        .approve(true, &DestructionGrant::default())
        .map_err(|refusal| refusal.to_string())?;
    let supplies = Supplies::new(secrets, &NoSinks);
    let outcome = apply(&approved, pool, supplies, &mut |_| {}, cancellation).await;
    for (step, ended) in approved.steps().iter().zip(outcome.steps) {
        let why = match ended.result {
            StepResult::Applied => continue,
            StepResult::Failed(failure) => failure.to_string(),
            StepResult::NotAttempted(reason) => reason.to_string(),
        };
        made.failed.entry(step.address.clone()).or_insert(why);
    }
    if !made.failed.is_empty() || cancellation.is_cancelled() {
        return Ok(made);
    }
    // What was made is what was declared.
    let observed = observe(pool, desired).await.map_err(|it| it.to_string())?;
    let left = plan(&diff(desired, &observed), &Approvals::default());
    for Difference { address, found, .. } in differences(&left, desired).into_values().flatten() {
        if !made.blocked.contains_key(&address) {
            made.failed.entry(address).or_insert(found);
        }
    }
    Ok(made)
}

/// Skips what needs something of the copy that is not there.
pub(super) async fn needs(made: &Making, what: &[Address]) -> Result<(), Stop> {
    let made = made.clone().await;
    let missing = |reason: &str| Err(Stop::Skipped(format!("there is no copy: {reason}")));
    if let Some(problem) = &made.problem {
        return missing(problem);
    }
    for address in what {
        if let Some(reason) = made.blocked.get(address).or(made.failed.get(address)) {
            return missing(reason);
        }
    }
    Ok(())
}

pub(super) fn check(copy: &Rc<Copy>, made: &Making, shared: &Shared) -> Check<'static> {
    let (copy, made) = (Rc::clone(copy), made.clone());
    let title = format!(
        "{} and {} as declared, made anew",
        counted(copy.topics.len(), "topic"),
        counted(copy.users.len(), "user")
    );
    shared.check("copy".to_owned(), title, |recorder| {
        Box::pin(async move {
            let made = made.await;
            recorder.took(made.took);
            let real = |address: &Address| real_address(&copy, address);
            let failed = |found| Err(Failure::new("make a copy", "that it is made", found).into());
            if let Some(problem) = &made.problem {
                return failed(problem.clone());
            }
            let lines = |of: &BTreeMap<Address, String>| -> Vec<String> {
                let lines = of.iter();
                lines
                    .map(|(address, reason)| format!("{}: {reason}", real(address)))
                    .collect()
            };
            if !made.failed.is_empty() {
                return failed(listed(&lines(&made.failed)));
            }
            match made.blocked.is_empty() {
                true => Ok(()),
                false => Err(Stop::Skipped(listed(&lines(&made.blocked)))),
            }
        })
    })
}

/// What an address of the copy stands for.
fn real_address(copy: &Copy, address: &Address) -> Address {
    let topics = copy.topics.iter();
    let stream = |name: &ResourceName| {
        let stands_for = topics.clone().find(|topic| topic.copy.stream == *name);
        stands_for.map_or_else(|| name.clone(), |topic| topic.real.stream.clone())
    };
    let user = |name: &ResourceName| {
        let stands_for = copy.users.iter().find(|user| user.copy == *name);
        stands_for.map_or_else(|| name.clone(), |user| user.real.clone())
    };
    match address {
        Address::Stream(name) => Address::Stream(stream(name)),
        Address::Topic(name, topic) => Address::Topic(stream(name), topic.clone()),
        Address::ConsumerGroup(name, topic, group) => {
            Address::ConsumerGroup(stream(name), topic.clone(), group.clone())
        }
        Address::User(name) => Address::User(user(name)),
        Address::Token(name, token) => Address::Token(user(name), token.clone()),
    }
}
