//! The rules as roles and bindings, in YAML.

use super::rules::{Rule, in_cluster, in_namespaces, of_editors, of_leader_election, of_viewers};

/// An operator in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    /// What it is called: its Lease and its roles.
    pub(crate) name: String,
    /// Where it runs.
    pub(crate) namespace: String,
    /// As whom.
    pub(crate) service_account: String,
    /// What it looks after: these namespaces, or the whole cluster when there is none.
    pub(crate) watched: Vec<String>,
}

impl Installation {
    /// What it calls that which is not in its own namespace: unique in the cluster, since a name of a
    /// namespace has no colon.
    fn unique(&self) -> String {
        format!("{}:{}", self.namespace, self.name)
    }
}

/// All roles and bindings, as YAML documents.
pub(crate) fn roles(installation: &Installation) -> String {
    let unique = installation.unique();
    let mut documents = Vec::new();
    if installation.watched.is_empty() {
        let mut rules = in_namespaces();
        rules.extend(in_cluster());
        documents.push(role(&Place::cluster(&unique), &rules));
        documents.push(binding(&Place::cluster(&unique), installation));
    }
    for namespace in &installation.watched {
        let place = Place::namespace(&unique, namespace);
        documents.push(role(&place, &in_namespaces()));
        documents.push(binding(&place, installation));
    }
    let own = format!("{}-leader-election", installation.name);
    let place = Place::namespace(&own, &installation.namespace);
    documents.push(role(&place, &of_leader_election(&installation.name)));
    documents.push(binding(&place, installation));
    // They are of the cluster, so who has only namespaces cannot make them.
    if installation.watched.is_empty() {
        let view = Place {
            aggregated: &["view", "edit", "admin"],
            ..Place::cluster(&format!("{unique}-view"))
        };
        documents.push(role(&view, &of_viewers()));
        let edit = Place {
            aggregated: &["edit", "admin"],
            ..Place::cluster(&format!("{unique}-edit"))
        };
        documents.push(role(&edit, &of_editors()));
    }
    documents.join("---\n")
}

/// Where a role is.
#[derive(Debug)]
struct Place {
    name: String,
    /// Absent: in the whole cluster.
    namespace: Option<String>,
    /// The roles of Kubernetes for people that it becomes a part of.
    aggregated: &'static [&'static str],
}

impl Place {
    fn cluster(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: None,
            aggregated: &[],
        }
    }

    fn namespace(name: &str, namespace: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            ..Self::cluster(name)
        }
    }

    fn kind(&self) -> &'static str {
        match self.namespace {
            None => "ClusterRole",
            Some(_) => "Role",
        }
    }

    /// The beginning of a document.
    fn head(&self, kind: &str) -> String {
        let Self {
            name,
            namespace,
            aggregated,
        } = self;
        let mut text = format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: {name}\n"
        );
        if let Some(namespace) = namespace {
            line(&mut text, format_args!("  namespace: {namespace}"));
        }
        if !aggregated.is_empty() {
            line(&mut text, format_args!("  labels:"));
        }
        for role in *aggregated {
            line(
                &mut text,
                format_args!("    rbac.authorization.k8s.io/aggregate-to-{role}: \"true\""),
            );
        }
        text
    }
}

fn role(place: &Place, rules: &[Rule]) -> String {
    let mut text = place.head(place.kind());
    line(&mut text, format_args!("rules:"));
    for rule in rules {
        write_rule(&mut text, rule);
    }
    text
}

/// The longest line of a comment.
const WIDTH: usize = 96;

fn write_rule(text: &mut String, rule: &Rule) {
    let Rule {
        why,
        group,
        resources,
        verbs,
        names,
    } = rule;
    let mut comment = String::new();
    for word in why.split_whitespace() {
        if comment.len() + word.len() > WIDTH {
            line(text, format_args!("  #{comment}"));
            comment.clear();
        }
        comment.push(' ');
        comment.push_str(word);
    }
    line(text, format_args!("  #{comment}"));
    // The group of what was there before there were groups has no name.
    let group = if group.is_empty() { "\"\"" } else { group };
    line(text, format_args!("  - apiGroups: [{group}]"));
    line(text, format_args!("    resources:"));
    for resource in resources {
        line(text, format_args!("      - {resource}"));
    }
    line(text, format_args!("    verbs: [{}]", verbs.join(", ")));
    if !names.is_empty() {
        line(
            text,
            format_args!("    resourceNames: [{}]", names.join(", ")),
        );
    }
}

/// To whom the role of the same name and place is given.
fn binding(place: &Place, installation: &Installation) -> String {
    let kind = place.kind();
    let mut text = place.head(&format!("{kind}Binding"));
    let Installation {
        namespace,
        service_account,
        ..
    } = installation;
    line(
        &mut text,
        format_args!(
            "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {kind}\n  name: {}",
            place.name
        ),
    );
    line(
        &mut text,
        format_args!(
            "subjects:\n  - kind: ServiceAccount\n    name: {service_account}\n    namespace: \
             {namespace}"
        ),
    );
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.push_str(&line.to_string());
    text.push('\n');
}
