//! `iggyctl smoke`: its formats, and as a canary with metrics.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use jsonschema::Validator;
use serde_json::Value;

use crate::prometheus::{free_address, metrics, until, value};
use crate::sandbox::Sandbox;
use crate::served::Served;

const ONE: [&str; 5] = ["smoke", "--server", "embedded", "--scenario", "basic"];

fn printed(format: &str) -> String {
    let run = Sandbox::new().run(&[&ONE[..], &["-o", format]].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(run.stderr.contains("basic (tcp): passed"), "{}", run.stderr);
    run.stdout
}

#[test]
fn each_format_has_the_scenario_and_nothing_else_is_printed() {
    assert!(printed("text").starts_with("Smoke test of an embedded server"));
    assert!(printed("markdown").starts_with("## ✅ Smoke test of an embedded server"));
    let junit = printed("junit");
    assert!(junit.starts_with("<?xml"), "{junit}");
    assert!(junit.contains("<testcase name=\"basic\" classname=\"iggyctl.smoke.tcp\""));
    let html = printed("html");
    assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
    assert!(html.trim_end().ends_with("</html>"));
}

#[test]
fn the_json_is_what_its_schema_says() {
    let report: Value = serde_json::from_str(&printed("json")).unwrap();
    let schema = include_str!("../../schemas/smoke.v1.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let schema = Validator::new(&schema).unwrap();
    assert!(schema.is_valid(&report), "{report:#}");
    assert_eq!(report["scenarios"][0]["status"], "passed");
    assert!(report["scenarios"][0]["latency"]["p99"].as_f64().unwrap() > 0.0);
}

/// Both alerts of the documentation fire.
#[test]
fn a_canary_says_that_its_server_is_gone() {
    let builder = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    let mut served = Served::start(builder, Sandbox::new());
    let listen = free_address();
    let address = served.address();
    let mut canary = served
        .sandbox
        .command(&[
            "smoke",
            "--scenario",
            "basic",
            "--server",
            &address,
            "--repeat",
            "10ms",
            "-o",
            "json",
            "--connect-timeout",
            "500ms",
            "--metrics-listen",
            &listen,
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(canary.stdout.take().unwrap()).lines();
    let report: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(report["totals"]["passed"], 1);
    served.stop();
    let reading = std::thread::spawn(move || lines.count());
    let errors = "iggyctl_smoke_runs_total{result=\"error\"}";
    let last = "iggyctl_smoke_last_run_timestamp_seconds";
    let page = until(&listen, "a run that cannot be made", |page| {
        value(page, errors).is_some()
    });
    let up = "iggyctl_smoke_scenario_up{scenario=\"basic\",transport=\"tcp\"}";
    assert_eq!(value(&page, up), Some(0.0), "{page}");
    let (counted, at) = (value(&page, errors).unwrap(), value(&page, last).unwrap());
    // In seconds: only when two of them have gone is another time another number.
    let began = Instant::now();
    let page = until(&listen, "another one, two seconds later", |page| {
        began.elapsed() > Duration::from_secs(2) && value(page, errors) > Some(counted + 1.0)
    });
    assert_eq!(value(&page, last), Some(at), "{page}");
    // Of this test's own process, by its number.
    let told = Command::new("kill")
        .args(["-TERM", &canary.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    assert_eq!(canary.wait().unwrap().code(), Some(69));
    reading.join().unwrap();
}

#[test]
fn nothing_but_skipped_is_no_success() {
    // It is about sessions, which HTTP has not.
    let skipped = [
        "smoke",
        "--server",
        "embedded",
        "--scenario",
        "new-sd*",
        "--transport",
        "http",
    ];
    let run = Sandbox::new().run(&skipped);
    assert_eq!(run.code, 7, "{}", run.transcript());
    assert!(
        run.stdout.contains("nothing was tried, 1 skipped"),
        "{}",
        run.stdout
    );
}

#[test]
fn what_would_be_without_effect_is_a_mistake() {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", "");
    for (arguments, said) in [
        (
            &["-f", "topology.yaml", "--transport", "http"][..],
            "--transport",
        ),
        (
            &["-f", "topology.yaml", "--restart-command", "s3cret"],
            "--restart-command",
        ),
        (
            &["--server", "embedded", "--restart-command", "s3cret"],
            "--restart-command",
        ),
        (&["--server", "embedded", "--set", "a=s3cret"], "--set"),
        (&["--server", "embedded", "--values", "a.yaml"], "--values"),
        (
            &["--server", "embedded", "--secrets-dir", "secrets"],
            "--file",
        ),
        (&["--server", "embedded", "--parallel", "0"], "--parallel"),
    ] {
        let run = sandbox.run(&[&["smoke"], arguments].concat());
        assert_eq!(run.code, 64, "{arguments:?}: {}", run.transcript());
        assert!(run.stderr.contains(said), "{}", run.transcript());
        assert!(!run.stderr.contains("s3cret"), "{}", run.transcript());
    }
}

#[test]
fn a_canary_prints_a_line_for_each_run_and_serves_metrics() {
    let sandbox = Sandbox::new();
    let listen = free_address();
    let more = [
        "--repeat",
        "10ms",
        "-o",
        "json",
        "--metrics-listen",
        &listen,
    ];
    let mut canary = sandbox
        .command(&[&ONE[..], &more].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(canary.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        let report: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(report["totals"]["passed"], 1);
    }
    let page = metrics(&listen);
    for metric in [
        "iggyctl_smoke_runs_total{result=\"passed\"}",
        "iggyctl_smoke_scenario_up{scenario=\"basic\",transport=\"tcp\"} 1",
        "iggyctl_smoke_latency_seconds{scenario=\"basic\",transport=\"tcp\",quantile=\"0.99\"}",
    ] {
        assert!(page.contains(metric), "{metric} in {page}");
    }
    // Of this test's own process, by its number.
    let told = Command::new("kill")
        .args(["-TERM", &canary.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    // What it still prints is read, so that it can end.
    for line in lines {
        line.unwrap();
    }
    assert_eq!(canary.wait().unwrap().code(), Some(0));
}

#[test]
fn formats_of_one_document_are_not_repeated() {
    let run = Sandbox::new().run(&[&ONE[..], &["--repeat", "-o", "junit"]].concat());
    assert_eq!(run.code, 64, "{}", run.transcript());
}
