//! Runs checks: a few at once, each within a time limit, until a signal stops them.

use std::future::Future;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use iggyctl_core::render::{ScenarioOutcome, ScenarioReport};

use super::check::Check;
use super::failure::{Failure, Stop};

/// How checks are run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many at once.
    pub(crate) parallel: usize,
    /// How long each may take.
    pub(crate) time: Duration,
}

/// How all of them ended.
pub(crate) struct Ended {
    /// In the order in which they were given.
    pub(crate) scenarios: Vec<ScenarioReport>,
    /// Whether they were stopped before all had ended.
    pub(crate) was_stopped: bool,
}

/// How long connections may take to close.
const FOR_CLOSING: Duration = Duration::from_secs(3);

/// Runs all checks; those that need the server for themselves come last, one by one.
/// `on_end` hears of each as it ends. When `stop` comes, what runs is dropped, and
/// what did not end counts as skipped.
pub(crate) async fn run_all(
    checks: Vec<Check<'_>>,
    limits: Limits,
    stop: impl Future<Output = ()>,
    on_end: &mut dyn FnMut(&ScenarioReport),
) -> Ended {
    let mut reports: Vec<ScenarioReport> = checks.iter().map(not_run).collect();
    let (last, first): (Vec<_>, Vec<_>) = checks
        .into_iter()
        .enumerate()
        .partition(|(_, check)| check.is_exclusive);
    let mut was_stopped = false;
    {
        tokio::pin!(stop);
        let one = |(place, check)| async move { (place, run_one(check, limits.time).await) };
        let mut ends = futures::stream::iter(first.into_iter().map(one))
            .buffer_unordered(limits.parallel.max(1))
            .chain(futures::stream::iter(last.into_iter().map(one)).buffer_unordered(1));
        loop {
            tokio::select! {
                biased;
                ended = ends.next() => match ended {
                    None => break,
                    Some((place, report)) => {
                        on_end(&report);
                        if let Some(slot) = reports.get_mut(place) {
                            *slot = report;
                        }
                    }
                },
                () = &mut stop => {
                    was_stopped = true;
                    break;
                }
            }
        }
    }
    Ended {
        scenarios: reports,
        was_stopped,
    }
}

async fn run_one(check: Check<'_>, limit: Duration) -> ScenarioReport {
    let mut report = not_run(&check);
    let started = Instant::now();
    let ended = tokio::time::timeout(limit, check.work).await;
    report.duration_milliseconds = milliseconds(started.elapsed());
    report.outcome = match ended {
        Ok(Ok(())) => ScenarioOutcome::Passed,
        Ok(Err(Stop::Failed(Failure {
            step,
            expected,
            found,
        }))) => ScenarioOutcome::Failed {
            step,
            expected,
            found,
        },
        // Who asks for it wants to hear that it was not done.
        Ok(Err(Stop::Skipped(reason))) if check.is_wanted => ScenarioOutcome::Failed {
            step: "run it, since it was named".to_owned(),
            expected: "that it can be run".to_owned(),
            found: reason,
        },
        Ok(Err(Stop::Skipped(reason))) => ScenarioOutcome::Skipped { reason },
        Err(_) => ScenarioOutcome::TimedOut {
            limit_milliseconds: milliseconds(limit),
        },
    };
    let recorded = check.recorder.take();
    if let Some(took) = recorded.took {
        report.duration_milliseconds = milliseconds(took);
    }
    report.messages = recorded.messages;
    report.bytes = recorded.bytes;
    report.latency = recorded.latency();
    // A server that hangs must not hold up the others.
    let _ = tokio::time::timeout(FOR_CLOSING, check.after).await;
    report
}

/// How a check is reported until it has ended.
pub(crate) fn not_run(check: &Check<'_>) -> ScenarioReport {
    ScenarioReport {
        name: check.name.clone(),
        title: check.title.clone(),
        sample: check.sample.clone(),
        transport: check.transport.clone(),
        outcome: ScenarioOutcome::Skipped {
            reason: "the run was stopped before it had ended".to_owned(),
        },
        duration_milliseconds: 0.0,
        messages: 0,
        bytes: 0,
        latency: None,
    }
}

/// With three digits after the point.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
