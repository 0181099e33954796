//! The chart, by Helm: what it renders, what it refuses, and what becomes of a release.

mod files;
mod objects;
mod releases;
mod rights;
mod values;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::completion;
use crate::control_plane::{ControlPlane, Failure, NotHere, Said, find, repository};

/// Where the chart is.
const CHART: &str = "charts/iggyctl-operator";

/// Values that differ in what is rendered.
const VALUE_SETS: [(&str, &[&str]); 5] = [
    ("as it comes", &[]),
    (
        "of two namespaces",
        &["watchNamespaces={orders,billing}", "crds.install=false"],
    ),
    (
        "everything on",
        &[
            "replicas=3",
            "podDisruptionBudget.maxUnavailable=50%",
            "metrics.service.enabled=true",
            "metrics.service.annotations.a=b",
            "metrics.podMonitor.enabled=true",
            "metrics.podMonitor.labels.release=prometheus",
            "metrics.prometheusRule.enabled=true",
            "metrics.dashboard.enabled=true",
            "networkPolicy.egress.restricted=true",
            "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring",
            "podLabels.team=a",
            "podLabels.app\\.kubernetes\\.io/name=mistaken",
            "podAnnotations.note=here",
            "priorityClassName=system-cluster-critical",
            "nodeSelector.disk=ssd",
            "tolerations[0].key=spot",
            "tolerations[0].operator=Exists",
            "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey=zone",
            "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchLabels.a=b",
            "imagePullSecrets[0].name=registry",
            "serviceAccount.annotations.a=b",
            "extraArgs={-v}",
        ],
    ),
    (
        "everything off",
        &[
            "replicas=1",
            "crds.install=false",
            "rbac.create=false",
            "rbac.aggregate=false",
            "serviceAccount.create=false",
            "serviceAccount.name=somebody",
            "networkPolicy.enabled=false",
            "podDisruptionBudget.enabled=false",
        ],
    ),
    (
        "by digest, in a cluster with IPv6 only",
        &[
            "image.digest=sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "listenAddress=[::]",
            "fullnameOverride=iggy",
            "topologySpreadConstraints[0].maxSkew=2",
            "topologySpreadConstraints[0].topologyKey=rack",
            "topologySpreadConstraints[0].labelSelector.matchLabels.a=b",
            "topologySpreadConstraints[0].whenUnsatisfiable=DoNotSchedule",
        ],
    ),
];

/// A test on an API server.
type OnPlane = fn(&ControlPlane) -> Result<(), Failure>;

/// The tests of the chart.
pub(crate) fn trials(on_plane: fn(&'static str, OnPlane) -> Trial) -> Vec<Trial> {
    vec![
        Trial::test("the_roles_in_the_chart_are_current", || {
            files::roles_are_current().map_err(|error| error.to_string().into())
        }),
        Trial::test("the_chart_has_the_version_of_the_program", || {
            files::versions_agree().map_err(|error| error.to_string().into())
        }),
        Trial::test("every_value_of_the_chart_is_in_its_schema", || {
            values::are_in_the_schema().map_err(|error| error.to_string().into())
        }),
        trial("the_chart_is_without_a_warning", files::is_linted),
        trial("the_chart_refuses_wrong_values", values::are_refused),
        trial(
            "the_chart_has_the_definitions_of_the_types",
            files::definitions_are_rendered,
        ),
        trial(
            "the_chart_has_the_roles_of_the_table",
            rights::are_those_of_the_table,
        ),
        trial("two_releases_do_not_collide", objects::do_not_collide),
        trial(
            "in_namespaces_nothing_is_of_the_cluster",
            objects::of_namespaces,
        ),
        trial(
            "the_arguments_of_the_chart_are_understood",
            objects::arguments,
        ),
        trial("the_chart_has_no_webhook", objects::have_no_webhook),
        trial("the_chart_has_no_hook", objects::have_no_hook),
        trial(
            "the_chart_has_a_disruption_budget_only_with_more_than_one_replica",
            objects::have_a_disruption_budget,
        ),
        trial(
            "the_pod_writes_to_one_small_folder_only",
            objects::write_to_one_folder,
        ),
        on_plane("the_roles_allow_what_is_needed_and_no_more", rights::allow),
        on_plane(
            "every_object_of_the_chart_is_accepted",
            objects::are_accepted,
        ),
        on_plane(
            "the_pod_is_as_restricted_as_it_can_be",
            objects::is_restricted,
        ),
        on_plane(
            "definitions_and_objects_outlive_releases",
            releases::leave_objects,
        ),
        on_plane(
            "definitions_are_upgraded_and_brought_back",
            releases::go_back_and_forth,
        ),
    ]
}

fn trial(name: &'static str, test: fn(&Path) -> Result<(), Failure>) -> Trial {
    Trial::ignorable_test(name, move || {
        completion(helm().and_then(|helm| test(&helm)))
    })
    .with_kind("kubernetes")
}

/// Where Helm is, or why there is none.
pub(crate) fn helm() -> Result<PathBuf, Failure> {
    find_helm().map_err(|reason| NotHere(reason).into())
}

fn find_helm() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("TEST_ASSET_HELM") {
        return Ok(PathBuf::from(path));
    }
    // Its folder is that of the servers, and says so where it is not known.
    find()?;
    // A cluster that is there already needs no such folder.
    let folder = std::env::var_os("KUBEBUILDER_ASSETS");
    let folder = folder.ok_or("neither KUBEBUILDER_ASSETS nor TEST_ASSET_HELM is set")?;
    let path = PathBuf::from(folder).join("helm");
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!(
            "{} is missing, and TEST_ASSET_HELM is not set",
            path.display()
        ))
    }
}

pub(crate) fn run_helm<A: AsRef<OsStr>>(helm: &Path, arguments: &[A]) -> Result<Output, Failure> {
    let home = tempfile::tempdir()?;
    let output = Command::new(helm)
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .current_dir(repository(""))
        .output()?;
    Ok(output)
}

/// What the chart becomes for a release.
fn render(
    helm: &Path,
    release: &str,
    namespace: &str,
    values: &[&str],
) -> Result<Vec<Value>, Failure> {
    let mut arguments = vec!["template", release, CHART, "--namespace", namespace];
    for value in values {
        arguments.extend(["--set", value]);
    }
    let output = run_helm(helm, &arguments)?;
    let said = Said::of(&output);
    if !output.status.success() {
        return Err(format!("{arguments:?}: {}", said.stderr).into());
    }
    parse(&said.stdout)
}

/// The documents of a text.
pub(crate) fn parse(text: &str) -> Result<Vec<Value>, Failure> {
    let mut documents = Vec::new();
    for document in format!("\n{text}").split("\n---\n") {
        let is_empty = document
            .lines()
            .all(|line| line.is_empty() || line.starts_with('#'));
        if !is_empty {
            documents.push(serde_saphyr::from_str(document)?);
        }
    }
    Ok(documents)
}

/// What Kubernetes knows an object by.
fn identity(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!(
        "{} {}/{}",
        text(&object["kind"]),
        text(&object["metadata"]["namespace"]),
        text(&object["metadata"]["name"])
    )
}

/// What a command of iggyctl prints.
pub(crate) fn iggyctl(arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
        .args(arguments)
        .env_clear()
        .output()?;
    let said = Said::of(&output);
    if output.status.success() {
        Ok(said.stdout)
    } else {
        Err(format!("{arguments:?}: {}", said.stderr).into())
    }
}
