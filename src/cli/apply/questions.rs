//! What a person is asked before something is carried out.

use std::{io, thread};

use iggyctl_core::plan::MassDeletion;
use tokio::sync::oneshot;

use crate::cli::Process;
use crate::cli::lock::ApplyLock;
use crate::command_error::CommandError;
use crate::terminal::{Answer, ask_number, confirm};

pub(super) async fn ask_removals(
    lock: &ApplyLock<'_>,
    deletion: MassDeletion,
) -> Result<Option<u32>, CommandError> {
    let MassDeletion { removed, there } = deletion;
    let question = format!("\nThis removes {removed} of {there} resources. How many are removed?");
    answer(lock, move || ask_number(&question)).await
}

pub(super) async fn ask(
    process: &Process,
    lock: &ApplyLock<'_>,
    question: &str,
) -> Result<(), CommandError> {
    if !process.terminal.is_interactive() {
        return Err(CommandError::usage(
            "nothing was changed: there is nobody to ask, since this is no terminal",
        )
        .hint("read the plan, then say --yes"));
    }
    let question = question.to_owned();
    match answer(lock, move || confirm(&question)).await? {
        Answer::Yes => Ok(()),
        Answer::No => Err(CommandError::other("nothing was changed: not confirmed")),
    }
}

/// What a person says, unless the lease is lost meanwhile: then nobody is waited for any
/// more. A read of the terminal cannot be ended, so it is left to a thread that ends with
/// the process; the runtime would wait for its own ones.
async fn answer<T: Send + 'static>(
    lock: &ApplyLock<'_>,
    ask: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, CommandError> {
    let (say, said) = oneshot::channel();
    let started = thread::Builder::new().spawn(move || {
        let _ = say.send(ask());
    });
    let unread = |error: io::Error| {
        CommandError::other(format!(
            "nothing was changed: the answer cannot be read: {error}"
        ))
    };
    started.map_err(unread)?;
    let answered = async {
        let answer = said.await;
        answer
            .unwrap_or_else(|_| Err(io::ErrorKind::UnexpectedEof.into()))
            .map_err(unread)
    };
    lock.while_held(answered).await
}
