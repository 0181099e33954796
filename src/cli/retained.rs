//! What the ledger of a server knows as retained: what is pruned is in no manifest any more, so
//! its `deletionPolicy` is that of the last apply which declared it.

use iggyctl_core::ledger::LedgerError;
use iggyctl_core::state::{OtherProject, Retained};
use iggyctl_engine::ledger::{LedgerFailure, PooledLedger, last_applied_of_each};

use super::ledger::ledger_failed;
use super::session::Session;
use crate::command_error::CommandError;

/// Adds what the last apply of each project says. What must not be deleted is not guessed: a
/// record that cannot be read is an error.
pub(super) async fn add_what_was_applied(
    retained: &mut Retained,
    project: Option<&str>,
    session: &Session,
) -> Result<(), CommandError> {
    let ledger = PooledLedger::new(&session.pool);
    let applied = last_applied_of_each(&ledger).await.map_err(|failure| {
        let hint = way_out(&failure);
        let error = ledger_failed(failure);
        let message = format!(
            "what was applied last as `deletionPolicy: Retain` is not known: {}",
            error.message
        );
        let error = CommandError { message, ..error };
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })?;
    for applied in applied {
        let other = OtherProject(applied.begun.project);
        let other = (other.0.as_deref() != project).then_some(&other);
        let state = applied.state;
        retained.add(state.retained, state.retained_things, other);
    }
    Ok(())
}

/// What makes a record known again, where that is not said anyway.
fn way_out(failure: &LedgerFailure) -> Option<String> {
    match failure {
        LedgerFailure::Record {
            error: LedgerError::Newer { .. },
            ..
        } => Some("use the version of iggyctl that wrote it, or a later one".to_owned()),
        LedgerFailure::Record { revision, .. } | LedgerFailure::DocumentGone { revision } => {
            Some(format!(
                "`iggyctl history` says of which project revision {revision} is: apply that one \
                 again with --ledger, without --prune"
            ))
        }
        LedgerFailure::Broker(_)
        | LedgerFailure::NotAllowed { .. }
        | LedgerFailure::NotALedger { .. }
        | LedgerFailure::NoSuchRevision { .. }
        | LedgerFailure::Copied { .. }
        | LedgerFailure::Unsettled
        | LedgerFailure::Unprintable { .. } => None,
    }
}
