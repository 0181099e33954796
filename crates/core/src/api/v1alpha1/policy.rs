use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Kind, Manifest, Spec};

/// Rules of a team about resources and changes.
pub type IggyPolicy = Manifest<IggyPolicySpec>;

/// What an `IggyPolicy` asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IggyPolicySpec {
    /// Each rule by its name.
    pub rules: Vec<PolicyRule>,
}

/// One thing that has to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyRule {
    /// Its name within the policy: lower-case letters, digits and `-`. Findings are called
    /// `policy/POLICY/RULE`.
    pub name: String,
    /// What it looks at; every declared resource without it.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<PolicyMatch>,
    /// A CEL expression that is true where all is well, about `resource`, `project` and, for
    /// `kinds: [change]`, `change`.
    pub expression: String,
    /// What to say where it is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A CEL expression that makes the message, instead of `message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_expression: Option<String>,
    /// What to do about it; it follows the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// `error` (without it) refuses the plan, `warn` and `info` are only said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<PolicySeverity>,
    /// Who need not hold it, until when, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<PolicyException>,
}

/// What a rule looks at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyMatch {
    /// Kinds of resources; all of them without it. With `change` the rule looks at what a plan
    /// changes, of the other kinds named, instead of what is declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<PolicyKind>,
    /// Addresses such as `topic/orders/events`, or patterns of them: `*` is any text within one
    /// name, `**` any text. All without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// What happens to the resource, for rules about changes; anything without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<PolicyVerb>,
}

/// What a rule can look at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PolicyKind {
    /// Declared streams.
    Stream,
    /// Declared topics.
    Topic,
    /// Declared consumer groups.
    Group,
    /// Declared users.
    User,
    /// Declared access tokens.
    Token,
    /// What a plan changes.
    Change,
}

/// What happens to a resource.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PolicyVerb {
    /// It is created.
    Create,
    /// It is changed in place.
    Update,
    /// It gets another name.
    Rename,
    /// A user loses all permissions and becomes inactive.
    Deactivate,
    /// It is deleted.
    Delete,
    /// Nothing: all of it is blocked.
    Blocked,
}

impl PolicyVerb {
    /// Every verb.
    pub const ALL: [Self; 6] = [
        Self::Create,
        Self::Update,
        Self::Rename,
        Self::Deactivate,
        Self::Delete,
        Self::Blocked,
    ];

    /// The word in manifests and expressions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Rename => "rename",
            Self::Deactivate => "deactivate",
            Self::Delete => "delete",
            Self::Blocked => "blocked",
        }
    }
}

/// How bad it is when a rule does not hold.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PolicySeverity {
    /// The plan is refused.
    #[default]
    Error,
    /// It is said as a warning.
    Warn,
    /// It is said as a note.
    Info,
}

/// Who need not hold a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyException {
    /// An address, or a pattern of addresses as in `match`.
    pub address: String,
    /// The last day on which it counts, `2027-01-31`, in UTC. Afterwards the rule holds again.
    pub until: String,
    /// Why, for whoever reads it later.
    pub reason: String,
}

impl Spec for IggyPolicySpec {
    const KIND: Kind = Kind::IggyPolicy;
    const DESCRIPTION: &'static str = "Rules of a team about what manifests declare and what plans change. Given with `--policy`, or by a context; never applied to a server.";
}
