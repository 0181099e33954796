use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Adoption, DriftPolicy, Kind, Management, Manifest, Spec, UserPermissions};
use crate::quantity::{Interval, OrphanDelay};
use crate::secret::SecretKey;
use crate::state::DeletionPolicy;

/// Where a server is, for the objects of one namespace.
pub type IggyServer = Manifest<IggyServerSpec>;

/// Where a server is, for the objects of several namespaces.
pub type ClusterIggyServer = Manifest<ClusterIggyServerSpec>;

/// The two shapes differ in where their Secret is and whom they are for.
macro_rules! with_server_settings {
    (
        $(#[$attribute:meta])*
        $name:ident { $($more:tt)* }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            /// Where it is, without credentials: `iggy://HOST:8090` (TCP), `iggy+quic://HOST:8080`,
            /// `iggy+http://HOST:3000` or `iggy+ws://HOST:8092`, with the options of a connection
            /// string.
            #[schemars(length(min = 8, max = 1024), regex(pattern = r"^iggy(\+(tcp|quic|http|ws))?://[^@]+$"))]
            pub address: String,
            /// How the connection is encrypted and the server known; plain without it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub tls: Option<ServerTls>,
            $($more)*
            /// What holds for objects that do not say otherwise.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub defaults: Option<ServerDefaults>,
            /// How long an object that is being deleted waits for the server before it is let go,
            /// leaving on the server what it declared: `1s` to `30d`; `1h` without it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub orphan_after: Option<OrphanDelay>,
        }
    };
}

with_server_settings! {
    /// Where a server is, and how to log in.
    IggyServerSpec {
        /// The Secret of the same namespace with the credentials. It has to have the label
        /// `iggyctl.dev/watch: "true"`, so that the operator sees when it changes.
        pub credentials_secret_ref: CredentialsReference,
    }
}

with_server_settings! {
    /// Where a server is, how to log in, and who may use it for what.
    ClusterIggyServerSpec {
        /// The Secret with the credentials. It has to have the label `iggyctl.dev/watch: "true"`, so
        /// that the operator sees when it changes.
        pub credentials_secret_ref: ClusterCredentialsReference,
        /// Which namespaces may use it, and for which names. Without any, nobody may.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub tenants: Vec<Tenant>,
    }
}

impl Spec for IggyServerSpec {
    const KIND: Kind = Kind::IggyServer;
    const DESCRIPTION: &'static str = "Where a server is and how the operator logs in, for the objects of its namespace. The command line passes over it: it has contexts.";
}

impl Spec for ClusterIggyServerSpec {
    const KIND: Kind = Kind::ClusterIggyServer;
    const DESCRIPTION: &'static str = "Where a server is and how the operator logs in, for the namespaces that it names. The command line passes over it: it has contexts.";
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerTls {
    /// The name in the server's certificate; the host of the address without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub domain: Option<String>,
    /// A key of a Secret with the certificates (PEM) that sign the server's; the public ones without
    /// it. In the namespace of the credentials, with the label `iggyctl.dev/watch: "true"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<SecretKey>,
}

/// A Secret with credentials, by its keys.
macro_rules! credentials_reference {
    (
        $(#[$attribute:meta])*
        $name:ident { $($more:tt)* }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            /// The Secret.
            #[schemars(length(min = 1, max = 253))]
            pub name: String,
            $($more)*
            /// The key of the username; `username` without it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 253))]
            pub username_key: Option<String>,
            /// The key of the password; `password` without it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 253))]
            pub password_key: Option<String>,
            /// The key of a personal access token, which is then used instead of username and
            /// password. With a token, passwords of users and tokens cannot be managed for the user
            /// it belongs to.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 253))]
            pub token_key: Option<String>,
        }
    };
}

credentials_reference! {
    /// A Secret of the same namespace with credentials.
    CredentialsReference {}
}

credentials_reference! {
    /// A Secret of a namespace with credentials.
    ClusterCredentialsReference {
        /// The namespace it is in.
        #[schemars(length(min = 1, max = 63))]
        pub namespace: String,
    }
}

/// What holds for objects that do not say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerDefaults {
    /// What the operator may do; `Full` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management: Option<Management>,
    /// Whether it may take over what is there already; `Refuse` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// What becomes of what is no longer declared; `Retain` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// What it does about changes that others made; `Correct` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,
    /// How often it compares, `10s` to `1d`; `5m` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// Namespaces that may use a server, and what for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tenant {
    /// What the tenant is called in messages.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The namespaces, by their labels.
    pub namespace_selector: NamespaceSelector,
    /// The names of streams and users, or patterns of them (`*` and `?`), that objects of these
    /// namespaces may declare; nothing else.
    pub names: Vec<TenantName>,
    /// The most that users of these namespaces may be granted. Without it, only what is on the
    /// tenant's own streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_permissions: Option<UserPermissions>,
}

/// A name or a pattern of names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct TenantName(#[schemars(length(min = 1, max = 255))] pub String);

/// Namespaces by their labels, as Kubernetes selects; all of them when it is
/// empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespaceSelector {
    /// Labels that all have to be there, with these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Conditions that all have to hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<SelectorRequirement>,
}

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelectorRequirement {
    /// The label.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// How its value compares.
    pub operator: SelectorOperator,
    /// The values, for `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// How the value of a label compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelectorOperator {
    /// It is one of the values.
    In,
    /// It is none of the values, or the label is missing.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is missing.
    DoesNotExist,
}

crate::quantity::closed_set!(SelectorOperator, "`In`, `NotIn`, `Exists` or `DoesNotExist`", {
    In => "In",
    NotIn => "NotIn",
    Exists => "Exists",
    DoesNotExist => "DoesNotExist",
});
