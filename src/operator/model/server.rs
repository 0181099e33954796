use std::fmt;
use std::time::Duration;

use iggyctl_core::api::v1alpha1::{
    Adoption, DriftPolicy, Kind, Lifecycle, Management, ServerDefaults, ServerKind,
};
use iggyctl_core::state::DeletionPolicy;

/// Which server object. That of one namespace is never used by another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ServerKey {
    /// Its namespace; none of a `ClusterIggyServer`.
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl ServerKey {
    /// The server that an object of `namespace` means.
    pub(crate) fn new(kind: ServerKind, namespace: &str, name: String) -> Self {
        let namespace = match kind {
            ServerKind::IggyServer => Some(namespace.to_owned()),
            ServerKind::ClusterIggyServer => None,
        };
        Self { namespace, name }
    }

    /// The kind of the object.
    pub(crate) fn object_kind(&self) -> Kind {
        match self.kind() {
            ServerKind::IggyServer => Kind::IggyServer,
            ServerKind::ClusterIggyServer => Kind::ClusterIggyServer,
        }
    }

    /// Its kind.
    pub(crate) fn kind(&self) -> ServerKind {
        match self.namespace {
            Some(_) => ServerKind::IggyServer,
            None => ServerKind::ClusterIggyServer,
        }
    }
}

impl fmt::Display for ServerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "IggyServer {namespace}/{}", self.name),
            None => write!(formatter, "ClusterIggyServer {}", self.name),
        }
    }
}

/// What holds for the objects of a server that do not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub(crate) management: Management,
    pub(crate) adoption: Adoption,
    pub(crate) deletion_policy: DeletionPolicy,
    pub(crate) drift_policy: DriftPolicy,
    pub(crate) interval: Duration,
}

/// How often a server is read where nobody says it.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

impl Default for Defaults {
    fn default() -> Self {
        Self::of(&ServerDefaults::default())
    }
}

impl Defaults {
    /// With what an object says.
    pub(crate) fn with(self, said: &Lifecycle) -> Self {
        let Lifecycle {
            server_ref: _,
            management,
            adoption,
            drift_policy,
            interval,
        } = said;
        Self {
            management: management.unwrap_or(self.management),
            adoption: adoption.unwrap_or(self.adoption),
            deletion_policy: self.deletion_policy,
            drift_policy: drift_policy.unwrap_or(self.drift_policy),
            interval: interval.map_or(self.interval, |interval| interval.duration()),
        }
    }

    /// What a server object says, completed.
    pub(crate) fn of(declared: &ServerDefaults) -> Self {
        let ServerDefaults {
            management,
            adoption,
            deletion_policy,
            drift_policy,
            interval,
        } = declared;
        Self {
            management: management.unwrap_or(Management::Full),
            adoption: adoption.unwrap_or(Adoption::Refuse),
            deletion_policy: deletion_policy.unwrap_or(DeletionPolicy::Retain),
            drift_policy: drift_policy.unwrap_or(DriftPolicy::Correct),
            interval: interval.map_or(INTERVAL, |interval| interval.duration()),
        }
    }
}
