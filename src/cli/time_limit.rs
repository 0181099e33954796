use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

/// What `--timeout` leaves for a command, counted from its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeLimit(Option<(Duration, Instant)>);

impl TimeLimit {
    /// For commands without `--timeout`.
    pub(super) const NONE: Self = Self(None);

    /// Starts now.
    pub(super) fn starting_now(timeout: Option<Duration>) -> Self {
        Self(timeout.map(|timeout| (timeout, Instant::now() + timeout)))
    }

    /// When it is up.
    pub(super) fn at(self) -> Option<Instant> {
        self.0.map(|(_, at)| at)
    }

    /// Runs `work`, and cuts it off when the time is up.
    pub(super) async fn limit<T>(
        self,
        work: impl Future<Output = Result<T, CommandError>>,
    ) -> Result<T, CommandError> {
        let Some((timeout, at)) = self.0 else {
            return work.await;
        };
        tokio::time::timeout_at(at, work).await.unwrap_or_else(|_| {
            Err(CommandError::new(
                ExitCode::ServerUnavailable,
                format!("the server did not answer within --timeout {timeout:?}"),
            ))
        })
    }
}
