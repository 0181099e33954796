//! The definitions of the resources: those in the chart are those of the types, and an API
//! server takes them.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure, repository};

/// Where the chart has them.
const FOLDER: &str = "charts/iggyctl-operator/files/crds";

/// What `iggyctl operator crds` prints.
fn printed() -> Result<String, Failure> {
    let output = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
        .args(["operator", "crds"])
        .env_clear()
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// One file for each definition; `UPDATE_GENERATED=1` writes them anew.
pub(crate) fn are_current() -> Result<(), Failure> {
    let mut expected = Vec::new();
    for document in printed()?.split("---\n") {
        let name = document
            .lines()
            .find_map(|line| line.strip_prefix("  name: "))
            .ok_or("a definition without a name")?;
        expected.push((
            repository(FOLDER).join(format!("{name}.yaml")),
            document.to_owned(),
        ));
    }
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        drop(fs::remove_dir_all(repository(FOLDER)));
        fs::create_dir_all(repository(FOLDER))?;
        for (path, text) in &expected {
            fs::write(path, text)?;
        }
    }
    for (path, text) in &expected {
        if fs::read_to_string(path).unwrap_or_default() != *text {
            return Err(format!(
                "{} is not current; run: UPDATE_GENERATED=1 cargo test --test operator",
                path.display()
            )
            .into());
        }
    }
    let found = fs::read_dir(repository(FOLDER))?.count();
    if found != expected.len() {
        return Err(format!(
            "{found} files in {FOLDER}, and {} definitions",
            expected.len()
        )
        .into());
    }
    Ok(())
}

/// Installs the definitions, and waits until they are served.
pub(crate) fn install(plane: &ControlPlane) -> Result<(), Failure> {
    install_text(plane, &printed()?)
}

/// Installs those of a later version: others, and nothing that was valid is not.
pub(crate) fn install_later(plane: &ControlPlane) -> Result<(), Failure> {
    let present = printed()?;
    let later = present.replace(
        "description: What this object holds on the server.",
        "description: What this object holds on the server, as a later version says it.",
    );
    match later == present {
        true => Err("nothing differs in the later definitions".into()),
        false => install_text(plane, &later),
    }
}

fn install_text(plane: &ControlPlane, text: &str) -> Result<(), Failure> {
    plane.define(text)
}

pub(crate) fn are_accepted(plane: &ControlPlane) -> Result<(), Failure> {
    for arguments in [
        ["apply", "--server-side", "--dry-run=server", "-f", "-"].as_slice(),
        // As it was before server-side apply.
        ["replace", "--dry-run=server", "-f", "-"].as_slice(),
    ] {
        let said = plane.succeed(arguments, &printed()?)?;
        if !said.stderr.is_empty() {
            return Err(format!("{arguments:?}: {}", said.stderr).into());
        }
    }
    // What the server found wrong later, it says in a condition.
    let said = plane.succeed(&["get", "crd", "-o", "json"], "")?;
    let found: Value = serde_json::from_str(&said.stdout)?;
    // Another test has definitions of somebody else.
    let items: Vec<&Value> = found["items"]
        .as_array()
        .ok_or("no list")?
        .iter()
        .filter(|item| item["spec"]["group"] == "iggyctl.dev")
        .collect();
    if items.len() != 9 {
        return Err(format!("{} definitions", items.len()).into());
    }
    for item in items {
        let name = &item["metadata"]["name"];
        for condition in item["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let fits = match condition["type"].as_str() {
                Some("NonStructuralSchema" | "KubernetesAPIApprovalPolicyConformant") => {
                    condition["status"] != "True"
                }
                _ => condition["status"] == "True",
            };
            if !fits {
                return Err(format!("{name}: {condition}").into());
            }
        }
    }
    Ok(())
}

/// Two teams' fields of one object: entries of lists are put together by their names.
pub(crate) fn lists_are_merged(plane: &ControlPlane) -> Result<(), Failure> {
    let namespace = plane.namespace()?;
    let topology = |topics: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: shared }}\n\
             spec:\n  streams:\n    - name: orders\n      topics: [{topics}]\n"
        )
    };
    for (manager, topics) in [
        ("team-a", "{ name: events, partitions: 3 }"),
        ("team-b", "{ name: returns, consumerGroups: [desk] }"),
    ] {
        plane.succeed(
            &[
                "apply",
                "--server-side",
                "--field-manager",
                manager,
                "-n",
                &namespace,
                "-f",
                "-",
            ],
            &topology(topics),
        )?;
    }
    let said = plane.succeed(
        &["get", "igtopo", "shared", "-n", &namespace, "-o", "json"],
        "",
    )?;
    let found: Value = serde_json::from_str(&said.stdout)?;
    let topics = &found["spec"]["streams"][0]["topics"];
    let expected = serde_json::json!([
        { "name": "events", "partitions": 3 },
        { "name": "returns", "consumerGroups": ["desk"] },
    ]);
    if *topics != expected {
        return Err(format!("{topics}").into());
    }
    Ok(())
}
