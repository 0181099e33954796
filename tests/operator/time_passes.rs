//! The operator and its definitions are replaced by later ones, and watches expire.

use std::collections::BTreeMap;

use libtest_mimic::Trial;

use crate::control_plane::Failure;
use crate::definitions;
use crate::laboratory::Laboratory;
use crate::whole_cluster::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("upgraded_operators_write_nothing", upgraded),
        trial("expired_watches_are_begun_anew", expired),
    ]
}

fn stream(name: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {{ name: {name} }}\nspec: {{}}\n---\n"
    )
}

/// Of each kind, with passwords, and one that does not get what it declares.
const OBJECTS: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: svc, labels: { iggyctl.dev/watch: \"true\" } }\n\
     stringData: { password: not-secret-at-all }\n---\n\
     apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: nested }\n\
     spec: { streams: [{ name: upgraded, deletionPolicy: Delete, topics: [{ name: events, partitions: 2, consumerGroups: [billing] }] }] }\n---\n\
     apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: other }\nspec: { name: upgraded }\n---\n\
     apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopic\nmetadata: { name: topic }\nspec: { stream: upgraded, messageExpiry: 1h }\n---\n\
     apiVersion: iggyctl.dev/v1alpha1\nkind: IggyConsumerGroup\nmetadata: { name: group }\nspec: { stream: upgraded, topic: topic, deletionPolicy: Delete }\n---\n\
     apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: { name: svc-upgraded }\n\
     spec: { password: { secretKeyRef: { name: svc, key: password } }, permissions: { streams: [{ name: upgraded, preset: consumer }] } }\n";

/// The versions of all but what shows that rounds were turned: the object `round` and the server
/// object, which counts.
fn versions(laboratory: &Laboratory<'_>) -> Result<BTreeMap<String, String>, Failure> {
    let mut versions = laboratory.versions()?;
    versions.retain(|name, _| !name.contains("round") && !name.contains("IggyServer"));
    Ok(versions)
}

/// What is declared after all else and made, which takes one write: in a round with all else.
fn round(laboratory: &Laboratory<'_>, name: &str) -> Result<(), Failure> {
    laboratory.apply(&stream(name))?;
    laboratory.ready(&format!("igst/{name}"))?;
    Ok(())
}

fn upgraded(laboratory: &mut Laboratory<'static>) -> Result<(), Failure> {
    laboratory.enter_new("upgraded", "")?;
    laboratory.connect_server()?;
    laboratory.apply(OBJECTS)?;
    for object in [
        "igtopo/nested",
        "igt/topic",
        "igcg/group",
        "igu/svc-upgraded",
    ] {
        laboratory.ready(object)?;
    }
    laboratory.wait_for("igst/other", "Stalled", "True", "Conflicted")?;
    // One after the other: when the second one is made, the statuses of the first are written.
    round(laboratory, "round-1")?;
    round(laboratory, "round-2")?;
    let (writes, before) = (laboratory.writes(), versions(laboratory)?);
    laboratory.kill_operator();
    definitions::install_later(laboratory.plane)?;
    laboratory.start_operator()?;
    round(laboratory, "round-3")?;
    round(laboratory, "round-4")?;
    let after = versions(laboratory)?;
    let written = laboratory.writes() - writes;
    definitions::install(laboratory.plane)?;
    // What is new is made, and nothing else.
    match written == 2 && after == before && before.len() > 6 {
        true => Ok(()),
        false => Err(format!(
            "{written} writes; {before:#?} {after:#?}\n{}",
            laboratory.log()
        )
        .into()),
    }
}

/// While the operator stands still, the API server forgets what it would have told.
fn expired(laboratory: &mut Laboratory<'static>) -> Result<(), Failure> {
    laboratory.enter_new("expired", "")?;
    laboratory.connect_server()?;
    laboratory.apply(&[stream("kept"), stream("removed")].concat())?;
    for name in ["igst/kept", "igst/removed"] {
        laboratory.ready(name)?;
    }
    laboratory.wait("igs/default", "used by two", |it| {
        it["status"]["dependants"] == 2
    })?;
    let known = laboratory.log().len();
    laboratory.signal_operator("STOP")?;
    let meanwhile = || -> Result<(), Failure> {
        laboratory.kubectl(&["delete", "igst/removed", "--timeout=20s"])?;
        laboratory.patch("igst/kept", r#"{"spec":{"topics":[{"name":"meanwhile"}]}}"#)?;
        laboratory.plane.restart_api_server()
    };
    let result = meanwhile();
    // Whatever happens, it must not stand still for the other tests.
    laboratory.signal_operator("CONT")?;
    result?;
    laboratory.until("what was changed meanwhile is made", || {
        laboratory.has_topic("kept", "meanwhile")
    })?;
    laboratory.wait("igs/default", "used by one", |it| {
        it["status"]["dependants"] == 1
    })?;
    laboratory.apply(&stream("later"))?;
    laboratory.ready("igst/later")?;
    let log = laboratory.log();
    match log[known..].contains("too old resource version") {
        true => Ok(()),
        false => Err(format!("no watch expired: {}", &log[known..]).into()),
    }
}
