//! The asynchronous runtime, made only by commands that talk to a server, so
//! that the others start at once.

use std::future::Future;

use crate::command_error::CommandError;

/// Runs a future to its end, on this thread: requests wait for one another, and
/// waking another thread for each reply would cost more than it brings.
pub(super) fn block_on<F: Future>(future: F) -> Result<F::Output, CommandError> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::other(format!("cannot start the runtime: {error}")))?
        .block_on(future))
}

/// As [`block_on`], for commands that move messages: what talks to the server has
/// threads of its own, so that it goes on, and says that it is alive, while this
/// one reads or writes.
pub(super) fn block_on_beside_workers<F: Future>(future: F) -> Result<F::Output, CommandError> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CommandError::other(format!("cannot start the runtime: {error}")))?
        .block_on(future))
}
