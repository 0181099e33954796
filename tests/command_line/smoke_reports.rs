//! `iggyctl smoke`: its formats, and as a canary with metrics.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use jsonschema::Validator;
use serde_json::Value;

use crate::sandbox::Sandbox;

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

#[test]
fn a_canary_prints_a_line_for_each_run_and_serves_metrics() {
    let sandbox = Sandbox::new();
    let listen = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string()
    };
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
    let mut connection = TcpStream::connect(&listen).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: canary\r\nconnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    let mut page = String::new();
    connection.read_to_string(&mut page).unwrap();
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
