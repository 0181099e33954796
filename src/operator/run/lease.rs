//! The Lease by which one of several operators writes.
//!
//! Every write names the version that was read before it, so that one which was held up on its way,
//! or was decided by what was true a moment ago, is refused by the API server. How old a Lease is
//! is measured by the own clock, from when it was seen to change: no two clocks are compared.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use super::fence::Fence;

/// How long an operator that vanished keeps others from writing.
const DURATION: Duration = Duration::from_secs(15);

/// How often it is renewed.
const RENEWED_EVERY: Duration = Duration::from_secs(5);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often is tried what did not succeed: to get it, or to renew it.
const AGAIN: Duration = Duration::from_secs(1);

/// A Lease, and the one who wants it.
#[derive(Clone)]
pub(super) struct Lease {
    leases: Api<Object>,
    name: String,
    identity: String,
    /// The holder and its latest renewal, and when that was seen first.
    seen: Option<(Renewal, Instant)>,
}

type Renewal = (Option<String>, Option<MicroTime>);

/// How an attempt to get or to renew it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Held,
    /// Another one has it.
    OfAnother,
    /// It was changed since it was read.
    Moved,
}

impl Lease {
    pub(super) fn new(client: Client, namespace: &str, name: &str, identity: &str) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            seen: None,
        }
    }

    /// Whether it can be read, be it that it is not there yet.
    ///
    /// # Errors
    /// What the API server says.
    pub(super) async fn read(&self) -> Result<(), kube::Error> {
        self.leases.get_opt(&self.name).await.map(drop)
    }

    /// Gets it once it is free.
    pub(super) async fn get(&mut self, fence: &Fence) {
        loop {
            let begun = Timestamp::now();
            match tokio::time::timeout(PATIENCE, self.attempt()).await {
                Ok(Ok(Attempt::Held)) => return fence.renewed(begun, DURATION),
                Ok(Ok(Attempt::OfAnother | Attempt::Moved)) => {}
                Ok(Err(error)) => self.warn(&error.to_string()),
                Err(_) => self.warn("no answer"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Renews it until it is lost: another one has it, or it could not be renewed in time.
    pub(super) async fn keep(&mut self, fence: &Fence) {
        let mut wait = RENEWED_EVERY;
        loop {
            tokio::time::sleep(wait.min(fence.left())).await;
            let begun = Timestamp::now();
            let patience = PATIENCE.min(fence.left());
            wait = AGAIN;
            match tokio::time::timeout(patience, self.attempt()).await {
                Ok(Ok(Attempt::Held)) => {
                    fence.renewed(begun, DURATION);
                    wait = RENEWED_EVERY;
                }
                // By its own word, and not by a guess about time.
                Ok(Ok(Attempt::OfAnother)) => return,
                Ok(Ok(Attempt::Moved)) => {}
                Ok(Err(error)) => self.warn(&error.to_string()),
                Err(_) => self.warn("no answer"),
            }
            if !fence.is_in_time() {
                return;
            }
        }
    }

    fn warn(&self, error: &str) {
        tracing::warn!(lease = %self.name, %error, "the Lease cannot be written");
    }

    /// Gets it, or renews it, if it is free or one's own.
    ///
    /// # Errors
    /// What the API server says, but that it was changed meanwhile.
    async fn attempt(&mut self) -> Result<Attempt, kube::Error> {
        let Some(lease) = self.leases.get_opt(&self.name).await? else {
            return held(self.create().await);
        };
        let spec = lease.spec.unwrap_or_default();
        let holder = spec.holder_identity.clone().filter(|it| !it.is_empty());
        let is_own = holder.as_ref() == Some(&self.identity);
        let age = self.age((holder.clone(), spec.renew_time.clone()));
        let seconds = spec.lease_duration_seconds.unwrap_or(0);
        let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        if holder.is_some() && !is_own && age < duration {
            return Ok(Attempt::OfAnother);
        }
        let mut renewed = self.spec();
        if is_own {
            renewed.acquire_time = spec.acquire_time;
            renewed.lease_transitions = spec.lease_transitions;
        } else {
            let transitions = spec.lease_transitions.unwrap_or(0);
            renewed.lease_transitions = Some(transitions.saturating_add(1));
        }
        let patch = json!({
            "metadata": { "resourceVersion": lease.metadata.resource_version },
            "spec": renewed,
        });
        held(self.patch(patch).await)
    }

    /// Gives it back, if it is one's own.
    ///
    /// # Errors
    /// What the API server says.
    pub(super) async fn release(&self) -> Result<(), kube::Error> {
        let Some(lease) = self.leases.get_opt(&self.name).await? else {
            return Ok(());
        };
        let holder = lease.spec.and_then(|spec| spec.holder_identity);
        if holder.as_ref() != Some(&self.identity) {
            return Ok(());
        }
        let patch = json!({
            "metadata": { "resourceVersion": lease.metadata.resource_version },
            "spec": { "holderIdentity": null, "renewTime": null, "acquireTime": null },
        });
        self.patch(patch).await
    }

    async fn create(&self) -> Result<(), kube::Error> {
        let lease = Object {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                lease_transitions: Some(0),
                ..self.spec()
            }),
        };
        let created = self.leases.create(&PostParams::default(), &lease).await;
        created.map(drop)
    }

    async fn patch(&self, patch: serde_json::Value) -> Result<(), kube::Error> {
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = self.leases.patch(&self.name, &parameters, &patch).await;
        patched.map(drop)
    }

    /// As it is from now on.
    fn spec(&self) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            ..LeaseSpec::default()
        }
    }

    /// For how long nobody renewed it, as far as this one saw.
    fn age(&mut self, renewal: Renewal) -> Duration {
        match &self.seen {
            Some((seen, since)) if *seen == renewal => since.elapsed(),
            _ => {
                self.seen = Some((renewal, Instant::now()));
                Duration::ZERO
            }
        }
    }
}

/// Whoever wrote something else meanwhile made the API server refuse this.
fn held(written: Result<(), kube::Error>) -> Result<Attempt, kube::Error> {
    match written {
        Ok(()) => Ok(Attempt::Held),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Attempt::Moved),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It ends in time also where no answer comes: tasks in the middle of a change are dropped
    /// only then.
    #[tokio::test]
    async fn an_api_server_that_is_silent_does_not_hold_it_up() {
        iggyctl_engine::connect::install_crypto_provider();
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", silent.local_addr().unwrap());
        let config = kube::Config::new(address.parse().unwrap());
        let client = Client::try_from(config).unwrap();
        let mut lease = Lease::new(client, "here", "lease", "this");
        let (fence, begin) = (Fence::default(), Instant::now());
        // It was renewed long ago.
        let left = Duration::from_secs(2);
        fence.renewed(Timestamp::now() - (DURATION - left), DURATION);
        lease.keep(&fence).await;
        assert!(!fence.holds());
        assert!(begin.elapsed() < left, "{:?}", begin.elapsed());
    }
}
