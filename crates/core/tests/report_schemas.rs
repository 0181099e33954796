//! The published schemas of the JSON reports are what the structs say, and a
//! real report has exactly what its schema says.
//!
//! `IGGYCTL_UPDATE_SCHEMAS=1 cargo test -p iggyctl-core --test report_schemas`
//! writes them again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use iggyctl_core::check::check;
use iggyctl_core::diff::diff;
use iggyctl_core::drift::{DriftKind, DriftReport, drift};
use iggyctl_core::ledger::{HistoryReport, LeaseList, RevisionReport};
use iggyctl_core::plan::{Approvals, StepId, plan};
use iggyctl_core::render::{
    AccessCheck, ApplyReport, PlanReport, SmokeReport, StepReport, StepStatus, TextOptions,
    TopicAccess, UserAccess, Verification,
};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::ObservedState;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    SchemaGenerator::new(settings)
        .into_root_schema_for::<T>()
        .to_value()
}

fn assert_current<T: JsonSchema>(file: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../schemas")
        .join(file);
    let current = serde_json::to_string_pretty(&schema::<T>()).unwrap() + "\n";
    if std::env::var_os("IGGYCTL_UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == current,
        "schemas/{file} is not what the structs say; see the head of this test"
    );
}

#[test]
fn the_schema_of_a_plan_is_current() {
    assert_current::<PlanReport>("plan.v1.json");
}

#[test]
fn the_schema_of_an_apply_is_current() {
    assert_current::<ApplyReport>("apply.v1.json");
}

#[test]
fn the_schemas_of_access_are_current() {
    assert_current::<UserAccess>("access-user.v1.json");
    assert_current::<TopicAccess>("access-topic.v1.json");
    assert_current::<AccessCheck>("access-check.v1.json");
}

#[test]
fn the_schema_of_a_smoke_test_is_current() {
    assert_current::<SmokeReport>("smoke.v1.json");
}

#[test]
fn the_schemas_of_the_history_are_current() {
    assert_current::<HistoryReport>("history.v1.json");
    assert_current::<RevisionReport>("revision.v1.json");
}

#[test]
fn the_schema_of_leases_is_current() {
    assert_current::<LeaseList>("locks.v1.json");
}

#[test]
fn the_schema_of_drift_is_current() {
    assert_current::<DriftReport>("drift.v1.json");
}

#[test]
fn drift_has_what_its_schema_says() {
    let items = drift(&DesiredState::default(), None, &ObservedState::default());
    let report = DriftReport::new(
        None,
        "a server".to_owned(),
        Err("there is no ledger".to_owned()),
        items,
        &[],
        Vec::new(),
    );
    let report: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    let schema = schema::<DriftReport>();
    let mut always = required(&schema);
    // An option without a value is `null`, and not left out.
    always.extend(["project", "record", "noRecord"]);
    assert_eq!(keys(&report), always);
    assert_eq!(report["formatVersion"], 1);
    let kinds = serde_json::to_string(&schema["$defs"]["DriftKind"]).unwrap();
    for kind in DriftKind::ALL {
        assert!(kinds.contains(kind.word()), "{kinds}");
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    let object = value.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

fn required(schema: &Value) -> BTreeSet<&str> {
    let names = schema["required"].as_array().unwrap();
    names.iter().map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn a_plan_has_what_its_schema_says() {
    let changes = diff(&DesiredState::default(), &ObservedState::default());
    let findings = check(
        &changes,
        &DesiredState::default(),
        &ObservedState::default(),
    );
    let plan = plan(&changes, &Approvals::default());
    let mut plan = PlanReport::new(&plan, &changes, &findings);
    let report: Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    let schema = schema::<PlanReport>();
    assert_eq!(keys(&report), required(&schema));
    let mut all = keys(&report);
    all.extend(["adopted"]);
    assert_eq!(
        all,
        keys(&schema["properties"]),
        "only where a ledger tells it"
    );
    assert_eq!(report["formatVersion"], 1);
    plan.adopt(["topic/orders/events".parse().unwrap()]);
    let adopting = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    assert_eq!(keys(&adopting), all);
    assert_eq!(
        adopting["adopted"],
        serde_json::json!(["topic/orders/events"])
    );
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [&report, &adopting] {
        assert!(validator.is_valid(report), "{report}");
    }
}

#[test]
fn an_apply_has_what_its_schema_says() {
    let step = |status, reason: Option<&str>| StepReport {
        id: StepId(0),
        address: "topic/orders/events".parse().unwrap(),
        action: "update settings".to_owned(),
        status,
        reason: reason.map(str::to_owned),
    };
    let report = ApplyReport::new(
        vec![
            step(StepStatus::Applied, None),
            step(StepStatus::Failed, Some("the server said 41")),
            step(StepStatus::Unknown, Some("no reply yet")),
            step(StepStatus::NotAttempted, Some("stopped before it")),
        ],
        Vec::new(),
        Verification::Differs { changes: 2 },
    );
    let json: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    let schema = schema::<ApplyReport>();
    assert_eq!(keys(&json), required(&schema));
    let mut all = keys(&json);
    all.extend(["destroys", "smoke"]);
    assert_eq!(
        all,
        keys(&schema["properties"]),
        "only where it was asked for"
    );
    assert_eq!(
        keys(&json["steps"][1]),
        keys(&schema["$defs"]["StepReport"]["properties"])
    );
    assert_eq!(json["verified"]["result"], "differs");
    assert_eq!(json["counts"]["notAttempted"], 1);
    assert_eq!(json["counts"]["unknown"], 1);
    assert_eq!(json["steps"][2]["status"], "unknown");
    insta::assert_snapshot!(report.to_text(TextOptions::default()));
}

#[test]
fn steps_that_were_not_attempted_for_one_reason_are_one_line() {
    let step = |id: u32, status, reason: &str| StepReport {
        id: StepId(id),
        address: format!("topic/orders/t{id}").parse().unwrap(),
        action: "create topic with 1 partition".to_owned(),
        status,
        reason: Some(reason.to_owned()),
    };
    let mut steps = vec![
        step(0, StepStatus::Failed, "the server said 41"),
        step(1, StepStatus::NotAttempted, "stopped before it"),
    ];
    for id in 2..3000 {
        let reason = if id % 3 == 0 {
            "no connection: nothing listens"
        } else {
            "stream/s0 is needed first, and failed (create stream)"
        };
        steps.push(step(id, StepStatus::NotAttempted, reason));
    }
    let report = ApplyReport::new(steps, Vec::new(), Verification::Skipped);
    let options = TextOptions::default();
    insta::assert_snapshot!(report.to_text(options));
    let verbose = TextOptions {
        verbose: true,
        ..options
    };
    assert_eq!(
        report
            .to_text(verbose)
            .matches("not attempted topic")
            .count(),
        2999
    );
}
