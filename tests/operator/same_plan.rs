//! The same manifest gives the same changes by `iggyctl plan` and in `status.plan`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use iggy::prelude::*;
use iggyctl_core::render::{ChangeReport, ChangeVerb, PlanReport};
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::examples::{for_clusters, rendered};
use crate::laboratory::{Laboratory, iggyctl};

/// What is to be changed, or is blocked: the address, what about it, and the code of what is
/// blocked.
type Line = (String, String, Option<String>);

/// An example, and the objects that it became.
struct Example {
    path: PathBuf,
    objects: Vec<String>,
}

/// On an empty server, on one that is as declared, and on one that somebody changed since.
pub(crate) fn of_every_example(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    // So that the manifests themselves stay as they are.
    let observes = r#"{"spec":{"defaults":{"management":"ObserveOnly"}}}"#;
    laboratory.patch("igs/default", observes)?;
    former_names(&laboratory);
    let mut examples = Vec::new();
    for path in for_clusters()? {
        let arguments = ["apply", "-n", &laboratory.namespace, "-o", "name"];
        let arguments = [&arguments[..], &["-f", "-"]].concat();
        let said = plane.succeed(&arguments, &rendered(&path)?)?.stdout;
        let objects = said.lines().map(str::to_owned).collect();
        examples.push(Example { path, objects });
    }
    let found = compare(&laboratory, &examples)?;
    has(&found, "create (partitions: 4")?;
    has(&found, "rename from stream/clients")?;
    let server = laboratory.server().connection_string();
    for example in &examples {
        let path = example.path.to_string_lossy();
        iggyctl(&["apply", "--server", &server, "-f", &path, "--yes"])?;
    }
    let found = compare(&laboratory, &examples)?;
    if !found.is_empty() {
        return Err(format!("something differs from what was applied: {found:?}").into());
    }
    change(&laboratory);
    let found = compare(&laboratory, &examples)?;
    has(&found, "update (messageExpiry: 5h → 14d)")?;
    has(&found, "create")?;
    match found.iter().any(|(_, _, code)| code.is_some()) {
        true => Ok(()),
        false => Err(format!("nothing is blocked: {found:?}").into()),
    }
}

fn has(found: &BTreeSet<Line>, start: &str) -> Result<(), Failure> {
    match found.iter().any(|(_, what, _)| what.starts_with(start)) {
        true => Ok(()),
        false => Err(format!("nothing is to be changed so: {start}: {found:?}").into()),
    }
}

/// Compares both plans of each example, and returns all that is in them.
fn compare(laboratory: &Laboratory<'_>, examples: &[Example]) -> Result<BTreeSet<Line>, Failure> {
    let mut all = BTreeSet::new();
    laboratory.annotate(
        "igs/default",
        &format!("reconcile-requested-at={}", uuid::Uuid::now_v7()),
    )?;
    for Example { path, objects } in examples {
        let planned = planned(laboratory, path)?;
        let is_so = || -> Result<bool, Failure> { Ok(said(laboratory, objects)? == planned) };
        let what = format!("{} is planned as on the command line", path.display());
        laboratory
            .until(&what, || is_so().is_ok_and(|it| it))
            .map_err(|error| {
                let said = said(laboratory, objects);
                format!("planned: {planned:#?}\nsaid: {said:#?}\n{error}")
            })?;
        all.extend(planned);
    }
    Ok(all)
}

/// By the command line.
fn planned(laboratory: &Laboratory<'_>, path: &Path) -> Result<BTreeSet<Line>, Failure> {
    let server = laboratory.server().connection_string();
    let output = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
        .args(["plan", "--server", &server, "-o", "json", "-f"])
        .arg(path)
        .env_clear()
        .output()?;
    // What is blocked makes it fail, and is in the report all the same.
    let report: PlanReport = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let blocked = report.blocked.iter().map(|line| {
        let code = Some(line.reason.code());
        (line.address.to_string(), line.why(), code)
    });
    let changes = report.changes.iter();
    let changes = changes.filter(|change| change.verb != ChangeVerb::Blocked);
    let lines: Vec<Line> = changes.map(in_words).chain(blocked).collect();
    let count = lines.len();
    let lines: BTreeSet<Line> = lines.into_iter().collect();
    match lines.len() == count {
        true => Ok(lines),
        false => Err(format!("{}: two lines are the same", path.display()).into()),
    }
}

fn in_words(change: &ChangeReport) -> Line {
    let verb = serde_json::to_value(change.verb).unwrap();
    let mut text = verb.as_str().unwrap().to_owned();
    if let Some(previous) = &change.previous {
        text.push_str(&format!(" from {previous}"));
    }
    let attributes = change.attributes.iter();
    let attributes = attributes.map(|attribute| {
        let from = attribute.from.iter().map(|from| format!("{from} → "));
        let from: String = from.collect();
        format!("{}: {from}{}", attribute.name, attribute.to)
    });
    let attributes: Vec<String> = attributes.collect();
    if !attributes.is_empty() {
        text.push_str(&format!(" ({})", attributes.join(", ")));
    }
    (change.address.to_string(), text, None)
}

/// In the statuses of the objects, whose counts have to be those of the lines.
fn said(laboratory: &Laboratory<'_>, objects: &[String]) -> Result<BTreeSet<Line>, Failure> {
    let mut lines = BTreeSet::new();
    for object in objects {
        let plan = &laboratory.get(object)?["status"]["plan"];
        let changes = plan["changes"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let own: Vec<Line> = changes
            .filter_map(|line| {
                Some((
                    text(&line["address"])?,
                    text(&line["summary"])?,
                    text(&line["code"]),
                ))
            })
            .collect();
        let blocked = own.iter().filter(|(_, _, code)| code.is_some()).count();
        let counts = [own.len() - blocked, blocked];
        let said = ["pending", "blocked"].map(|count| plan[count].as_u64().unwrap_or(0));
        if said != counts.map(|count| count as u64) {
            return Err(format!("{object}: {said:?} are not {counts:?}").into());
        }
        lines.extend(own);
    }
    Ok(lines)
}

/// What `rename.yaml` finds under other names.
fn former_names(laboratory: &Laboratory<'_>) {
    laboratory.by_hand(async |root| {
        let clients = root.create_stream("clients").await.unwrap();
        let clients = Identifier::numeric(clients.id).unwrap();
        for topic in ["signups", "leads"] {
            let options = TopicCreateOptions {
                partitions_count: Some(1),
                ..TopicCreateOptions::default()
            };
            root.create_topic(&clients, topic, &options).await.unwrap();
        }
    });
}

/// Of each stream the first topic is altered, with more partitions than declared, and the last
/// one is deleted.
fn change(laboratory: &Laboratory<'_>) {
    laboratory.by_hand(async |root| {
        for stream in root.get_streams().await.unwrap() {
            let stream = Identifier::numeric(stream.id).unwrap();
            let topics = root.get_topics(&stream).await.unwrap();
            let mut topics = topics.iter();
            let Some(first) = topics.next() else {
                continue;
            };
            let topic = Identifier::numeric(first.id).unwrap();
            let options = TopicUpdateOptions {
                message_expiry: Some(IggyExpiry::ExpireDuration("5h".parse().unwrap())),
                ..TopicUpdateOptions::default()
            };
            root.update_topic(&stream, &topic, &first.name, &options)
                .await
                .unwrap();
            root.create_partitions(&stream, &topic, 2).await.unwrap();
            if let Some(last) = topics.next_back() {
                let topic = Identifier::numeric(last.id).unwrap();
                root.delete_topic(&stream, &topic).await.unwrap();
            }
        }
    });
}
