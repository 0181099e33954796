//! Group `iggyctl.dev`, version `v1alpha1`.
//!
//! Every kind is a [`Manifest`] of its own spec. Absent fields are not managed,
//! so everything that is not an identity is optional, and nothing has a default
//! that would be sent to a server.

mod consumer_group;
mod lifecycle;
mod manifest;
mod name;
mod owns;
mod permissions;
mod policy;
mod schema;
mod server;
mod smoke_test;
mod stream;
mod token;
mod topic;
mod topology;
mod user;

pub use consumer_group::{IggyConsumerGroup, IggyConsumerGroupSpec};
pub use lifecycle::{Adoption, DriftPolicy, Lifecycle, Management, ServerKind, ServerReference};
pub use manifest::{API_VERSION, ApiVersion, Kind, KindOf, Manifest, Metadata, Spec, UnknownKind};
pub(crate) use name::MAX_METADATA_NAME_BYTES;
pub use name::{ManifestNameError, MetadataName, Name, StreamName, TokenName, UserName};
pub use owns::Owns;
pub use permissions::{StreamPermissions, TopicPermissions, UserPermissions};
pub use policy::{
    IggyPolicy, IggyPolicySpec, PolicyException, PolicyKind, PolicyMatch, PolicyRule,
    PolicySeverity, PolicyVerb,
};
pub use schema::{EDITOR_LINE, SCHEMA_BASE, combined_schema, editor_schema, schema};
pub use server::{
    ClusterCredentialsReference, ClusterIggyServer, ClusterIggyServerSpec, CredentialsReference,
    IggyServer, IggyServerSpec, NamespaceSelector, SelectorOperator, SelectorRequirement,
    ServerDefaults, ServerTls, Tenant, TenantName,
};
pub use smoke_test::{IggySmokeTest, IggySmokeTestSpec, ScenarioName, TopologyReference};
pub use stream::{IggyStream, IggyStreamSpec, Stream};
pub use token::{IggyAccessToken, IggyAccessTokenSpec, Token};
pub use topic::{IggyTopic, IggyTopicSpec, Topic};
pub use topology::{IggyTopology, IggyTopologySpec};
pub use user::{IggyUser, IggyUserSpec, User};
