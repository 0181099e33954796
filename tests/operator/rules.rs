//! Each rule of the definitions on the API server, by the cases that the unit tests try offline.

use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure, Said, repository};

/// Each case as objects: what is accepted, and what is refused with which words; on top of
/// another object where the rule is about a change.
pub(crate) fn each_case(plane: &ControlPlane) -> Result<(), Failure> {
    let text = std::fs::read_to_string(repository("tests/operator/rule_cases.yaml"))?;
    let cases: Vec<Value> = serde_saphyr::from_str(&text)?;
    if cases.is_empty() {
        return Err("no cases".into());
    }
    for case in cases {
        let name = format!("{} of {}", case["rule"], case["kind"]);
        let message = case["message"].as_str().ok_or("a case without a message")?;
        let object = |spec: &Value| {
            serde_json::json!({
                "apiVersion": "iggyctl.dev/v1alpha1",
                "kind": case["kind"],
                "metadata": { "name": "case" },
                "spec": spec,
            })
            .to_string()
        };
        for (spec, is_refused) in [(&case["accepted"], false), (&case["refused"], true)] {
            let namespace = plane.namespace()?;
            let apply = ["apply", "--server-side", "-n", &namespace, "-f", "-"];
            if let Some(before) = case.get("before") {
                plane.succeed(&apply, &object(before))?;
            }
            let output = plane.kubectl(&apply, &object(spec))?;
            let said = Said::of(&output);
            let fits = if is_refused {
                !output.status.success() && said.stderr.contains(message)
            } else {
                output.status.success()
            };
            if !fits {
                return Err(format!("{name}, {spec}: {}{}", said.stdout, said.stderr).into());
            }
            if case["kind"] == "ClusterIggyServer" && output.status.success() {
                plane.succeed(&["delete", "cigs", "case"], "")?;
            }
        }
    }
    Ok(())
}
