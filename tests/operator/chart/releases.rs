//! A release from its installation to its end: objects of people outlive it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{CHART, helm, run_helm};
use crate::control_plane::{ControlPlane, Failure, Said, find, repository};

const STREAM: &str = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\n\
                      metadata: { name: orders, namespace: default }\nspec: { name: orders }\n";

/// Helm on an API server.
struct Releases {
    helm: PathBuf,
    plane: ControlPlane,
}

impl Releases {
    fn run(&self, arguments: &[&str]) -> Result<Said, Failure> {
        let kubeconfig = self.plane.kubeconfig();
        let mut all = vec!["--kubeconfig", kubeconfig.to_str().ok_or("no text")?];
        all.extend(arguments);
        let output = run_helm(&self.helm, &all)?;
        let said = Said::of(&output);
        if output.status.success() {
            Ok(said)
        } else {
            Err(format!("helm {arguments:?}: {}{}", said.stdout, said.stderr).into())
        }
    }

    fn get(&self, kind: &str, name: &str) -> Result<Value, Failure> {
        let said = self
            .plane
            .succeed(&["get", kind, name, "-n", "default", "-o", "json"], "")?;
        Ok(serde_json::from_str(&said.stdout)?)
    }

    /// That the object and its definition are those that they were.
    fn are_the_same(&self, before: &[String; 2], after: &str) -> Result<(), Failure> {
        let now = self.identities()?;
        if now == *before {
            Ok(())
        } else {
            Err(format!("after {after}: {before:?} became {now:?}").into())
        }
    }

    fn identities(&self) -> Result<[String; 2], Failure> {
        let id = |value: &Value| value["metadata"]["uid"].to_string();
        Ok([
            id(&self.get("crd", "iggystreams.iggyctl.dev")?),
            id(&self.get("iggystream", "orders")?),
        ])
    }

    fn has_column(&self) -> Result<bool, Failure> {
        let definition = self.get("crd", "iggystreams.iggyctl.dev")?;
        let columns = definition.pointer("/spec/versions/0/additionalPrinterColumns");
        Ok(columns
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(|column| column["name"] == "Server"))
    }
}

/// The chart as it could have been before: with definitions that lack something.
fn older(folder: &Path) -> Result<String, Failure> {
    for entry in walkdir::WalkDir::new(repository(CHART)) {
        let entry = entry?;
        let to = folder.join(entry.path().strip_prefix(repository(CHART))?);
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(to)?;
            continue;
        }
        let text = std::fs::read_to_string(entry.path())?;
        std::fs::write(to, text.replace("- name: Server\n", "- name: Before\n"))?;
    }
    Ok(folder.to_str().ok_or("no text")?.to_owned())
}

/// On an API server of its own, since the others' definitions must not change.
pub(super) fn leave_objects(_: &ControlPlane) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let older = older(folder.path())?;
    let releases = Releases {
        helm: helm()?,
        plane: ControlPlane::start(find()?)?,
    };
    let one = ["one", "--namespace", "operators"];
    let with = |verb: &'static str, chart: &str, more: &[&str]| {
        let mut all = vec![verb, "one", chart, "--namespace", "operators"];
        all.extend(more);
        releases.run(&all)
    };
    let said = with("install", &older, &["--create-namespace"])?;
    if !said.stdout.contains("It looks after the whole cluster") {
        return Err(said.stdout.into());
    }
    releases.plane.succeed(
        &[
            "wait",
            "--for=condition=Established",
            "--timeout=30s",
            "crd",
            "--all",
        ],
        "",
    )?;
    releases.plane.succeed(&["apply", "-f", "-"], STREAM)?;
    let before = releases.identities()?;
    if releases.has_column()? {
        return Err("the older definitions are not older".into());
    }

    with("upgrade", CHART, &[])?;
    releases.are_the_same(&before, "an upgrade")?;
    if !releases.has_column()? {
        return Err("an upgrade left the definitions as they were".into());
    }
    with("upgrade", CHART, &["--set", "crds.install=false"])?;
    releases.are_the_same(&before, "an upgrade without definitions")?;
    with("upgrade", CHART, &["--set", "crds.install=true"])?;
    releases.are_the_same(&before, "an upgrade with definitions again")?;

    let second = ["install", "two", CHART, "--namespace", "operators"];
    match releases.run(&second) {
        Err(error) if error.to_string().contains("iggyctl.dev") => {}
        other => return Err(format!("a second owner of the definitions: {other:?}").into()),
    }
    let without = ["--set", "crds.install=false"];
    releases.run(&[&second[..], &without].concat())?;
    releases.run(&["uninstall", "two", "--namespace", "operators"])?;
    releases.are_the_same(&before, "the end of the second release")?;

    releases.run(&[&["uninstall"][..], &one].concat())?;
    releases.are_the_same(&before, "the end of the release")?;
    let said = releases.plane.succeed(
        &[
            "get",
            "deployments,clusterroles,serviceaccounts",
            "-A",
            "-o",
            "name",
        ],
        "",
    )?;
    if said.stdout.contains("iggyctl") {
        return Err(format!("left behind: {}", said.stdout).into());
    }
    with("install", CHART, &[])?;
    releases.are_the_same(&before, "an installation on what was left")?;
    Ok(())
}
