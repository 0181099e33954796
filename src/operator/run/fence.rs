//! Whether this operator may still write: by the time that its Lease has left, read from the API
//! server, and not by what it was told last.
//!
//! Whoever cannot reach the API server is told nothing any more. Another operator writes once the
//! Lease has ended, so this one stops before that, also where it still reaches the Iggy server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;

/// How long before the end of the Lease nothing is written any more.
const MARGIN: Duration = Duration::from_secs(1);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often is looked while it has not been renewed.
const AGAIN: Duration = Duration::from_secs(1);

/// Up to when this operator may write; always, where it is the only one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fence(Arc<Mutex<Option<Timestamp>>>);

impl Fence {
    /// Whether something may be written now.
    pub(crate) fn holds(&self) -> bool {
        self.until().is_none_or(|until| Timestamp::now() < until)
    }

    /// For how long that is so; without an end, nothing follows it.
    fn left(&self) -> Duration {
        let until = *self.until();
        let left = until.map(|until| until.duration_since(Timestamp::now()));
        let left = left.and_then(|left| Duration::try_from(left).ok());
        left.unwrap_or_default()
    }

    fn until(&self) -> MutexGuard<'_, Option<Timestamp>> {
        // Nothing that is done with it can be cut off in the middle.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From a renewal on.
    fn renewed(&self, at: Timestamp, duration: Duration) {
        let until = at.checked_add(duration.saturating_sub(MARGIN));
        *self.until() = Some(until.unwrap_or(at));
    }

    /// Keeps to the Lease, which `holder` has just got, until it is lost; `grace` is how long
    /// before its end it is renewed.
    pub(super) async fn follow(
        self,
        leases: Api<Lease>,
        name: String,
        holder: String,
        duration: Duration,
        grace: Duration,
    ) {
        self.renewed(Timestamp::now(), duration);
        loop {
            // What was begun and goes on is dropped at the end, and not once an answer came.
            let patience = PATIENCE.min(self.left());
            let read = tokio::time::timeout(patience, leases.get(&name)).await;
            let spec = read.ok().and_then(Result::ok).and_then(|it| it.spec);
            match spec {
                // Another one has it: by its own word, not by a guess about time.
                Some(spec) if spec.holder_identity.as_ref() != Some(&holder) => return,
                Some(spec) => {
                    if let Some(at) = spec.renew_time {
                        self.renewed(at.0, duration);
                    }
                }
                None => tracing::warn!(lease = %name, "the Lease cannot be read"),
            }
            if !self.holds() {
                return;
            }
            // It is renewed some time before its end; until then there is nothing to see.
            let left = self.left();
            let wait = left.saturating_sub(grace).max(AGAIN).min(left);
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_once_the_lease_may_have_ended() {
        let fence = Fence::default();
        assert!(fence.holds(), "the only one");
        let (now, duration) = (Timestamp::now(), Duration::from_secs(15));
        fence.renewed(now, duration);
        assert!(fence.holds());
        fence.renewed(now - Duration::from_secs(13), duration);
        assert!(fence.holds());
        fence.renewed(now - Duration::from_secs(14), duration);
        assert!(!fence.holds(), "a second before its end");
    }

    /// It is told in time also where no answer comes: tasks in the middle of a change are dropped
    /// only then.
    #[tokio::test]
    async fn an_api_server_that_is_silent_does_not_hold_it_up() {
        iggyctl_engine::connect::install_crypto_provider();
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", silent.local_addr().unwrap());
        let config = kube::Config::new(address.parse().unwrap());
        let leases = Api::namespaced(kube::Client::try_from(config).unwrap(), "here");
        let (fence, begin) = (Fence::default(), std::time::Instant::now());
        let (duration, grace) = (2 * MARGIN, MARGIN / 2);
        let (name, holder) = ("lease".to_owned(), "this".to_owned());
        fence
            .clone()
            .follow(leases, name, holder, duration, grace)
            .await;
        assert!(!fence.holds());
        assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    }
}
