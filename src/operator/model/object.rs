use std::fmt;
use std::sync::Arc;

use iggyctl_core::api::v1alpha1::{API_VERSION, Kind, ServerKind};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::ServerKey;
use crate::operator::resources::status::TopologyStatus;

/// Which object of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectKey {
    pub(crate) kind: Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            namespace,
            name,
        } = self;
        write!(formatter, "{kind} {namespace}/{name}")
    }
}

/// What annotations ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    /// `iggyctl.dev/pause: "true"`: leave everything as it is.
    pub(crate) pause: bool,
    /// `iggyctl.dev/force-release: "true"`: let it go now, whatever stays behind.
    pub(crate) force_release: bool,
    /// `iggyctl.dev/reconcile-requested-at`: look now.
    pub(crate) reconcile_at: Option<String>,
}

/// An object that declares something on a server, as far as it matters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) key: ObjectKey,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    /// Counts changes of the spec.
    pub(crate) generation: i64,
    pub(crate) created_at: Timestamp,
    /// When somebody asked for it to be deleted.
    pub(crate) deleted_at: Option<Timestamp>,
    /// Whether it has the finalizer of the operator.
    pub(crate) has_finalizer: bool,
    /// All of them, in their order.
    pub(crate) finalizers: Vec<String>,
    pub(crate) requests: Requests,
    pub(crate) spec: Arc<Value>,
    pub(crate) status: Arc<TopologyStatus>,
}

/// Fields that say how something is treated, wherever they are.
const POLICIES: [&str; 4] = ["adoption", "deletionPolicy", "driftPolicy", "interval"];

fn without_policies(spec: &mut Value) {
    match spec {
        Value::Object(fields) => {
            fields.retain(|name, _| !POLICIES.contains(&name.as_str()));
            fields.values_mut().for_each(without_policies);
        }
        Value::Array(entries) => entries.iter_mut().for_each(without_policies),
        _ => {}
    }
}

impl Object {
    /// The server that it is for.
    pub(crate) fn server(&self) -> ServerKey {
        let reference = self.spec.get("serverRef");
        let text = |field| {
            reference
                .and_then(|it| it.get(field))
                .and_then(Value::as_str)
        };
        let name = text("name").unwrap_or("default").to_owned();
        ServerKey::new(self.server_kind(), &self.key.namespace, name)
    }

    /// The kind of that.
    pub(crate) fn server_kind(&self) -> ServerKind {
        let reference = self.spec.get("serverRef");
        let kind = reference.and_then(|it| it.get("kind"));
        match kind.and_then(Value::as_str) {
            Some("ClusterIggyServer") => ServerKind::ClusterIggyServer,
            _ => ServerKind::IggyServer,
        }
    }

    /// As it would be written for the command line.
    pub(crate) fn manifest(&self) -> Value {
        json!({
            "apiVersion": API_VERSION,
            "kind": self.key.kind.as_str(),
            "metadata": { "name": self.key.name },
            "spec": self.spec.as_ref(),
        })
    }

    /// What tells one declaration from another: all that says what is to be on the server, and not
    /// how it is treated.
    pub(crate) fn declaration(&self) -> String {
        let mut spec = self.spec.as_ref().clone();
        without_policies(&mut spec);
        let digest = Sha256::digest(format!("{} {spec}", self.key.name));
        let bytes = digest.iter().take(16);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    /// The one that comes first where two want the same: the older one.
    pub(crate) fn seniority(&self) -> (Timestamp, &ObjectKey) {
        (self.created_at, &self.key)
    }

    /// What makes it worth to look at it again: everything but its status.
    pub(crate) fn is_asked_again(&self, before: &Self) -> bool {
        let Self {
            key: _,
            uid,
            resource_version: _,
            generation,
            created_at: _,
            deleted_at,
            has_finalizer,
            finalizers: _,
            requests,
            spec: _,
            status: _,
        } = self;
        *uid != before.uid
            || *generation != before.generation
            || deleted_at.is_some() != before.deleted_at.is_some()
            // The operator adds it itself; that somebody takes it away is news.
            || before.has_finalizer && !*has_finalizer
            || *requests != before.requests
    }
}
