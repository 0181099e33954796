//! Smoke tests of the operator.

use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;

const SERVER: &str = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggySmokeTest\nmetadata: { name: server }\n\
                      spec: { scenarios: [basic, getting-started] }\n";

fn runs(object: &Value) -> Result<(i64, i64, String), Failure> {
    let run = &object["status"]["lastRun"];
    let number = |field: &str| run[field].as_i64().ok_or(format!("no {field}: {object:#}"));
    let subject = run["subject"].as_str().unwrap_or_default();
    Ok((number("passed")?, number("failed")?, subject.to_owned()))
}

/// Of the server: run once, run again when its own spec changes or somebody asks; what it made
/// is removed. A scenario that is not there is a failure that is said.
pub(crate) fn of_a_server(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(SERVER)?;
    let test = laboratory.wait_for("igsmoke/server", "Ready", "True", "SmokeTestPassed")?;
    let (passed, failed, subject) = runs(&test)?;
    if (passed, failed) != (2, 0) || !subject.contains("version") {
        return Err(format!("{test:#}").into());
    }
    let streams = laboratory.streams();
    if !streams.is_empty() {
        return Err(format!("left behind: {streams:?}").into());
    }
    let first = test["status"]["lastRun"].clone();
    // It is not run again without a reason; the server was looked at again meanwhile.
    // Times of a status are to the second.
    let finished = first["finishedAt"].as_str().unwrap_or_default();
    let finished: jiff::Timestamp = finished.parse()?;
    laboratory.wait("igsmoke/server", "a second old", |_| {
        jiff::Timestamp::now().as_second() > finished.as_second()
    })?;
    laboratory.look_again("igs/default")?;
    laboratory.look_again("igsmoke/server")?;
    let again = laboratory.wait("igsmoke/server", "run again", |it| {
        it["status"]["lastRun"] != first && it["status"]["conditions"][0]["status"] == "True"
    })?;
    if runs(&again)?.0 != 2 {
        return Err(format!("{again:#}").into());
    }
    laboratory.apply(&SERVER.replace("getting-started", "nowhere"))?;
    let test = laboratory.wait_for("igsmoke/server", "Stalled", "True", "SmokeTestFailed")?;
    let failures = test["status"]["lastRun"]["failures"].to_string();
    match failures.contains("there is no scenario `nowhere`") {
        true => Ok(()),
        false => Err(failures.into()),
    }
}

/// Of a topology: each time that it was applied; what does not work is said.
pub(crate) fn of_a_topology(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggySmokeTest\nmetadata: { name: shop }\n\
         spec: { topologyRef: { name: shop }, timeout: 1m }\n",
    )?;
    laboratory.wait("igsmoke/shop", "waiting", |it| {
        it["status"]["conditions"]
            .to_string()
            .contains("there is no IggyTopology")
    })?;
    let topology = |partitions: u32| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: shop }}\n\
             spec:\n  streams: [{{ name: carts, topics: [{{ name: events, partitions: {partitions}, \
             consumerGroups: [billing] }}] }}]\n"
        )
    };
    laboratory.apply(&topology(1))?;
    let test = laboratory.wait_for("igsmoke/shop", "Ready", "True", "SmokeTestPassed")?;
    let (passed, failed, first) = runs(&test)?;
    if passed == 0 || failed != 0 || !first.contains("generation 1") {
        return Err(format!("{test:#}").into());
    }
    laboratory.apply(&topology(2))?;
    let test = laboratory.wait("igsmoke/shop", "run again", |it| {
        it["status"]["lastRun"]["subject"]
            .as_str()
            .is_some_and(|subject| subject.contains("generation 2"))
    })?;
    if runs(&test)?.1 != 0 {
        return Err(format!("{test:#}").into());
    }
    // Events say it, too.
    let events = laboratory.kubectl(&["get", "events.events.k8s.io", "-o", "json"])?;
    match events.contains("SmokeTestPassed") && laboratory.streams() == ["carts"] {
        true => Ok(()),
        false => Err(format!("{:?} {events}", laboratory.streams()).into()),
    }
}
