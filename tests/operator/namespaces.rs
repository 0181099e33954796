//! A namespace is deleted with everything in it; and what else of Kubernetes itself is needed.

use libtest_mimic::Trial;

use crate::control_plane::Failure;
use crate::laboratory::Laboratory;
use crate::messages::send;
use crate::whole_cluster::{trial, with_controllers};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("namespaces_go_with_everything_in_them", go),
        trial("namespaces_aggregated_roles_are_aggregated", aggregated),
    ]
}

/// A stream with a topic in which there is a message, a topic and a group by objects of their
/// own, and a user.
fn objects(name: &str, policy: &str, server: &str) -> String {
    let object = |kind: &str, own: &str, spec: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {own} }}\nspec:\n  \
             deletionPolicy: {policy}\n{server}{spec}---\n"
        )
    };
    [
        object(
            "IggyStream",
            "stream",
            &format!("  name: {name}\n  topics: [{{ name: events }}]\n"),
        ),
        object("IggyTopic", "topic", &format!("  stream: {name}\n")),
        object(
            "IggyConsumerGroup",
            "group",
            &format!("  stream: {name}\n  topic: topic\n"),
        ),
        object(
            "IggyUser",
            "user",
            &format!(
                "  name: {name}\n  password: {{ secretKeyRef: {{ name: app, key: password }} }}\n"
            ),
        ),
    ]
    .concat()
}

const PASSWORD: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: app, labels: { iggyctl.dev/watch: \"true\" } }\n\
     stringData: { password: not-secret-at-all }\n";

const SHARED: &str = "  serverRef: { kind: ClusterIggyServer, name: of-namespaces }\n";

/// With a server object of their own and with one of the cluster, to be deleted and to be kept.
const NAMESPACES: [(&str, &str, &str); 4] = [
    ("own-delete", "Delete", ""),
    ("own-retain", "Retain", ""),
    ("shared-delete", "Delete", SHARED),
    ("shared-retain", "Retain", SHARED),
];

fn go(laboratory: &mut Laboratory<'static>) -> Result<(), Failure> {
    with_controllers(laboratory)?;
    laboratory.enter_new("of-namespaces", "")?;
    laboratory.connect_server()?;
    let address = laboratory.server().address();
    laboratory.apply(&format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: ClusterIggyServer\nmetadata: {{ name: of-namespaces }}\nspec:\n  \
         address: iggy://{address}\n  credentialsSecretRef: {{ namespace: of-namespaces, name: root }}\n  \
         tenants: [{{ name: all, namespaceSelector: {{}}, names: [shared-*] }}]\n"
    ))?;
    for (name, policy, server) in NAMESPACES {
        laboratory.enter_new(name, "")?;
        if server.is_empty() {
            laboratory.connect_server()?;
        }
        laboratory.apply(PASSWORD)?;
        laboratory.apply(&objects(name, policy, server))?;
    }
    for (name, _, _) in NAMESPACES {
        name.clone_into(&mut laboratory.namespace);
        for object in ["igst/stream", "igt/topic", "igcg/group", "igu/user"] {
            laboratory.ready(object)?;
        }
        send(laboratory, name, "events", &["m"]);
    }
    let mut arguments = vec!["delete", "namespace", "--timeout=90s"];
    arguments.extend(NAMESPACES.map(|(name, _, _)| name));
    laboratory.kubectl(&arguments).map_err(|error| {
        let left = NAMESPACES.map(|(name, _, _)| {
            let arguments = ["get", "namespace,iggy,secrets", "-n", name, "-o", "yaml"];
            laboratory.kubectl(&arguments).unwrap_or_default()
        });
        format!("{error}\n{}\n{}", left.join("\n"), laboratory.log())
    })?;
    for (name, policy, _) in NAMESPACES {
        let is_there = laboratory.stream_id(name).is_some();
        let lets_in = laboratory.lets_in(&format!("{name}:not-secret-at-all"));
        let is_kept = policy == "Retain";
        if (is_there, lets_in) != (is_kept, is_kept) {
            return Err(format!("{name}: stream {is_there}, user {lets_in}").into());
        }
    }
    // Nobody is stuck who shares the server.
    laboratory.enter_new("after", "")?;
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: shared-after }\nspec:\n  \
         serverRef: { kind: ClusterIggyServer, name: of-namespaces }\n",
    )?;
    laboratory.ready("igst/shared-after")?;
    Ok(())
}

/// Whoever may view or edit in a namespace may do so with our kinds, by the roles that
/// Kubernetes has for people.
fn aggregated(laboratory: &mut Laboratory<'static>) -> Result<(), Failure> {
    with_controllers(laboratory)?;
    laboratory.enter_new("aggregated", "")?;
    for role in ["view", "edit", "admin"] {
        let (name, role, who) = (
            format!("people-{role}"),
            format!("--clusterrole={role}"),
            format!("--user={role}er"),
        );
        laboratory.kubectl(&["create", "rolebinding", &name, &role, &who])?;
    }
    let may = |who: &str, what: &[&str]| {
        let who = format!("{who}er");
        let asked = [&["auth", "can-i", "--as", &who], what].concat();
        laboratory.kubectl(&asked).is_ok()
    };
    let streams = "iggystreams.iggyctl.dev";
    laboratory.until("the roles are put together", || {
        may("view", &["watch", streams])
            && may("edit", &["create", streams])
            && may("admin", &["delete", streams])
    })?;
    for (who, what, is_allowed) in [
        ("edit", &["get", "iggysmoketests.iggyctl.dev"][..], true),
        ("edit", &["patch", "iggyservers.iggyctl.dev"], true),
        ("view", &["create", streams], false),
        ("view", &["get", "secrets"], false),
        ("edit", &["patch", streams, "--subresource=status"], false),
        ("admin", &["patch", streams, "--subresource=status"], false),
        ("edit", &["create", "clusteriggyservers.iggyctl.dev"], false),
        (
            "admin",
            &["create", "clusteriggyservers.iggyctl.dev"],
            false,
        ),
        // Of this namespace only.
        ("view", &["get", streams, "-n", "default"], false),
    ] {
        if may(who, what) != is_allowed {
            return Err(format!("{who} may {what:?}: {}", !is_allowed).into());
        }
    }
    Ok(())
}
