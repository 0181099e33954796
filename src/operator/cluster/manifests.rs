//! What the objects of a cluster declare, as manifests: for who only looks.

use std::sync::Arc;
use std::time::Duration;

use iggyctl_core::api::v1alpha1::ServerKind;
use iggyctl_core::manifest::SourceFile;
use kube::api::ListParams;
use kube::config::{InferConfigError, KubeConfigOptions, KubeconfigError};
use kube::{Client, Config};

use super::convert::declaring;
use super::{Cluster, DECLARING, Reach};
use crate::operator::model::{Object, ServerKey};
use crate::operator::resources::GROUP;

/// Which objects are meant.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// A context of the kubeconfig; the current one, or the own pod's, without it.
    pub(crate) context: Option<String>,
    /// Their namespace. Without it that of the context; of a `ClusterIggyServer`, all.
    pub(crate) namespace: Option<String>,
    /// The kind of their server.
    pub(crate) kind: ServerKind,
    /// The name of their server.
    pub(crate) server: String,
}

/// Why there are no manifests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestsError {
    /// There is no kubeconfig, and this is no pod.
    #[error("no Kubernetes cluster is configured: {0}")]
    NoCluster(#[from] Box<InferConfigError>),
    /// The kubeconfig has no such context, or is wrong.
    #[error("the kubeconfig: {0}")]
    Kubeconfig(#[from] Box<KubeconfigError>),
    /// There is no way from the configuration to a connection.
    #[error("the Kubernetes cluster cannot be connected to: {0}")]
    Client(Box<kube::Error>),
    /// The API server does not know who asks, or does not allow it.
    #[error("the API server refuses to list {what}: {message}")]
    Refused {
        /// The objects.
        what: String,
        /// What the API server said.
        message: String,
    },
    /// The API server has no such objects.
    #[error("the API server knows no {0}")]
    NotInstalled(String),
    /// The API server does not answer, or not as it should.
    #[error("{what} cannot be listed: {error}")]
    Failed {
        /// The objects.
        what: String,
        /// What is wrong.
        error: Box<kube::Error>,
    },
}

/// How long the API server may be silent.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// Objects of one answer.
const PAGE: u32 = 500;

/// Reads the objects of one server, each as a manifest that is called as the object is. What
/// is being deleted declares nothing any more.
///
/// # Errors
/// See [`ManifestsError`].
pub(crate) async fn manifests(wanted: &Wanted) -> Result<Vec<SourceFile>, ManifestsError> {
    let mut config = match &wanted.context {
        None => Config::infer().await.map_err(Box::new)?,
        Some(context) => {
            let options = KubeConfigOptions {
                context: Some(context.clone()),
                ..KubeConfigOptions::default()
            };
            let config = Config::from_kubeconfig(&options).await;
            config.map_err(Box::new)?
        }
    };
    config.read_timeout = Some(LONGEST_SILENCE);
    let namespace = match (&wanted.namespace, wanted.kind) {
        (Some(namespace), _) => Some(namespace.clone()),
        (None, ServerKind::IggyServer) => Some(config.default_namespace.clone()),
        (None, ServerKind::ClusterIggyServer) => None,
    };
    let client = Client::try_from(config);
    let client = client.map_err(|error| ManifestsError::Client(Box::new(error)))?;
    let cluster = Cluster::new(client, Reach::Cluster);
    let mut objects = list(&cluster, namespace.as_deref()).await?;
    objects.retain(|object| {
        let key = ServerKey::new(wanted.kind, &object.key.namespace, wanted.server.clone());
        object.server() == key && object.deleted_at.is_none()
    });
    // As they were written down, so that what is said of two of them is about the later one.
    objects.sort_by(|one, other| one.seniority().cmp(&other.seniority()));
    Ok(objects.iter().map(manifest).collect())
}

async fn list(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Object>, ManifestsError> {
    let mut objects = Vec::new();
    for kind in DECLARING {
        let (api, what) = match namespace {
            Some(namespace) => (
                cluster.in_namespace(kind, namespace),
                format!("{kind} of the namespace {namespace}"),
            ),
            None => (
                cluster.in_cluster(kind),
                format!("{kind} of all namespaces"),
            ),
        };
        let mut parameters = ListParams::default().limit(PAGE);
        loop {
            let page = api.list(&parameters).await;
            let page = page.map_err(|error| said(&what, error))?;
            let found = page.items.into_iter();
            objects.extend(found.filter_map(|object| declaring(kind, object)));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => break,
            }
        }
    }
    Ok(objects)
}

fn said(what: &str, error: kube::Error) -> ManifestsError {
    let what = what.to_owned();
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => ManifestsError::Refused {
            what,
            message: status.message.clone(),
        },
        kube::Error::Api(status) if status.code == 404 => {
            ManifestsError::NotInstalled(format!("objects of {GROUP}"))
        }
        error => ManifestsError::Failed {
            what,
            error: Box::new(error),
        },
    }
}

fn manifest(object: &Object) -> SourceFile {
    // JSON is YAML, too; line by line, so that what is said of it has a place.
    let text = format!("{:#}\n", object.manifest());
    SourceFile::new(Arc::from(object.key.to_string()), text.into_bytes())
}
