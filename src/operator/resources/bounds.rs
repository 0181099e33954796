//! How long texts and lists may be in a cluster.
//!
//! Kubernetes reckons beforehand what the rules of a resource can cost, and
//! refuses a definition whose lists could make them dear. The command line
//! needs no such bounds: 10,000 topics do not fit one object anyway.

use iggyctl_core::manifest::{MOST_GROUPS_IN_OBJECT, MOST_TOPICS_IN_OBJECT};
use serde_json::{Map, Value, json};

/// The most entries, by the name of the list.
const LISTS: [(&str, u64); 16] = [
    ("streams", 256),
    ("topics", MOST_TOPICS_IN_OBJECT as u64),
    ("consumerGroups", MOST_GROUPS_IN_OBJECT as u64),
    ("users", 256),
    ("tokens", 32),
    ("allow", 32),
    ("owns.streams", 256),
    ("owns.topics", 256),
    ("owns.users", 256),
    ("tenants", 128),
    ("names", 64),
    ("matchExpressions", 16),
    ("values", 64),
    ("scenarios", 64),
    ("permissions.streams", 256),
    ("permissions.streams.topics", 256),
];

/// The most entries of a map of labels.
const LABELS: u64 = 64;

/// The longest text where the types name none.
const TEXT: u64 = 255;

/// The longest quantity; `1d 23h 59m 59s 999ms 999us` has 26.
const QUANTITY: u64 = 48;

/// Fields with a quantity.
const QUANTITIES: [&str; 9] = [
    "messageExpiry",
    "maxTopicSize",
    "segmentSize",
    "sizeOfMessagesRequiredToSave",
    "expiry",
    "rotateBefore",
    "interval",
    "orphanAfter",
    "timeout",
];

/// Bounds every text, list and map of a spec.
pub(super) fn bound(spec: &mut Value) {
    walk(spec, "");
}

fn walk(schema: &mut Value, path: &str) {
    let Value::Object(fields) = schema else {
        return;
    };
    let is_text = fields.get("type") == Some(&json!("string"))
        || fields.contains_key("x-kubernetes-int-or-string");
    if is_text && !fields.contains_key("enum") {
        let is_quantity = path
            .rsplit('.')
            .next()
            .is_some_and(|name| QUANTITIES.contains(&name));
        let most = if is_quantity { QUANTITY } else { TEXT };
        fields.entry("maxLength").or_insert(json!(most));
    }
    if fields.get("type") == Some(&json!("array")) {
        fields.entry("maxItems").or_insert(json!(list(path)));
    }
    if fields.contains_key("additionalProperties") {
        fields.entry("maxProperties").or_insert(json!(LABELS));
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        each(properties, path);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(key) {
            walk(inner, path);
        }
    }
}

fn each(properties: &mut Map<String, Value>, path: &str) {
    for (name, property) in properties {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        walk(property, &path);
    }
}

/// The most entries of the list at a path: the longest name that its end has.
fn list(path: &str) -> u64 {
    LISTS
        .iter()
        .filter(|(name, _)| path == *name || path.ends_with(&format!(".{name}")))
        .max_by_key(|(name, _)| name.len())
        .map_or(LABELS, |(_, most)| *most)
}
