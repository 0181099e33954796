//! What the ledger of a server knows as retained: what is pruned is in no manifest any more, so
//! its `deletionPolicy` is that of the last apply which declared it.

use iggyctl_core::state::{OtherProject, Retained};
use iggyctl_engine::ledger::{PooledLedger, last_applied_of_each};

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
        let error = ledger_failed(failure);
        let message = format!(
            "what was applied last as `deletionPolicy: Retain` is not known: {}",
            error.message
        );
        CommandError { message, ..error }
    })?;
    for applied in applied {
        let other = OtherProject(applied.begun.project);
        let other = (other.0.as_deref() != project).then_some(&other);
        let state = applied.state;
        retained.add(state.retained, state.retained_things, other);
    }
    Ok(())
}
