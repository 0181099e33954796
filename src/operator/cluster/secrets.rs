//! The content of Secrets, fetched when it is needed and never kept by a watch.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::secret::Secret;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Api;
use kube::api::{Patch, PatchParams};

use super::{Cluster, FIELD_MANAGER, MANAGED_BY, WATCH_LABEL, WriteError};
use crate::operator::model::Object;
use crate::operator::resources::{GROUP, VERSION};

/// Why a Secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretReadError {
    /// It, or the key in it, is not there.
    #[error("{0}")]
    Missing(String),
    /// The API server refused it, or did not answer.
    #[error("the Secret {name} of the namespace {namespace} cannot be read: {error}")]
    Failed {
        namespace: String,
        name: String,
        error: kube::Error,
    },
}

/// A Secret that was fetched.
pub(crate) struct Fetched {
    what: String,
    data: BTreeMap<String, ByteString>,
}

impl Fetched {
    /// A value, without the line break that an editor may have put behind it.
    ///
    /// # Errors
    /// When it is not there, or not text.
    pub(crate) fn value(&self, key: &str) -> Result<Secret, SecretReadError> {
        let missing = |why: &str| SecretReadError::Missing(format!("{} {why} {key}", self.what));
        let bytes = self.data.get(key).ok_or_else(|| missing("has no key"))?;
        let text = std::str::from_utf8(&bytes.0).map_err(|_| missing("has no text in the key"))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text)))
    }
}

impl Cluster {
    /// Fetches a Secret that an object names. Its label says that the operator may look at it:
    /// otherwise, whoever may write objects and no Secrets could have any of them sent to a server
    /// of theirs.
    ///
    /// # Errors
    /// When it is not there, does not have the label, or cannot be read.
    pub(crate) async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Fetched, SecretReadError> {
        let may = |secret: &v1::Secret| {
            let labels = secret.metadata.labels.as_ref();
            let label = labels.and_then(|it| it.get(WATCH_LABEL));
            label.is_some_and(|value| value == "true")
        };
        let why = format!("does not have the label {WATCH_LABEL}: \"true\"");
        self.fetch(namespace, name, may, &why).await
    }

    /// Fetches the Secret of this name that the operator wrote for an object.
    ///
    /// # Errors
    /// When it is not there, is of somebody else, or cannot be read.
    pub(crate) async fn own_secret(
        &self,
        object: &Object,
        name: &str,
    ) -> Result<Fetched, SecretReadError> {
        let may = |secret: &v1::Secret| is_of(secret, object);
        let why = "was not made by the operator";
        self.fetch(&object.key.namespace, name, may, why).await
    }

    async fn fetch(
        &self,
        namespace: &str,
        name: &str,
        may: impl FnOnce(&v1::Secret) -> bool,
        why: &str,
    ) -> Result<Fetched, SecretReadError> {
        let what = format!("the Secret {name} of the namespace {namespace}");
        let api: Api<v1::Secret> = Api::namespaced(self.client.clone(), namespace);
        match api.get_opt(name).await {
            Ok(Some(secret)) if !may(&secret) => {
                Err(SecretReadError::Missing(format!("{what} {why}")))
            }
            Ok(Some(secret)) => Ok(Fetched {
                what,
                data: secret.data.unwrap_or_default(),
            }),
            Ok(None) => Err(SecretReadError::Missing(format!("{what} is not there"))),
            Err(error) => Err(SecretReadError::Failed {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                error,
            }),
        }
    }

    /// Writes a Secret of the operator's own, which goes with the object that it is about. What it
    /// has for the keys of `kept` stays where `data` says nothing of them.
    ///
    /// # Errors
    /// When the API server does not take it, or somebody else made one of that name: what is in
    /// it is not the operator's to replace.
    pub(crate) async fn write_own_secret(
        &self,
        object: &Object,
        name: &str,
        data: &BTreeMap<String, Secret>,
        kept: &BTreeSet<String>,
    ) -> Result<(), WriteError> {
        let namespace = &object.key.namespace;
        let api: Api<v1::Secret> = Api::namespaced(self.client.clone(), namespace);
        let there = api.get_opt(name).await?;
        if there.as_ref().is_some_and(|it| !is_of(it, object)) {
            return Err(WriteError::OfAnother);
        }
        let there = there.and_then(|it| it.data).unwrap_or_default();
        let mut all: BTreeMap<String, ByteString> = there;
        all.retain(|key, _| kept.contains(key));
        all.extend(data.iter().map(|(key, value)| {
            let bytes = value.expose().as_bytes().to_vec();
            (key.clone(), ByteString(bytes))
        }));
        let secret = v1::Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(namespace.clone()),
                owner_references: Some(vec![owner(object)]),
                labels: Some(BTreeMap::from([(
                    MANAGED_BY.to_owned(),
                    FIELD_MANAGER.to_owned(),
                )])),
                ..ObjectMeta::default()
            },
            data: Some(all),
            ..v1::Secret::default()
        };
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        api.patch(name, &parameters, &Patch::Apply(secret)).await?;
        Ok(())
    }
}

/// Whether it goes with the object.
pub(super) fn is_of(secret: &v1::Secret, object: &Object) -> bool {
    let owners = secret.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|it| it.uid == object.uid)
}

/// It goes when the object goes.
pub(super) fn owner(object: &Object) -> OwnerReference {
    OwnerReference {
        api_version: format!("{GROUP}/{VERSION}"),
        kind: object.key.kind.as_str().to_owned(),
        name: object.key.name.clone(),
        uid: object.uid.clone(),
        ..OwnerReference::default()
    }
}
