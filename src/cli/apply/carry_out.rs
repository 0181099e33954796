//! Carrying out an approved plan, with progress, signals and a deadline.

use std::future::Future;
use std::time::Duration;

use iggyctl_core::plan::{ApprovedPlan, Step};
use iggyctl_core::render::escape;
use iggyctl_engine::apply::{ApplyEvent, ApplyOutcome, Cancellation, Supplies, apply};
use iggyctl_engine::delivery::FileSinks;
use tokio::time::Instant;

use super::record::Record;
use super::smoke::time_is_up;
use crate::cli::Process;
use crate::cli::session::Pool;
use crate::cli::stop::stop_requested;
use crate::terminal::Progress;

/// Carries out a plan and shows how it goes on. Ctrl-C, SIGTERM and the
/// deadline let what is in flight end, and leave the rest; so does `lost`, whose result is
/// the reason.
pub(in crate::cli) async fn carry_out(
    process: &Process,
    plan: &ApprovedPlan,
    supplies: Supplies<'_, FileSinks>,
    pool: &Pool,
    quiet: bool,
    deadline: Option<Instant>,
    lost: impl Future<Output = String>,
) -> ApplyOutcome {
    let cancellation = Cancellation::default();
    let mut progress = Progress::start(process.terminal, plan.steps().len(), quiet);
    let mut record = Record::new(plan);
    let outcome = {
        let mut on_event = |event: ApplyEvent<'_>| {
            record.note(event);
            show(&mut progress, event);
        };
        let work = apply(plan, pool, supplies, &mut on_event, &cancellation);
        tokio::pin!(work);
        let given_up = async {
            tokio::select! {
                biased;
                reason = lost => reason,
                reason = interrupted(deadline) => reason.to_owned(),
            }
        };
        tokio::select! {
            // What is lost before the first step is heard before it.
            biased;
            reason = given_up => {
                cancellation.cancel();
                process.terminal.message(&format!(
                    "{reason}: what was sent is waited for ({GRACE:?} at most), nothing more is sent."
                ));
                tokio::select! {
                    outcome = &mut work => Some(outcome),
                    () = stop_requested() => None,
                    () = tokio::time::sleep(GRACE) => None,
                }
            }
            outcome = &mut work => Some(outcome),
        }
    };
    progress.finish();
    outcome.unwrap_or_else(|| {
        // Replies that were given up would be taken for those of other requests.
        pool.forget_idle();
        record.outcome()
    })
}

/// How long an interrupted apply waits for the replies of what it has sent. A
/// server that has not answered by then is not going to be waited for.
const GRACE: Duration = Duration::from_secs(5);

fn show(progress: &mut Progress, event: ApplyEvent<'_>) {
    let line = |step: &Step| format!("{}: {}", escape(&step.address.to_string()), step.action);
    match event {
        ApplyEvent::StepStarted { .. } => {}
        ApplyEvent::StepApplied { step } => progress.step_done(&line(step)),
        ApplyEvent::StepFailed { step, failure } => progress.step_failed(&format!(
            "{}: {}: {}",
            line(step),
            if failure.is_unknown() {
                "unknown"
            } else {
                "failed"
            },
            escape(&failure.to_string())
        )),
        // Nothing happened, and a lost server leaves thousands of them: the
        // report says it.
        ApplyEvent::StepNotAttempted { .. } => {}
    }
}

pub(super) async fn interrupted(deadline: Option<Instant>) -> &'static str {
    tokio::select! {
        () = stop_requested() => "Interrupted",
        () = time_is_up(deadline) => "The time of --timeout is up",
    }
}
