//! What `kubectl get` shows of each kind, and what objects can be selected by.

use std::collections::BTreeSet;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::chart::{iggyctl, parse};
use crate::control_plane::{ControlPlane, Failure, Said};
use crate::laboratory::Laboratory;
use crate::{trial, whole_cluster};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("kubectl_get_prints_the_columns_of_each_kind", are_printed),
        whole_cluster::trial(
            "kubectl_get_prints_the_columns_of_a_shared_server",
            of_a_shared_server,
        ),
        trial("objects_are_selected_by_their_fields", are_selected),
    ]
}

/// One of each kind, on one server.
pub(crate) const OBJECTS: &str = "\
apiVersion: v1
kind: Secret
metadata: { name: app, labels: { iggyctl.dev/watch: \"true\" } }
stringData: { password: password-of-app }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec: { serverRef: { kind: IggyServer, name: default }, streams: [{ name: shop }] }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: orders }
spec: { serverRef: { kind: IggyServer, name: default } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopic
metadata: { name: events }
spec: { serverRef: { kind: IggyServer, name: default }, stream: orders, partitions: 3 }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyConsumerGroup
metadata: { name: billing }
spec: { serverRef: { kind: IggyServer, name: default }, stream: orders, topic: events }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyUser
metadata: { name: app }
spec: { serverRef: { kind: IggyServer, name: default }, password: { secretKeyRef: { name: app, key: password } } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyAccessToken
metadata: { name: ci }
spec: { serverRef: { kind: IggyServer, name: default }, user: app, expiry: 30d, writeTo: { secretKeyRef: { name: app-ci, key: token } } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggySmokeTest
metadata: { name: works }
spec: { serverRef: { kind: IggyServer, name: default }, topologyRef: { name: shop } }
";

/// What makes the user one that cannot be made as it is declared.
pub(crate) const BLOCKED: &str =
    r#"{"spec":{"permissions":{"streams":[{"name":"nowhere","allow":["read_stream"]}]}}}"#;

/// The cells of a table of kubectl, which keeps its columns three blanks apart.
fn cells(line: &str) -> Vec<&str> {
    line.split("   ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect()
}

/// The heading, and the one row, without its age.
fn printed(laboratory: &Laboratory<'_>, arguments: &[&str]) -> Result<(String, String), Failure> {
    let text = laboratory.kubectl(&[&["get"], arguments].concat())?;
    let lines: Vec<&str> = text.lines().collect();
    let [heading, row] = lines.as_slice() else {
        return Err(text.into());
    };
    let mut row = cells(row);
    let is_age = |cell: &&str| cell.ends_with(['s', 'm']) && cell.starts_with(char::is_numeric);
    row.retain(|cell| !is_age(cell));
    Ok((cells(heading).join("|"), row.join("|")))
}

fn are_printed(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(OBJECTS)?;
    let address = format!("iggy://{}", laboratory.server().address());
    let server = laboratory.ready("igs/default")?;
    let version = server["status"]["serverVersion"].as_str();
    let version = version.ok_or("no version")?;
    let cases = [
        (
            "igs",
            "NAME|ADDRESS|VERSION|READY|REASON|AGE",
            format!("default|{address}|{version}|True|Applied"),
        ),
        (
            "igtopo",
            "NAME|SERVER|READY|REASON|AGE",
            "shop|default|True|Applied".to_owned(),
        ),
        (
            "igst",
            "NAME|SERVER|READY|REASON|AGE",
            "orders|default|True|Applied".to_owned(),
        ),
        (
            "igt",
            "NAME|SERVER|STREAM|PARTITIONS|READY|REASON|AGE",
            "events|default|orders|3|True|Applied".to_owned(),
        ),
        (
            "igcg",
            "NAME|SERVER|STREAM|TOPIC|READY|REASON|AGE",
            "billing|default|orders|events|True|Applied".to_owned(),
        ),
        (
            "igu",
            "NAME|SERVER|READY|REASON|AGE",
            "app|default|True|Applied".to_owned(),
        ),
        (
            "igat",
            "NAME|SERVER|USER|READY|REASON|AGE",
            "ci|default|app|True|Applied".to_owned(),
        ),
        (
            "igsmoke",
            "NAME|SERVER|TOPOLOGY|LAST RUN|READY|REASON|AGE",
            "works|default|shop|True|SmokeTestPassed".to_owned(),
        ),
    ];
    let mut names = BTreeSet::new();
    for (kind, heading, row) in &cases {
        let name = row.split('|').next().unwrap_or_default();
        names.insert(name);
        laboratory.wait(&format!("{kind}/{name}"), "ready", |found| {
            let conditions = found["status"]["conditions"].as_array();
            conditions
                .into_iter()
                .flatten()
                .any(|it| it["type"] == "Ready" && it["status"] == "True")
        })?;
        let found = printed(&laboratory, &[kind])?;
        if found != ((*heading).to_owned(), row.clone()) {
            return Err(format!("{kind}: {found:?}").into());
        }
        let (wide, _) = printed(&laboratory, &[kind, "-o", "wide"])?;
        if wide != heading.replace("|AGE", "|MESSAGE|AGE") {
            return Err(format!("{kind}: {wide}").into());
        }
    }
    // All kinds at once.
    let all = laboratory.kubectl(&["get", "iggy", "-o", "name"])?;
    let found: BTreeSet<&str> = all
        .lines()
        .filter_map(|line| line.split('/').next_back())
        .collect();
    if !names.is_subset(&found) {
        return Err(format!("get iggy: {all}").into());
    }
    // What is wrong is to be seen without a look at the whole object.
    laboratory.patch("igu/app", BLOCKED)?;
    laboratory.wait_for("igu/app", "Ready", "False", "Blocked")?;
    let (_, row) = printed(&laboratory, &["igu", "-o", "wide"])?;
    match row.starts_with("app|default|False|Blocked|user/app") {
        true => Ok(()),
        false => Err(row.into()),
    }
}

fn of_a_shared_server(laboratory: &mut Laboratory<'static>) -> Result<(), Failure> {
    laboratory.enter_new("columns", "")?;
    let address = laboratory.server().address();
    laboratory.apply(&format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: root, labels: {{ iggyctl.dev/watch: \"true\" }} }}\n\
         stringData: {{ username: iggy, password: iggy }}\n---\n\
         apiVersion: iggyctl.dev/v1alpha1\nkind: ClusterIggyServer\nmetadata: {{ name: columns }}\nspec:\n  \
         address: iggy://{address}\n  credentialsSecretRef: {{ namespace: columns, name: root }}\n"
    ))?;
    let server = laboratory.ready("cigs/columns")?;
    let version = server["status"]["serverVersion"].as_str();
    let version = version.ok_or("no version")?;
    let expected = (
        "NAME|ADDRESS|VERSION|READY|REASON|AGE".to_owned(),
        format!("columns|iggy://{address}|{version}|True|Applied"),
    );
    let found = printed(laboratory, &["cigs", "columns"])?;
    laboratory.kubectl(&["delete", "cigs/columns", "--timeout=20s"])?;
    match found == expected {
        true => Ok(()),
        false => Err(format!("{found:?}").into()),
    }
}

/// An object of a kind, which has this text in all its fields that objects are selected by.
fn object(kind: &str, text: &str) -> Value {
    let more = match kind {
        "IggyTopic" => json!({ "stream": text }),
        "IggyConsumerGroup" => json!({ "stream": text, "topic": text }),
        "IggyAccessToken" => json!({
            "user": text,
            "expiry": "30d",
            "writeTo": { "secretKeyRef": { "name": text, "key": "token" } },
        }),
        _ => json!({}),
    };
    let mut object = json!({
        "apiVersion": "iggyctl.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": text },
        "spec": more,
    });
    object["spec"]["serverRef"] = json!({ "kind": "IggyServer", "name": text });
    object
}

fn are_selected(plane: &ControlPlane) -> Result<(), Failure> {
    let namespace = plane.namespace()?;
    let mut tried = BTreeSet::new();
    for definition in parse(&iggyctl(&["operator", "crds"])?)? {
        let kind = definition["spec"]["names"]["kind"].as_str();
        let kind = kind.ok_or("no kind")?;
        let fields = definition["spec"]["versions"][0]["selectableFields"].as_array();
        let Some(fields) = fields else {
            continue;
        };
        for text in ["one", "another"] {
            let apply = ["apply", "-n", &namespace, "-f", "-"];
            plane.succeed(&apply, &object(kind, text).to_string())?;
        }
        let resource = definition["metadata"]["name"].as_str().ok_or("no name")?;
        let select = |selector: &str| {
            let arguments = ["get", resource, "-n", &namespace, "-o", "name"];
            let selector = format!("--field-selector={selector}");
            let selected = [&arguments[..], &[&selector]].concat();
            plane.kubectl(&selected, "").map(|it| Said::of(&it))
        };
        for field in fields {
            let field = field["jsonPath"].as_str().ok_or("no path")?;
            let field = field.trim_start_matches('.');
            for (selector, expected) in [
                (format!("{field}=one"), "/one\n"),
                (format!("{field}!=one"), "/another\n"),
                (format!("{field}=nobody"), ""),
            ] {
                let said = select(&selector)?;
                if !said.stdout.ends_with(expected)
                    || said.stdout.lines().count() != expected.lines().count()
                {
                    return Err(format!("{kind}, {selector}: {said:?}").into());
                }
            }
            tried.insert((kind.to_owned(), field.to_owned()));
        }
        let said = select("spec.management=Full")?;
        if !said.stderr.contains("field label not supported") {
            return Err(format!("{kind}: {said:?}").into());
        }
    }
    let by_server = tried.iter().filter(|(_, it)| it == "spec.serverRef.name");
    // All kinds but those of servers.
    match by_server.count() == 7 && tried.len() == 11 {
        true => Ok(()),
        false => Err(format!("only {tried:?}").into()),
    }
}
