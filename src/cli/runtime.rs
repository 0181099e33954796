//! The asynchronous runtime, made only by commands that talk to a server, so
//! that the others start at once.

use std::future::Future;

use crate::command_error::CommandError;

/// Runs a future to its end.
pub(super) fn block_on<F: Future>(future: F) -> Result<F::Output, CommandError> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CommandError::other(format!("cannot start the runtime: {error}")))?
        .block_on(future))
}
