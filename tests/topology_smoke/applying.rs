//! `iggyctl apply --smoke`.

use serde_json::Value;

use crate::lab::Lab;

const APPLY: [&str; 5] = ["apply", "--yes", "--smoke", "-f", "smoke.yaml"];

#[test]
fn what_was_applied_is_tried_also_when_nothing_had_to_change() {
    let lab = Lab::empty();
    for _ in 0..2 {
        let run = lab.run(&APPLY);
        assert_eq!(run.code, 0, "{}", run.transcript());
        assert!(
            run.stdout.contains("ok    login/user/billing"),
            "{}",
            run.transcript()
        );
        assert!(
            run.stdout.contains("18 passed, 1 skipped"),
            "{}",
            run.transcript()
        );
    }
    assert_eq!(lab.left_behind(), [""; 0]);
}

#[test]
fn a_program_reads_both_in_one_document() {
    let lab = Lab::empty();
    for changes in [true, false] {
        let run = lab.run(&[&APPLY[..], &["-o", "json"]].concat());
        assert_eq!(run.code, 0, "{}", run.transcript());
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["verified"]["result"], "converged");
        assert_eq!(report["counts"]["applied"] != 0, changes);
        assert_eq!(report["smoke"]["totals"]["passed"], 18);
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/apply.v1.json");
        let schema: Value =
            serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
        let errors: Vec<String> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&report)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0]);
    }
}

/// The manifest is applied, and what it declares does not work: the expected password
/// is not in the environment any more by the time it counts.
#[test]
fn what_does_not_work_is_said_in_the_exit_code() {
    // `poll_messages` of the wire protocol is refused.
    let refused = iggyctl_embedded::FaultPlan::none().always(
        iggyctl_embedded::FaultKind::UnsupportedOptionKey,
        iggyctl_embedded::FaultTarget::Command(100),
    );
    for changes in [true, false] {
        let lab = match changes {
            true => Lab::empty(),
            false => Lab::applied(),
        };
        lab.server().faults().set(refused.clone());
        let run = lab.run(&[&APPLY[..], &["-o", "json"]].concat());
        assert_eq!(run.code, 7, "{}", run.transcript());
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["verified"]["result"], "converged");
        assert!(report["smoke"]["totals"]["failed"].as_u64().unwrap() > 0);
        let run = lab.run(&APPLY);
        assert_eq!(run.code, 7, "{}", run.transcript());
        assert!(
            run.stdout.contains("FAIL  poll/user/billing"),
            "{}",
            run.transcript()
        );
        lab.server().faults().clear();
        assert_eq!(lab.left_behind(), [""; 0]);
    }
}

/// Nothing is tried after an apply that did not succeed.
#[test]
fn a_failed_apply_is_not_tried() {
    let lab = Lab::empty();
    // `create_topic` of the wire protocol is refused.
    lab.server()
        .faults()
        .set(iggyctl_embedded::FaultPlan::none().always(
            iggyctl_embedded::FaultKind::UnsupportedOptionKey,
            iggyctl_embedded::FaultTarget::Command(302),
        ));
    let run = lab.run(&APPLY);
    assert_eq!(run.code, 6, "{}", run.transcript());
    assert!(!run.stdout.contains("Smoke test"), "{}", run.transcript());
}

#[test]
fn a_part_of_the_manifests_is_not_tried() {
    let lab = Lab::empty();
    let run = lab.run(&[&APPLY[..], &["--only", "stream/shop"]].concat());
    assert_eq!(run.code, 64, "{}", run.transcript());
}
