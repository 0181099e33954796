//! What is said of a smoke test.

use jiff::Timestamp;

use super::super::Shared;
use super::run::Found;
use crate::operator::model::{EventReason, Reason, SmokeTest};
use crate::operator::resources::status::{SmokeRun, SmokeTestStatus};
use crate::operator::round::{Happening, Health, standard_conditions, time};

/// Most failures that a status lists.
const LISTED: usize = 20;

pub(super) fn conclude(
    test: &SmokeTest,
    subject: String,
    began: Timestamp,
    found: Found,
) -> (SmokeTestStatus, Happening) {
    let Found {
        passed,
        mut failures,
    } = found;
    let failed = failures.len();
    let counts = format!("{passed} passed, {failed} failed");
    let (health, reason, message) = match failures.first() {
        None => (Health::Ready, Reason::SmokeTestPassed, counts),
        Some(first) => {
            let message = format!("{counts}: {first}");
            (Health::Stalled, Reason::SmokeTestFailed, message)
        }
    };
    failures.truncate(LISTED);
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let happening = match health {
        Health::Ready => Happening::normal(EventReason::SmokeTestPassed, message.clone()),
        _ => Happening::warning(EventReason::SmokeTestFailed, message.clone()),
    };
    let mut said = status(test, health, reason, &message);
    said.last_run = Some(SmokeRun {
        started_at: time(began),
        finished_at: time(Timestamp::now()),
        subject,
        passed: number(passed),
        failed: number(failed),
        failures,
    });
    (said, happening)
}

pub(super) fn status(
    test: &SmokeTest,
    health: Health,
    reason: Reason,
    message: &str,
) -> SmokeTestStatus {
    let before = &test.status.conditions;
    let generation = test.object.generation;
    let now = Timestamp::now();
    SmokeTestStatus {
        observed_generation: Some(generation),
        conditions: standard_conditions(before, generation, now, health, reason, message),
        last_run: test.status.last_run.clone(),
    }
}

pub(super) async fn write(shared: &Shared, test: &SmokeTest, said: &SmokeTestStatus) {
    if *said == test.status {
        return;
    }
    let object = &test.object;
    if let Err(error) = shared.cluster.write_smoke_status(object, said).await {
        tracing::warn!(object = %object.key, %error, "not written");
    }
}
