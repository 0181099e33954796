//! A smoke test that is asked to end: in order where the server answers, soon where it
//! does not, and at once when it is asked twice.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use iggyctl_engine::broker::BrokerRead as _;

use super::smoke_output::lease_failed;
use super::stop::Stop;
use crate::command_error::CommandError;
use crate::smoke::{Lease, RunId, Target};

/// A server that lets this pass is not waited for by somebody who wants to end.
const ANSWER: Duration = Duration::from_secs(2);
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(500);
/// After the second request, for a report of what there is.
const REPORT: Duration = Duration::from_millis(500);

/// Does `work`, which hears of signals by itself as soon as it has `begun` to write; before
/// that, a first signal cuts it off, and afterwards a second one does.
pub(super) async fn interruptible<T>(
    stop: &Stop,
    begun: &Cell<bool>,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    let cut = async {
        stop.requested().await;
        if begun.get() {
            stop.insisted().await;
            tokio::time::sleep(REPORT).await;
        }
    };
    tokio::select! {
        biased;
        ended = work => ended,
        () = cut => Err(interrupted()),
    }
}

/// The sign that a run is alive; without one when it is asked to end meanwhile.
pub(super) async fn take(
    target: &Target,
    run: RunId,
    requested: impl Future<Output = ()>,
) -> Result<Lease, CommandError> {
    tokio::select! {
        taken = Lease::take(target, run.clone()) => taken.map_err(lease_failed),
        () = requested => {
            // What there is of it already.
            let _ = tokio::time::timeout(ANSWER, Lease::give_up(target, &run)).await;
            Err(interrupted())
        }
    }
}

/// Removes what a run made. Tells what could not be removed.
pub(super) async fn release(
    lease: Lease,
    target: &Target,
    requested: impl Future<Output = ()>,
    insisted: impl Future<Output = ()>,
) -> Vec<String> {
    let run = lease.run().to_string();
    let silent = async {
        requested.await;
        server_is_silent(target).await;
    };
    let why = tokio::select! {
        left_behind = lease.release(target) => return left_behind,
        () = insisted => "interrupted a second time",
        () = silent => "interrupted, and the server does not answer",
    };
    vec![format!(
        "what run {run} made: {why}; the next run removes it"
    )]
}

/// What there is of an answer, when somebody wants to end.
pub(super) async fn unless<T>(
    requested: impl Future<Output = ()>,
    asked: impl Future<Output = Option<T>>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = requested => None,
        answer = asked => answer,
    }
}

/// Comes back when the server does not answer; never as long as it does.
pub(super) async fn server_is_silent(target: &Target) {
    let asked = async || {
        let admin = target.admin.acquire().await.ok()?;
        admin.ping().await.ok()
    };
    while let Ok(Some(())) = tokio::time::timeout(ANSWER, asked()).await {
        tokio::time::sleep(BETWEEN_QUESTIONS).await;
    }
}

fn interrupted() -> CommandError {
    CommandError::other("interrupted before there was a report")
}
