//! The question before something is changed.

use super::super::Process;
use super::connection::MessageSession;
use crate::command_error::CommandError;
use crate::terminal::{Answer, confirm};

/// Asks whether to go on. `nothing` says what was not done, such as `nothing was
/// purged`.
pub(super) async fn ask(
    process: &Process,
    session: &MessageSession,
    question: String,
    nothing: &str,
) -> Result<(), CommandError> {
    if !process.terminal.is_interactive() {
        return Err(CommandError::usage(format!(
            "{nothing}: there is nobody to ask, since this is no terminal"
        ))
        .hint("look at it with --dry-run, then do it with --yes"));
    }
    let (sender, answer) = tokio::sync::oneshot::channel();
    // A thread that nobody waits for: Ctrl-C ends the question, not the read.
    std::thread::spawn(move || sender.send(confirm(&question)));
    let answer = tokio::select! {
        answer = answer => answer,
        () = session.stop.requested() => {
            return Err(CommandError::other(format!("{nothing}: interrupted")));
        }
    };
    match answer {
        Ok(Ok(Answer::Yes)) => Ok(()),
        Ok(Ok(Answer::No)) | Err(_) => {
            Err(CommandError::other(format!("{nothing}: not confirmed")))
        }
        Ok(Err(error)) => Err(CommandError::other(format!(
            "{nothing}: the answer cannot be read: {error}"
        ))),
    }
}
