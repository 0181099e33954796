//! Which of several operators writes.

use std::time::Duration;

use kube::Client;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::fence::Fence;
use super::lease::Lease;
use super::{RunError, Settings};

/// How long giving it back may take: it ends by itself soon after.
const UNTIL_RELEASED: Duration = Duration::from_secs(5);

/// The place of this operator among several.
pub(super) struct Leadership {
    /// Whoever seeks it; none where this one is the only one.
    seeking: Option<Seeking>,
    leads: bool,
    /// Whether that was said.
    is_told: bool,
    /// Up to when it may write.
    fence: Fence,
}

struct Seeking {
    lease: Lease,
    /// Says when the Lease was got.
    got: Option<oneshot::Receiver<()>>,
    /// Ends when it was lost.
    keeping: JoinHandle<()>,
}

impl Leadership {
    /// Begins to seek it.
    ///
    /// # Errors
    /// When the Lease cannot be read.
    pub(super) async fn seek(client: Client, settings: &Settings) -> Result<Self, RunError> {
        let fence = Fence::default();
        let Some(namespace) = &settings.lease_namespace else {
            return Ok(Self {
                seeking: None,
                leads: true,
                is_told: false,
                fence,
            });
        };
        let lease = Lease::new(client, namespace, &settings.lease_name, &settings.identity);
        let readable = lease.read().await;
        readable.map_err(|error| RunError::Lease(error.to_string()))?;
        // Nothing may be written before it is got.
        fence.close();
        let (say, got) = oneshot::channel();
        let (mut kept, keeps_to) = (lease.clone(), fence.clone());
        let keeping = tokio::spawn(async move {
            kept.get(&keeps_to).await;
            // Nobody listens any more where the operator ends.
            if say.send(()).is_ok() {
                kept.keep(&keeps_to).await;
            }
        });
        Ok(Self {
            seeking: Some(Seeking {
                lease,
                got: Some(got),
                keeping,
            }),
            leads: false,
            is_told: true,
            fence,
        })
    }

    /// Whether this operator may write.
    pub(super) fn leads(&self) -> bool {
        self.leads
    }

    /// Up to when it may write.
    pub(super) fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Comes back when this operator begins to lead.
    ///
    /// # Errors
    /// When it led, and does so no more: nothing may go on.
    pub(super) async fn changed(&mut self) -> Result<(), RunError> {
        if !self.is_told {
            self.is_told = true;
            return Ok(());
        }
        let Some(seeking) = &mut self.seeking else {
            return std::future::pending().await;
        };
        if let Some(got) = &mut seeking.got {
            let said = got.await;
            seeking.got = None;
            said.map_err(|_| RunError::Lease("nobody seeks it any more".to_owned()))?;
            self.leads = true;
            return Ok(());
        }
        // How it ended is one: nothing is renewed any more.
        let _ = (&mut seeking.keeping).await;
        Err(RunError::LeaseLost)
    }

    /// Ends without a word: what was lost is another one's, and a way to the API server that is
    /// silent would hold up the end.
    pub(super) fn abandon(self) {
        if let Some(seeking) = self.seeking {
            seeking.keeping.abort();
        }
    }

    /// Lets another operator lead at once.
    pub(super) async fn release(self) {
        let Some(seeking) = self.seeking else {
            return;
        };
        seeking.keeping.abort();
        match tokio::time::timeout(UNTIL_RELEASED, seeking.lease.release()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the lease was not given back"),
            Err(_) => tracing::warn!("the lease was not given back: no answer"),
        }
    }
}
