//! A `CustomResourceDefinition`, put together.

use iggyctl_core::api::v1alpha1::{Kind, schema};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::bounds::bound;
use super::names::{Column, LAST_COLUMNS, RESOURCES, Resource, Scope, StatusShape};
use super::rules::{self, Rule};
use super::status::{ServerStatus, SmokeTestStatus, TopologyStatus};
use super::structural::structural;

/// The group of the resources.
pub(crate) const GROUP: &str = "iggyctl.dev";
/// The one version of the resources.
pub(crate) const VERSION: &str = "v1alpha1";

/// The definitions of all kinds of the operator, in the order in which people
/// meet them.
pub(crate) fn definitions() -> Vec<Value> {
    RESOURCES.iter().map(definition).collect()
}

/// The definition of one kind.
fn definition(resource: &Resource) -> Value {
    let Resource {
        kind,
        plural,
        singular,
        short,
        scope,
        status,
        columns,
        selectable,
    } = resource;
    let selectable: Vec<Value> = selectable
        .iter()
        .map(|path| json!({ "jsonPath": path }))
        .collect();
    let mut version = json!({
        "name": VERSION,
        "served": true,
        "storage": true,
        "schema": { "openAPIV3Schema": object(*kind, *status) },
        "subresources": { "status": {} },
        "additionalPrinterColumns": columns
            .iter()
            .chain(&LAST_COLUMNS)
            .map(column)
            .collect::<Vec<_>>(),
    });
    if let (false, Value::Object(version)) = (selectable.is_empty(), &mut version) {
        version.insert("selectableFields".to_owned(), Value::Array(selectable));
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{GROUP}") },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.as_str(),
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": singular,
                "shortNames": [short],
                "categories": ["iggy"],
            },
            "scope": match scope {
                Scope::Namespaced => "Namespaced",
                Scope::Cluster => "Cluster",
            },
            "versions": [version],
        },
    })
}

fn column(column: &Column) -> Value {
    let Column {
        name,
        kind,
        path,
        priority,
    } = column;
    let mut value = json!({ "name": name, "type": kind, "jsonPath": path });
    if let (1.., Value::Object(value)) = (*priority, &mut value) {
        value.insert("priority".to_owned(), json!(priority));
    }
    value
}

/// The schema of a whole object.
fn object(kind: Kind, shape: StatusShape) -> Value {
    let manifest = schema(kind);
    let mut spec = manifest
        .pointer("/properties/spec")
        .cloned()
        .unwrap_or_default();
    place_rules_by_format(&mut spec);
    structural(&mut spec);
    bound(&mut spec);
    place_rules_of_topics(&mut spec);
    final_values(&mut spec, 1);
    add(&mut spec, &rules::of_spec(kind));
    let mut status = match shape {
        StatusShape::Topology => generated::<TopologyStatus>(),
        StatusShape::Server => generated::<ServerStatus>(),
        StatusShape::SmokeTest => generated::<SmokeTestStatus>(),
    };
    structural(&mut status);
    if let Value::Object(fields) = &mut status {
        // What nobody has looked at is not taken for done: kstatus takes what says nothing for it.
        fields.insert("default".to_owned(), json!({ "observedGeneration": -1 }));
    }
    let mut object = json!({
        "description": manifest.get("description"),
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": { "type": "string" },
            "kind": { "type": "string" },
            "metadata": { "type": "object" },
            "spec": spec,
            "status": status,
        },
    });
    add(&mut object, &rules::of_object(kind));
    object
}

fn generated<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

fn add(schema: &mut Value, rules: &[Rule]) {
    if rules.is_empty() {
        return;
    }
    let Value::Object(fields) = schema else {
        return;
    };
    let list = fields
        .entry("x-kubernetes-validations")
        .or_insert_with(|| json!([]));
    if let Value::Array(list) = list {
        list.extend(rules.iter().map(Rule::to_value));
    }
}

/// What the types of core mark by a `format`, which Kubernetes does not know
/// and the next stage removes; and what is known by its fields.
fn place_rules_by_format(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    let rules = if fields.get("format") == Some(&json!(iggyctl_core::secret::SECRET_SOURCE_FORMAT))
    {
        rules::of_secret_source()
    } else if has(fields, &["file", "secretKeyRef"]) {
        rules::of_token_sink()
    } else if has(fields, &["tokenKey", "passwordKey"]) {
        rules::of_credentials()
    } else {
        Vec::new()
    };
    each_inside(fields, place_rules_by_format);
    add(schema, &rules);
}

/// Topics in lists; that of an `IggyTopic` is the spec itself.
fn place_rules_of_topics(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    each_inside(fields, place_rules_of_topics);
    if let Some(topic) = fields
        .get_mut("properties")
        .and_then(|properties| properties.get_mut("topics"))
        .and_then(|topics| topics.get_mut("items"))
        && topic.pointer("/properties/segmentSize").is_some()
    {
        add(topic, &rules::of_topic());
    }
}

/// The most values that a rule with words for people may look at: Kubernetes
/// reckons what all of them can cost. Where there may be more, a pattern,
/// which costs nothing, refuses the same.
const MANY: u64 = 1_000;

/// What has no `${` in it.
const WITHOUT_VARIABLE: &str = r"^([^$]|\$+[^${])*\$*$";

/// Refuses variables in texts; `times` is how many of this there may be.
fn final_values(schema: &mut Value, times: u64) {
    let Value::Object(fields) = schema else {
        return;
    };
    let is_text = fields.get("type") == Some(&json!("string")) && !fields.contains_key("enum");
    let inside = fields
        .get("maxItems")
        .or_else(|| {
            fields
                .get("maxProperties")
                .filter(|_| fields.contains_key("additionalProperties"))
        })
        .and_then(Value::as_u64)
        .unwrap_or(1)
        .saturating_mul(times);
    each_inside(fields, |inner| final_values(inner, inside));
    if is_text && times <= MANY {
        add(schema, &[rules::of_text()]);
    } else if is_text {
        fields.insert("allOf".to_owned(), json!([{ "pattern": WITHOUT_VARIABLE }]));
    }
}

fn has(fields: &Map<String, Value>, names: &[&str]) -> bool {
    fields
        .get("properties")
        .and_then(Value::as_object)
        .is_some_and(|properties| names.iter().all(|name| properties.contains_key(*name)))
}

/// Goes on with the schemas of properties, entries and values.
fn each_inside(fields: &mut Map<String, Value>, mut go: impl FnMut(&mut Value)) {
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(&mut go);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(key) {
            go(inner);
        }
    }
}
