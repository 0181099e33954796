//! From what the API server sends to what the rest works with.

use std::sync::Arc;

use iggyctl_core::api::v1alpha1::{ClusterIggyServerSpec, IggyServerSpec, Kind, ServerKind};
use jiff::Timestamp;
use kube::api::DynamicObject;
use serde_json::Value;

use super::FINALIZER;
use crate::operator::model::{Object, ObjectKey, Requests, ServerKey, SmokeTest};
use crate::operator::resources::status::{ServerStatus, TopologyStatus};

/// An object that says where a server is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerObject {
    pub(crate) key: ServerKey,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) generation: i64,
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) finalizers: Vec<String>,
    pub(crate) requests: Requests,
    /// `iggyctl.dev/acknowledge-replaced`: which replacement may be.
    pub(crate) acknowledged: Option<String>,
    /// The spec, or why it means nothing.
    pub(crate) spec: Result<ServerSpec, String>,
    pub(crate) status: ServerStatus,
}

/// Either kind of server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ServerSpec {
    /// For its namespace.
    Namespaced(Box<IggyServerSpec>),
    /// For its tenants.
    Cluster(Box<ClusterIggyServerSpec>),
}

impl ServerObject {
    pub(crate) fn has_finalizer(&self) -> bool {
        self.finalizers.iter().any(|it| it == FINALIZER)
    }

    /// Where the server is, as the spec says it.
    pub(crate) fn address(&self) -> Option<&str> {
        match self.spec.as_ref().ok()? {
            ServerSpec::Namespaced(spec) => Some(&spec.address),
            ServerSpec::Cluster(spec) => Some(&spec.address),
        }
    }

    /// What makes it worth to look again.
    pub(crate) fn is_asked_again(&self, before: &Self) -> bool {
        self.uid != before.uid
            || self.generation != before.generation
            || self.deleted_at.is_some() != before.deleted_at.is_some()
            || self.requests != before.requests
            || self.acknowledged != before.acknowledged
            || self.finalizers != before.finalizers
    }

    pub(super) fn of(kind: ServerKind, object: DynamicObject) -> Option<Self> {
        let metadata = &object.metadata;
        let namespace = metadata.namespace.clone().unwrap_or_default();
        let spec = object.data.get("spec").cloned().unwrap_or_default();
        let spec = match kind {
            ServerKind::IggyServer => serde_json::from_value(spec)
                .map(|spec| ServerSpec::Namespaced(Box::new(spec)))
                .map_err(|error| error.to_string()),
            ServerKind::ClusterIggyServer => serde_json::from_value(spec)
                .map(|spec| ServerSpec::Cluster(Box::new(spec)))
                .map_err(|error| error.to_string()),
        };
        Some(Self {
            key: ServerKey::new(kind, &namespace, metadata.name.clone()?),
            uid: metadata.uid.clone()?,
            resource_version: metadata.resource_version.clone()?,
            generation: metadata.generation.unwrap_or(0),
            deleted_at: metadata.deletion_timestamp.as_ref().map(|it| it.0),
            finalizers: metadata.finalizers.clone().unwrap_or_default(),
            requests: requests(&object),
            acknowledged: annotation(&object, "acknowledge-replaced"),
            spec,
            status: status(&object.data),
        })
    }
}

/// Nothing of what the API server sends that nobody looks at is kept: there may be
/// thousands.
pub(super) fn declaring(kind: Kind, object: DynamicObject) -> Option<Object> {
    let metadata = &object.metadata;
    let finalizers = metadata.finalizers.clone().unwrap_or_default();
    Some(Object {
        key: ObjectKey {
            kind,
            namespace: metadata.namespace.clone()?,
            name: metadata.name.clone()?,
        },
        uid: metadata.uid.clone()?,
        resource_version: metadata.resource_version.clone()?,
        generation: metadata.generation.unwrap_or(0),
        created_at: metadata.creation_timestamp.as_ref()?.0,
        deleted_at: metadata.deletion_timestamp.as_ref().map(|it| it.0),
        has_finalizer: finalizers.iter().any(|it| it == FINALIZER),
        finalizers,
        requests: requests(&object),
        spec: Arc::new(object.data.get("spec").cloned().unwrap_or_default()),
        status: Arc::new(status::<TopologyStatus>(&object.data)),
    })
}

pub(super) fn smoke_test(object: DynamicObject) -> Option<SmokeTest> {
    let spec = object.data.get("spec").cloned().unwrap_or_default();
    let spec = serde_json::from_value(spec).map_err(|error| error.to_string());
    let status = status(&object.data);
    Some(SmokeTest {
        object: declaring(Kind::IggySmokeTest, object)?,
        spec: Arc::new(spec),
        status,
    })
}

/// What an older version wrote and this one does not understand is written anew.
fn status<T: serde::de::DeserializeOwned + Default>(data: &Value) -> T {
    let status = data.get("status").cloned();
    let status = status.map(serde_json::from_value);
    status.and_then(Result::ok).unwrap_or_default()
}

fn annotation(object: &DynamicObject, name: &str) -> Option<String> {
    let annotations = object.metadata.annotations.as_ref()?;
    annotations.get(&format!("iggyctl.dev/{name}")).cloned()
}

fn requests(object: &DynamicObject) -> Requests {
    let is_true = |name| annotation(object, name).is_some_and(|value| value == "true");
    Requests {
        pause: is_true("pause"),
        force_release: is_true("force-release"),
        reconcile_at: annotation(object, "reconcile-requested-at"),
    }
}
