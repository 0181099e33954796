//! A topology as objects of a cluster: one for each stream and each user, so that no object
//! grows with the server, and each has its own status.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::document::{Document, each_document};
use super::render::{unprintable, value};
use super::variables::Variables;
use crate::api::v1alpha1::{API_VERSION, Adoption, IggyTopology, Kind};
use crate::diagnostic::{Diagnostics, SourceFile};

/// The most topics that stay in the object of their stream: with more, each is an object of its
/// own. The definition of the resource takes as many.
pub const MOST_TOPICS_IN_OBJECT: usize = 512;

/// The most groups that stay in the object of their topic; as with
/// [`MOST_TOPICS_IN_OBJECT`].
pub const MOST_GROUPS_IN_OBJECT: usize = 128;

/// What becomes of something that is no longer declared.
const POLICY: &str = "deletionPolicy";

/// The longest name of an object.
const MAX_OBJECT_NAME: usize = 253;

/// The objects that declare what the manifests do, as YAML that a cluster takes: an
/// `IggyTopology` is taken apart, other documents are left as they are. Each of them takes over
/// what is on the server already (`adoption: Adopt`).
///
/// Passwords are left out: where those of the command line come from, a cluster does not look.
///
/// # Errors
/// What keeps a document from having the shape of its kind.
pub fn to_objects(sources: &[SourceFile]) -> Result<String, Diagnostics> {
    let mut diagnostics = Vec::new();
    let mut documents = Vec::new();
    let variables = Variables::default();
    each_document(sources, &variables, &mut diagnostics, |document| {
        documents.push(document);
    });
    let diagnostics: Diagnostics = diagnostics.into_iter().collect();
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let mut objects = Objects::default();
    for document in documents {
        match document {
            Document::Topology(topology) => objects.topology(topology).map_err(unprintable)?,
            other => objects.objects.push(value(&other).map_err(unprintable)?),
        }
    }
    let texts = objects
        .objects
        .iter()
        .map(serde_saphyr::to_string)
        .collect::<Result<Vec<String>, _>>()
        .map_err(unprintable)?;
    Ok(texts.join("---\n"))
}

#[derive(Default)]
struct Objects {
    objects: Vec<Value>,
    /// Names that are taken.
    taken: BTreeSet<(Kind, String)>,
}

impl Objects {
    fn topology(&mut self, topology: IggyTopology) -> Result<(), serde_json::Error> {
        let policy = topology.spec.deletion_policy;
        for mut stream in topology.spec.streams.into_iter().flatten() {
            stream.deletion_policy = stream.deletion_policy.or(policy);
            self.stream(fields(&stream)?);
        }
        for mut user in topology.spec.users.into_iter().flatten() {
            user.deletion_policy = user.deletion_policy.or(policy);
            let mut user = fields(&user)?;
            user.remove("password");
            user.remove("previousPassword");
            self.add(Kind::IggyUser, &[], user);
        }
        Ok(())
    }

    fn stream(&mut self, mut stream: Map<String, Value>) {
        let name = text(&stream, "name");
        // What becomes an object of its own says itself what the one that it was in said.
        let policy_of = |fields: &Map<String, Value>| fields.get(POLICY).cloned();
        let policy = policy_of(&stream);
        let topics = list(&mut stream, "topics");
        let has_topics = topics.is_some();
        let mut inside = Vec::new();
        let mut alone = Vec::new();
        let mut groups = Vec::new();
        let topics = topics.unwrap_or_default();
        let are_many = topics.len() > MOST_TOPICS_IN_OBJECT;
        for topic in topics {
            let Value::Object(mut topic) = topic else {
                continue;
            };
            let is_crowded = topic
                .get("consumerGroups")
                .and_then(Value::as_array)
                .is_some_and(|groups| groups.len() > MOST_GROUPS_IN_OBJECT);
            if is_crowded {
                let of = text(&topic, "name");
                let policy = policy_of(&topic).or_else(|| policy.clone());
                let many = list(&mut topic, "consumerGroups").unwrap_or_default();
                let many = many.into_iter();
                groups.extend(many.map(|group| (of.clone(), group, policy.clone())));
            }
            if are_many {
                alone.push(topic);
            } else {
                inside.push(Value::Object(topic));
            }
        }
        if has_topics && !are_many {
            stream.insert("topics".to_owned(), Value::Array(inside));
        }
        self.add(Kind::IggyStream, &[], stream);
        for mut topic in alone {
            topic.insert("stream".to_owned(), json!(name));
            if let Some(policy) = &policy {
                topic.entry(POLICY).or_insert_with(|| policy.clone());
            }
            self.add(Kind::IggyTopic, &[&name], topic);
        }
        for (topic, group, policy) in groups {
            let spec = json!({ "stream": name, "topic": topic, "name": group });
            if let Value::Object(mut spec) = spec {
                if let Some(policy) = policy {
                    spec.insert(POLICY.to_owned(), policy);
                }
                self.add(Kind::IggyConsumerGroup, &[&name, &topic], spec);
            }
        }
    }

    /// Adds an object for what has its name on the server in its spec; `around` is what it is in.
    fn add(&mut self, kind: Kind, around: &[&str], mut spec: Map<String, Value>) {
        let name = text(&spec, "name");
        let mut path = around.to_vec();
        path.push(&name);
        let called = object_name(&path);
        let called = if self.taken.insert((kind, called.clone())) {
            called
        } else {
            // `a-b/c` and `a/b-c`.
            marked(&called, &path)
        };
        self.taken.insert((kind, called.clone()));
        if called == name {
            spec.remove("name");
        }
        spec.insert("adoption".to_owned(), json!(Adoption::Adopt));
        self.objects.push(json!({
            "apiVersion": API_VERSION,
            "kind": kind.as_str(),
            "metadata": { "name": called },
            "spec": spec,
        }));
    }
}

fn fields(value: &impl Serialize) -> Result<Map<String, Value>, serde_json::Error> {
    match serde_json::to_value(value)? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> String {
    fields
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn list(fields: &mut Map<String, Value>, name: &str) -> Option<Vec<Value>> {
    match fields.remove(name) {
        Some(Value::Array(items)) => Some(items),
        _ => None,
    }
}

/// A name that Kubernetes takes (RFC 1123): lower-case letters, digits, `-` and `.`. One that
/// had to be changed has a mark of the whole name, so that two do not become one.
fn object_name(path: &[&str]) -> String {
    let whole = path.join("-");
    if is_object_name(&whole) {
        return whole;
    }
    let fitting: String = whole
        .to_lowercase()
        .chars()
        .map(|character| match character {
            'a'..='z' | '0'..='9' | '-' => character,
            _ => '-',
        })
        .collect();
    marked(fitting.trim_matches('-'), path)
}

fn is_object_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_OBJECT_NAME
        && text.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|character| matches!(character, 'a'..='z' | '0'..='9' | '-'))
        })
}

fn marked(text: &str, path: &[&str]) -> String {
    let digest = Sha256::digest(path.join("\0"));
    let mut mark = String::new();
    for byte in digest.iter().take(4) {
        // Writing to a string cannot fail.
        let _ = write!(mark, "{byte:02x}");
    }
    // All of it is ASCII by now.
    let room = MAX_OBJECT_NAME - mark.len() - 1;
    let text = text
        .get(..room)
        .unwrap_or(text)
        .trim_end_matches(['-', '.']);
    if text.is_empty() {
        format!("x-{mark}")
    } else {
        format!("{text}-{mark}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::compile;

    fn objects_of(manifest: &str) -> String {
        to_objects(&[SourceFile::new("exported.yaml", manifest)]).unwrap()
    }

    /// What is declared, but for where and by which project; and for what a list that is there
    /// means for `--prune`, which objects do not do.
    fn declared(text: &str) -> Vec<String> {
        let sources = [SourceFile::new("manifest.yaml", text)];
        let mut compiled = compile(&sources, &Variables::default()).unwrap().state;
        compiled.project = None;
        let is_place = |line: &&str| {
            let field = line.trim_start().split(':').next();
            matches!(
                field,
                Some("line" | "column" | "topics_listed" | "groups_listed")
            )
        };
        let text = format!("{compiled:#?}");
        text.lines()
            .filter(|line| !is_place(line))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn the_objects_declare_the_same() {
        let manifest = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: exported }
spec:
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 3, messageExpiry: 7d, consumerGroups: [billing, audit] }
        - { name: Dead Letters, partitions: 1 }
    - name: Orders
    - name: a/b
      topics: [{ name: c }]
  users:
    - name: svc-orders
      status: active
      permissions:
        streams:
          - name: orders
            allow: [read_stream]
";
        let objects = objects_of(manifest);
        insta::assert_snapshot!(objects);
        assert_eq!(declared(&objects), declared(manifest));
    }

    #[test]
    fn what_is_too_much_for_one_object_is_several() {
        let mut manifest = String::from(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: big }\nspec:\n  \
             streams:\n    - name: many\n      topics:\n",
        );
        for topic in 0..=MOST_TOPICS_IN_OBJECT {
            writeln!(manifest, "        - {{ name: t-{topic} }}").unwrap();
        }
        manifest.push_str(
            "    - name: crowded\n      topics:\n        - name: t\n          consumerGroups:\n",
        );
        for group in 0..=MOST_GROUPS_IN_OBJECT {
            writeln!(manifest, "            - g-{group}").unwrap();
        }
        let objects = objects_of(&manifest);
        let count = |kind: &str| objects.matches(&format!("kind: {kind}\n")).count();
        assert_eq!(count("IggyStream"), 2);
        assert_eq!(count("IggyTopic"), MOST_TOPICS_IN_OBJECT + 1);
        assert_eq!(count("IggyConsumerGroup"), MOST_GROUPS_IN_OBJECT + 1);
        assert!(declared(&objects) == declared(&manifest));
    }

    /// Each object is on its own.
    #[test]
    fn what_a_topology_says_of_deletion_is_said_by_each_object() {
        let mut manifest = String::from(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: big }\nspec:\n  \
             deletionPolicy: Delete\n  users: [{ name: svc-a }]\n  streams:\n    \
             - { name: kept, deletionPolicy: Retain }\n    - name: many\n      topics:\n        \
             - { name: t-kept, deletionPolicy: Retain }\n",
        );
        for topic in 0..=MOST_TOPICS_IN_OBJECT {
            writeln!(manifest, "        - {{ name: t-{topic} }}").unwrap();
        }
        manifest.push_str(
            "    - name: crowded\n      topics:\n        - name: t\n          consumerGroups:\n",
        );
        for group in 0..=MOST_GROUPS_IN_OBJECT {
            writeln!(manifest, "            - g-{group}").unwrap();
        }
        let objects = objects_of(&manifest);
        let count = |policy: &str| objects.matches(&format!("{POLICY}: {policy}\n")).count();
        assert_eq!(count("Retain"), 2);
        // The user, two streams, and what became objects of its own.
        let alone = MOST_TOPICS_IN_OBJECT + 1 + MOST_GROUPS_IN_OBJECT + 1;
        assert_eq!(count("Delete"), 3 + alone);
    }

    #[test]
    fn no_password_is_looked_for() {
        let objects = objects_of(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: users }\nspec:\n  \
             users:\n    - { name: svc, status: active, password: { env: SVC_PASSWORD } }\n",
        );
        assert!(!objects.contains("PASSWORD"), "{objects}");
    }

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        for (path, name) in [
            (vec!["orders"], "orders"),
            (vec!["orders", "dead.letters"], "orders-dead.letters"),
        ] {
            assert_eq!(object_name(&path), name);
        }
        for path in [
            vec!["Orders"],
            vec!["orders "],
            vec!["Übung"],
            vec!["-"],
            vec!["a..b"],
            vec!["日本"],
        ] {
            let name = object_name(&path);
            assert!(is_object_name(&name), "{name}");
            assert_ne!(name, path[0]);
        }
        assert_ne!(object_name(&["Orders"]), object_name(&["ORDERS"]));
    }

    proptest! {
        #[test]
        fn every_name_has_one(text in "\\PC{1,300}") {
            prop_assert!(is_object_name(&object_name(&[&text])));
        }
    }
}
