//! The content of Secrets, fetched when it is needed and never kept by a watch.

use std::collections::BTreeMap;

use iggyctl_core::secret::Secret;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Api;
use kube::api::{Patch, PatchParams};

use super::{Cluster, FIELD_MANAGER, MANAGED_BY, WriteError};
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
    /// Fetches a Secret.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub(crate) async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Fetched, SecretReadError> {
        let what = format!("the Secret {name} of the namespace {namespace}");
        let api: Api<v1::Secret> = Api::namespaced(self.client.clone(), namespace);
        match api.get_opt(name).await {
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

    /// Writes a Secret of the operator's own, which goes with the object that it is about.
    ///
    /// # Errors
    /// When the API server does not take it.
    pub(crate) async fn write_own_secret(
        &self,
        object: &Object,
        name: &str,
        data: &BTreeMap<String, Secret>,
    ) -> Result<(), WriteError> {
        let namespace = &object.key.namespace;
        let api: Api<v1::Secret> = Api::namespaced(self.client.clone(), namespace);
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
            data: Some(
                data.iter()
                    .map(|(key, value)| {
                        let bytes = value.expose().as_bytes().to_vec();
                        (key.clone(), ByteString(bytes))
                    })
                    .collect(),
            ),
            ..v1::Secret::default()
        };
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        api.patch(name, &parameters, &Patch::Apply(secret)).await?;
        Ok(())
    }
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
