//! What `iggyctl access -o json` prints is what its published schemas say.

use std::path::Path;

use serde_json::Value;

use crate::access::Lab;

/// The schema, so strict that it refuses what it does not name.
fn published(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("schemas")
        .join(file);
    let mut schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("properties").is_some_and(Value::is_object) {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn the_reports_of_access_are_what_their_schemas_say() {
    let lab = Lab::new();
    let on_orders = ["poll_messages", "orders/events"];
    let (user, topic, check) = (
        "access-user.v1.json",
        "access-topic.v1.json",
        "access-check.v1.json",
    );
    let asked = |name| vec!["access", "--user", name];
    let checked = |name| {
        [
            &["access", "check", "--user", name, "--can"],
            &on_orders[..],
        ]
        .concat()
    };
    for (schema, arguments, manifests, server) in [
        (user, asked("svc-orders"), true, true),
        (user, asked("operator"), true, true),
        (user, asked("auditor"), true, true),
        (user, asked("legacy"), true, true),
        (user, asked("mallory"), false, true),
        (user, asked("iggy"), false, true),
        (
            topic,
            vec!["access", "--topic", "orders/events"],
            true,
            true,
        ),
        (check, checked("svc-orders"), true, true),
        (check, checked("legacy"), true, true),
        (check, checked("auditor"), true, true),
        (check, checked("iggy"), false, true),
    ] {
        let validator = jsonschema::validator_for(&published(schema)).unwrap();
        let json = [&arguments[..], &["-o", "json"]].concat();
        let offline = || {
            let with_manifests = [&json[..], &["-f", "topology.yaml"]].concat();
            lab.sandbox.run(&with_manifests)
        };
        let runs = [manifests.then(offline), server.then(|| lab.run(&json))];
        for run in runs.into_iter().flatten() {
            let report: Value = serde_json::from_str(&run.stdout).unwrap();
            let wrong: Vec<String> = validator
                .iter_errors(&report)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(wrong, [] as [String; 0], "{}", run.transcript());
            assert_eq!(report["formatVersion"], 1);
        }
        // It can fail: the form of another report, and a field more.
        let mut other = serde_json::json!({ "formatVersion": 1 });
        assert!(!validator.is_valid(&other));
        let run = lab.run(&json);
        other = serde_json::from_str(&run.stdout).unwrap();
        other["more"] = Value::Null;
        assert!(!validator.is_valid(&other), "{schema}");
    }
}
