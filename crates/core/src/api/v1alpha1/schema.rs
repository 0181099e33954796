use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::{
    ClusterIggyServerSpec, IggyAccessTokenSpec, IggyConsumerGroupSpec, IggyPolicySpec,
    IggyServerSpec, IggySmokeTestSpec, IggyStreamSpec, IggyTopicSpec, IggyTopologySpec,
    IggyUserSpec, Kind, Manifest,
};

/// Where the schemas are published; each `$id` is below it.
pub const SCHEMA_BASE: &str = "https://iggyctl.dev/schemas/v1alpha1";

/// The first line of the manifests that this program writes. Editors take the
/// schema from the file next to the manifest, which `iggyctl schema` prints: it
/// is there without a network, and is of the version that wrote the manifest.
pub const EDITOR_LINE: &str = "# yaml-language-server: $schema=iggyctl.schema.json";

/// The JSON Schema of one kind, made from the types of this module: of a document
/// whose variables are replaced, see [`editor_schema`] for one as it is written.
///
/// Draft 7, the draft that every editor reads, and without references, so
/// that one file is enough.
#[must_use]
pub fn schema(kind: Kind) -> Value {
    let mut schema = match kind {
        Kind::IggyTopology => generate::<Manifest<IggyTopologySpec>>(),
        Kind::IggyStream => generate::<Manifest<IggyStreamSpec>>(),
        Kind::IggyTopic => generate::<Manifest<IggyTopicSpec>>(),
        Kind::IggyConsumerGroup => generate::<Manifest<IggyConsumerGroupSpec>>(),
        Kind::IggyUser => generate::<Manifest<IggyUserSpec>>(),
        Kind::IggyAccessToken => generate::<Manifest<IggyAccessTokenSpec>>(),
        Kind::IggyPolicy => generate::<Manifest<IggyPolicySpec>>(),
        Kind::IggyServer => generate::<Manifest<IggyServerSpec>>(),
        Kind::ClusterIggyServer => generate::<Manifest<ClusterIggyServerSpec>>(),
        Kind::IggySmokeTest => generate::<Manifest<IggySmokeTestSpec>>(),
    };
    remove_null(&mut schema);
    let mut named = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": format!("{SCHEMA_BASE}/{kind}.schema.json"),
        "title": kind.as_str(),
    });
    if let (Value::Object(named), Value::Object(schema)) = (&mut named, schema) {
        for (key, value) in schema {
            named.entry(key).or_insert(value);
        }
    }
    named
}

/// The schema of one kind for editors, which see a manifest as it is written:
/// where a number, a word or a quantity belongs, a text with a variable may stand.
#[must_use]
pub fn editor_schema(kind: Kind) -> Value {
    let mut schema = schema(kind);
    allow_variables(&mut schema);
    schema
}

/// What a text with a variable has in it.
const VARIABLE: &str = r"\$\{";

fn allow_variables(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    for (key, value) in fields.iter_mut() {
        match (key.as_str(), value) {
            // Here the keys are names of fields.
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(allow_variables);
            }
            ("anyOf" | "oneOf", Value::Array(branches)) => {
                branches.iter_mut().for_each(allow_variables);
            }
            ("items" | "additionalProperties", value) => allow_variables(value),
            _ => {}
        }
    }
    let is_text = match fields.get("type") {
        Some(Value::String(name)) => Some(name == "string"),
        Some(Value::Array(names)) => Some(names.contains(&json!("string"))),
        _ => None,
    };
    // Every pattern of names takes a variable.
    let is_name = fields
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(|format| format.ends_with("-name"));
    if fields.contains_key("enum") {
        let word = ["type", "enum"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), fields.remove(key)?)))
            .collect();
        let variable = json!({ "type": "string", "pattern": VARIABLE });
        fields.insert(
            "anyOf".to_owned(),
            Value::Array(vec![Value::Object(word), variable]),
        );
    } else if let (Some(true), Some(Value::String(pattern)), false) =
        (is_text, fields.get_mut("pattern"), is_name)
    {
        *pattern = format!("{pattern}|{VARIABLE}");
    } else if let Some(name @ ("integer" | "boolean" | "number")) =
        fields.get("type").and_then(Value::as_str)
    {
        // Bounds are for numbers and the pattern is for texts.
        let either = json!([name, "string"]);
        fields.insert("type".to_owned(), either);
        fields.insert("pattern".to_owned(), json!(VARIABLE));
    }
}

/// One schema for a document of any kind, for editors.
#[must_use]
pub fn combined_schema() -> Value {
    let kinds = Kind::ALL.map(Kind::as_str);
    // A branch per kind behind a condition: an editor then speaks of the
    // fields of that kind, not of four alternatives that do not match.
    let branches: Vec<Value> = Kind::ALL
        .into_iter()
        .map(|kind| {
            let mut schema = editor_schema(kind);
            if let Value::Object(fields) = &mut schema {
                fields.remove("$schema");
                fields.remove("$id");
            }
            json!({
                "if": { "required": ["kind"], "properties": { "kind": { "const": kind.as_str() } } },
                "then": schema,
            })
        })
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": format!("{SCHEMA_BASE}/iggyctl.schema.json"),
        "title": "iggyctl manifest",
        "description": "A document of any kind of iggyctl.dev/v1alpha1.",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": { "kind": { "type": "string", "enum": kinds } },
        "allOf": branches,
    })
}

fn generate<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    SchemaGenerator::new(settings)
        .into_root_schema_for::<T>()
        .to_value()
}

/// An absent field is written by leaving it out: nothing takes `null`, which
/// is what is left of a field whose value was forgotten.
fn remove_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("default") == Some(&Value::Null) {
                fields.remove("default");
            }
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    fields.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(words)) = fields.get_mut("enum") {
                words.retain(|word| !word.is_null());
            }
            unwrap_nullable(fields);
            fields.values_mut().for_each(remove_null);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `anyOf: [X, null]` becomes X; descriptions outside win.
fn unwrap_nullable(fields: &mut serde_json::Map<String, Value>) {
    let null = json!({ "type": "null" });
    let inner = match fields.get("anyOf") {
        Some(Value::Array(branches)) if branches.contains(&null) => branches
            .iter()
            .find(|branch| **branch != null)
            .and_then(Value::as_object)
            .cloned(),
        _ => None,
    };
    if let Some(inner) = inner {
        fields.remove("anyOf");
        for (key, value) in inner {
            fields.entry(key).or_insert(value);
        }
    }
}
