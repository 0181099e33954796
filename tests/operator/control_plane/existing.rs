//! A control plane that is there already, as controller-runtime has it: with
//! `USE_EXISTING_CLUSTER=true` the one of the current kubeconfig. What the tests make there, they
//! remove.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::kubectl::Kubectl;
use super::{Failure, text};
use crate::chart::parse;

/// Whether it is to be used.
pub(super) fn is_meant() -> bool {
    std::env::var("USE_EXISTING_CLUSTER").is_ok_and(|it| it.eq_ignore_ascii_case("true"))
}

/// The program, by its variable, in the folder of programs, or on the path.
pub(super) fn find_kubectl() -> Result<PathBuf, String> {
    let by_name = std::env::var_os("TEST_ASSET_KUBECTL").map(PathBuf::from);
    let in_folder = || {
        let folder = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        folder.map(|folder| folder.join("kubectl"))
    };
    let on_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut all = std::env::split_paths(&path).map(|folder| folder.join("kubectl"));
        all.find(|program| program.is_file())
    };
    let program = by_name.or_else(in_folder).or_else(on_path);
    let program = program.ok_or("there is no kubectl on the path")?;
    match program.is_file() {
        true => Ok(program),
        false => Err(format!("{} is missing", program.display())),
    }
}

pub(super) struct Existing {
    /// With what the names of namespaces begin; streams that tests name so may not begin with the
    /// name of the tool.
    prefix: String,
    /// What kubectl said that it created, as `KIND.GROUP/NAME`, in order.
    made: Mutex<Vec<String>>,
}

impl Existing {
    /// Writes down how to get there.
    pub(super) fn connect(kubectl: &Kubectl) -> Result<Self, Failure> {
        let view = [
            "config",
            "view",
            "--raw",
            "--minify",
            "--flatten",
            "-o",
            "json",
        ];
        let output = Command::new(kubectl.program()).args(view).output()?;
        if !output.status.success() {
            return Err(format!("no cluster is configured: {}", text(&output.stderr)).into());
        }
        // In a folder that nobody else may look into.
        fs::write(kubectl.kubeconfig(), output.stdout)?;
        kubectl.succeed(&["get", "--raw", "/readyz"], "")?;
        let run = uuid::Uuid::now_v7().simple().to_string();
        Ok(Self {
            prefix: format!("test-iggyctl-{}", &run[run.len() - 8..]),
            made: Mutex::default(),
        })
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    fn made(&self) -> MutexGuard<'_, Vec<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is new by this; dry runs and what was there before are said in other words.
    pub(super) fn note(&self, stdout: &str) {
        let lines = stdout.lines();
        let created = lines.filter_map(|line| line.strip_suffix(" created"));
        self.made().extend(created.map(str::to_owned));
    }

    /// Those of the definitions that are not there; who asks for them here makes them.
    pub(super) fn missing(&self, kubectl: &Kubectl, definitions: &str) -> Result<String, Failure> {
        let said = kubectl.succeed(&["get", "crd", "-o", "name"], "")?;
        let there: BTreeSet<&str> = said.stdout.lines().collect();
        let mut missing = String::new();
        for definition in parse(definitions)? {
            let name = definition["metadata"]["name"].as_str();
            let name = name.ok_or("a definition without a name")?;
            let name = format!("customresourcedefinition.apiextensions.k8s.io/{name}");
            let text = format!("---\n{definition}\n");
            if !there.contains(name.as_str()) {
                missing.push_str(&text);
                self.made().push(name);
            } else if name.ends_with(".iggyctl.dev") {
                let compare = ["diff", "--server-side", "--force-conflicts", "-f", "-"];
                if !kubectl.run(&compare, &text)?.status.success() {
                    return Err(format!("the cluster has another {name} than these tests").into());
                }
            }
        }
        Ok(missing)
    }

    /// Removes what was made, the namespaces with all that is in them; what stays is named.
    pub(super) fn clean(&self, kubectl: &Kubectl) {
        let made = std::mem::take(&mut *self.made());
        if made.is_empty() {
            return;
        }
        if let Err(error) = remove(kubectl, &made) {
            #[allow(clippy::print_stderr, reason = "nobody else says it any more")]
            let () = eprintln!("not everything was removed of {}…: {error}", self.prefix);
        }
    }
}

fn remove(kubectl: &Kubectl, made: &[String]) -> Result<(), Failure> {
    let kinds = ["api-resources", "--namespaced=false", "--no-headers"];
    let kinds = kubectl.succeed(&kinds, "")?.stdout;
    let of_cluster: BTreeSet<String> = kinds.lines().filter_map(kind).collect();
    let is = |object: &str, kind: &str| object.split('/').next() == Some(kind);
    let (mut namespaces, mut definitions, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for object in made.iter().rev().map(String::as_str) {
        if is(object, "namespace") {
            namespaces.push(object);
        } else if is(object, "customresourcedefinition.apiextensions.k8s.io") {
            definitions.push(object);
        } else if object
            .split('/')
            .next()
            .is_some_and(|it| of_cluster.contains(it))
        {
            others.push(object);
        }
    }
    release(kubectl, &namespaces, &others)?;
    // What is used goes after what uses it.
    for objects in [others, namespaces, definitions] {
        if !objects.is_empty() {
            let delete = ["delete", "--ignore-not-found", "--timeout=300s"];
            kubectl.succeed(&[&delete[..], &objects].concat(), "")?;
        }
    }
    Ok(())
}

/// A line of `kubectl api-resources` as kubectl writes the kind before names.
fn kind(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [.., version, _, kind] = words.as_slice() else {
        return None;
    };
    let kind = kind.to_lowercase();
    Some(match version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}"),
        None => kind,
    })
}

/// There is no operator any more that takes its finalizers away.
fn release(kubectl: &Kubectl, namespaces: &[&str], others: &[&str]) -> Result<(), Failure> {
    let said = kubectl.run(&["get", "iggy", "--all-namespaces", "-o", "json"], "")?;
    if !said.status.success() {
        // Without the definitions there is nothing.
        return Ok(());
    }
    let found: Value = serde_json::from_slice(&said.stdout)?;
    for object in found["items"].as_array().into_iter().flatten() {
        let metadata = &object["metadata"];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (word(&metadata["namespace"]), word(&metadata["name"]));
        let kind = word(&object["kind"]).to_lowercase();
        let whole = format!("{kind}.iggyctl.dev/{name}");
        let is_ours = match namespace.as_str() {
            "" => others.contains(&whole.as_str()),
            namespace => namespaces.contains(&format!("namespace/{namespace}").as_str()),
        };
        if !is_ours || metadata["finalizers"].is_null() {
            continue;
        }
        let patch = r#"{"metadata":{"finalizers":null}}"#;
        let mut arguments = vec!["patch", &whole, "--type=merge", "-p", patch];
        if !namespace.is_empty() {
            arguments.extend(["-n", &namespace]);
        }
        kubectl.succeed(&arguments, "")?;
    }
    Ok(())
}
