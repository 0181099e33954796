//! A release from its installation to its end: objects of people outlive it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{CHART, helm, run_helm};
use crate::control_plane::{ControlPlane, Failure, Said, repository};

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

/// With a release of the older chart, and an object.
struct Beginning {
    releases: Releases,
    older: tempfile::TempDir,
    before: [String; 2],
}

impl Beginning {
    /// On an API server of its own, since the others' definitions must not change.
    fn new() -> Result<Self, Failure> {
        let older = tempfile::tempdir()?;
        let releases = Releases {
            helm: helm()?,
            plane: ControlPlane::start_own()?,
        };
        let chart = self::older(older.path())?;
        let said = releases.run(&[
            "install",
            "one",
            &chart,
            "--namespace",
            "operators",
            "--create-namespace",
        ])?;
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
        Ok(Self {
            releases,
            older,
            before,
        })
    }

    fn upgrade(&self, more: &[&str]) -> Result<(), Failure> {
        let upgrade = ["upgrade", "one", CHART, "--namespace", "operators"];
        self.releases.run(&[&upgrade[..], more].concat())?;
        Ok(())
    }

    /// Nothing of people's is another one, and the definitions are new or old.
    fn is(&self, after: &str, has_column: bool) -> Result<(), Failure> {
        self.releases.are_the_same(&self.before, after)?;
        match self.releases.has_column()? == has_column {
            true => Ok(()),
            false => {
                Err(format!("the definitions are not what they should be after {after}").into())
            }
        }
    }
}

/// By Helm, and by kubectl where it had been Helm before.
pub(super) fn go_back_and_forth(_: &ControlPlane) -> Result<(), Failure> {
    let beginning = Beginning::new()?;
    beginning.upgrade(&[])?;
    beginning.is("an upgrade", true)?;
    let rollback = ["rollback", "one", "--namespace", "operators"];
    beginning.releases.run(&rollback)?;
    beginning.is("a rollback", false)?;

    let printed = super::iggyctl(&["operator", "crds"])?;
    let plane = &beginning.releases.plane;
    let said = plane.kubectl(&["apply", "--server-side", "-f", "-"], &printed)?;
    let said = Said::of(&said);
    if !said.stderr.contains("conflict with \"helm\"") {
        return Err(format!("whose they are is not said: {}{}", said.stdout, said.stderr).into());
    }
    beginning.is("a conflict", false)?;
    let force = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.succeed(&force, &printed)?;
    beginning.is("an upgrade by kubectl", true)?;
    beginning.upgrade(&["--set", "crds.install=false"])?;
    beginning.is("the end of Helm's part in it", true)
}

pub(super) fn leave_objects(_: &ControlPlane) -> Result<(), Failure> {
    let beginning = Beginning::new()?;
    let Beginning {
        releases,
        before,
        older: _older,
    } = &beginning;
    let one = ["one", "--namespace", "operators"];
    beginning.upgrade(&[])?;
    beginning.is("an upgrade", true)?;
    beginning.upgrade(&["--set", "crds.install=false"])?;
    beginning.is("an upgrade without definitions", true)?;
    beginning.upgrade(&["--set", "crds.install=true"])?;
    beginning.is("an upgrade with definitions again", true)?;

    let second = ["install", "two", CHART, "--namespace", "operators"];
    match releases.run(&second) {
        Err(error) if error.to_string().contains("iggyctl.dev") => {}
        other => return Err(format!("a second owner of the definitions: {other:?}").into()),
    }
    let without = ["--set", "crds.install=false"];
    releases.run(&[&second[..], &without].concat())?;
    releases.run(&["uninstall", "two", "--namespace", "operators"])?;
    releases.are_the_same(before, "the end of the second release")?;

    releases.run(&[&["uninstall"][..], &one].concat())?;
    releases.are_the_same(before, "the end of the release")?;
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
    releases.run(&["install", "one", CHART, "--namespace", "operators"])?;
    releases.are_the_same(before, "an installation on what was left")?;
    Ok(())
}
