//! The edge to Kubernetes: what is watched, and what is written.

mod convert;
mod events;
mod manifests;
mod names;
mod secrets;
mod shared_servers;
mod token_sinks;
mod watch;
mod write;

pub(crate) use convert::{ServerObject, ServerSpec};
pub(crate) use events::Events;
pub(crate) use manifests::{ManifestsError, Wanted, manifests};
pub(crate) use names::DECLARING;
pub(crate) use secrets::{Fetched, SecretReadError};
pub(crate) use token_sinks::SecretSinks;
pub(crate) use watch::{Seen, watch_all};
pub(crate) use write::WriteError;

use kube::Client;
use kube::api::DynamicObject;

/// Who writes, in `managedFields`: one name, so that what it once wrote and no longer
/// writes goes away.
pub(crate) const FIELD_MANAGER: &str = "iggyctl-operator";

/// Keeps an object until what it holds on a server is deleted.
pub(crate) const FINALIZER: &str = "iggyctl.dev/cleanup";

/// The label of Secrets that the operator may look at.
pub(crate) const WATCH_LABEL: &str = "iggyctl.dev/watch";

/// The label that says who made a Secret.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Which part of the cluster the operator works for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All namespaces, and `ClusterIggyServer`.
    Cluster,
    /// Some namespaces, with nothing but Roles in them.
    Namespaces(Vec<String>),
}

/// A connection to the API server.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) reach: Reach,
}

impl Cluster {
    pub(crate) fn new(client: Client, reach: Reach) -> Self {
        Self { client, reach }
    }

    /// The API for objects of a kind in one namespace.
    fn in_namespace(
        &self,
        kind: iggyctl_core::api::v1alpha1::Kind,
        namespace: &str,
    ) -> kube::Api<DynamicObject> {
        kube::Api::namespaced_with(self.client.clone(), namespace, &names::resource(kind))
    }

    /// The API for objects of a kind that is in no namespace.
    fn in_cluster(&self, kind: iggyctl_core::api::v1alpha1::Kind) -> kube::Api<DynamicObject> {
        kube::Api::all_with(self.client.clone(), &names::resource(kind))
    }
}
