//! A server written down as objects: the API server takes them, and they declare what is there.

use std::fs;
use std::process::Command;

use crate::control_plane::{ControlPlane, Failure, repository};
use crate::laboratory::Laboratory;
use crate::messages::{poll, send};

/// A server in a folder, with what an example declares.
pub(crate) fn becomes_objects(plane: &ControlPlane) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let run = |arguments: &[&str]| -> Result<String, Failure> {
        let output = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
            .args(arguments)
            .args(["--server", "embedded:server"])
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{arguments:?}: {} {said}", output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    };
    fs::copy(
        repository("examples/granular.yaml"),
        folder.path().join("example.yaml"),
    )?;
    // A name that no object can have.
    fs::write(
        folder.path().join("more.yaml"),
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: more }\n\
         spec:\n  name: Dead Letters\n  topics: [{ name: all }]\n",
    )?;
    run(&["apply", "-f", "example.yaml", "-f", "more.yaml", "--yes"])?;
    let objects = run(&["export", "-o", "kubernetes"])?;
    let namespace = plane.namespace()?;
    plane.succeed(
        &["apply", "--server-side", "-n", &namespace, "-f", "-"],
        &objects,
    )?;
    let said = plane.succeed(&["get", "iggy", "-n", &namespace, "-o", "name"], "")?;
    let found: Vec<&str> = said.stdout.lines().collect();
    let is_there = |start: &str| found.iter().any(|name| name.starts_with(start));
    if !is_there("iggystream.iggyctl.dev/payments")
        || !is_there("iggystream.iggyctl.dev/dead-letters-")
    {
        return Err(format!("{found:?}").into());
    }
    fs::write(folder.path().join("objects.yaml"), objects)?;
    // Ends with 2 where anything would change.
    run(&["plan", "-f", "objects.yaml", "--detailed-exitcode"])?;
    Ok(())
}

const TOPOLOGY: &str = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: all }\nspec:\n  \
     streams:\n    - name: orders\n      topics:\n        \
     - { name: events, partitions: 3, messageExpiry: 7d, maxTopicSize: 2GiB, compression: gzip, consumerGroups: [billing, audit] }\n        \
     - { name: refunds, segmentSize: 256MiB }\n    - name: Dead Letters\n      topics: [{ name: all }]\n  users:\n    \
     - name: svc-orders\n      password: { env: PASSWORD }\n      permissions:\n        allow: [read_servers]\n        \
     streams:\n          - name: orders\n            allow: [read_stream]\n            \
     topics: [{ name: events, preset: producer }]\n    \
     - { name: trainee, status: inactive, password: { env: PASSWORD } }\n";

/// The operator takes the objects of a server over, and has nothing to change: not then, and not
/// in the next rounds.
pub(crate) fn changes_nothing(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    let folder = tempfile::tempdir()?;
    let run = |arguments: &[&str]| -> Result<String, Failure> {
        let output = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
            .args(arguments)
            .args(["--server", &laboratory.server().connection_string()])
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("PASSWORD", "not-secret-at-all")
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{arguments:?}: {} {said}", output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    };
    fs::write(folder.path().join("all.yaml"), TOPOLOGY)?;
    run(&["apply", "-f", "all.yaml", "--yes"])?;
    let objects = run(&["export", "-o", "kubernetes"])?;
    send(&laboratory, "orders", "events", &["kept"]);
    laboratory.connect_server()?;
    laboratory.apply(&objects)?;
    let written = laboratory.writes();
    laboratory.start_operator()?;
    let found = laboratory.kubectl(&["get", "iggy", "-o", "name"])?;
    for object in found.lines() {
        let found = laboratory.ready(object)?;
        if !found["status"]["plan"].is_null() {
            return Err(format!("{object}: {:#}", found["status"]["plan"]).into());
        }
    }
    let kinds = ["iggystream", "iggyuser"].map(|kind| {
        let start = format!("{kind}.iggyctl.dev/");
        found
            .lines()
            .filter(|line| line.starts_with(&start))
            .count()
    });
    // The login of the operator is one of the users.
    if kinds[0] != 2 || kinds[1] < 2 {
        return Err(found.into());
    }
    laboratory.round("igs/default")?;
    let versions = || -> Result<_, Failure> {
        let mut versions = laboratory.versions()?;
        // That somebody asked for a round is written in it.
        versions.retain(|name, _| !name.contains("IggyServer"));
        Ok(versions)
    };
    let before = versions()?;
    for _ in 0..3 {
        laboratory.round("igs/default")?;
    }
    let after = versions()?;
    let written = laboratory.writes() - written;
    let lets_in = laboratory.lets_in("svc-orders:not-secret-at-all");
    let messages = poll(&laboratory, "orders", "events");
    match written == 0 && before == after && lets_in && messages == ["kept"] {
        true => Ok(()),
        false => Err(format!(
            "{written} writes; {lets_in}; {messages:?}; {before:#?} {after:#?}\n{}",
            laboratory.log()
        )
        .into()),
    }
}
