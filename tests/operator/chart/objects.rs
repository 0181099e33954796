//! What the chart becomes, on an API server and by itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{VALUE_SETS, helm, identity, render};
use crate::control_plane::{ControlPlane, Failure, NotHere, Said, repository};

/// Every object in several sets of values, as the API server would take it.
pub(super) fn are_accepted(plane: &ControlPlane) -> Result<(), Failure> {
    let helm = helm()?;
    // Of the Prometheus Operator, with the fields that the chart sets and no others.
    let definitions = repository("tests/operator/chart/monitoring.yaml");
    plane.define(&std::fs::read_to_string(definitions)?)?;
    let own = plane.namespace()?;
    let watched = [plane.namespace()?, plane.namespace()?];
    let mut kinds = BTreeSet::new();
    for (name, values) in VALUE_SETS {
        let watched = format!("watchNamespaces={{{},{}}}", watched[0], watched[1]);
        let values: Vec<&str> = values
            .iter()
            .map(|value| match value.starts_with("watchNamespaces=") {
                true => watched.as_str(),
                false => value,
            })
            .collect();
        for object in render(&helm, "release", &own, &values)? {
            let said = plane
                .succeed(
                    &[
                        "apply",
                        "--server-side",
                        "--force-conflicts",
                        "--validate=strict",
                        "--dry-run=server",
                        "-f",
                        "-",
                    ],
                    &object.to_string(),
                )
                .map_err(|error| format!("{name}: {}: {error}", identity(&object)))?;
            if said.stderr.contains("Warning") {
                return Err(format!("{name}: {}: {}", identity(&object), said.stderr).into());
            }
            kinds.insert(object["kind"].as_str().unwrap_or_default().to_owned());
        }
    }
    if kinds.len() != 13 {
        return Err(format!("not every kind was tried: {kinds:?}").into());
    }
    Ok(())
}

/// The Pod of the Deployment in a namespace where only the restricted are let in.
pub(super) fn is_restricted(plane: &ControlPlane) -> Result<(), Failure> {
    let helm = helm()?;
    let namespace = plane.namespace()?;
    plane.succeed(
        &[
            "label",
            "namespace",
            &namespace,
            "pod-security.kubernetes.io/enforce=restricted",
        ],
        "",
    )?;
    let apply = ["apply", "--dry-run=server", "-n", &namespace, "-f", "-"];
    for (name, values) in VALUE_SETS {
        if name == "of two namespaces" {
            continue;
        }
        let objects = render(&helm, "release", &namespace, values)?;
        let template = objects
            .iter()
            .find(|object| object["kind"] == "Deployment")
            .map(|deployment| &deployment["spec"]["template"])
            .ok_or("no Deployment")?;
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": "operator", "labels": template["metadata"]["labels"] },
            "spec": template["spec"],
        });
        plane
            .succeed(&apply, &pod.to_string())
            .map_err(|error| format!("{name}: {error}"))?;
        let container = &template["spec"]["containers"][0];
        if container["securityContext"]["readOnlyRootFilesystem"] != true {
            return Err(format!("{name}: {container}").into());
        }
        // The namespace really looks.
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let said = Said::of(&plane.kubectl(&apply, &pod.to_string())?);
        if !said.stderr.contains("violates PodSecurity") {
            return Err(format!("{name}: {}{}", said.stdout, said.stderr).into());
        }
    }
    Ok(())
}

/// Whom a selector finds.
fn selected(objects: &[Value]) -> Result<Vec<Value>, Failure> {
    let mut selectors = Vec::new();
    for object in objects {
        let spec = &object["spec"];
        for pointer in [
            "/selector/matchLabels",
            "/podSelector/matchLabels",
            "/selector",
        ] {
            match spec.pointer(pointer) {
                Some(Value::Object(labels)) if labels.values().all(Value::is_string) => {
                    selectors.push(Value::Object(labels.clone()));
                    break;
                }
                _ => {}
            }
        }
    }
    if selectors.len() < 4 {
        return Err(format!("only {} selectors", selectors.len()).into());
    }
    Ok(selectors)
}

/// In one namespace and in two, with names that are nearly the same.
pub(super) fn do_not_collide(helm: &Path) -> Result<(), Failure> {
    let values = [
        "crds.install=false",
        "metrics.service.enabled=true",
        "metrics.podMonitor.enabled=true",
        "metrics.prometheusRule.enabled=true",
        "metrics.dashboard.enabled=true",
    ];
    let watched = [&values[..], &["watchNamespaces={orders}"]].concat();
    let longest = "a".repeat(53);
    let almost = format!("{}b", "a".repeat(52));
    for values in [&values[..], &watched] {
        for ([first, here], [second, there]) in [
            (["one", "here"], ["two", "here"]),
            (["one", "here"], ["one", "there"]),
            // Where one has the name of the chart in its own.
            (["one", "here"], ["one-iggyctl-operator", "here"]),
            (["iggyctl-operator", "here"], ["one", "here"]),
            (["b-c", "a"], ["c", "a-b"]),
            ([&longest, "here"], [&almost, "here"]),
        ] {
            let one = render(helm, first, here, values)?;
            let other = render(helm, second, there, values)?;
            let names: BTreeSet<String> = one.iter().map(identity).collect();
            if names.len() != one.len() {
                return Err(format!("{first} collides with itself: {names:?}").into());
            }
            for object in &other {
                if names.contains(&identity(object)) {
                    return Err(format!("{first} and {second}: {}", identity(object)).into());
                }
            }
            // Selectors only look into their own namespace.
            if here == there {
                let of_one = selected(&one)?;
                if let Some(both) = selected(&other)?.iter().find(|one| of_one.contains(one)) {
                    return Err(format!("{first} and {second}: {both}").into());
                }
            }
        }
    }
    Ok(())
}

pub(super) fn of_namespaces(helm: &Path) -> Result<(), Failure> {
    let objects = render(
        helm,
        "release",
        "here",
        &[
            "watchNamespaces={orders,billing}",
            "crds.install=false",
            "metrics.service.enabled=true",
            "metrics.dashboard.enabled=true",
        ],
    )?;
    for object in &objects {
        if object["metadata"]["namespace"].as_str().is_none() {
            return Err(format!("{} is of the cluster", identity(object)).into());
        }
        let reads_secrets = object["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|rule| rule["resources"].as_array().into_iter().flatten())
            .any(|resource| resource == "secrets");
        if reads_secrets && object["metadata"]["namespace"] == "here" {
            return Err(format!("{} reads Secrets of the operator", identity(object)).into());
        }
    }
    let arguments = arguments_of(&objects)?;
    for namespace in ["--namespace=orders", "--namespace=billing"] {
        if !arguments.iter().any(|argument| argument == namespace) {
            return Err(format!("{arguments:?}").into());
        }
    }
    Ok(())
}

fn arguments_of(objects: &[Value]) -> Result<Vec<String>, Failure> {
    let arguments = objects
        .iter()
        .find(|object| object["kind"] == "Deployment")
        .and_then(|deployment| {
            deployment
                .pointer("/spec/template/spec/containers/0/args")?
                .as_array()
        })
        .ok_or("no arguments")?;
    Ok(arguments
        .iter()
        .map(|argument| argument.as_str().unwrap_or_default().to_owned())
        .collect())
}

/// Each flag is one that the program knows.
pub(super) fn arguments(helm: &Path) -> Result<(), Failure> {
    let output = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
        .args(["operator", "run", "--help"])
        .env_clear()
        .output()?;
    let said = Said::of(&output);
    if !output.status.success() {
        return Err(Box::new(NotHere(
            "`iggyctl operator run` is not there yet".to_owned(),
        )));
    }
    for (name, values) in VALUE_SETS {
        let arguments = arguments_of(&render(helm, "release", "here", values)?)?;
        if arguments.get(..2) != Some(&["operator".to_owned(), "run".to_owned()]) {
            return Err(format!("{name}: {arguments:?}").into());
        }
        let mut all = arguments;
        // It says how it is called instead of running, once it has understood the rest.
        all.push("--help".to_owned());
        let output = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
            .args(&all)
            .env_clear()
            .output()?;
        for flag in all.iter().filter_map(|argument| argument.split('=').next()) {
            if flag.starts_with("--") && !said.stdout.contains(flag) {
                return Err(format!("{name}: {flag} is not known").into());
            }
        }
        if !output.status.success() {
            return Err(format!("{name}: {all:?}: {}", Said::of(&output).stderr).into());
        }
    }
    Ok(())
}

/// Nothing stands between people and the API server, and nothing runs but the operator: an
/// outage of it keeps nobody from writing.
pub(super) fn have_no_webhook(helm: &Path) -> Result<(), Failure> {
    const KINDS: [&str; 13] = [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "CustomResourceDefinition",
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
    ];
    for (name, values) in VALUE_SETS {
        for object in render(helm, "release", "here", values)? {
            let identity = identity(&object);
            if !KINDS.iter().any(|kind| object["kind"] == **kind) {
                return Err(format!("{name}: {identity} is of another kind").into());
            }
            let conversion = &object["spec"]["conversion"];
            if !(conversion.is_null() || conversion["strategy"] == "None") {
                return Err(format!("{name}: {identity}: {conversion}").into());
            }
        }
    }
    Ok(())
}

/// Helm runs nothing before or after it installs, upgrades or uninstalls.
pub(super) fn have_no_hook(helm: &Path) -> Result<(), Failure> {
    for (name, values) in VALUE_SETS {
        for object in render(helm, "release", "here", values)? {
            let annotations = object["metadata"]["annotations"].as_object();
            let mut keys = annotations.into_iter().flatten().map(|(key, _)| key);
            if keys.any(|key| key.starts_with("helm.sh/hook")) {
                return Err(format!("{name}: {}", identity(&object)).into());
            }
        }
    }
    Ok(())
}

/// One replica that must not be disturbed would keep its node from being drained.
pub(super) fn have_a_disruption_budget(helm: &Path) -> Result<(), Failure> {
    for (replicas, enabled, expected) in [
        (1, true, 0),
        (2, true, 1),
        (3, true, 1),
        (1, false, 0),
        (3, false, 0),
    ] {
        let replicas = format!("replicas={replicas}");
        let enabled = format!("podDisruptionBudget.enabled={enabled}");
        let objects = render(helm, "release", "here", &[&replicas, &enabled])?;
        let budgets = objects
            .iter()
            .filter(|object| object["kind"] == "PodDisruptionBudget");
        let budgets: Vec<&Value> = budgets.collect();
        if budgets.len() != expected {
            return Err(format!("{replicas}, {enabled}: {budgets:?}").into());
        }
        let deployment = objects
            .iter()
            .find(|object| object["kind"] == "Deployment")
            .ok_or("no Deployment")?;
        let labels = &deployment["spec"]["selector"]["matchLabels"];
        for budget in budgets {
            if budget["spec"]["selector"]["matchLabels"] != *labels {
                return Err(format!("{budget} is about other pods").into());
            }
        }
    }
    Ok(())
}

/// What the SDK takes as a file has a place, and that is the only one.
pub(super) fn write_to_one_folder(helm: &Path) -> Result<(), Failure> {
    for (name, values) in VALUE_SETS {
        let objects = render(helm, "release", "here", values)?;
        let pod = objects
            .iter()
            .find(|object| object["kind"] == "Deployment")
            .map(|deployment| &deployment["spec"]["template"]["spec"])
            .ok_or("no Deployment")?;
        let container = &pod["containers"][0];
        let volumes = json!([{
            "name": "temporary", "emptyDir": { "medium": "Memory", "sizeLimit": "16Mi" },
        }]);
        let mounts = json!([{ "name": "temporary", "mountPath": "/tmp" }]);
        if pod["volumes"] != volumes
            || container["volumeMounts"] != mounts
            || container["securityContext"]["readOnlyRootFilesystem"] != true
        {
            return Err(format!("{name}: {pod}").into());
        }
    }
    Ok(())
}
