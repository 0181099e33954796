//! The operator has no right that it does not use: the audit logs of the control planes, in which it
//! ran with exactly the rights that `iggyctl operator rbac` prints, have each of them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::{ACCOUNT, iggyctl};

/// A verb and a resource, with its group.
type Right = (String, String);

/// All that the roles of the operator itself allow, for some namespaces or for all.
fn granted(namespaces: &[&str]) -> Result<BTreeSet<Right>, Failure> {
    let start = [
        "operator",
        "rbac",
        "--name",
        ACCOUNT,
        "--operator-namespace",
        "here",
    ];
    let text = iggyctl(&[&start[..], namespaces].concat())?;
    let mut rights = BTreeSet::new();
    for document in text.split("---\n") {
        let role: Value = serde_saphyr::from_str(document)?;
        // Those with labels are for people.
        let is_own = role["metadata"]["labels"].is_null();
        for rule in role["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|_| is_own)
        {
            let texts = |field: &str| -> Vec<String> {
                let all = rule[field].as_array().into_iter().flatten();
                all.filter_map(|it| it.as_str().map(str::to_owned))
                    .collect()
            };
            let group = texts("apiGroups").concat();
            for resource in texts("resources") {
                let resource = format!("{resource}.{group}");
                rights.extend(
                    texts("verbs")
                        .into_iter()
                        .map(|verb| (verb, resource.clone())),
                );
            }
        }
    }
    match rights.is_empty() {
        true => Err("no rules were understood".into()),
        false => Ok(rights),
    }
}

/// All that operators were allowed; an error names what they asked for in vain.
fn used(plane: &ControlPlane) -> Result<BTreeSet<Right>, Failure> {
    let mut rights = BTreeSet::new();
    for entry in plane.asked_by_any(ACCOUNT)? {
        let what = &entry["objectRef"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut resource = text(&what["resource"]);
        if resource.is_empty() {
            continue;
        }
        if let Some(part) = what["subresource"].as_str() {
            resource = format!("{resource}/{part}");
        }
        let resource = format!("{resource}.{}", text(&what["apiGroup"]));
        // What is applied where there is nothing takes the right to create it, too.
        if entry["verb"] == "patch" && entry["responseStatus"]["code"] == 201 {
            rights.insert(("create".to_owned(), resource.clone()));
        }
        rights.insert((text(&entry["verb"]), resource));
    }
    Ok(rights)
}

/// Fails where a right was used in none of the tests, by mode.
pub(crate) fn check<'a>(planes: impl Iterator<Item = &'a ControlPlane>) -> Result<(), Failure> {
    let used: Vec<BTreeSet<Right>> = planes.map(used).collect::<Result<_, _>>()?;
    let [namespaced, cluster] = &used[..] else {
        return Err("operators ran on one control plane only".into());
    };
    let mut unused = Vec::new();
    for (mode, granted, used) in [
        (
            "in namespaces",
            granted(&["--namespace", "here"])?,
            namespaced,
        ),
        ("in the whole cluster", granted(&[])?, cluster),
    ] {
        for (verb, resource) in granted.difference(used) {
            // There, nobody contends for it: the rules for it are the same ones.
            if !(resource == "leases.coordination.k8s.io"
                && namespaced.contains(&(verb.clone(), resource.clone())))
            {
                unused.push(format!("{verb} {resource} {mode}"));
            }
        }
    }
    match unused.is_empty() {
        true => Ok(()),
        false => Err(format!("nothing uses these rights: {}", unused.join(", ")).into()),
    }
}
