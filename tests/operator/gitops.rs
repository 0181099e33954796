//! What Argo CD makes of a status, by its script, and what Flux makes of it, by the library that it
//! shares with Helm.

use std::fs;
use std::path::Path;

use mlua::{Lua, LuaOptions, LuaSerdeExt as _, StdLib};
use serde_json::{Value, json};

use crate::chart::{helm, iggyctl, parse, run_helm};
use crate::control_plane::{ControlPlane, Failure, Said, repository};

fn cases() -> Result<Vec<Value>, Failure> {
    let text = fs::read_to_string(repository("tests/operator/health_cases.yaml"))?;
    let cases: Vec<Value> = serde_saphyr::from_str(&text)?;
    if cases.len() < 8 {
        return Err(format!("only {} cases", cases.len()).into());
    }
    Ok(cases)
}

fn object(case: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "iggyctl.dev/v1alpha1",
        "kind": "IggyStream",
        "metadata": { "name": "orders", "generation": 2 },
        "spec": { "name": "orders", "deletionPolicy": "Delete" },
    });
    for (field, pointer) in [("annotations", "/metadata"), ("status", "")] {
        if let (Some(value), Some(Value::Object(place))) =
            (case.get(field), object.pointer_mut(pointer))
        {
            place.insert(field.to_owned(), value.clone());
        }
    }
    object
}

/// The script on each case, with no more of Lua than Argo CD gives it.
pub(crate) fn argo_cd() -> Result<(), Failure> {
    for case in cases()? {
        let said = argo(&object(&case))?;
        let message = case["message"].as_str().unwrap_or("no message in the case");
        if said["status"] != case["argo"]
            || !said["message"]
                .as_str()
                .is_some_and(|said| said.contains(message))
        {
            return Err(format!("{}: {said}", case["name"]).into());
        }
    }
    Ok(())
}

fn evaluate(script: &str, object: &Value) -> mlua::Result<Value> {
    let lua = Lua::new_with(StdLib::TABLE, LuaOptions::default())?;
    lua.globals().set("obj", lua.to_value(object)?)?;
    lua.from_value(lua.load(script).eval()?)
}

/// What is to be put into the configuration of Argo CD: the script for each kind. Its one key for
/// all kinds could be in use already, and a patch would replace what is there.
pub(crate) fn configuration_is_current() -> Result<(), Failure> {
    const FILE: &str = "deploy/argocd/argocd-cm.yaml";
    let script = fs::read_to_string(repository("deploy/argocd/health.lua"))?;
    let mut text =
        "# Generated from health.lua: how Argo CD is to understand each kind.\ndata:\n".to_owned();
    let mut kinds = 0;
    for definition in parse(&iggyctl(&["operator", "crds"])?)? {
        let kind = definition["spec"]["names"]["kind"]
            .as_str()
            .ok_or("a definition without a kind")?;
        text.push_str(&format!(
            "  resource.customizations.health.iggyctl.dev_{kind}: |\n"
        ));
        for line in script.lines() {
            text.push_str(format!("    {line}").trim_end());
            text.push('\n');
        }
        kinds += 1;
    }
    let configuration: Value = serde_saphyr::from_str(&text)?;
    let entries = configuration["data"].as_object().ok_or("no data")?;
    if entries.len() != kinds || entries.values().any(|entry| *entry != script.as_str()) {
        return Err("the text does not hold the script".into());
    }
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(repository(FILE), &text)?;
    }
    if fs::read_to_string(repository(FILE)).unwrap_or_default() == text {
        Ok(())
    } else {
        Err(
            format!("{FILE} is not current; run: UPDATE_GENERATED=1 cargo test --test operator")
                .into(),
        )
    }
}

/// The statuses of the cases are ones that the operator can write.
pub(crate) fn statuses_can_be(plane: &ControlPlane) -> Result<(), Failure> {
    let namespace = plane.namespace()?;
    for case in cases()? {
        place(plane, &namespace, &case)?;
    }
    Ok(())
}

/// The object of a case, of generation 2, with its status.
fn place(plane: &ControlPlane, namespace: &str, case: &Value) -> Result<(), Failure> {
    let apply = ["apply", "--validate=strict", "-n", namespace, "-f", "-"];
    let mut object = object(case);
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("generation");
    }
    let mut first = object.clone();
    first["spec"]["deletionPolicy"] = json!("Retain");
    plane.succeed(
        &[
            "delete",
            "igst",
            "orders",
            "-n",
            namespace,
            "--ignore-not-found",
        ],
        "",
    )?;
    plane.succeed(&apply, &first.to_string())?;
    plane.succeed(&apply, &object.to_string())?;
    if object.get("status").is_some() {
        let status = [
            "apply",
            "--server-side",
            "--subresource=status",
            "--validate=strict",
            "--field-manager=operator",
            "-n",
            namespace,
            "-f",
            "-",
        ];
        let said = plane
            .succeed(&status, &object.to_string())
            .map_err(|error| format!("{}: {error}", case["name"]))?;
        if !said.stderr.is_empty() {
            return Err(format!("{}: {}", case["name"], said.stderr).into());
        }
    }
    let said = plane.succeed(
        &["get", "igst", "orders", "-n", namespace, "-o", "json"],
        "",
    )?;
    let found: Value = serde_json::from_str(&said.stdout)?;
    let is_there = |field: &str| case.get(field).is_none_or(|value| found[field] == *value);
    if found["metadata"]["generation"] != 2 || !is_there("status") {
        return Err(format!("{}: {found}", case["name"]).into());
    }
    Ok(())
}

/// Helm waits for a release by kstatus, as Flux does: a release of one object that is there already.
pub(crate) fn flux(plane: &ControlPlane) -> Result<(), Failure> {
    let helm = helm()?;
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("templates"))?;
    fs::write(
        folder.path().join("Chart.yaml"),
        "apiVersion: v2\nname: one\nversion: 1.0.0\n",
    )?;
    // The API server gives each object a status.
    let with_status = cases()?
        .into_iter()
        .filter(|case| !case["status"].is_null());
    for case in with_status {
        let namespace = plane.namespace()?;
        place(plane, &namespace, &case)?;
        let mut object = object(&case);
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        fs::write(
            folder.path().join("templates/object.yaml"),
            object.to_string(),
        )?;
        // What is done is done at once, what is not takes as long as it is waited for; and a busy
        // machine may not have looked in so short a time.
        let waits: &[&str] = match case["flux"] == "Current" {
            true => &["60s"],
            false => &["3s", "30s"],
        };
        let mut found = String::new();
        for wait in waits {
            found = waited(&helm, plane, folder.path(), &namespace, wait)?;
            if STATUSES.contains(&found.as_str()) {
                break;
            }
        }
        if case["flux"] != found {
            return Err(format!("{}: {found}", case["name"]).into());
        }
        // The rules as we tell them of real objects are those of the library.
        let whole = self::object(&case);
        if kstatus(&whole) != found {
            return Err(format!("{}: not {}", case["name"], kstatus(&whole)).into());
        }
    }
    Ok(())
}

/// What kstatus makes of an object.
const STATUSES: [&str; 3] = ["Current", "InProgress", "Failed"];

/// What kstatus makes of an object of a kind that it does not know.
pub(crate) fn kstatus(object: &Value) -> &'static str {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating";
    }
    let observed = &object["status"]["observedGeneration"];
    if !observed.is_null() && *observed != object["metadata"]["generation"] {
        return "InProgress";
    }
    let conditions = object["status"]["conditions"].as_array();
    let is = |kind: &str, status: &str| {
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|it| it["type"] == kind && it["status"] == status)
    };
    if is("Reconciling", "True") {
        "InProgress"
    } else if is("Stalled", "True") {
        "Failed"
    } else if is("Ready", "False") || is("Ready", "Unknown") {
        "InProgress"
    } else {
        "Current"
    }
}

/// What Argo CD makes of an object by our script.
pub(crate) fn argo(object: &Value) -> Result<Value, Failure> {
    let script = fs::read_to_string(repository("deploy/argocd/health.lua"))?;
    evaluate(&script, object).map_err(|error| error.to_string().into())
}

/// What of an object those two go by, in a line.
pub(crate) fn shape(object: &Value) -> String {
    let metadata = &object["metadata"];
    let is_paused = metadata["annotations"]["iggyctl.dev/pause"] == "true";
    let observed = &object["status"]["observedGeneration"];
    let observed = match observed {
        Value::Null => "never",
        observed if *observed == metadata["generation"] => "now",
        _ => "before",
    };
    let conditions = object["status"]["conditions"].as_array();
    let conditions = conditions
        .into_iter()
        .flatten()
        .filter(|it| {
            ["Ready", "Reconciling", "Stalled"]
                .iter()
                .any(|kind| it["type"] == *kind)
        })
        .map(|it| format!("{}={} {}", it["type"], it["status"], it["reason"]));
    let mut conditions: Vec<String> = conditions.collect();
    conditions.sort();
    format!(
        "paused: {is_paused}; looked at: {observed}; {}",
        conditions.join(", ")
    )
}

/// The cases that are what the operator writes, by their shapes.
pub(crate) fn shapes() -> Result<Vec<(String, String)>, Failure> {
    let cases = cases()?.into_iter().filter(|case| case["never"] != true);
    Ok(cases
        .map(|case| (case["name"].to_string(), shape(&object(&case))))
        .collect())
}

/// What Helm saw when it had waited, or what it said instead.
fn waited(
    helm: &Path,
    plane: &ControlPlane,
    chart: &Path,
    namespace: &str,
    wait: &str,
) -> Result<String, Failure> {
    let kubeconfig = plane.kubeconfig();
    let timeout = format!("--timeout={wait}");
    let output = run_helm(
        helm,
        &[
            "--kubeconfig".as_ref(),
            kubeconfig.as_os_str(),
            "upgrade".as_ref(),
            "--install".as_ref(),
            "one".as_ref(),
            chart.as_os_str(),
            "--namespace".as_ref(),
            namespace.as_ref(),
            "--take-ownership".as_ref(),
            "--force-conflicts".as_ref(),
            "--wait=watcher".as_ref(),
            timeout.as_ref(),
        ],
    )?;
    let said = Said::of(&output);
    if output.status.success() {
        return Ok("Current".to_owned());
    }
    let is_said = |status: &&str| said.stderr.contains(&format!("status: {status}"));
    Ok(match STATUSES.into_iter().find(is_said) {
        Some(status) => status.to_owned(),
        None => said.stderr,
    })
}
