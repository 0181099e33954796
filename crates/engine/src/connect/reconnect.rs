use std::iter::successors;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::error::ConnectError;
use super::pool::{Connect, ConnectionPool, Lease};

/// Before the second attempt; doubles from there to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What a server that is back costs at most in waiting.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl<C: Connect> ConnectionPool<C> {
    /// A new connection after one was lost. A server that restarts is given the
    /// time of one connection ([`ConnectSettings::deadline`]) to come back: it
    /// refuses connections at once while it is away, so one attempt, which says
    /// that nothing listens, is over long before that.
    ///
    /// The pauses are counted here and not by a library of retries: those end
    /// between two attempts and not in one, or forget why the last one failed.
    ///
    /// [`ConnectSettings::deadline`]: super::ConnectSettings::deadline
    ///
    /// # Errors
    /// The error of the last attempt; at once when trying again is of no use.
    pub(crate) async fn reconnect(&self) -> Result<Lease<'_, C>, ConnectError> {
        let ends = Instant::now() + self.settings().deadline;
        self.forget_idle();
        // This attempt has the whole time anyway, so only the others are cut off.
        let mut error = match self.acquire().await {
            Ok(lease) => return Ok(lease),
            Err(error) => error,
        };
        let mut pauses = successors(Some(FIRST_PAUSE), |pause| {
            Some((*pause * 2).min(LONGEST_PAUSE))
        });
        while let Some(pause) = pauses.next().filter(|_| error.may_pass()) {
            let attempt = async {
                sleep(pause).await;
                self.acquire().await
            };
            match timeout_at(ends, attempt).await {
                Ok(Ok(lease)) => return Ok(lease),
                Ok(Err(next)) => error = next,
                Err(_) => break,
            }
        }
        Err(error)
    }

    /// Drops the idle connections instead of closing them in order: when one was
    /// lost, or when replies that may still come on them were given up.
    pub fn forget_idle(&self) {
        drop(self.drain());
    }
}
