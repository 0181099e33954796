//! What an apply takes over, as far as the ledger of the server tells: it is declared and there,
//! and no recorded apply of the project has made it or taken it over.

use std::collections::BTreeSet;

use iggyctl_core::drift;
use iggyctl_core::render::escape;
use iggyctl_engine::ledger::{LedgerFailure, PooledLedger, last_applied};

use super::Process;
use super::ledger::ledger_failed;
use super::plan_arguments::Planned;
use super::session::Session;
use crate::command_error::CommandError;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// Who only looks.
    Plan,
    /// An apply, which says by itself that it cannot record.
    Apply,
}

/// Says in the plan what an apply that is recorded takes over.
pub(super) async fn say_what_is_adopted(
    process: &Process,
    planned: &mut Planned,
    session: &Session,
    asker: Asker,
) -> Result<(), CommandError> {
    let Planned {
        desired,
        observed,
        report,
        ..
    } = planned;
    // What belongs to no project is not recorded, and what is removed is not taken over.
    let (Some(project), false) = (desired.project.as_deref(), report.approvals.destroy) else {
        return Ok(());
    };
    // A plan that says nothing would be taken for one that takes nothing over.
    let not_known = |reason: &str| {
        let warning = format!("what the apply adopts is not known: {}", escape(reason));
        process.terminal.warning(&warning);
    };
    let ledger = PooledLedger::new(&session.pool);
    let previous = match last_applied(&ledger, Some(project)).await {
        Ok(previous) => previous,
        Err(failure @ LedgerFailure::Broker(_)) => return Err(ledger_failed(failure)),
        Err(failure) => {
            if asker == Asker::Plan {
                not_known(&failure.to_string());
            }
            return Ok(());
        }
    };
    let Some(previous) = previous else {
        report.adopt(drift::adopted(desired, None, observed));
        return Ok(());
    };
    let Ok(state) = previous.state.compile() else {
        not_known(&format!(
            "the manifests of revision {} are not valid for this version of iggyctl",
            previous.revision
        ));
        return Ok(());
    };
    let removed = BTreeSet::new();
    let applied = previous
        .state
        .expected(&state, &removed, previous.at_micros);
    report.adopt(drift::adopted(desired, Some(&applied), observed));
    Ok(())
}
