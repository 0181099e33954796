use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use super::MetadataName;

/// The one `apiVersion` of this module.
pub const API_VERSION: &str = "iggyctl.dev/v1alpha1";

/// The kinds of manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Streams with their topics and groups, nested; what most people write.
    IggyTopology,
    /// One stream with its topics.
    IggyStream,
    /// One topic in a stream that is declared elsewhere.
    IggyTopic,
    /// One consumer group of a topic that is declared elsewhere.
    IggyConsumerGroup,
    /// One user with its permissions and tokens.
    IggyUser,
    /// One access token of a user that is declared elsewhere.
    IggyAccessToken,
    /// Rules of a team about resources and changes; never applied to a server.
    IggyPolicy,
    /// Where a server is, for the operator.
    IggyServer,
    /// Where a server is, for the operator and several namespaces.
    ClusterIggyServer,
    /// Real traffic after each change, run by the operator.
    IggySmokeTest,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::IggyTopology,
        Self::IggyStream,
        Self::IggyTopic,
        Self::IggyConsumerGroup,
        Self::IggyUser,
        Self::IggyAccessToken,
        Self::IggyPolicy,
        Self::IggyServer,
        Self::ClusterIggyServer,
        Self::IggySmokeTest,
    ];

    /// Whether only the operator acts on it: the command line checks its shape and passes over it.
    #[must_use]
    pub fn is_only_for_operator(self) -> bool {
        matches!(
            self,
            Self::IggyServer | Self::ClusterIggyServer | Self::IggySmokeTest
        )
    }

    /// The kind as manifests write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IggyTopology => "IggyTopology",
            Self::IggyStream => "IggyStream",
            Self::IggyTopic => "IggyTopic",
            Self::IggyConsumerGroup => "IggyConsumerGroup",
            Self::IggyUser => "IggyUser",
            Self::IggyAccessToken => "IggyAccessToken",
            Self::IggyPolicy => "IggyPolicy",
            Self::IggyServer => "IggyServer",
            Self::ClusterIggyServer => "ClusterIggyServer",
            Self::IggySmokeTest => "IggySmokeTest",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A text that is no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a kind; the kinds are IggyTopology, IggyStream, IggyTopic, IggyConsumerGroup, IggyUser, IggyAccessToken, IggyPolicy, IggyServer, ClusterIggyServer and IggySmokeTest"
)]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// The spec of a kind.
pub trait Spec {
    /// The kind that it makes.
    const KIND: Kind;
    /// What the kind is for: the description of its schema.
    const DESCRIPTION: &'static str;
}

/// A Kubernetes-shaped document: what it is, what it is called, what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    bound(
        deserialize = "S: Spec + Deserialize<'de>",
        serialize = "S: Spec + Serialize"
    )
)]
pub struct Manifest<S> {
    /// Always `iggyctl.dev/v1alpha1`.
    pub api_version: ApiVersion,
    /// The kind.
    pub kind: KindOf<S>,
    /// What the document is called.
    pub metadata: Metadata,
    /// What it declares.
    pub spec: S,
}

impl<S: Spec> Manifest<S> {
    /// A document of this name.
    #[must_use]
    pub fn new(name: MetadataName, spec: S) -> Self {
        Self {
            api_version: ApiVersion,
            kind: KindOf(PhantomData),
            metadata: Metadata {
                name,
                namespace: None,
                labels: BTreeMap::new(),
                annotations: BTreeMap::new(),
            },
            spec,
        }
    }
}

impl<S: Spec + JsonSchema> JsonSchema for Manifest<S> {
    fn schema_name() -> Cow<'static, str> {
        S::KIND.as_str().into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": S::DESCRIPTION,
            "type": "object",
            "properties": {
                "apiVersion": { "description": "Always `iggyctl.dev/v1alpha1`.", "const": API_VERSION },
                "kind": { "description": "The kind of the document.", "const": S::KIND.as_str() },
                "metadata": generator.subschema_for::<Metadata>(),
                "spec": generator.subschema_for::<S>(),
            },
            "required": ["apiVersion", "kind", "metadata", "spec"],
            "additionalProperties": false,
        })
    }
}

/// What a document is called, as in Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name of the document. For an `IggyTopology` it is the name of the project; for the other
    /// kinds it is also the name on the server, unless `spec.name` says otherwise.
    pub name: MetadataName,
    /// Kubernetes namespace; means nothing outside a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Free labels; the server does not get them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Free annotations; the server does not get them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The text `iggyctl.dev/v1alpha1`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApiVersion;

impl Serialize for ApiVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(API_VERSION)
    }
}

impl<'de> Deserialize<'de> for ApiVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        exactly(deserializer, API_VERSION).map(|()| Self)
    }
}

/// The text that names the kind of `S`.
pub struct KindOf<S>(PhantomData<fn() -> S>);

impl<S> fmt::Debug for KindOf<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KindOf")
    }
}

impl<S> Clone for KindOf<S> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<S> PartialEq for KindOf<S> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<S: Spec> Serialize for KindOf<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.serialize_str(S::KIND.as_str())
    }
}

impl<'de, S: Spec> Deserialize<'de> for KindOf<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        exactly(deserializer, S::KIND.as_str()).map(|()| Self(PhantomData))
    }
}

fn exactly<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<(), D::Error> {
    let found = Cow::<'_, str>::deserialize(deserializer)?;
    if found == expected {
        Ok(())
    } else {
        Err(de::Error::custom(format_args!("expected `{expected}`")))
    }
}
