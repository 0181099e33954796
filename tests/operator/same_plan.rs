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
        examples.push(applied(&laboratory, path)?);
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

/// With `management: Full` and `adoption: Refuse`, which are the defaults, where everything is on
/// the server and differs: nothing of it is changed, and the changes are those of the command line.
pub(crate) fn of_what_is_refused(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let server = laboratory.server().connection_string();
    let mut examples = Vec::new();
    for path in for_clusters()? {
        // What it renames is there under its former names only.
        if !path.ends_with("rename.yaml") {
            let path = path.to_string_lossy();
            iggyctl(&["apply", "--server", &server, "-f", &path, "--yes"])?;
        }
        examples.push(path);
    }
    change(&laboratory);
    former_names(&laboratory);
    let examples: Vec<Example> = examples
        .into_iter()
        .map(|path| applied(&laboratory, path))
        .collect::<Result<_, _>>()?;
    let found = compare(&laboratory, &examples)?;
    has(&found, "create (partitions: ")?;
    has(&found, "rename from stream/clients")?;
    has(&found, "update (messageExpiry: 5h → 14d)")?;
    if !found.iter().any(|(_, _, code)| code.is_some()) {
        return Err(format!("nothing is blocked: {found:?}").into());
    }
    // It is said of each object why it does not do it.
    let mut refused = 0;
    for object in examples.iter().flat_map(|example| &example.objects) {
        let status = &laboratory.get(object)?["status"];
        let lines = status["plan"]["changes"].to_string();
        refused += lines.matches("AdoptionRefused: ").count();
    }
    match refused {
        0..3 => Err(format!("{refused} lines say that they were refused").into()),
        _ => Ok(()),
    }
}

/// The objects of an example.
fn applied(laboratory: &Laboratory<'_>, path: PathBuf) -> Result<Example, Failure> {
    let arguments = ["apply", "-n", &laboratory.namespace, "-o", "name"];
    let arguments = [&arguments[..], &["-f", "-"]].concat();
    let said = laboratory
        .plane
        .succeed(&arguments, &rendered(&path)?)?
        .stdout;
    let objects = said.lines().map(str::to_owned).collect();
    Ok(Example { path, objects })
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
        // What nobody is refused is done meanwhile.
        let planned = || planned(laboratory, path);
        let is_so = || -> Result<bool, Failure> { Ok(said(laboratory, objects)? == planned()?) };
        let what = format!("{} is planned as on the command line", path.display());
        laboratory
            .until(&what, || is_so().is_ok_and(|it| it))
            .map_err(|error| {
                let (planned, said) = (planned(), said(laboratory, objects));
                format!("planned: {planned:#?}\nsaid: {said:#?}\n{error}")
            })?;
        all.extend(planned()?);
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

/// What stands before what was refused.
const REFUSED: [&str; 2] = ["AdoptionRefused: ", "Conflicted: "];

/// In the statuses of the objects, whose counts have to be those of the lines; without the word
/// that says that something was refused, since the command line refuses nothing.
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
        let refusal = |what: &str| REFUSED.into_iter().find(|word| what.starts_with(word));
        let is_done = |(_, what, code): &&Line| code.is_none() && refusal(what).is_none();
        let blocked = own.len() - own.iter().filter(is_done).count();
        let counts = [own.len() - blocked, blocked];
        let said = ["pending", "blocked"].map(|count| plan[count].as_u64().unwrap_or(0));
        if said != counts.map(|count| count as u64) {
            return Err(format!("{object}: {said:?} are not {counts:?}").into());
        }
        lines.extend(own.into_iter().map(|(address, what, code)| {
            let word = refusal(&what).unwrap_or_default();
            (address, what[word.len()..].to_owned(), code)
        }));
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
