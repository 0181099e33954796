//! What the operator, and people, may do.

use std::path::Path;

use serde_json::Value;

use super::{identity, iggyctl, parse, render};
use crate::control_plane::{ControlPlane, Failure};

/// A release called as the roles of `iggyctl operator rbac` are.
fn compare(helm: &Path, values: &[&str], arguments: &[&str]) -> Result<(), Failure> {
    let is_of_rights = |object: &Value| object["apiVersion"] == "rbac.authorization.k8s.io/v1";
    let mut rendered = render(helm, "release", "here", values)?;
    rendered.retain(is_of_rights);
    for object in &mut rendered {
        // The labels of a release are its own; those that Kubernetes acts on are not.
        if let Some(labels) = object["metadata"]["labels"].as_object_mut() {
            labels.retain(|name, _| name.starts_with("rbac.authorization.k8s.io/"));
            if labels.is_empty()
                && let Some(metadata) = object["metadata"].as_object_mut()
            {
                metadata.remove("labels");
            }
        }
    }
    let mut all = vec![
        "operator",
        "rbac",
        "--name",
        "release-iggyctl-operator",
        "--operator-namespace",
        "here",
    ];
    all.extend(arguments);
    let mut expected = parse(&iggyctl(&all)?)?;
    rendered.sort_by_key(identity);
    expected.sort_by_key(identity);
    if rendered.is_empty() || rendered != expected {
        let names = |objects: &[Value]| objects.iter().map(identity).collect::<Vec<_>>();
        let differs = rendered.iter().find(|object| !expected.contains(object));
        return Err(format!(
            "{values:?}: {:?} and {:?}: {differs:?}",
            names(&rendered),
            names(&expected)
        )
        .into());
    }
    Ok(())
}

pub(super) fn are_those_of_the_table(helm: &Path) -> Result<(), Failure> {
    compare(helm, &[], &[])?;
    compare(
        helm,
        &["watchNamespaces={orders,billing}"],
        &["--namespace", "orders,billing"],
    )?;
    compare(
        helm,
        &[
            "serviceAccount.create=false",
            "serviceAccount.name=somebody",
        ],
        &["--service-account", "somebody"],
    )
}

/// Whether somebody may: what, in which namespace (`-`: in all of them).
type Case = (bool, &'static str, &'static str);

/// The operator of the whole cluster.
const OF_CLUSTER: [Case; 27] = [
    (true, "list iggystreams.iggyctl.dev", "-"),
    (true, "watch clusteriggyservers.iggyctl.dev", "-"),
    (true, "patch iggytopics.iggyctl.dev", "other"),
    (true, "patch iggyusers.iggyctl.dev/status", "other"),
    (true, "patch clusteriggyservers.iggyctl.dev/status", "-"),
    (true, "watch secrets", "-"),
    (true, "get secrets/login", "other"),
    (true, "patch secrets/login", "other"),
    (true, "watch namespaces", "-"),
    (true, "create events.events.k8s.io", "other"),
    (true, "create leases.coordination.k8s.io", "own"),
    (true, "get leases.coordination.k8s.io/iggy", "own"),
    (true, "patch leases.coordination.k8s.io/iggy", "own"),
    (false, "patch leases.coordination.k8s.io/another", "own"),
    (false, "delete leases.coordination.k8s.io/iggy", "own"),
    (false, "get leases.coordination.k8s.io/iggy", "other"),
    (false, "create iggystreams.iggyctl.dev", "other"),
    (false, "update iggystreams.iggyctl.dev", "other"),
    (false, "delete iggystreams.iggyctl.dev", "other"),
    (false, "update iggystreams.iggyctl.dev/status", "other"),
    (false, "update secrets/login", "other"),
    (false, "deletecollection secrets", "other"),
    (false, "get pods", "own"),
    (false, "patch namespaces", "-"),
    (
        false,
        "patch customresourcedefinitions.apiextensions.k8s.io",
        "-",
    ),
    (false, "create clusterroles.rbac.authorization.k8s.io", "-"),
    (false, "create serviceaccounts/token", "own"),
];

/// The operator of one namespace.
const OF_NAMESPACE: [Case; 11] = [
    (true, "list iggystreams.iggyctl.dev", "orders"),
    (true, "patch iggystreams.iggyctl.dev/status", "orders"),
    (true, "list secrets", "orders"),
    (true, "create events.events.k8s.io", "orders"),
    (true, "patch leases.coordination.k8s.io/iggy", "own"),
    (false, "list iggystreams.iggyctl.dev", "-"),
    (false, "list iggystreams.iggyctl.dev", "other"),
    (false, "list secrets", "-"),
    (false, "get secrets/login", "own"),
    (false, "list clusteriggyservers.iggyctl.dev", "-"),
    (false, "list namespaces", "-"),
];

pub(super) fn allow(plane: &ControlPlane) -> Result<(), Failure> {
    for (name, watched, cases) in [
        ("cluster", None, OF_CLUSTER.as_slice()),
        ("namespace", Some("orders"), OF_NAMESPACE.as_slice()),
    ] {
        // Its own, since these roles are of the whole cluster.
        let own = format!("{}-{name}", plane.namespace()?);
        let place = |namespace: &'static str| match namespace {
            "own" => own.clone(),
            other => format!("{own}-{other}"),
        };
        let mut arguments = vec![
            "operator",
            "rbac",
            "--name",
            "iggy",
            "--operator-namespace",
            &own,
            "--service-account",
            "account",
        ];
        let watched = watched.map(place);
        if let Some(watched) = &watched {
            arguments.extend(["--namespace", watched]);
        }
        for namespace in [&own, &place("orders"), &place("other")] {
            plane.succeed(&["create", "namespace", namespace], "")?;
        }
        plane.succeed(&["apply", "-f", "-"], &iggyctl(&arguments)?)?;
        let account = format!("system:serviceaccount:{own}:account");
        for (is_allowed, what, namespace) in cases {
            let (verb, resource) = what.split_once(' ').ok_or("a case without a verb")?;
            // A name after the slash, or a subresource of what has a name.
            let (resource, subresource) = match resource.split_once('/') {
                Some((resource, part @ ("status" | "token"))) => (resource, Some(part)),
                _ => (resource, None),
            };
            let namespace = match *namespace {
                "-" => "--all-namespaces".to_owned(),
                namespace => format!("--namespace={}", place(namespace)),
            };
            let subresource = subresource.map(|part| format!("--subresource={part}"));
            let mut asked = vec![
                "auth", "can-i", verb, resource, "--as", &account, &namespace,
            ];
            asked.extend(subresource.as_deref());
            let output = plane.kubectl(&asked, "")?;
            if output.status.success() != *is_allowed {
                return Err(format!(
                    "{name}: {what} in {namespace} should be {is_allowed}: {}",
                    String::from_utf8_lossy(&output.stderr)
                )
                .into());
            }
        }
    }
    Ok(())
}
