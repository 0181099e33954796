//! What the operator is for: the rows of the table in the design that no other file is about.
//! All of them are called `need_…`.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure, Said};
use crate::laboratory::{ACCOUNT, Laboratory, iggyctl};
use crate::messages::{poll, send};
use crate::{trial, whole_cluster};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("need_deleting_what_holds_data_keeps_it", keeps_data),
        trial("need_immutable_fields_without_a_webhook", immutable),
        trial("need_secrets_are_watched_only_when_labelled", labelled),
        trial("need_a_dry_run_is_shown_in_status", dry_run),
        whole_cluster::trial("need_one_health_contract_for_all_kinds", health),
    ]
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {spec}\n---\n"
    )
}

fn keeps_data(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(
        &[
            object("IggyStream", "orders", "{ topics: [{ name: events }] }"),
            object("IggyTopic", "refunds", "{ stream: orders }"),
            object(
                "IggyTopology",
                "nested",
                "{ streams: [{ name: payments, topics: [{ name: captured }] }] }",
            ),
        ]
        .concat(),
    )?;
    let objects = ["igst/orders", "igt/refunds", "igtopo/nested"];
    for object in objects {
        laboratory.ready(object)?;
    }
    let topics = [
        ("orders", "events"),
        ("orders", "refunds"),
        ("payments", "captured"),
    ];
    let texts = ["first", "second", "third"];
    for (stream, topic) in topics {
        send(&laboratory, stream, topic, &texts);
    }
    for object in objects {
        laboratory.kubectl(&["delete", object, "--timeout=20s"])?;
    }
    // Nobody waits for it, so that nothing happens is known only after a round.
    laboratory.apply(&object("IggyStream", "later", "{}"))?;
    laboratory.ready("igst/later")?;
    laboratory.round("igst/later")?;
    for (stream, topic) in topics {
        let polled = poll(&laboratory, stream, topic);
        if polled != texts {
            return Err(format!("{stream}/{topic} has {polled:?}").into());
        }
    }
    Ok(())
}

/// Fields that a server takes only once: changed, added and taken away, by each way there is, with
/// nobody there but the API server.
fn immutable(plane: &ControlPlane) -> Result<(), Failure> {
    let namespace = plane.namespace()?;
    let topic = |more: &str| {
        object(
            "IggyTopic",
            "events",
            &format!("{{ stream: orders{more} }}"),
        )
    };
    let fields = [
        ("segmentSize", "256MiB", "512MiB"),
        ("durability", "replicated", "persisted"),
        ("messagesRequiredToSave", "100", "101"),
    ];
    for (field, value, other) in fields {
        let (plain, with, changed) = (
            topic(""),
            topic(&format!(", {field}: {value}")),
            topic(&format!(", {field}: {other}")),
        );
        let holds_to_it = |before: &str, after: &str| -> Result<(), Failure> {
            let start = [
                "delete",
                "igt/events",
                "--ignore-not-found",
                "-n",
                &namespace,
            ];
            plane.succeed(&start, "")?;
            plane.succeed(&["create", "-n", &namespace, "-f", "-"], before)?;
            for how in [
                &["replace"][..],
                &["apply", "--server-side", "--force-conflicts"],
            ] {
                // What is not said by server-side apply is left as it is.
                if how[0] == "apply" && after == plain {
                    continue;
                }
                let arguments = [how, &["-n", &namespace, "-f", "-"]].concat();
                let output = plane.kubectl(&arguments, after)?;
                let said = Said::of(&output);
                let words = format!("the server takes {field} only when it creates the topic");
                if output.status.success() || !said.stderr.contains(&words) {
                    return Err(format!("{how:?} {after}: {}{}", said.stdout, said.stderr).into());
                }
            }
            Ok(())
        };
        holds_to_it(&with, &changed)?;
        holds_to_it(&plain, &with)?;
        holds_to_it(&with, &plain)?;
    }
    let installed = [
        iggyctl(&["operator", "crds"])?,
        iggyctl(&["operator", "rbac", "--operator-namespace", "iggy"])?,
    ];
    match installed
        .iter()
        .any(|text| text.to_lowercase().contains("webhook"))
    {
        false => Ok(()),
        true => Err("something is a webhook".into()),
    }
}

const WITHOUT_LABEL: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: plain }\nstringData: { username: iggy, password: iggy }\n---\n\
     apiVersion: v1\nkind: Secret\nmetadata: { name: svc }\nstringData: { password: first-password }\n---\n";

/// The others are as good as not there, and each place where that matters says why; with the label
/// nobody has to ask for another round.
fn labelled(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(WITHOUT_LABEL)?;
    let user = "{ password: { secretKeyRef: { name: svc, key: password } } }";
    laboratory.apply(&object("IggyUser", "svc", user))?;
    let lacks_label = |object: &str| {
        laboratory.wait(object, "told of the label", |found| {
            let conditions = found["status"]["conditions"].to_string();
            conditions.contains("does not have the label iggyctl.dev/watch")
        })
    };
    lacks_label("igu/svc")?;
    if laboratory.lets_in("svc:first-password") {
        return Err("the password of a Secret without the label was used".into());
    }
    let label = |secret: &str, label: &str| {
        laboratory.kubectl(&["label", &format!("secret/{secret}"), label])
    };
    label("svc", "iggyctl.dev/watch=true")?;
    laboratory.ready("igu/svc")?;
    let plain = r#"{"spec":{"credentialsSecretRef":{"name":"plain"}}}"#;
    laboratory.patch("igs/default", plain)?;
    lacks_label("igs/default")?;
    laboratory.wait_for("igs/default", "Stalled", "True", "CredentialsMissing")?;
    label("plain", "iggyctl.dev/watch=true")?;
    laboratory.ready("igs/default")?;
    label("plain", "iggyctl.dev/watch-")?;
    laboratory.wait_for("igs/default", "Stalled", "True", "CredentialsMissing")?;
    // The API server wrote down what was asked of it.
    let asked = plane.asked_by(&laboratory.namespace, ACCOUNT)?;
    let mut watches = 0;
    for entry in &asked {
        let is_of_many = ["list", "watch"].contains(&entry["verb"].as_str().unwrap_or_default());
        if entry["objectRef"]["resource"] != "secrets" || !is_of_many {
            continue;
        }
        watches += 1;
        let address = entry["requestURI"].as_str().unwrap_or_default();
        if !address.contains("labelSelector=iggyctl.dev%2Fwatch%3Dtrue") {
            return Err(format!("Secrets without the label were asked for: {address}").into());
        }
    }
    match watches {
        0 => Err("Secrets are not watched at all".into()),
        _ => Ok(()),
    }
}

/// With `ObserveOnly` nothing is done, and with `Report` nothing that others did is undone: what
/// would be is in the status, its first lines and the counts of all.
fn dry_run(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.ready("igs/default")?;
    let topics: Vec<String> = (0..60)
        .map(|number| format!("{{ name: t{number} }}"))
        .collect();
    let topology = |policies: &str| {
        let topics = topics.join(", ");
        let spec = format!("{{ {policies}, streams: [{{ name: orders, topics: [{topics}] }}] }}");
        object("IggyTopology", "all", &spec)
    };
    let writes = laboratory.writes();
    laboratory.apply(&topology("management: ObserveOnly"))?;
    let shown = laboratory.wait_for("igtopo/all", "Drifted", "True", "DriftFound")?;
    let plan = |object: &Value| {
        let lines = object["status"]["plan"]["changes"]
            .as_array()
            .map_or(0, Vec::len);
        (lines, object["status"]["plan"]["pending"].as_i64())
    };
    if plan(&shown) != (50, Some(61)) || laboratory.writes() != writes {
        return Err(format!("{:#}", shown["status"]["plan"]).into());
    }
    laboratory.apply(&topology("management: Full, driftPolicy: Report"))?;
    let applied = laboratory.ready("igtopo/all")?;
    if !applied["status"]["plan"].is_null() || !laboratory.has_topic("orders", "t59") {
        return Err(format!("{:#}", applied["status"]).into());
    }
    laboratory.delete_topic_by_hand("orders", "t7");
    laboratory.look_again("igtopo/all")?;
    let drifted = laboratory.wait_for("igtopo/all", "Drifted", "True", "DriftFound")?;
    let line = &drifted["status"]["plan"]["changes"][0];
    match plan(&drifted) == (1, Some(1)) && line["address"] == "topic/orders/t7" {
        true => Ok(()),
        false => Err(format!("{:#}", drifted["status"]["plan"]).into()),
    }
}

/// Of each kind one, with what has to be there for it.
fn of_each_kind(address: &str) -> String {
    [
        "apiVersion: v1\nkind: Secret\nmetadata: { name: svc, labels: { iggyctl.dev/watch: \"true\" } }\n\
         stringData: { password: not-secret-at-all }\n---\n"
            .to_owned(),
        object(
            "ClusterIggyServer",
            "healthy",
            &format!(
                "{{ address: \"iggy://{address}\", credentialsSecretRef: {{ namespace: healthy, name: root }}, \
                 tenants: [{{ name: all, namespaceSelector: {{}}, names: [healthy-*] }}] }}"
            ),
        ),
        object("IggyTopology", "nested", "{ streams: [{ name: healthy-nested }] }"),
        object("IggyStream", "healthy", "{}"),
        object("IggyTopic", "topic", "{ stream: healthy }"),
        object("IggyConsumerGroup", "group", "{ stream: healthy, topic: topic }"),
        object(
            "IggyUser",
            "healthy-svc",
            "{ password: { secretKeyRef: { name: svc, key: password } } }",
        ),
        object(
            "IggyAccessToken",
            "token",
            "{ user: healthy-svc, writeTo: { secretKeyRef: { name: token, key: value } } }",
        ),
        object("IggySmokeTest", "smoke", "{ scenarios: [basic] }"),
        // Not all is well with this one.
        object("IggyStream", "loser", "{ name: healthy }"),
    ]
    .concat()
}

fn health(laboratory: &mut Laboratory<'static>) -> Result<(), Failure> {
    laboratory.enter_new("healthy", "")?;
    laboratory.connect_server()?;
    laboratory.apply(&of_each_kind(&laboratory.server().address().to_string()))?;
    let all = [
        ("iggyserver", "default", "Applied"),
        ("clusteriggyserver", "healthy", "Applied"),
        ("iggytopology", "nested", "Applied"),
        ("iggystream", "healthy", "Applied"),
        ("iggytopic", "topic", "Applied"),
        ("iggyconsumergroup", "group", "Applied"),
        ("iggyuser", "healthy-svc", "Applied"),
        ("iggyaccesstoken", "token", "Applied"),
        ("iggysmoketest", "smoke", "SmokeTestPassed"),
    ];
    for (kind, name, reason) in all {
        let object = format!("{kind}/{name}");
        let found = laboratory.wait_for(&object, "Ready", "True", reason)?;
        keeps_the_contract(&found, "Ready").map_err(|error| format!("{object}: {error}"))?;
        let shown = laboratory.kubectl(&["get", kind, name])?;
        if column(&shown, "READY") != "True" || column(&shown, "REASON") != reason {
            return Err(format!("{object} is shown as\n{shown}").into());
        }
    }
    let loser = laboratory.wait_for("iggystream/loser", "Stalled", "True", "Conflicted")?;
    keeps_the_contract(&loser, "Stalled")?;
    let shown = laboratory.kubectl(&["get", "iggystream", "loser"])?;
    let columns = [column(&shown, "READY"), column(&shown, "REASON")];
    if columns != ["False", "Conflicted"] {
        return Err(shown.into());
    }
    // All of them at once, as the category.
    let listed = laboratory.kubectl(&["get", "iggy", "-o", "name"])?;
    match all
        .iter()
        .find(|(kind, name, _)| !listed.contains(&format!("{kind}.iggyctl.dev/{name}")))
    {
        None => Ok(()),
        Some(missing) => Err(format!("{missing:?} is not among\n{listed}").into()),
    }
}

/// The first word of a column in the line below its title.
fn column<'a>(shown: &'a str, title: &str) -> &'a str {
    let mut lines = shown.lines();
    let start = lines.next().and_then(|titles| titles.find(title));
    let line = lines
        .next()
        .zip(start)
        .and_then(|(line, start)| line.get(start..));
    line.and_then(|rest| rest.split_whitespace().next())
        .unwrap_or_default()
}

/// The three conditions, each for the present generation; this one is true, and no other.
fn keeps_the_contract(object: &Value, holds: &str) -> Result<(), Failure> {
    let generation = &object["metadata"]["generation"];
    let conditions = object["status"]["conditions"].as_array();
    let conditions = conditions.ok_or("it has no conditions")?;
    for kind in ["Ready", "Reconciling", "Stalled"] {
        let mut of_kind = conditions.iter().filter(|it| it["type"] == kind);
        let (Some(condition), None) = (of_kind.next(), of_kind.next()) else {
            return Err(format!("not one {kind}: {conditions:?}").into());
        };
        let status = if kind == holds { "True" } else { "False" };
        let changed = condition["lastTransitionTime"].as_str().unwrap_or_default();
        if condition["status"] != status
            || condition["observedGeneration"] != *generation
            || condition["reason"].as_str().is_none_or(str::is_empty)
            || !condition["message"].is_string()
            || changed.parse::<jiff::Timestamp>().is_err()
        {
            return Err(format!("{condition:#}").into());
        }
    }
    match object["status"]["observedGeneration"] == *generation {
        true => Ok(()),
        false => Err(format!("it has seen {}", object["status"]["observedGeneration"]).into()),
    }
}
