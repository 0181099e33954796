use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::{Interval, closed_set};

/// How the operator treats what one document declares.
///
/// Every document about a server may say it, in the spec itself. The
/// command line reads these fields and passes over them: there a person
/// decides what is applied, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// The server that it is on.
    pub server_ref: Option<ServerReference>,
    /// What the operator may do.
    pub management: Option<Management>,
    /// Whether it may take over what is there already.
    pub adoption: Option<Adoption>,
    /// What it does about changes that others made.
    pub drift_policy: Option<DriftPolicy>,
    /// How often it looks.
    pub interval: Option<Interval>,
}

/// The object that says where a server is.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerReference {
    /// `IggyServer` (without it) in the same namespace, or `ClusterIggyServer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ServerKind>,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The kinds of objects that say where a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServerKind {
    /// For its own namespace.
    IggyServer,
    /// For the namespaces that it names.
    ClusterIggyServer,
}

closed_set!(ServerKind, "`IggyServer` or `ClusterIggyServer`", {
    IggyServer => "IggyServer",
    ClusterIggyServer => "ClusterIggyServer",
});

/// What may be done about the resources of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Management {
    /// They are created, changed and, by their policy, deleted.
    Full,
    /// They are created where they are missing, and left alone from then on.
    CreateOnly,
    /// They are only compared.
    ObserveOnly,
}

closed_set!(Management, "`Full`, `CreateOnly` or `ObserveOnly`", {
    Full => "Full",
    CreateOnly => "CreateOnly",
    ObserveOnly => "ObserveOnly",
});

/// Whether something that nobody has claimed may be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Adoption {
    /// It stays as it is, and the object says so.
    Refuse,
    /// It is the object's from then on.
    Adopt,
}

closed_set!(Adoption, "`Refuse` or `Adopt`", {
    Refuse => "Refuse",
    Adopt => "Adopt",
});

/// What becomes of a change that somebody else made on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DriftPolicy {
    /// It is shown, and undone.
    Correct,
    /// It is only shown.
    Report,
}

closed_set!(DriftPolicy, "`Correct` or `Report`", {
    Correct => "Correct",
    Report => "Report",
});

/// Adds the fields of [`Lifecycle`] to a spec. They stand in the spec itself,
/// not one level deeper, where Kubernetes can select by them and people expect
/// them.
macro_rules! with_lifecycle {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident { $($fields:tt)* }
    ) => {
        $(#[$attribute])*
        pub struct $name {
            $($fields)*
            /// In Kubernetes, the object that says where the server is: an `IggyServer` of the same
            /// namespace (without it, the one called `default`), or a `ClusterIggyServer`. Means nothing on
            /// the command line.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub server_ref: Option<$crate::api::v1alpha1::ServerReference>,
            /// In Kubernetes, what the operator may do: `Full` (without it), `CreateOnly` or
            /// `ObserveOnly`. Means nothing on the command line.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub management: Option<$crate::api::v1alpha1::Management>,
            /// In Kubernetes, whether the operator may take over what is on the server already and no
            /// object has claimed: `Refuse` (without it) or `Adopt`. Means nothing on the command line.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub adoption: Option<$crate::api::v1alpha1::Adoption>,
            /// In Kubernetes, what the operator does about changes that others made: `Correct` (without
            /// it) or `Report`. Means nothing on the command line.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub drift_policy: Option<$crate::api::v1alpha1::DriftPolicy>,
            /// In Kubernetes, how often the operator compares with the server, `10s` to `1d`; `5m`
            /// without it. Means nothing on the command line.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub interval: Option<$crate::quantity::Interval>,
        }

        impl $name {
            /// How the operator treats it.
            #[must_use]
            pub fn lifecycle(&self) -> $crate::api::v1alpha1::Lifecycle {
                $crate::api::v1alpha1::Lifecycle {
                    server_ref: self.server_ref.clone(),
                    management: self.management,
                    adoption: self.adoption,
                    drift_policy: self.drift_policy,
                    interval: self.interval,
                }
            }
        }
    };
}

/// A struct as it is: for a shape that shares its fields with one that has a
/// lifecycle.
macro_rules! without_lifecycle {
    ($($item:tt)*) => { $($item)* };
}

pub(super) use {with_lifecycle, without_lifecycle};
