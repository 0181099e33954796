//! What the objects of a cluster declare, on the command line.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;

/// One of each kind that declares something.
const EACH_KIND: &str = r#"apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams: [{ name: carts, topics: [{ name: events, partitions: 2 }] }]
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: orders }
spec: { topics: [{ name: placed, messageExpiry: 1d }], deletionPolicy: Delete, interval: 1h }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopic
metadata: { name: paid }
spec: { stream: orders, name: paid, partitions: 3 }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyConsumerGroup
metadata: { name: billing }
spec: { stream: orders, topic: paid, name: billing }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyUser
metadata: { name: svc-orders }
spec:
  name: svc-orders
  password: { secretKeyRef: { name: svc-orders, key: password } }
  permissions: { streams: [{ name: orders, preset: consumer }] }
"#;

const TOKEN: &str = r#"---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyAccessToken
metadata: { name: ci }
spec: { user: iggy, name: ci, expiry: 30d, writeTo: { secretKeyRef: { name: ci, key: token } } }
"#;

struct Commands<'a> {
    laboratory: &'a Laboratory<'a>,
    folder: &'a Path,
}

impl Commands<'_> {
    fn run(&self, arguments: &[&str], kubeconfig: &Path) -> Result<Output, Failure> {
        Ok(Command::new(env!("CARGO_BIN_EXE_iggyctl"))
            .args(arguments)
            .current_dir(self.folder)
            .env_clear()
            .env("HOME", self.folder)
            .env("KUBECONFIG", kubeconfig)
            .output()?)
    }

    /// Planned for the server of the laboratory; how it ended, and standard output.
    fn plan(&self, arguments: &[&str]) -> Result<(Option<i32>, String), Failure> {
        let server = format!("iggy://iggy:iggy@{}", self.laboratory.server().address());
        let arguments = [&["plan", "--server", &server], arguments].concat();
        let output = self.run(&arguments, &self.laboratory.plane.kubeconfig())?;
        let said = String::from_utf8_lossy(&output.stderr);
        let text = String::from_utf8(output.stdout)?;
        match text.is_empty() {
            true => Err(said.into()),
            false => Ok((output.status.code(), text)),
        }
    }
}

/// What is declared in a file at a line is declared in an object at another one.
fn without_places((code, text): (Option<i32>, String)) -> Result<(Option<i32>, String), Failure> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("declaredAt");
                fields.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    if !text.starts_with('{') {
        return Ok((code, text));
    }
    let mut value = serde_json::from_str(&text)?;
    strip(&mut value);
    Ok((code, format!("{value:#}")))
}

/// The plan of the objects is that of the same manifests, and nothing once the operator has
/// carried it out.
pub(crate) fn is_planned(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    let folder = tempfile::tempdir()?;
    let namespace = laboratory.namespace.clone();
    fs::write(
        folder.path().join("all.yaml"),
        format!("{EACH_KIND}{TOKEN}"),
    )?;
    laboratory.apply(
        "apiVersion: v1\nkind: Secret\nmetadata: { name: svc-orders, labels: { iggyctl.dev/watch: \"true\" } }\n\
         stringData: { password: not-secret-at-all }\n",
    )?;
    laboratory.apply(EACH_KIND)?;
    laboratory.apply(TOKEN)?;
    // What is for another server is not meant.
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: elsewhere }\n\
         spec: { serverRef: { name: another } }\n",
    )?;
    let commands = Commands {
        laboratory: &laboratory,
        folder: folder.path(),
    };
    let from_cluster = ["--from-cluster", "--namespace", &namespace];
    for format in ["text", "json", "markdown"] {
        let output = ["-o", format, "--skip-blocked"];
        let with = |arguments: &[&str]| commands.plan(&[arguments, &output].concat());
        let of_files = with(&["-f", "all.yaml", "--skip-password-check"])?;
        let of_objects = with(&from_cluster)?;
        let (of_files, of_objects) = (without_places(of_files)?, without_places(of_objects)?);
        if of_files != of_objects {
            return Err(format!("{of_files:?}\nis not\n{of_objects:?}").into());
        }
        if !of_files.1.contains("paid") {
            return Err(format!("nothing is planned: {of_files:?}").into());
        }
    }
    laboratory.kubectl(&["delete", "igat/ci", "--timeout=20s"])?;
    laboratory.connect_server()?;
    laboratory.start_operator()?;
    for object in [
        "igtopo/shop",
        "igst/orders",
        "igt/paid",
        "igcg/billing",
        "igu/svc-orders",
    ] {
        laboratory.ready(object)?;
    }
    let commands = Commands {
        laboratory: &laboratory,
        folder: folder.path(),
    };
    let detailed = [&from_cluster[..], &["--detailed-exitcode"]].concat();
    let (code, text) = commands.plan(&detailed)?;
    match code {
        Some(0) => Ok(()),
        _ => Err(format!("{code:?}: {text}").into()),
    }
}

/// What is declared, by which object; and what is said where that cannot be known.
pub(crate) fn is_listed(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::without_operator(plane)?;
    let folder = tempfile::tempdir()?;
    let namespace = &laboratory.namespace;
    laboratory.apply(EACH_KIND)?;
    laboratory.apply(TOKEN)?;
    let commands = Commands {
        laboratory: &laboratory,
        folder: folder.path(),
    };
    let kubeconfig = plane.kubeconfig();
    let get = |what: &str, more: &[&str], kubeconfig: &Path| {
        let first = ["get", what, "--from-cluster", "--namespace", namespace];
        commands.run(&[&first, more].concat(), kubeconfig)
    };
    for (what, expected) in [
        (
            "streams",
            vec![
                ("carts", "IggyTopology", "shop"),
                ("orders", "IggyStream", "orders"),
            ],
        ),
        (
            "topics",
            vec![
                ("orders  placed  1d", "IggyStream", "orders"),
                ("orders  paid", "IggyTopic", "paid"),
            ],
        ),
        ("groups", vec![("billing", "IggyConsumerGroup", "billing")]),
        ("users", vec![("svc-orders", "IggyUser", "svc-orders")]),
        ("tokens", vec![("ci", "IggyAccessToken", "ci")]),
    ] {
        let output = get(what, &[], &kubeconfig)?;
        let text = String::from_utf8(output.stdout)?;
        for (line, kind, name) in expected {
            let object = format!("{kind} {namespace}/{name}");
            let is_there = text
                .lines()
                .any(|it| it.contains(line) && it.ends_with(&object));
            if !is_there {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("{what}: no {line} of {object}\n{text}{said}").into());
            }
        }
    }
    let stranger = folder.path().join("stranger");
    fs::write(&stranger, plane.kubeconfig_of("stranger")?)?;
    for (arguments, kubeconfig, code, expected) in [
        (&[][..], &*stranger, 77, "refuses to list"),
        (
            &[][..],
            Path::new("/nowhere"),
            1,
            "no Kubernetes cluster is configured",
        ),
        (&["--kube-context", "nowhere"], &kubeconfig, 1, "nowhere"),
        (
            &["--server-ref", "Stream/orders"],
            &kubeconfig,
            64,
            "no kind of server",
        ),
        (
            &["--context", "staging"],
            &kubeconfig,
            64,
            "no server is asked",
        ),
    ] {
        let output = get("streams", arguments, kubeconfig)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(code) || !said.contains(expected) {
            return Err(format!("{arguments:?}: {} {said}", output.status).into());
        }
    }
    // A table without lines is an answer; a plan of nothing is a mistake.
    let output = get("streams", &["--server-ref", "another"], &kubeconfig)?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    match commands.plan(&[
        "--from-cluster",
        "--namespace",
        namespace,
        "--server-ref",
        "another",
    ]) {
        Err(said) if said.to_string().contains("no object declares anything") => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}
