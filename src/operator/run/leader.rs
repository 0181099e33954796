//! Which of several operators writes.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

use super::fence::Fence;
use super::{RunError, Settings};

/// How long an operator that vanished keeps others from writing, in seconds.
const LEASE_SECONDS: u64 = 15;

/// How long before its end a lease is renewed, in seconds.
const GRACE_SECONDS: u64 = 5;

/// How long giving it back may take: it ends by itself soon after.
const UNTIL_RELEASED: Duration = Duration::from_secs(5);

/// The place of this operator among several.
pub(super) struct Leadership {
    /// Whether it leads; none where it is the only one.
    seeking: Option<Seeking>,
    leads: bool,
    /// Whether that was said.
    is_told: bool,
    /// Up to when it may write.
    fence: Fence,
}

struct Seeking {
    receiver: Receiver<bool>,
    manager: JoinHandle<Result<LeaseManager, kube_lease_manager::LeaseManagerError>>,
    leases: Api<Lease>,
    lease_name: String,
    identity: String,
    /// Ends when the Lease was lost, by whatever way.
    fenced: Option<JoinHandle<()>>,
}

impl Leadership {
    /// Begins to seek it.
    ///
    /// # Errors
    /// When the Lease cannot be read or created.
    pub(super) async fn seek(client: Client, settings: &Settings) -> Result<Self, RunError> {
        let Some(namespace) = &settings.lease_namespace else {
            return Ok(Self {
                seeking: None,
                leads: true,
                is_told: false,
                fence: Fence::default(),
            });
        };
        let manager = LeaseManagerBuilder::new(client.clone(), settings.lease_name.clone())
            .with_namespace(namespace.clone())
            .with_identity(settings.identity.clone())
            .with_duration(LEASE_SECONDS)
            .with_grace(GRACE_SECONDS)
            .build()
            .await
            .map_err(|error| RunError::Lease(error.to_string()))?;
        let (receiver, manager) = manager.watch().await;
        Ok(Self {
            seeking: Some(Seeking {
                receiver,
                manager,
                leases: Api::namespaced(client, namespace),
                lease_name: settings.lease_name.clone(),
                identity: settings.identity.clone(),
                fenced: None,
            }),
            leads: false,
            is_told: true,
            fence: Fence::default(),
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
        loop {
            let fenced = async {
                match &mut seeking.fenced {
                    Some(fenced) => drop(fenced.await),
                    None => std::future::pending().await,
                }
            };
            let changed = tokio::select! {
                () = fenced => return Err(RunError::LeaseLost),
                changed = seeking.receiver.changed() => changed,
            };
            if changed.is_err() {
                return Err(RunError::Lease("nobody renews it any more".to_owned()));
            }
            let leads = *seeking.receiver.borrow_and_update();
            match (self.leads, leads) {
                (true, false) => return Err(RunError::LeaseLost),
                (false, true) => {
                    self.leads = true;
                    let following = self.fence.clone().follow(
                        seeking.leases.clone(),
                        seeking.lease_name.clone(),
                        seeking.identity.clone(),
                        Duration::from_secs(LEASE_SECONDS),
                        Duration::from_secs(GRACE_SECONDS),
                    );
                    seeking.fenced = Some(tokio::spawn(following));
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    /// Ends without a word: what was lost is another one's, and a way to the API server that is
    /// silent would hold up the end, and bring the word much later.
    pub(super) fn abandon(self) {
        if let Some(seeking) = self.seeking {
            seeking.manager.abort();
        }
    }

    /// Lets another operator lead at once.
    pub(super) async fn release(self) {
        let Some(seeking) = self.seeking else {
            return;
        };
        if let Some(fenced) = seeking.fenced {
            fenced.abort();
        }
        let mut manager = seeking.manager;
        // Without anybody who listens it gives the lease back, and ends.
        drop(seeking.receiver);
        match tokio::time::timeout(UNTIL_RELEASED, &mut manager).await {
            Ok(Ok(Ok(_))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the lease was not given back"),
            Ok(Err(error)) => tracing::warn!(%error, "the lease was not given back"),
            Err(_) => {
                manager.abort();
                tracing::warn!("the lease was not given back: no answer");
            }
        }
    }
}
