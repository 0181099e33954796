//! What the operator writes of objects: their status and its finalizer, nothing else.

use iggyctl_core::api::v1alpha1::Kind;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde::Serialize;
use serde_json::json;

use super::convert::declaring;
use super::{Cluster, FIELD_MANAGER, FINALIZER, ServerObject};
use crate::operator::model::{Object, ServerKey};
use crate::operator::resources::status::{ServerStatus, SmokeTestStatus, TopologyStatus};
use crate::operator::resources::{GROUP, VERSION};

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The object is gone, or another one by now: nothing is left to say of it.
    #[error("the object is gone")]
    Gone,
    /// Somebody else wrote it meanwhile.
    #[error("somebody else wrote it meanwhile")]
    Moved,
    /// Something of that name is there that somebody else made.
    #[error("something of that name is there that the operator did not make")]
    OfAnother,
    /// The API server refused it, or did not answer.
    #[error(transparent)]
    Failed(kube::Error),
}

impl From<kube::Error> for WriteError {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.code == 404 => Self::Gone,
            kube::Error::Api(status) if status.code == 409 => Self::Moved,
            _ => Self::Failed(error),
        }
    }
}

impl Cluster {
    /// Writes the status of an object, whole, if `version` is still the newest one: whoever has
    /// not seen what another one wrote must not write over it. Returns the object as it is then.
    pub(crate) async fn write_status(
        &self,
        object: &Object,
        version: &str,
        status: &TopologyStatus,
    ) -> Result<Object, WriteError> {
        let key = &object.key;
        let api = self.in_namespace(key.kind, &key.namespace);
        let identity = Identity {
            kind: key.kind,
            namespace: Some(&key.namespace),
            name: &key.name,
            uid: &object.uid,
            version: Some(version),
        };
        let written = apply_status(&api, identity, status).await?;
        declaring(key.kind, written).ok_or(WriteError::Gone)
    }

    /// Writes the status of a smoke test, whole.
    pub(crate) async fn write_smoke_status(
        &self,
        object: &Object,
        status: &SmokeTestStatus,
    ) -> Result<(), WriteError> {
        let key = &object.key;
        let api = self.in_namespace(key.kind, &key.namespace);
        let identity = Identity {
            kind: key.kind,
            namespace: Some(&key.namespace),
            name: &key.name,
            uid: &object.uid,
            version: None,
        };
        apply_status(&api, identity, status).await?;
        Ok(())
    }

    /// As [`Self::write_status`], of a server object.
    pub(crate) async fn write_server_status(
        &self,
        server: &ServerObject,
        status: &ServerStatus,
    ) -> Result<ServerObject, WriteError> {
        let (api, kind) = self.server_api(&server.key);
        let ServerKey { namespace, name } = &server.key;
        let identity = Identity {
            kind,
            namespace: namespace.as_deref(),
            name,
            uid: &server.uid,
            version: None,
        };
        let written = apply_status(&api, identity, status).await?;
        ServerObject::of(server.key.kind(), written).ok_or(WriteError::Gone)
    }

    /// Adds the finalizer of the operator to an object, or takes it away; returns the object
    /// as it is then.
    pub(crate) async fn set_finalizer(
        &self,
        object: &Object,
        wanted: bool,
    ) -> Result<Object, WriteError> {
        let key = &object.key;
        let api = self.in_namespace(key.kind, &key.namespace);
        let (finalizers, version) = (&object.finalizers, &object.resource_version);
        let written = set_finalizer(&api, &key.name, finalizers, version, wanted).await?;
        declaring(key.kind, written).ok_or(WriteError::Gone)
    }

    /// As [`Self::set_finalizer`], of a server object.
    pub(crate) async fn set_server_finalizer(
        &self,
        server: &ServerObject,
        wanted: bool,
    ) -> Result<ServerObject, WriteError> {
        let (api, _) = self.server_api(&server.key);
        let (finalizers, version) = (&server.finalizers, &server.resource_version);
        let name = &server.key.name;
        let written = set_finalizer(&api, name, finalizers, version, wanted).await?;
        ServerObject::of(server.key.kind(), written).ok_or(WriteError::Gone)
    }

    fn server_api(&self, key: &ServerKey) -> (kube::Api<DynamicObject>, Kind) {
        match &key.namespace {
            Some(namespace) => (
                self.in_namespace(Kind::IggyServer, namespace),
                Kind::IggyServer,
            ),
            None => (
                self.in_cluster(Kind::ClusterIggyServer),
                Kind::ClusterIggyServer,
            ),
        }
    }
}

/// Whose status it is.
struct Identity<'a> {
    kind: Kind,
    namespace: Option<&'a str>,
    name: &'a str,
    /// Makes the API server refuse it for another object of the same name.
    uid: &'a str,
    /// Makes it refuse it for one that was written since; none where that does no harm.
    version: Option<&'a str>,
}

async fn apply_status(
    api: &kube::Api<DynamicObject>,
    identity: Identity<'_>,
    status: &impl Serialize,
) -> Result<DynamicObject, WriteError> {
    let Identity {
        kind,
        namespace,
        name,
        uid,
        version,
    } = identity;
    let mut metadata = json!({ "name": name, "uid": uid });
    let more = [("namespace", namespace), ("resourceVersion", version)];
    if let Some(fields) = metadata.as_object_mut() {
        let more = more.into_iter();
        let more = more.filter_map(|(field, value)| Some((field.to_owned(), json!(value?))));
        fields.extend(more);
    }
    let patch = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": kind.as_str(),
        "metadata": metadata,
        "status": status,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let patch = Patch::Apply(patch);
    Ok(api.patch_status(name, &parameters, &patch).await?)
}

/// With the version, so that a finalizer that somebody else adds at the same time stays.
async fn set_finalizer(
    api: &kube::Api<DynamicObject>,
    name: &str,
    finalizers: &[String],
    version: &str,
    wanted: bool,
) -> Result<DynamicObject, WriteError> {
    let others = finalizers.iter().filter(|it| *it != FINALIZER);
    let mut finalizers: Vec<&str> = others.map(String::as_str).collect();
    if wanted {
        finalizers.push(FINALIZER);
    }
    let patch = json!({
        "metadata": { "finalizers": finalizers, "resourceVersion": version },
    });
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    Ok(api.patch(name, &parameters, &Patch::Merge(patch)).await?)
}
