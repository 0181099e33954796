//! The files of the chart that come from elsewhere are as they are there.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{CHART, identity, iggyctl, parse, render, run_helm};
use crate::control_plane::{Failure, Said, repository};

/// The files with rules, and which role they are the rules of.
const ROLES: [(&str, &[&str], &str, &str); 5] = [
    (
        "cluster",
        &[],
        "ClusterRole",
        "iggyctl-operator:iggyctl-operator",
    ),
    (
        "view",
        &[],
        "ClusterRole",
        "iggyctl-operator:iggyctl-operator-view",
    ),
    (
        "edit",
        &[],
        "ClusterRole",
        "iggyctl-operator:iggyctl-operator-edit",
    ),
    (
        "namespace",
        &["--namespace", "orders"],
        "Role",
        "iggyctl-operator:iggyctl-operator",
    ),
    (
        "leader-election",
        &[],
        "Role",
        "iggyctl-operator-leader-election",
    ),
];

/// The rules of each role of the chart; `UPDATE_GENERATED=1` writes them anew.
pub(super) fn roles_are_current() -> Result<(), Failure> {
    let folder = repository(CHART).join("files/rbac");
    for (file, arguments, kind, name) in ROLES {
        let mut all = vec!["operator", "rbac"];
        all.extend(arguments);
        let text = iggyctl(&all)?;
        let document = text
            .split("---\n")
            .find(|document| {
                document.contains(&format!("\nkind: {kind}\n"))
                    && document.contains(&format!("\n  name: {name}\n"))
            })
            .ok_or_else(|| format!("no {kind} {name}"))?;
        let (_, rules) = document
            .split_once("\nrules:\n")
            .ok_or("a role without rules")?;
        let path = folder.join(format!("{file}.yaml"));
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            fs::create_dir_all(&folder)?;
            fs::write(&path, rules)?;
        }
        if fs::read_to_string(&path).unwrap_or_default() != rules {
            return Err(format!(
                "{} is not current; run: UPDATE_GENERATED=1 cargo test --test operator",
                path.display()
            )
            .into());
        }
    }
    let found = fs::read_dir(&folder)?.count();
    if found != ROLES.len() {
        return Err(format!("{found} files in {}", folder.display()).into());
    }
    Ok(())
}

pub(super) fn versions_agree() -> Result<(), Failure> {
    let text = fs::read_to_string(repository(CHART).join("Chart.yaml"))?;
    let chart: Value = serde_saphyr::from_str(&text)?;
    for field in ["version", "appVersion"] {
        if chart[field] != env!("CARGO_PKG_VERSION") {
            return Err(format!("{field}: {}", chart[field]).into());
        }
    }
    Ok(())
}

pub(super) fn is_linted(helm: &Path) -> Result<(), Failure> {
    let said = Said::of(&run_helm(helm, &["lint", "--strict", CHART])?);
    if said.stdout.contains("1 chart(s) linted, 0 chart(s) failed")
        && !said.stdout.contains("[WARNING]")
    {
        Ok(())
    } else {
        Err(format!("{}{}", said.stdout, said.stderr).into())
    }
}

/// What `iggyctl operator crds` prints, and the mark by which Helm leaves them; nothing else.
pub(super) fn definitions_are_rendered(helm: &Path) -> Result<(), Failure> {
    let is_definition = |object: &Value| object["kind"] == "CustomResourceDefinition";
    let mut rendered = render(helm, "one", "here", &[])?;
    rendered.retain(is_definition);
    let mut expected = parse(&iggyctl(&["operator", "crds"])?)?;
    for definition in &mut expected {
        definition["metadata"]["annotations"] =
            serde_json::json!({ "helm.sh/resource-policy": "keep" });
    }
    rendered.sort_by_key(identity);
    expected.sort_by_key(identity);
    if rendered.is_empty() || rendered != expected {
        let differs = rendered.iter().find(|object| !expected.contains(object));
        return Err(format!(
            "{} definitions and {}: {differs:?}",
            rendered.len(),
            expected.len()
        )
        .into());
    }
    if render(helm, "one", "here", &["crds.install=false"])?
        .iter()
        .any(is_definition)
    {
        return Err("there are definitions although crds.install is false".into());
    }
    Ok(())
}
