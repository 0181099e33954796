use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use iggyctl_core::diff::{ChangeSet, diff};
use iggyctl_core::plan::{Action, ApprovedPlan, Stage, Step};
use iggyctl_core::state::desired::DesiredState;

use super::outcome::{
    ApplyEvent, ApplyOutcome, Cancellation, NotAttempted, StepOutcome, StepResult,
};
use super::step::{self, Ended};
use super::supplies::Supplies;
use crate::connect::{Connect, ConnectError, ConnectionPool, Fleet, Lease, LoginChange};
use crate::delivery::TokenSinks;
use crate::observe::{Reach, ReadError, observe_reaching};
use crate::secrets::Secrets;

/// Carries out a plan: its steps and no others, each after what it needs, side
/// by side where several are ready and more connections pay. `events` is told
/// everything as it happens.
///
/// Never fails as a whole: every step has its own end in the outcome.
pub async fn apply<C: Connect, S: TokenSinks>(
    plan: &ApprovedPlan,
    pool: &ConnectionPool<C>,
    supplies: Supplies<'_, S>,
    events: &mut (dyn FnMut(ApplyEvent<'_>) + Send),
    cancellation: &Cancellation,
) -> ApplyOutcome {
    let mut progress = Progress::new(plan.steps(), events);
    if plan.steps().is_empty() {
        return progress.finish(&NotAttempted::Cancelled);
    }
    let mut fleet = Fleet::to_write(pool);
    let mut idle: Vec<Lease<'_, C>> = Vec::new();
    let mut in_flight = FuturesUnordered::new();
    let mut unreachable: Option<ConnectError> = None;
    in_flight.push(work(pool, Work::Open));

    loop {
        let stop = cancellation.is_cancelled() || unreachable.is_some();
        while !stop && progress.ready_count() > 0 {
            let Some(lease) = idle.pop() else { break };
            if let Some((index, step)) = progress.start() {
                in_flight.push(work(
                    pool,
                    Work::Step {
                        lease,
                        index,
                        step,
                        supplies,
                    },
                ));
            }
        }
        let more = if stop {
            0
        } else {
            fleet.grow(progress.ready_count())
        };
        for _ in 0..more {
            in_flight.push(work(pool, Work::Open));
        }
        match in_flight.next().await {
            None => break,
            Some(Event::Opened(Ok(lease))) => {
                fleet.opened(pool.connect_time());
                idle.push(lease);
            }
            Some(Event::Opened(Err(error))) => {
                fleet.refused();
                if fleet.is_empty() {
                    unreachable = Some(error);
                }
            }
            Some(Event::Step { index, ended }) => {
                let Ended {
                    lease,
                    result,
                    clean,
                    unreachable: lost,
                } = ended;
                match (lease, lost) {
                    (Some(lease), _) => idle.push(lease),
                    (None, None) => fleet.lost(),
                    (None, Some(error)) => {
                        fleet.lost_for_good();
                        // A server that lets nobody in any more may go on
                        // serving those who are.
                        if fleet.is_empty() {
                            unreachable = unreachable.or(Some(error));
                        }
                    }
                }
                if clean {
                    fleet.completed();
                }
                if result.is_ok()
                    && let Some(change) =
                        login_change(&plan.steps()[index].action, supplies.secrets)
                {
                    pool.connector().login_changed(change);
                }
                progress.ended(
                    index,
                    match result {
                        Ok(()) => StepResult::Applied,
                        Err(failure) => StepResult::Failed(failure),
                    },
                );
            }
        }
    }
    let reason = unreachable.map_or(NotAttempted::Cancelled, NotAttempted::Unreachable);
    progress.finish(&reason)
}

/// What a step that was carried out changed about a login, which may be ours.
fn login_change<'a>(action: &'a Action, secrets: &'a Secrets) -> Option<LoginChange<'a>> {
    match action {
        Action::ChangePassword { user, to, .. } => Some(LoginChange::Password {
            user,
            password: secrets.get(to)?,
        }),
        Action::RenameUser { from, to } => Some(LoginChange::Name { from, to }),
        _ => None,
    }
}

/// Reads the server again and says what still differs: nothing, after an apply
/// that was complete and that nobody disturbed.
///
/// # Errors
/// When the server cannot be read.
pub async fn verify<C: Connect>(
    pool: &ConnectionPool<C>,
    desired: &DesiredState,
    reach: Reach,
) -> Result<ChangeSet, ReadError> {
    let observed = observe_reaching(pool, desired, reach).await?;
    Ok(diff(desired, &observed))
}

enum Work<'pool, 'plan, C: Connect, S> {
    Open,
    Step {
        lease: Lease<'pool, C>,
        index: usize,
        step: &'plan Step,
        supplies: Supplies<'plan, S>,
    },
}

enum Event<'pool, C: Connect> {
    Opened(Result<Lease<'pool, C>, ConnectError>),
    Step {
        index: usize,
        ended: Ended<'pool, C>,
    },
}

async fn work<'pool, C: Connect, S: TokenSinks>(
    pool: &'pool ConnectionPool<C>,
    work: Work<'pool, '_, C, S>,
) -> Event<'pool, C> {
    match work {
        Work::Open => Event::Opened(pool.acquire().await),
        Work::Step {
            lease,
            index,
            step,
            supplies,
        } => Event::Step {
            index,
            ended: step::run(pool, lease, step, supplies).await,
        },
    }
}

/// Which steps are ready, and how the others ended.
struct Progress<'plan, 'events> {
    steps: &'plan [Step],
    results: Vec<Option<StepResult>>,
    /// How many needs of each step are not applied yet.
    unmet: Vec<usize>,
    /// Which steps need each step.
    needed_by: Vec<Vec<usize>>,
    /// By stage, in the order of the plan, so that one connection gives its
    /// exact order.
    ready: BTreeMap<Stage, BTreeSet<usize>>,
    /// How many steps of each stage have no end yet: the first of these stages
    /// is the one that is carried out.
    open: BTreeMap<Stage, usize>,
    events: &'events mut (dyn FnMut(ApplyEvent<'_>) + Send),
}

impl<'plan, 'events> Progress<'plan, 'events> {
    fn new(steps: &'plan [Step], events: &'events mut (dyn FnMut(ApplyEvent<'_>) + Send)) -> Self {
        let mut needed_by = vec![Vec::new(); steps.len()];
        let mut unmet = vec![0; steps.len()];
        for (index, step) in steps.iter().enumerate() {
            for need in &step.needs {
                // A step's id is its position.
                if let Some(dependents) = needed_by.get_mut(need.0 as usize) {
                    dependents.push(index);
                    unmet[index] += 1;
                }
            }
        }
        let mut ready: BTreeMap<Stage, BTreeSet<usize>> = BTreeMap::new();
        let mut open: BTreeMap<Stage, usize> = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            *open.entry(step.stage).or_default() += 1;
            if unmet[index] == 0 {
                ready.entry(step.stage).or_default().insert(index);
            }
        }
        Self {
            ready,
            open,
            results: vec![None; steps.len()],
            steps,
            unmet,
            needed_by,
            events,
        }
    }

    /// The steps that may begin now.
    fn ready_now(&self) -> Option<&BTreeSet<usize>> {
        let (stage, _) = self.open.first_key_value()?;
        self.ready.get(stage)
    }

    fn ready_count(&self) -> usize {
        self.ready_now().map_or(0, BTreeSet::len)
    }

    fn start(&mut self) -> Option<(usize, &'plan Step)> {
        let (stage, _) = self.open.first_key_value()?;
        let index = self.ready.get_mut(stage)?.pop_first()?;
        let step = &self.steps[index];
        (self.events)(ApplyEvent::StepStarted { step });
        Some((index, step))
    }

    fn ended(&mut self, index: usize, result: StepResult) {
        self.record(index, &result);
        match &result {
            StepResult::Applied => {
                for dependent in &self.needed_by[index] {
                    self.unmet[*dependent] -= 1;
                    if self.unmet[*dependent] == 0 {
                        let stage = self.steps[*dependent].stage;
                        self.ready.entry(stage).or_default().insert(*dependent);
                    }
                }
            }
            StepResult::Failed(failure) => self.give_up_dependents(index, failure.is_unknown()),
            StepResult::NotAttempted(_) => self.give_up_dependents(index, false),
        }
        self.results[index] = Some(result);
    }

    /// Everything that needs the step, also by others in between, names it: it
    /// is what a person has to look at.
    fn give_up_dependents(&mut self, failed: usize, is_unknown: bool) {
        let step = &self.steps[failed];
        let result = StepResult::NotAttempted(NotAttempted::Needs {
            step: step.id,
            address: step.address.clone(),
            action: step.action.to_string(),
            is_unknown,
        });
        let mut open: BTreeSet<usize> = self.needed_by[failed].iter().copied().collect();
        while let Some(index) = open.pop_first() {
            if self.results[index].is_some() {
                continue;
            }
            self.record(index, &result);
            self.results[index] = Some(result.clone());
            open.extend(&self.needed_by[index]);
        }
    }

    fn record(&mut self, index: usize, result: &StepResult) {
        let step = &self.steps[index];
        if let Some(count) = self.open.get_mut(&step.stage) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&step.stage);
            }
        }
        (self.events)(match result {
            StepResult::Applied => ApplyEvent::StepApplied { step },
            StepResult::Failed(failure) => ApplyEvent::StepFailed { step, failure },
            StepResult::NotAttempted(reason) => ApplyEvent::StepNotAttempted { step, reason },
        });
    }

    /// What has no end yet was not attempted, for `reason`.
    fn finish(mut self, reason: &NotAttempted) -> ApplyOutcome {
        for index in 0..self.steps.len() {
            if self.results[index].is_none() {
                let result = StepResult::NotAttempted(reason.clone());
                self.record(index, &result);
                self.results[index] = Some(result);
            }
        }
        let steps = self.steps.iter().zip(self.results);
        ApplyOutcome {
            steps: steps
                .map(|(step, result)| StepOutcome {
                    id: step.id,
                    result: result.unwrap_or(StepResult::NotAttempted(NotAttempted::Cancelled)),
                })
                .collect(),
        }
    }
}
