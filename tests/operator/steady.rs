//! What an object is like while nothing is wrong with it, or nothing may be changed.

use iggy::prelude::*;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::tokens::{USER, token};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "need_unchanged_in_steady_state_writes_nothing",
            writes_nothing,
        ),
        trial("steady_reads_grow_with_streams_not_with_objects", reads),
        trial(
            "steady_observe_only_shows_the_plan_and_changes_nothing",
            observe_only,
        ),
        trial(
            "need_changed_behind_its_back_is_corrected_and_told",
            corrected,
        ),
        trial("steady_drift_policy_report_shows_and_leaves", report),
        trial("steady_create_only_leaves_what_is_there", create_only),
        trial("steady_paused_is_left_alone", paused),
        trial(
            "steady_an_invalid_spec_is_said_and_changes_nothing",
            invalid,
        ),
        trial("steady_what_cannot_be_changed_is_blocked", blocked),
        trial(
            "steady_partially_conflicted_reconciles_the_rest",
            partially_conflicted,
        ),
    ]
}

fn topology(more: &str, topics: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: all }}\nspec:\n  \
         {more}\n  streams:\n    - name: orders\n      topics:\n{topics}"
    )
}

/// With what it holds deleted as it goes.
fn deleting(topics: &str) -> String {
    let stream = "    - name: orders\n";
    let with_policy = format!("{stream}      deletionPolicy: Delete\n");
    topology("interval: 1h", topics).replace(stream, &with_policy)
}

const EVENTS: &str = "        - { name: events, partitions: 2, consumerGroups: [billing] }\n";

/// Lines of the plan, by address.
fn plan(object: &Value) -> Vec<String> {
    let lines = object["status"]["plan"]["changes"].as_array();
    let lines = lines.into_iter().flatten();
    lines
        .map(|line| format!("{} {}", line["address"], line["summary"]))
        .collect()
}

fn delete_events(laboratory: &Laboratory<'_>) {
    laboratory.by_hand(async |root| {
        let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
        root.delete_topic(&orders.unwrap(), &events.unwrap())
            .await
            .unwrap();
    });
}

/// As many as ten minutes have of the shortest interval that there is, ten seconds; of the usual
/// one, five minutes, these are five hours.
const INTERVALS: usize = 60;

/// Round after round nothing is written, to neither side.
fn stays(laboratory: &Laboratory<'_>, object: &str) -> Result<(), Failure> {
    stays_while(laboratory, object, || {
        for _ in 0..4 {
            laboratory.round(object)?;
        }
        Ok(())
    })
}

fn stays_while(
    laboratory: &Laboratory<'_>,
    object: &str,
    rounds: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    laboratory.round(object)?;
    let (writes, versions) = (laboratory.writes(), laboratory.versions()?);
    let written = laboratory.writes_to_kubernetes()?;
    rounds()?;
    let written_since = laboratory.writes_to_kubernetes()? - written;
    if written == 0 || written_since > 0 {
        let log = laboratory.log();
        return Err(format!("{written_since} writes to Kubernetes after {written}\n{log}").into());
    }
    let mut after = laboratory.versions()?;
    let mut before = versions;
    // That somebody asked for a round is written in it.
    for versions in [&mut before, &mut after] {
        let name = object.rsplit('/').next().unwrap_or_default();
        versions.retain(|key, _| !(key.contains("Topology") && key.contains(name)));
    }
    if laboratory.writes() != writes || after != before {
        let log = laboratory.log();
        let writes = (writes, laboratory.writes());
        return Err(format!("{writes:?} {before:#?} {after:#?}\n{log}").into());
    }
    Ok(())
}

/// Every kind, and some that are stalled.
fn writes_nothing(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let more = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: first }\nspec:\n  \
         deletionPolicy: Delete\n---\n\
         apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopic\nmetadata: { name: topic }\nspec: { stream: first }\n---\n\
         apiVersion: iggyctl.dev/v1alpha1\nkind: IggyConsumerGroup\nmetadata: { name: group }\nspec: { stream: first, topic: topic }\n---\n\
         apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: second }\nspec: { name: first }\n---\n";
    laboratory.apply(more)?;
    laboratory.ready("igcg/group")?;
    laboratory.wait_for("igst/second", "Stalled", "True", "Conflicted")?;
    laboratory.by_hand(async |root| {
        root.create_stream("theirs").await.unwrap();
    });
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: theirs }\nspec: {}\n",
    )?;
    laboratory.wait_for("igst/theirs", "Stalled", "True", "AdoptionRefused")?;
    laboratory.apply(&[USER, &token("expiry: 30d")].concat())?;
    laboratory.ready("igat/ci")?;
    laboratory.apply(&topology("interval: 1h", EVENTS))?;
    let asked = laboratory.ready("igtopo/all")?;
    stays_while(&laboratory, "igtopo/all", || {
        for _ in 0..INTERVALS {
            laboratory.interval()?;
        }
        Ok(())
    })?;
    let after = laboratory.get("igtopo/all")?;
    match asked["status"] == after["status"] {
        true => Ok(()),
        false => Err(format!("{:#} {:#}", asked["status"], after["status"]).into()),
    }
}

/// How many requests a round makes. Those that are counted first and last are cut off somewhere,
/// which is little of all.
fn requests_of_a_round(laboratory: &Laboratory<'_>) -> Result<u64, Failure> {
    const ROUNDS: u64 = 30;
    laboratory.interval()?;
    laboratory.server().requests().reset();
    for _ in 0..ROUNDS {
        laboratory.interval()?;
    }
    let total = laboratory.server().requests().total();
    Ok((total + ROUNDS / 2) / ROUNDS)
}

fn reads(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let object = |kind: &str, name: &str, spec: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\n\
             spec: {{ {spec} }}\n---\n"
        )
    };
    let add = |kind: &str, names: std::ops::Range<usize>, spec: &str| -> Result<u64, Failure> {
        let names: Vec<String> = names
            .map(|it| format!("{}-{it}", kind.to_lowercase()))
            .collect();
        let all: Vec<String> = names.iter().map(|name| object(kind, name, spec)).collect();
        laboratory.apply(&all.concat())?;
        for name in &names {
            laboratory.ready(&format!("{kind}/{name}"))?;
        }
        requests_of_a_round(&laboratory)
    };
    let stream = add("IggyStream", 0..1, "")?;
    let topic = add("IggyTopic", 0..1, "stream: iggystream-0")?;
    let topics = add("IggyTopic", 1..20, "stream: iggystream-0")?;
    let streams = add("IggyStream", 1..4, "")?;
    // Topics are in the answer about their stream, and there is one answer for each stream.
    match topic == stream && topics == stream && streams == stream + 3 {
        true => Ok(()),
        false => Err(format!("{stream}, {topic}, {topics}, {streams}").into()),
    }
}

fn observe_only(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let before = laboratory.writes();
    laboratory.apply(&topology("management: ObserveOnly", EVENTS))?;
    let object = laboratory.wait_for("igtopo/all", "Drifted", "True", "DriftFound")?;
    let lines = plan(&object);
    if lines.len() != 3 || !lines.iter().all(|line| line.contains("create")) {
        return Err(format!("{lines:?}").into());
    }
    if object["status"]["claims"]
        .as_array()
        .is_some_and(|claims| !claims.is_empty())
    {
        return Err("who only looks holds nothing".into());
    }
    stays(&laboratory, "igtopo/all")?;
    match laboratory.writes() == before {
        true => Ok(()),
        false => Err("something was changed".into()),
    }
}

fn corrected(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&topology("interval: 10s", EVENTS))?;
    laboratory.ready("igtopo/all")?;
    delete_events(&laboratory);
    // Nobody asks: the interval finds it.
    let note = laboratory.told("all", "DriftCorrected")?;
    if !laboratory.has_topic("orders", "events") || !note.contains("orders/events") {
        return Err(note.into());
    }
    laboratory.ready("igtopo/all")?;
    Ok(())
}

fn report(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&topology("driftPolicy: Report", EVENTS))?;
    laboratory.ready("igtopo/all")?;
    delete_events(&laboratory);
    laboratory.annotate("igtopo/all", "reconcile-requested-at=now")?;
    let object = laboratory.wait_for("igtopo/all", "Drifted", "True", "DriftFound")?;
    let lines = plan(&object);
    if !lines
        .iter()
        .any(|line| line.contains("topic/orders/events") && line.contains("create"))
    {
        return Err(format!("{lines:?}").into());
    }
    stays(&laboratory, "igtopo/all")?;
    laboratory.told("all", "DriftFound")?;
    if laboratory.has_topic("orders", "events") {
        return Err("it was corrected".into());
    }
    // What the spec changes is not drift.
    let more = format!("{EVENTS}        - {{ name: more }}\n");
    laboratory.apply(&topology("driftPolicy: Report", &more))?;
    laboratory.ready("igtopo/all")?;
    match laboratory.has_topic("orders", "more") {
        true => Ok(()),
        false => Err("a change of the spec was not applied".into()),
    }
}

fn create_only(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&topology("management: CreateOnly", EVENTS))?;
    laboratory.ready("igtopo/all")?;
    let writes = laboratory.writes();
    let three = EVENTS.replace("partitions: 2", "partitions: 3");
    laboratory.apply(&topology("management: CreateOnly", &three))?;
    let object = laboratory.ready("igtopo/all")?;
    let lines = plan(&object);
    if laboratory.writes() != writes || lines.len() != 1 || !lines[0].contains("partitions") {
        return Err(format!("{lines:?}").into());
    }
    let more = format!("{three}        - {{ name: more }}\n");
    laboratory.apply(&topology("management: CreateOnly", &more))?;
    laboratory.until("what is missing is created", || {
        laboratory.has_topic("orders", "more")
    })?;
    // And what was deleted by hand.
    delete_events(&laboratory);
    laboratory.annotate("igtopo/all", "reconcile-requested-at=now")?;
    laboratory.until("it is created again", || {
        laboratory.has_topic("orders", "events")
    })
}

fn paused(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&deleting(EVENTS))?;
    laboratory.ready("igtopo/all")?;
    laboratory.annotate("igtopo/all", "pause=true")?;
    laboratory.wait_for("igtopo/all", "Stalled", "True", "Paused")?;
    delete_events(&laboratory);
    let writes = laboratory.writes();
    laboratory.apply(&deleting("        - { name: other }\n"))?;
    laboratory.wait_for("igtopo/all", "Stalled", "True", "Paused")?;
    // Deleted, too, it stays, with all that it holds.
    laboratory.delete("igtopo/all")?;
    laboratory.annotate("igs/default", "reconcile-requested-at=now")?;
    laboratory.wait_for("igtopo/all", "Stalled", "True", "Paused")?;
    stays(&laboratory, "igtopo/all")?;
    if laboratory.writes() != writes {
        return Err("a paused object changed something".into());
    }
    laboratory.annotate("igtopo/all", "pause=false")?;
    laboratory.gone("igtopo/all")?;
    match laboratory.stream_id("orders") {
        None => Ok(()),
        Some(_) => Err("it was not deleted".into()),
    }
}

fn invalid(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&deleting(EVENTS))?;
    laboratory.ready("igtopo/all")?;
    let writes = laboratory.writes();
    // The schema counts characters, a server bytes.
    let name = "é".repeat(150);
    let more = format!("{EVENTS}        - {{ name: {name} }}\n");
    laboratory.apply(&deleting(&more))?;
    let object = laboratory.wait_for("igtopo/all", "Stalled", "True", "InvalidSpec")?;
    laboratory.told("all", "InvalidSpec")?;
    if object["status"]["claims"].as_array().map(Vec::len) != Some(3) {
        return Err(format!("what it holds was forgotten: {:#}", object["status"]).into());
    }
    stays(&laboratory, "igtopo/all")?;
    if laboratory.writes() != writes {
        return Err("something was changed".into());
    }
    // As it is, it can be deleted, with what it holds.
    laboratory.delete("igtopo/all")?;
    laboratory.gone("igtopo/all")?;
    match laboratory.stream_id("orders") {
        None => Ok(()),
        Some(_) => Err("it was not deleted".into()),
    }
}

fn blocked(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.by_hand(async |root| {
        let orders = root.create_stream("orders").await.unwrap();
        let stream = Identifier::numeric(orders.id).unwrap();
        let options = TopicCreateOptions {
            partitions_count: Some(4),
            ..TopicCreateOptions::default()
        };
        root.create_topic(&stream, "events", &options)
            .await
            .unwrap();
    });
    laboratory.apply(&topology("adoption: Adopt", EVENTS))?;
    let object = laboratory.wait_for("igtopo/all", "Stalled", "True", "Blocked")?;
    laboratory.told("all", "Blocked")?;
    let line = &object["status"]["plan"]["changes"][0];
    if object["status"]["plan"]["blocked"] != 1 || !line["code"].is_string() {
        return Err(format!("{:#}", object["status"]).into());
    }
    stays(&laboratory, "igtopo/all")?;
    // With the word for it, it loses two of them.
    let shrink = EVENTS.replace("partitions: 2", "partitions: 2, allowPartitionShrink: true");
    laboratory.apply(&topology("adoption: Adopt", &shrink))?;
    laboratory.ready("igtopo/all")?;
    Ok(())
}

fn partially_conflicted(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: orders }\nspec: { topics: [{ name: events }] }\n",
    )?;
    laboratory.ready("igst/orders")?;
    let more = format!("{EVENTS}        - {{ name: more }}\n");
    laboratory.apply(&deleting(&more))?;
    let object = laboratory.wait_for("igtopo/all", "Conflicted", "True", "PartiallyConflicted")?;
    if !laboratory.has_topic("orders", "more") {
        return Err("the rest was not reconciled".into());
    }
    let message = object["status"]["conditions"].to_string();
    if !message.contains("IggyStream") || !message.contains("/orders") {
        return Err(format!("it does not say who: {message}").into());
    }
    // It goes, with what is its own and nothing else.
    laboratory.delete("igtopo/all")?;
    laboratory.gone("igtopo/all")?;
    match laboratory.has_topic("orders", "events") && !laboratory.has_topic("orders", "more") {
        true => Ok(()),
        false => Err("not what was its own was deleted".into()),
    }
}
