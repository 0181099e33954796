//! A JSON Schema as Kubernetes takes it ("structural"): every value has one
//! type, unknown fields are dropped by the API server instead of refused by
//! the schema, and lists say what their entries are known by.

use serde_json::{Map, Value, json};

/// What of a JSON Schema Kubernetes knows, of what the types of core make.
const KNOWN: [&str; 16] = [
    "description",
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "properties",
    "items",
    "required",
];

/// Formats that Kubernetes knows; it warns of others.
const FORMATS: [&str; 1] = ["date-time"];

/// Makes a schema structural, with all that is in it.
pub(super) fn structural(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    one_type(fields);
    if let Some(only) = fields.remove("const") {
        fields.insert("enum".to_owned(), json!([only]));
    }
    if let Some(Value::String(format)) = fields.get("format")
        && !FORMATS.contains(&format.as_str())
    {
        fields.remove("format");
    }
    if fields.get("type") == Some(&json!("integer")) {
        fields.insert("format".to_owned(), json!("int64"));
    }
    if let Some(Value::String(description)) = fields.get_mut("description") {
        *description = one_paragraph(description);
    }
    let is_map = fields
        .get("additionalProperties")
        .is_some_and(Value::is_object);
    fields.retain(|key, _| {
        KNOWN.contains(&key.as_str())
            || key.starts_with("x-kubernetes-")
            || (key == "additionalProperties" && is_map)
    });
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(structural);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(key) {
            structural(inner);
        }
    }
    list_type(fields);
}

/// `[string, integer]` has a name of its own; nothing is null.
fn one_type(fields: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = fields.get_mut("type") else {
        return;
    };
    types.retain(|name| name != "null");
    match types.as_slice() {
        [only] => {
            let only = only.clone();
            fields.insert("type".to_owned(), only);
        }
        _ => {
            fields.remove("type");
            fields.insert("x-kubernetes-int-or-string".to_owned(), json!(true));
        }
    }
}

/// How two writers' entries of a list are put together by server-side apply:
/// by what identifies an entry, as whole values, or not at all.
fn list_type(fields: &mut Map<String, Value>) {
    if fields.get("type") != Some(&json!("array")) || fields.contains_key("x-kubernetes-list-type")
    {
        return;
    }
    let Some(items) = fields.get("items") else {
        return;
    };
    let requires = |name: &str| {
        items
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|required| required.contains(&json!(name)))
    };
    let key = ["name", "type", "address"]
        .into_iter()
        .find(|name| requires(name));
    let (kind, keys) = match key {
        Some(key) => ("map", Some(key)),
        None if items.get("type") == Some(&json!("string")) => ("set", None),
        None => ("atomic", None),
    };
    fields.insert("x-kubernetes-list-type".to_owned(), json!(kind));
    if let Some(key) = keys {
        fields.insert("x-kubernetes-list-map-keys".to_owned(), json!([key]));
    }
}

/// The line breaks of the source are no part of a text.
fn one_paragraph(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n\n")
}
