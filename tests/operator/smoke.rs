//! Smoke tests of the operator.

use std::time::Duration;

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget, Misbehavior};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_smoke_test_of_a_server", of_a_server),
        trial("a_smoke_test_of_a_topology", of_a_topology),
        trial("a_smoke_test_says_what_does_not_work", fails),
        trial("a_smoke_test_ends_in_time_and_leaves_nothing", too_long),
        trial("a_smoke_test_killed_in_the_middle_is_run_again", killed),
    ]
}

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
fn of_a_server(plane: &ControlPlane) -> Result<(), Failure> {
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
fn of_a_topology(plane: &ControlPlane) -> Result<(), Failure> {
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

/// The server loses messages without saying so; once it does not, the test passes.
fn fails(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let loses = FaultPlan::none().misbehave(Misbehavior::LoseMessages, "iggyctl-smoke");
    laboratory.server().faults().set(loses);
    laboratory.apply(SERVER)?;
    let test = laboratory.wait_for("igsmoke/server", "Stalled", "True", "SmokeTestFailed")?;
    let failures = test["status"]["lastRun"]["failures"].to_string();
    if runs(&test)?.1 == 0 || !failures.contains("basic: ") || !failures.contains("expected") {
        return Err(format!("{test:#}").into());
    }
    if !laboratory.streams().is_empty() {
        return Err(format!("left behind: {:?}", laboratory.streams()).into());
    }
    laboratory.told("server", "SmokeTestFailed")?;
    laboratory.server().faults().clear();
    laboratory.look_again("igsmoke/server")?;
    laboratory.wait_for("igsmoke/server", "Ready", "True", "SmokeTestPassed")?;
    Ok(())
}

/// Whoever sends messages is answered only much later.
fn hang(laboratory: &Laboratory<'_>) {
    let slow = FaultKind::Delay(Duration::from_secs(60));
    let sends = FaultTarget::Command(codes::SEND_MESSAGES_CODE);
    let plan = FaultPlan::none().always(slow, sends);
    laboratory.server().faults().set(plan);
}

fn too_long(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    hang(&laboratory);
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggySmokeTest\nmetadata: { name: server }\n\
         spec: { scenarios: [basic], timeout: 2s }\n",
    )?;
    let test = laboratory.wait_for("igsmoke/server", "Stalled", "True", "SmokeTestFailed")?;
    let failures = test["status"]["lastRun"]["failures"].to_string();
    let streams = laboratory.streams();
    match failures.contains("not done within 2s") && streams.is_empty() {
        true => Ok(()),
        false => Err(format!("{failures} {streams:?}").into()),
    }
}

/// The status says that it is run; the operator that comes next runs it anew, and removes what is
/// there of the former run.
fn killed(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    hang(&laboratory);
    laboratory.apply(SERVER)?;
    laboratory.wait("igsmoke/server", "being run", |it| {
        it["status"]["conditions"].to_string().contains("it is run")
    })?;
    laboratory.until("messages are sent", || {
        laboratory
            .server()
            .requests()
            .count(codes::SEND_MESSAGES_CODE)
            > 0
    })?;
    // A run that is as young as this may only be starting, and is left alone by others.
    laboratory.until("the run is not young any more", || {
        let now = jiff::Timestamp::now().as_microsecond();
        let lease = laboratory.by_hand(async |root| root.get_streams().await.unwrap());
        let mut lease = lease
            .iter()
            .filter(|it| it.name.starts_with("iggyctl-smoke"));
        lease.all(|it| now > it.created_at.as_micros() as i64 + 6_000_000)
    })?;
    laboratory.kill_operator();
    let left = laboratory.streams();
    laboratory.server().faults().clear();
    laboratory.start_operator()?;
    let test = laboratory.wait_for("igsmoke/server", "Ready", "True", "SmokeTestPassed")?;
    let streams = laboratory.streams();
    match !left.is_empty() && streams.is_empty() && runs(&test)?.0 == 2 {
        true => Ok(()),
        false => Err(format!("{left:?} {streams:?} {test:#}").into()),
    }
}
