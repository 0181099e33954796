//! `--smoke` of `iggyctl apply`: what was applied is tried.

use std::time::Duration;

use iggyctl_core::render::SmokeReport;
use iggyctl_core::smoke::Limits as Sampling;
use iggyctl_core::state::desired::DesiredState;
use tokio::time::Instant;

use super::Process;
use super::plan_arguments::PlanningArguments;
use super::session::Session;
use super::smoke::{exit_code, show};
use super::stop::stop_requested;
use super::topology_smoke::{self, Manner, Smoked, Subject};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::smoke::Limits;

/// As `iggyctl smoke` has them by default.
const LIMITS: Limits = Limits {
    parallel: 4,
    time: Duration::from_secs(60),
};

/// Tries what was applied. A signal and the deadline end it; what it made is removed.
pub(super) async fn run(
    process: &Process,
    planning: &PlanningArguments,
    desired: &DesiredState,
    session: &Session,
    deadline: Option<Instant>,
) -> Result<Smoked, CommandError> {
    // A signal is heard from here on, also when it comes before it is waited for.
    let signal = stop_requested();
    let stop = async {
        tokio::select! {
            () = signal => {}
            () = time_is_up(deadline) => {}
        }
    };
    let (passwords, sinks) = planning.secrets.here(process, desired);
    let subject = Subject {
        desired: desired.clone(),
        passwords,
        sinks,
        sampling: Sampling::USUAL,
        canary: false,
    };
    let manner = Manner {
        scenarios: &[],
        limits: LIMITS,
        connect_timeout: planning.server.connect_timeout(),
        is_quiet: planning.output.is_json(),
    };
    topology_smoke::smoke(process, session, subject, manner, stop, show).await
}

/// When a deadline comes; never without one.
pub(super) async fn time_is_up(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The report, which is printed in any case, and the exit code of the test when it is
/// not good.
pub(super) fn split(
    tried: Option<Result<Smoked, CommandError>>,
) -> (Option<SmokeReport>, Result<Option<ExitCode>, CommandError>) {
    match tried {
        None => (None, Ok(None)),
        Some(Err(error)) => (None, Err(error)),
        Some(Ok(Smoked {
            report,
            was_stopped,
        })) => {
            let code = exit_code(&report, was_stopped);
            (Some(report), Ok((code != ExitCode::Done).then_some(code)))
        }
    }
}
