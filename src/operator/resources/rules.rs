//! What the API server checks beyond the shape: rules in CEL.
//!
//! A rule that compares with the object before (`oldSelf`) is only tried when
//! the field it stands on is there before and after. So a field that may not
//! be added or removed has its rule on what is around it.

use iggyctl_core::api::v1alpha1::Kind;
use serde_json::{Value, json};

/// One rule, where it stands, and how it is known to work.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// What it is called in tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "names the cases of the tests"))]
    pub(super) name: &'static str,
    /// The expression; true is right.
    pub(super) rule: String,
    /// What is said where it is false.
    pub(super) message: String,
    /// The kind of error, as Kubernetes names it.
    pub(super) reason: &'static str,
}

impl Rule {
    fn new(name: &'static str, rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            name,
            rule: rule.into(),
            message: message.into(),
            reason: "FieldValueInvalid",
        }
    }

    /// As it stands in the schema.
    pub(super) fn to_value(&self) -> Value {
        let Self {
            name: _,
            rule,
            message,
            reason,
        } = self;
        json!({ "rule": rule, "message": message, "reason": reason })
    }
}

/// A kind whose name on the server may differ from that of the object.
fn has_name(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::IggyStream
            | Kind::IggyTopic
            | Kind::IggyConsumerGroup
            | Kind::IggyUser
            | Kind::IggyAccessToken
    )
}

/// The rules of the whole object: the only place that knows its name.
pub(super) fn of_object(kind: Kind) -> Vec<Rule> {
    let mut rules = Vec::new();
    if has_name(kind) {
        let name = |object: &str| {
            format!("(has({object}.spec.name) ? {object}.spec.name : {object}.metadata.name)")
        };
        let (new, old) = (name("self"), name("oldSelf"));
        if matches!(kind, Kind::IggyConsumerGroup | Kind::IggyAccessToken) {
            rules.push(Rule::new(
                "the-name-stays",
                format!("{new} == {old}"),
                "the name on the server cannot be changed: make another object",
            ));
        } else {
            rules.push(Rule::new(
                "the-name-changes-by-a-rename",
                format!(
                    "{new} == {old} || (has(self.spec.previousName) && self.spec.previousName == {old})"
                ),
                "the name on the server changes only by a rename: set previousName to the name before",
            ));
        }
    }
    rules
}

/// The rules of the spec.
pub(super) fn of_spec(kind: Kind) -> Vec<Rule> {
    let mut rules = Vec::new();
    if !matches!(
        kind,
        Kind::IggyServer | Kind::ClusterIggyServer | Kind::IggyPolicy
    ) {
        let name =
            |spec: &str| format!("(has({spec}.serverRef) ? {spec}.serverRef.name : 'default')");
        let server_kind = |spec: &str| {
            format!(
                "(has({spec}.serverRef) && has({spec}.serverRef.kind) ? {spec}.serverRef.kind : 'IggyServer')"
            )
        };
        rules.push(Rule::new(
            "the-server-stays",
            format!(
                "{} == {} && {} == {}",
                name("self"),
                name("oldSelf"),
                server_kind("self"),
                server_kind("oldSelf")
            ),
            "the server of an object cannot be changed: make another object there",
        ));
    }
    match kind {
        Kind::IggyTopic => rules.push(stays("stream")),
        Kind::IggyConsumerGroup => rules.extend([stays("stream"), stays("topic")]),
        Kind::IggyAccessToken => rules.push(stays("user")),
        Kind::IggySmokeTest => rules.push(Rule::new(
            "a-topology-or-scenarios",
            "!has(self.topologyRef) || !has(self.scenarios) || size(self.scenarios) == 0",
            "either topologyRef or scenarios: a topology is tried as a whole",
        )),
        _ => {}
    }
    if kind == Kind::IggyTopic {
        rules.extend(of_topic());
    }
    rules
}

fn stays(field: &'static str) -> Rule {
    let name = match field {
        "stream" => "the-stream-stays",
        "topic" => "the-topic-stays",
        _ => "the-user-stays",
    };
    Rule::new(
        name,
        format!("self.{field} == oldSelf.{field}"),
        format!("{field} cannot be changed: make another object"),
    )
}

/// Settings that the server takes only when it creates a topic.
const CREATE_ONLY: [(&str, &str); 6] = [
    ("segment-size-stays", "segmentSize"),
    ("durability-stays", "durability"),
    ("offset-durability-stays", "consumerOffsetDurability"),
    ("messages-to-save-stay", "messagesRequiredToSave"),
    ("bytes-to-save-stay", "sizeOfMessagesRequiredToSave"),
    ("preallocation-stays", "preallocateSegments"),
];

/// The rules of a topic, by itself and in a list.
pub(super) fn of_topic() -> Vec<Rule> {
    let mut rules: Vec<Rule> = CREATE_ONLY.into_iter().map(create_only).collect();
    rules.push(Rule::new(
        "partitions-do-not-shrink",
        "!has(oldSelf.partitions) || (has(self.partitions) && self.partitions >= oldSelf.partitions) || (has(self.allowPartitionShrink) && self.allowPartitionShrink)",
        "fewer partitions lose what is in the last ones, and a number that is taken away may come back lower: set allowPartitionShrink: true if that is meant",
    ));
    rules
}

/// One rule for each setting: together they would be too dear for a list of
/// topics in a list of streams.
fn create_only((name, field): (&'static str, &str)) -> Rule {
    Rule::new(
        name,
        format!(
            "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
        ),
        format!(
            "the server takes {field} only when it creates the topic, so it may not be added, changed or removed later: declare a topic of another name, and move the messages with `iggyctl replay`"
        ),
    )
}

/// What gives a secret, in a cluster.
pub(super) fn of_secret_source() -> Vec<Rule> {
    vec![Rule::new(
        "secrets-come-from-secrets",
        "has(self.secretKeyRef)",
        "in a cluster secrets come from a Secret of the same namespace: secretKeyRef; env, file and context are for the command line (`iggyctl render` fills in variables, and no secrets)",
    )]
}

/// Where the value of a token goes, in a cluster.
pub(super) fn of_token_sink() -> Vec<Rule> {
    vec![Rule::new(
        "tokens-go-to-secrets",
        "has(self.secretKeyRef)",
        "in a cluster the value of a token goes to a Secret of the same namespace: secretKeyRef; file is for the command line",
    )]
}

/// Which credentials a server object names.
pub(super) fn of_credentials() -> Vec<Rule> {
    vec![Rule::new(
        "a-token-or-a-password",
        "!has(self.tokenKey) || (!has(self.usernameKey) && !has(self.passwordKey))",
        "either tokenKey or usernameKey and passwordKey",
    )]
}

/// Texts have the last word: nothing replaces a variable in a cluster.
pub(super) fn of_text() -> Rule {
    Rule::new(
        "values-are-final",
        "!self.contains('${')",
        "values are final in a cluster: `iggyctl render` replaces the variables of a manifest",
    )
}
