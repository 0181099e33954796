//! What the chart can be told, and what it refuses.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::{CHART, run_helm};
use crate::control_plane::{Failure, Said, repository};

/// What is wrong, and what is said of it.
const WRONG: [(&str, &str); 36] = [
    ("replica=2", "'replica' not allowed"),
    ("replicas=two", "/replicas"),
    ("replicas=-1", "/replicas"),
    ("image.name=iggyctl", "'name' not allowed"),
    ("image.repository=iggyctl:latest", "/image/repository"),
    ("image.repository=null", "repository"),
    ("image.digest=sha256:abc", "/image/digest"),
    ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
    ("imagePullSecrets={registry}", "/imagePullSecrets/0"),
    ("fullnameOverride=Iggy", "/fullnameOverride"),
    ("watchNamespaces=orders", "/watchNamespaces"),
    ("watchNamespaces={Orders}", "/watchNamespaces/0"),
    ("watchNamespaces={*}", "/watchNamespaces/0"),
    ("watchNamespaces={orders,orders}", "/watchNamespaces"),
    ("crds.keep=false", "'keep' not allowed"),
    ("crds.install=sometimes", "/crds/install"),
    ("rbac.clusterAdmin=true", "'clusterAdmin' not allowed"),
    (
        "serviceAccount.annotations.a=1",
        "/serviceAccount/annotations/a",
    ),
    ("logLevel=verbose", "/logLevel"),
    ("listenAddress=127.0.0.1", "/listenAddress"),
    ("extraArgs={run}", "/extraArgs/0"),
    ("resources.limits.gpu=1", "'gpu' not allowed"),
    ("resources.limits.memory=much", "/resources/limits/memory"),
    ("tolerations[0].effect=Never", "/tolerations/0/effect"),
    ("affinity.nodes=a", "'nodes' not allowed"),
    (
        "topologySpreadConstraints[0].maxSkew=1",
        "/topologySpreadConstraints/0",
    ),
    (
        "terminationGracePeriodSeconds=0",
        "/terminationGracePeriodSeconds",
    ),
    (
        "podDisruptionBudget.minAvailable=1",
        "'minAvailable' not allowed",
    ),
    (
        "podDisruptionBudget.maxUnavailable=0",
        "/podDisruptionBudget/maxUnavailable",
    ),
    (
        "networkPolicy.metricsFrom[0].namespace=a",
        "'namespace' not allowed",
    ),
    (
        "networkPolicy.egress.apiServerPorts={http}",
        "/networkPolicy/egress/apiServerPorts/0",
    ),
    (
        "networkPolicy.egress.tcpPorts={70000}",
        "/networkPolicy/egress/tcpPorts/0",
    ),
    (
        "metrics.podMonitor.interval=often",
        "/metrics/podMonitor/interval",
    ),
    (
        "metrics.prometheusRule.runbooks=here",
        "/metrics/prometheusRule/runbooks",
    ),
    ("metrics.dashboard.folder=Iggy", "'folder' not allowed"),
    (
        "serviceAccount.create=false",
        "serviceAccount.name is needed",
    ),
];

pub(super) fn are_refused(helm: &Path) -> Result<(), Failure> {
    for (value, words) in WRONG {
        let output = run_helm(helm, &["template", "one", CHART, "--set", value])?;
        let said = Said::of(&output);
        if output.status.success() || !said.stderr.contains(words) {
            return Err(format!("{value}: {}", said.stderr).into());
        }
    }
    Ok(())
}

/// Each value has a default and a description, and nothing else is let in.
pub(super) fn are_in_the_schema() -> Result<(), Failure> {
    let read = |name: &str| fs::read_to_string(repository(CHART).join(name));
    let schema: Value = serde_json::from_str(&read("values.schema.json")?)?;
    let values: Value = serde_saphyr::from_str(&read("values.yaml")?)?;
    let found = jsonschema::validator_for(&schema)?;
    if let Some(error) = found.iter_errors(&values).next() {
        return Err(format!("a default is wrong: {error}").into());
    }
    let mut wrong = Vec::new();
    is_closed(&schema, "", &mut wrong);
    has_defaults(&schema, &values, "", &mut wrong);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n").into())
    }
}

/// Every object of the schema says what it has, or that its names are free.
fn is_closed(schema: &Value, path: &str, wrong: &mut Vec<String>) {
    let Value::Object(fields) = schema else {
        return;
    };
    let is_open = fields.get("type") == Some(&Value::from("object"))
        && !matches!(
            fields.get("additionalProperties"),
            Some(Value::Bool(false) | Value::Object(_))
        );
    // A chart that has this one inside may set it for all of its own.
    if is_open && path != "/properties/global" {
        wrong.push(format!("{path} lets everything in"));
    }
    for (name, inner) in fields {
        let path = format!("{path}/{name}");
        match inner {
            Value::Array(list) => list.iter().for_each(|inner| is_closed(inner, &path, wrong)),
            inner => is_closed(inner, &path, wrong),
        }
    }
}

fn has_defaults(schema: &Value, values: &Value, path: &str, wrong: &mut Vec<String>) {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    for (name, property) in properties {
        let path = format!("{path}.{name}");
        if property["description"].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("{path} has no description"));
        }
        match values.get(name) {
            Some(inner @ Value::Object(fields)) if !fields.is_empty() => {
                // What Kubernetes has inside is not ours to have a default for.
                if path != ".resources" {
                    has_defaults(property, inner, &path, wrong);
                }
            }
            Some(_) => {}
            None if path == ".global" => {}
            None => wrong.push(format!("{path} has no default")),
        }
    }
}
