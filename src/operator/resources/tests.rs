//! The rules of the definitions, offline; tests/operator tries the same cases on an API server.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeSet;

use iggyctl_core::api::v1alpha1::Kind;
use kube_cel::{RootContext, Validator};
use serde_json::{Value, json};

use super::definition::{GROUP, VERSION, definitions};
use super::names::RESOURCES;
use super::rules;

const CASES: &str = include_str!("../../../tests/operator/rule_cases.yaml");

fn cases() -> Vec<Value> {
    serde_saphyr::from_str(CASES).unwrap()
}

fn schema_of(kind: &str) -> Value {
    definitions()
        .into_iter()
        .find(|definition| definition["spec"]["names"]["kind"] == kind)
        .unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        .clone()
}

#[test]
fn each_case_is_accepted_and_refused() {
    let validator = Validator::new();
    for case in cases() {
        let kind = case["kind"].as_str().unwrap();
        let schema = schema_of(kind);
        let context = RootContext {
            api_version: format!("{GROUP}/{VERSION}"),
            api_group: GROUP.to_owned(),
            kind: kind.to_owned(),
        };
        let object = |spec: &Value| {
            json!({
                "apiVersion": "iggyctl.dev/v1alpha1",
                "kind": kind,
                "metadata": { "name": "case" },
                "spec": spec,
            })
        };
        let before = case.get("before").map(object);
        let said = |spec: &Value| -> Vec<String> {
            validator
                .validate_with_context(&schema, &object(spec), before.as_ref(), Some(&context))
                .err()
                .into_iter()
                .flat_map(|errors| errors.into_vec())
                .map(|error| error.message)
                .collect()
        };
        let name = format!("{} of {kind}", case["rule"]);
        let accepted = said(&case["accepted"]);
        assert!(accepted.is_empty(), "{name}: {accepted:?}");
        let refused = said(&case["refused"]);
        let message = case["message"].as_str().unwrap();
        assert!(
            refused.len() == 1 && refused[0].contains(message),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn each_rule_has_a_case() {
    let mut named: BTreeSet<&'static str> = BTreeSet::new();
    for resource in RESOURCES {
        let rules = rules::of_object(resource.kind)
            .into_iter()
            .chain(rules::of_spec(resource.kind));
        named.extend(rules.map(|rule| rule.name));
    }
    for rules in [
        rules::of_topic(),
        rules::of_secret_source(),
        rules::of_token_sink(),
        rules::of_credentials(),
        vec![rules::of_text()],
    ] {
        named.extend(rules.into_iter().map(|rule| rule.name));
    }
    let cases = cases();
    let tried: BTreeSet<&str> = cases
        .iter()
        .map(|case| case["rule"].as_str().unwrap())
        .collect();
    assert_eq!(named, tried);
}

/// Policies are for the command line and CI: the operator has none.
#[test]
fn every_other_kind_is_a_resource() {
    let kinds: BTreeSet<Kind> = RESOURCES.iter().map(|resource| resource.kind).collect();
    let expected: BTreeSet<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::IggyPolicy)
        .collect();
    assert_eq!(kinds, expected);
}

/// Kubernetes reckons with the longest: everything in a spec has an end.
#[test]
fn everything_in_a_spec_is_bounded() {
    fn walk(schema: &Value, path: &str) {
        let is_text = schema["type"] == "string" && schema.get("enum").is_none();
        assert!(!is_text || schema.get("maxLength").is_some(), "{path}");
        assert!(
            schema["type"] != "array" || schema.get("maxItems").is_some(),
            "{path}"
        );
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            walk(property, &format!("{path}.{name}"));
        }
        for key in ["items", "additionalProperties"] {
            if let Some(inner) = schema.get(key) {
                walk(inner, &format!("{path}[]"));
            }
        }
    }
    for resource in RESOURCES {
        let schema = schema_of(resource.kind.as_str());
        walk(&schema["properties"]["spec"], resource.kind.as_str());
    }
}
