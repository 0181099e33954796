//! What expressions see, as values of CEL.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};
use serde::Serialize;
use serde_json::json;

use crate::address::Address;
use crate::api::v1alpha1::PolicyVerb;
use crate::diagnostic::Origin;
use crate::state::desired::{DesiredState, Presence};
use crate::state::desired_token::DesiredToken;
use crate::state::desired_user::{
    DesiredPermissions, DesiredUser, NameOrPattern, StreamRule, TopicRule,
};

/// A change of a plan, as far as policies look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFacts {
    /// The resource by its declared name.
    pub address: Address,
    /// What happens to it.
    pub verb: PolicyVerb,
    /// The name that it has now, when it is renamed.
    pub previous: Option<Address>,
    /// What is set or changed.
    pub attributes: Vec<AttributeFacts>,
    /// Messages that a topic holds now, where that is known.
    pub messages: Option<u64>,
    /// Bytes that a topic holds now, where that is known.
    pub bytes: Option<u64>,
    /// Whether data is lost, or a user is gone for good.
    pub destructive: bool,
}

/// An attribute that is set or changed, as a plan shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeFacts {
    /// Its name in a manifest.
    pub name: String,
    /// What the server has.
    pub from: Option<String>,
    /// What it becomes.
    pub to: String,
}

/// A mapping in the making.
#[derive(Default)]
struct Fields(HashMap<Key, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: Value) {
        let key = Key::String(Arc::new(name.to_owned()));
        self.0.insert(key, value);
    }

    fn text(&mut self, name: &str, value: impl ToString) {
        self.put(name, Value::String(Arc::new(value.to_string())));
    }

    fn optional(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn number(&mut self, name: &str, value: u64) {
        self.put(name, Value::Int(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn texts(&mut self, name: &str, values: impl Iterator<Item = impl ToString>) {
        let values = values.map(|value| Value::String(Arc::new(value.to_string())));
        self.put(name, Value::List(Arc::new(values.collect())));
    }

    /// A value of the model that is written as in a manifest.
    fn serialized(&mut self, name: &str, value: impl Serialize) {
        if let Ok(value) = serde_json::to_value(value) {
            self.put(name, from_json(value));
        }
    }

    fn finish(self) -> Value {
        Value::Map(Map {
            map: Arc::new(self.0),
        })
    }
}

fn from_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) if !number.is_u64() => Value::Float(value),
            (None, _) => Value::Int(i64::MAX),
        },
        serde_json::Value::String(text) => Value::String(Arc::new(text)),
        serde_json::Value::Array(values) => {
            Value::List(Arc::new(values.into_iter().map(from_json).collect()))
        }
        serde_json::Value::Object(fields) => {
            let mut found = Fields::default();
            for (name, value) in fields {
                found.put(&name, from_json(value));
            }
            found.finish()
        }
    }
}

/// Every declared resource, in the order of a plan: streams with what is in them,
/// then users with their tokens.
pub(super) fn declared_resources(desired: &DesiredState) -> Vec<Address> {
    let mut addresses = Vec::new();
    for (stream_name, stream) in &desired.streams {
        if stream.presence == Presence::Declared {
            addresses.push(Address::Stream(stream_name.clone()));
        }
        for (name, topic) in &stream.topics {
            if topic.presence == Presence::Declared {
                addresses.push(Address::Topic(stream_name.clone(), name.clone()));
            }
            addresses.extend(topic.groups.keys().map(|group| {
                Address::ConsumerGroup(stream_name.clone(), name.clone(), group.clone())
            }));
        }
    }
    for user in desired.users.keys() {
        addresses.push(Address::User(user.clone()));
    }
    for (user, tokens) in &desired.tokens {
        addresses.extend(
            tokens
                .keys()
                .map(|token| Address::Token(user.clone(), token.clone())),
        );
    }
    addresses
}

/// `resource`: what a manifest declares, or only who it is.
pub(super) fn resource(address: &Address, desired: &DesiredState) -> Value {
    let mut fields = Fields::default();
    fields.text("address", address);
    fields.text("kind", address.kind());
    fields.put("declared", Value::Bool(desired.declares(address)));
    if let Some(Origin { file, line, .. }) = desired.origin(address) {
        fields.text("file", file);
        fields.number("line", u64::from(*line));
    }
    fields.optional("deletionPolicy", desired.deletion_policies.get(address));
    match address {
        Address::Stream(name) => {
            fields.text("name", name);
            if let Some(stream) = desired.streams.get(name) {
                fields.optional("previousName", stream.previous_name.as_ref());
                let topics = stream.topics.iter();
                let topics = topics.filter(|(_, topic)| topic.presence == Presence::Declared);
                fields.texts("topics", topics.map(|(name, _)| name));
            }
        }
        Address::Topic(stream, name) => {
            fields.text("name", name);
            fields.text("stream", stream);
            let declared = desired.streams.get(stream);
            if let Some(topic) = declared.and_then(|stream| stream.topics.get(name)) {
                fields.optional("previousName", topic.previous_name.as_ref());
                if let Some(partitions) = topic.partitions {
                    fields.number("partitions", u64::from(partitions));
                }
                if let Ok(serde_json::Value::Object(settings)) =
                    serde_json::to_value(topic.settings)
                {
                    for (name, value) in settings {
                        fields.put(&name, from_json(value));
                    }
                }
                if topic.groups_listed || !topic.groups.is_empty() {
                    fields.texts("consumerGroups", topic.groups.keys());
                }
            }
        }
        Address::ConsumerGroup(stream, topic, name) => {
            fields.text("name", name);
            fields.text("stream", stream);
            fields.text("topic", topic);
        }
        Address::User(name) => {
            fields.text("name", name);
            if let Some(declared) = desired.users.get(name) {
                user(&mut fields, declared);
            }
            if let Some(tokens) = desired.tokens.get(name) {
                fields.texts("tokens", tokens.keys());
            }
        }
        Address::Token(user, name) => {
            fields.text("name", name);
            fields.text("user", user);
            if let Some(declared) = desired.token(user, name) {
                token(&mut fields, declared);
            }
        }
    }
    fields.finish()
}

fn user(fields: &mut Fields, user: &DesiredUser) {
    let DesiredUser {
        previous_name,
        status,
        password,
        previous_password,
        permissions: granted,
        origin: _,
    } = user;
    fields.optional("previousName", previous_name.as_ref());
    if let Some(status) = status {
        fields.serialized("status", status);
    }
    if let Some(password) = password {
        fields.serialized("password", password);
    }
    if let Some(password) = previous_password {
        fields.serialized("previousPassword", password);
    }
    if let Some(granted) = granted {
        fields.put("permissions", permissions(granted));
    }
}

fn token(fields: &mut Fields, token: &DesiredToken) {
    let DesiredToken {
        expiry,
        rotate_before,
        write_to,
        rotate: _,
        origin: _,
    } = token;
    fields.serialized("expiry", expiry);
    if let Some(before) = rotate_before {
        fields.serialized("rotateBefore", before);
    }
    fields.serialized("writeTo", write_to);
}

fn permissions(permissions: &DesiredPermissions) -> Value {
    let DesiredPermissions {
        preset,
        allow,
        streams,
    } = permissions;
    let topic = |topic: &TopicRule| {
        let TopicRule {
            name,
            optional,
            preset,
            allow,
            origin: _,
        } = topic;
        let mut entry = json!({ "name": text(name), "optional": optional, "allow": allow });
        if let Some(preset) = preset {
            entry["preset"] = json!(preset);
        }
        entry
    };
    let stream = |stream: &StreamRule| {
        let StreamRule {
            name,
            optional,
            preset,
            allow,
            topics,
            origin: _,
        } = stream;
        let topics: Vec<serde_json::Value> = topics.iter().map(topic).collect();
        let mut entry = json!({
            "name": text(name), "optional": optional, "allow": allow, "topics": topics,
        });
        if let Some(preset) = preset {
            entry["preset"] = json!(preset);
        }
        entry
    };
    let streams: Vec<serde_json::Value> = streams.iter().map(stream).collect();
    let mut whole = json!({ "allow": allow, "streams": streams });
    if let Some(preset) = preset {
        whole["preset"] = json!(preset);
    }
    from_json(whole)
}

fn text(name: &NameOrPattern) -> &str {
    match name {
        NameOrPattern::Name(name) => name.as_str(),
        NameOrPattern::Pattern(pattern) => pattern.as_str(),
    }
}

/// `change`.
pub(super) fn change(facts: &ChangeFacts) -> Value {
    let ChangeFacts {
        address,
        verb,
        previous,
        attributes,
        messages,
        bytes,
        destructive,
    } = facts;
    let mut fields = Fields::default();
    fields.text("address", address);
    fields.text("verb", verb.as_str());
    fields.optional("previous", previous.as_ref());
    let mut changed = Fields::default();
    for AttributeFacts { name, from, to } in attributes {
        let mut attribute = Fields::default();
        attribute.optional("from", from.as_ref());
        attribute.text("to", to);
        changed.put(name, attribute.finish());
    }
    fields.put("attributes", changed.finish());
    fields.texts(
        "changed",
        attributes.iter().map(|attribute| &attribute.name),
    );
    if let Some(messages) = messages {
        fields.number("messages", *messages);
    }
    if let Some(bytes) = bytes {
        fields.number("bytes", *bytes);
    }
    fields.put("destructive", Value::Bool(*destructive));
    fields.finish()
}

/// `project`.
pub(super) fn project(desired: &DesiredState) -> Value {
    let mut owns = Fields::default();
    owns.texts("streams", desired.owns.streams.iter());
    owns.texts("topics", desired.owns.topics.iter());
    owns.texts("users", desired.owns.users.iter());
    let mut fields = Fields::default();
    fields.optional("name", desired.project.as_ref());
    fields.put("owns", owns.finish());
    fields.finish()
}
