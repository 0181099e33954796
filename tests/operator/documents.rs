//! What the pages of the operator have in their YAML blocks, as the API server takes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::chart::parse;
use crate::control_plane::{ControlPlane, Failure, Said, repository};
use crate::laboratory::Laboratory;
use crate::{trial, whole_cluster};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("every_manifest_of_the_pages_is_accepted", are_accepted),
        whole_cluster::trial("tenancy_is_as_its_page_says", tenancy),
    ]
}

/// Documents of others, which the API server of the tests does not know.
const OF_OTHERS: [&str; 1] = ["kustomize.toolkit.fluxcd.io/v1"];

/// The pages of the operator, with its runbooks.
fn pages() -> Result<Vec<PathBuf>, Failure> {
    let mut pages = Vec::new();
    for folder in ["docs", "docs/runbooks"] {
        for entry in fs::read_dir(repository(folder))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("operator") && name.ends_with(".md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// The blocks of a page that are manifests; what is a part of one is indented.
fn manifests(page: &str) -> Result<Vec<Vec<Value>>, Failure> {
    let blocks = page.split("\n```yaml\n").skip(1);
    blocks
        .filter_map(|block| block.split("\n```").next())
        .filter(|block| !block.starts_with(' '))
        .map(parse)
        .collect()
}

/// Each with a strict look at its fields; those in one block may name a namespace of it.
fn are_accepted(plane: &ControlPlane) -> Result<(), Failure> {
    let own = plane.namespace()?;
    let mut tried: BTreeMap<String, usize> = BTreeMap::new();
    for page in pages()? {
        let shown = page.display().to_string();
        for document in manifests(&fs::read_to_string(&page)?)?.concat() {
            let version = document["apiVersion"].as_str().unwrap_or_default();
            if OF_OTHERS.contains(&version) {
                continue;
            }
            let namespace = document["metadata"]["namespace"].as_str();
            if let Some(namespace) = namespace {
                drop(plane.kubectl(&["create", "namespace", namespace], "")?);
            }
            let namespace = namespace.unwrap_or(&own);
            let said = plane
                .succeed(
                    &[
                        "apply",
                        "--dry-run=server",
                        "--validate=strict",
                        "-n",
                        namespace,
                        "-f",
                        "-",
                    ],
                    &document.to_string(),
                )
                .map_err(|error| format!("{shown}: {document:#}: {error}"))?;
            if said.stderr.contains("Warning") {
                return Err(format!("{shown}: {}", said.stderr).into());
            }
            let kind = document["kind"].as_str().unwrap_or_default();
            *tried.entry(kind.to_owned()).or_default() += 1;
        }
    }
    // It really looks.
    let wrong = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: a }\n\
                 spec: { topic: [] }\n";
    let arguments = [
        "apply",
        "--dry-run=server",
        "--validate=strict",
        "-n",
        &own,
        "-f",
        "-",
    ];
    let said = Said::of(&plane.kubectl(&arguments, wrong)?);
    if !said.stderr.contains("unknown field") {
        return Err(format!("not strict: {}{}", said.stdout, said.stderr).into());
    }
    let kinds = [
        "ClusterIggyServer",
        "IggyAccessToken",
        "IggyServer",
        "IggySmokeTest",
        "IggyTopology",
        "IggyUser",
        "Secret",
    ];
    match kinds.iter().all(|kind| tried.contains_key(*kind)) {
        true => Ok(()),
        false => Err(format!("the pages have only {tried:?}").into()),
    }
}

/// The server, what a team has on it, and what it is refused, with the operator of all namespaces.
fn tenancy(laboratory: &mut Laboratory<'static>) -> Result<(), Failure> {
    let page = fs::read_to_string(repository("docs/operator-tenancy.md"))?;
    let address = laboratory.server().address().to_string();
    let blocks = manifests(&page)?;
    let [server, permitted, refused] = blocks.as_slice() else {
        return Err(format!("{} blocks", blocks.len()).into());
    };
    for document in [server.as_slice(), permitted, refused].concat() {
        let text = document.to_string();
        let text = text.replace("iggy.messaging.svc:8090", &address);
        // The login that the server of the tests has.
        let text = text.replace("\"change-me\"", "\"iggy\"");
        laboratory.plane.succeed(&["apply", "-f", "-"], &text)?;
    }
    laboratory.enter_new("orders-production", "team: orders")?;
    laboratory.ready("igtopo/orders")?;
    for object in refused {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        let object = format!("{kind}/{name}");
        let found = laboratory.wait_for(&object, "Stalled", "True", "NotPermitted")?;
        let conditions = found["status"]["conditions"].as_array();
        let messages = conditions.into_iter().flatten();
        let mut messages = messages.filter_map(|it| it["message"].as_str());
        // The table has what is said.
        if !messages.any(|message| !message.is_empty() && page.contains(&format!("`{message}`"))) {
            return Err(format!("{object}: {:#}", found["status"]).into());
        }
    }
    Ok(())
}
