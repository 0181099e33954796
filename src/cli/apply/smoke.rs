//! `--smoke` of `iggyctl apply`: what was applied is tried.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use iggyctl_core::render::SmokeReport;
use iggyctl_core::smoke::Limits as Sampling;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_engine::Secrets;
use tokio::time::Instant;

use crate::cli::Process;
use crate::cli::plan_arguments::PlanningArguments;
use crate::cli::session::Session;
use crate::cli::smoke::show;
use crate::cli::smoke_output::exit_code;
use crate::cli::stop::Stop;
use crate::cli::topology_smoke::{self, Ending, Manner, Subject};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::smoke::Limits;
use crate::smoke::topology::Passwords;

/// As `iggyctl smoke` has them by default.
const LIMITS: Limits = Limits {
    parallel: 4,
    time: Duration::from_secs(60),
};

/// What was applied.
pub(super) struct ToTry {
    /// What the manifests declare.
    pub(super) desired: DesiredState,
    /// The declared passwords, where they were gathered before: a password manager is
    /// not asked twice.
    pub(super) passwords: Option<Secrets>,
}

/// What a smoke test adds to an apply: its report, which is printed in any case, and
/// the exit code when it is not good.
type Tried = (Option<SmokeReport>, Result<Option<ExitCode>, CommandError>);

/// Tries what was applied, if it is to be tried.
pub(super) async fn run(
    process: &Process,
    planning: &PlanningArguments,
    to_try: Option<ToTry>,
    session: &Session,
    deadline: Option<Instant>,
) -> Tried {
    let Some(to_try) = to_try else {
        return (None, Ok(None));
    };
    match smoke(process, planning, to_try, session, deadline).await {
        Err(error) => (None, Err(error)),
        Ok(report) => {
            let code = exit_code(&report);
            (Some(report), Ok((code != ExitCode::Done).then_some(code)))
        }
    }
}

/// A signal and the deadline end it; what it made is removed.
async fn smoke(
    process: &Process,
    planning: &PlanningArguments,
    to_try: ToTry,
    session: &Session,
    deadline: Option<Instant>,
) -> Result<SmokeReport, CommandError> {
    // Signals are heard from here on, also when they come before they are waited for.
    let signals = Stop::listen();
    let ending = Ending {
        in_order: async {
            tokio::select! {
                () = signals.requested() => {}
                () = time_is_up(deadline) => {}
            }
        },
        at_once: signals.insisted(),
    };
    let ToTry { desired, passwords } = to_try;
    let (here, sinks) = match passwords {
        Some(known) => {
            let missing = BTreeMap::new();
            (Passwords { known, missing }, planning.secrets.sinks())
        }
        None => planning.secrets.here(process, &desired),
    };
    let subject = Subject {
        desired,
        passwords: here,
        sinks,
        sampling: Sampling::USUAL,
        canary: false,
    };
    let manner = Manner {
        scenarios: &[],
        limits: LIMITS,
        connect_timeout: planning.server.connect_timeout(),
        is_quiet: planning.output.is_document(),
    };
    let has_begun = Cell::new(true);
    topology_smoke::smoke(process, session, subject, manner, ending, &has_begun, show).await
}

/// When a deadline comes; never without one.
pub(super) async fn time_is_up(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
