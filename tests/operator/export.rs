//! A server written down as objects: the API server takes them, and they declare what is there.

use std::fs;
use std::process::Command;

use crate::control_plane::{ControlPlane, Failure, repository};

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
