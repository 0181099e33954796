//! What a person is asked before something is carried out.

use iggyctl_core::plan::MassDeletion;

use crate::cli::Process;
use crate::command_error::CommandError;
use crate::terminal::{Answer, ask_number, confirm};

pub(super) fn ask_removals(deletion: MassDeletion) -> Result<Option<u32>, CommandError> {
    let MassDeletion { removed, there } = deletion;
    ask_number(&format!(
        "\nThis removes {removed} of {there} owned resources. How many are removed?"
    ))
    .map_err(|error| {
        CommandError::other(format!(
            "nothing was changed: the answer cannot be read: {error}"
        ))
    })
}

pub(super) fn ask(process: &Process, server: &str) -> Result<(), CommandError> {
    if !process.terminal.is_interactive() {
        return Err(CommandError::usage(
            "nothing was changed: there is nobody to ask, since this is no terminal",
        )
        .hint("read the plan, then apply with --yes"));
    }
    match confirm(&format!("\nApply these changes to {server}?")) {
        Ok(Answer::Yes) => Ok(()),
        Ok(Answer::No) => Err(CommandError::other("nothing was changed: not confirmed")),
        Err(error) => Err(CommandError::other(format!(
            "nothing was changed: the answer cannot be read: {error}"
        ))),
    }
}
