//! The rules, each with the reason why the operator needs it.

use iggyctl_core::api::v1alpha1::Kind;

use crate::operator::resources::{GROUP, RESOURCES, Scope};

/// What has to be seen as it is and as it becomes.
const SEE: &[&str] = &["list", "watch"];

/// One rule of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// Why it is needed; printed above it.
    pub(super) why: &'static str,
    pub(super) group: &'static str,
    pub(super) resources: Vec<String>,
    pub(super) verbs: &'static [&'static str],
    /// Only these objects; all of them when there is none.
    pub(super) names: Vec<String>,
}

fn rule(
    why: &'static str,
    group: &'static str,
    resources: &[&str],
    verbs: &'static [&'static str],
) -> Rule {
    Rule {
        why,
        group,
        resources: resources.iter().map(|name| (*name).to_owned()).collect(),
        verbs,
        names: Vec::new(),
    }
}

/// The resources of our kinds with one scope, with what comes after their names.
fn ours(scope: Scope, subresource: &str) -> Vec<String> {
    RESOURCES
        .iter()
        .filter(|resource| resource.scope == scope)
        .map(|resource| format!("{}{subresource}", resource.plural))
        .collect()
}

fn of_kinds(scope: Scope) -> [Rule; 3] {
    let rule = |why, resources, verbs| Rule {
        why,
        group: GROUP,
        resources,
        verbs,
        names: Vec::new(),
    };
    let smoke_tests = plural(Kind::IggySmokeTest);
    let mut with_finalizer = ours(scope, "");
    with_finalizer.retain(|it| Some(it.as_str()) != smoke_tests);
    [
        rule("What is declared.", ours(scope, ""), SEE),
        rule(
            "The finalizer, which is a field of the object itself: the operator never writes a spec. \
             Smoke tests have none.",
            with_finalizer,
            &["patch"],
        ),
        rule(
            "What it says of them, by server-side apply, which needs no other verb.",
            ours(scope, "/status"),
            &["patch"],
        ),
    ]
}

fn plural(kind: Kind) -> Option<&'static str> {
    let resource = RESOURCES.iter().find(|it| it.kind == kind);
    resource.map(|it| it.plural)
}

/// In every namespace that it looks after.
pub(super) fn in_namespaces() -> Vec<Rule> {
    let mut rules = of_kinds(Scope::Namespaced).to_vec();
    rules.push(rule(
        "Credentials and passwords: it watches the metadata of those with the label \
         iggyctl.dev/watch and gets the one that it needs. Roles know no labels, so the rule is for \
         all of them. Server-side apply of tokens and of the passwords applied last is a patch, and \
         a create where there is none yet; those of its own that nobody needs any more are deleted.",
        "",
        &["secrets"],
        &["get", "list", "watch", "create", "patch", "delete"],
    ));
    rules.push(rule(
        "What changed, for people to read. The same once more is a patch of the first.",
        "events.k8s.io",
        &["events"],
        &["create", "patch"],
    ));
    rules
}

/// On top of [`in_namespaces`], where it looks after the whole cluster.
pub(super) fn in_cluster() -> Vec<Rule> {
    let mut rules = of_kinds(Scope::Cluster).to_vec();
    rules.push(rule(
        "Which namespaces a ClusterIggyServer is for is said by their labels.",
        "",
        &["namespaces"],
        SEE,
    ));
    rules
}

/// In its own namespace: one of several replicas works, the others wait.
pub(super) fn of_leader_election(lease: &str) -> [Rule; 2] {
    let mut held = rule(
        "The one that works renews it, and releases it when it ends.",
        "coordination.k8s.io",
        &["leases"],
        &["get", "patch"],
    );
    held.names.push(lease.to_owned());
    [
        rule(
            "The first replica makes it. A rule about creating cannot say which name.",
            "coordination.k8s.io",
            &["leases"],
            &["create"],
        ),
        held,
    ]
}

/// For people who may look.
pub(super) fn of_viewers() -> Vec<Rule> {
    let mut all = ours(Scope::Namespaced, "");
    all.extend(ours(Scope::Cluster, ""));
    vec![Rule {
        why: "No object holds a secret: they name Secrets, which a viewer may not read. What is of \
              the cluster shows only to those whose role is bound in the cluster.",
        group: GROUP,
        resources: all,
        verbs: &["get", "list", "watch"],
        names: Vec::new(),
    }]
}

/// For people who may change what is in a namespace.
pub(super) fn of_editors() -> Vec<Rule> {
    vec![Rule {
        why: "Not ClusterIggyServer: it says which namespaces may do what, which is not for those who \
              edit one of them. Not the status: it is the operator's.",
        group: GROUP,
        resources: ours(Scope::Namespaced, ""),
        verbs: &["create", "update", "patch", "delete", "deletecollection"],
        names: Vec::new(),
    }]
}
