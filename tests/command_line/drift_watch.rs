//! `iggyctl drift --watch`: what changed since the last look, with metrics.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use iggy::prelude::StreamClient;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use jsonschema::Validator;
use serde_json::Value;

use crate::drift::{applied, apply, drift, edit, expire_by_hand, named};
use crate::prometheus::{free_address, metrics, until, value};
use crate::sandbox::Sandbox;

const UNRECORDED: &str = "iggyctl_drift_items{kind=\"unrecorded\"}";

/// Looks all the time.
fn watch(sandbox: &Sandbox, address: &str, listen: &str) -> Child {
    let mut command = sandbox.command(&["drift", "-f", "topology.yaml", "-o", "json"]);
    command
        .args(["--server", address, "--connect-timeout", "300ms"])
        .args(["--watch", "20ms", "--metrics-listen", listen])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn it_says_what_changed_and_survives_a_server_that_is_away() {
    let mut served = applied(&[]);
    let (listen, address) = (free_address(), served.address());
    let mut watch = watch(&served.sandbox, &address, &listen);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["verdict"], "none");
    expire_by_hand(&served, 3_600_000_000);
    let found = next();
    assert_eq!(found["verdict"], "undecided");
    assert_eq!(found["items"][0]["live"], "1h");
    // Git follows: the manifests are read again, too.
    edit(&served, "messageExpiry: 7d", "messageExpiry: 1h");
    assert_eq!(next()["verdict"], "none");
    let page = until(&listen, "a look", |page| {
        value(page, "iggyctl_drift_up") == Some(1.0)
    });
    assert_eq!(value(&page, UNRECORDED), Some(0.0), "{page}");
    for metric in [
        "iggyctl_drift_duration_seconds",
        "iggyctl_drift_last_success_timestamp_seconds",
        "iggyctl_drift_looks_total{result=\"ok\"}",
    ] {
        assert!(
            value(&page, metric).is_some_and(|it| it > 0.0),
            "{metric} in {page}"
        );
    }
    let place = served.server().address();
    served.stop();
    until(&listen, "a look that fails", |page| {
        value(page, "iggyctl_drift_up") == Some(0.0)
    });
    let errors = |page: &str| value(page, "iggyctl_drift_looks_total{result=\"error\"}");
    let failed = errors(&metrics(&listen)).unwrap();
    until(&listen, "some more of them", |page| {
        errors(page) > Some(failed + 3.0)
    });
    // Another server at the same place, which has nothing of it.
    let builder = || EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    served.start_again(place, builder);
    let found = next();
    assert_eq!(found["verdict"], "undecided", "{found:#}");
    until(&listen, "a look that works again", |page| {
        value(page, "iggyctl_drift_up") == Some(1.0) && value(page, UNRECORDED) > Some(3.0)
    });
    // Of this test's own process, by its number.
    let told = Command::new("kill")
        .args(["-TERM", &watch.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    assert_eq!(watch.wait().unwrap().code(), Some(2));
    let mut said = String::new();
    let mut errors = watch.stderr.take().unwrap();
    errors.read_to_string(&mut said).unwrap();
    assert_eq!(said.matches("nothing listens").count(), 1, "{said}");
    assert_eq!(said.matches("Looking works again").count(), 1, "{said}");
}

/// Its ledger says so: by its address alone it would be the same one.
#[test]
fn a_server_that_was_emptied_or_replaced_is_drift() {
    let served = applied(&["--ledger"]);
    let (listen, address) = (free_address(), served.address());
    let mut watch = watch(&served.sandbox, &address, &listen);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut until = |is_so: &dyn Fn(&Value) -> bool| -> Value {
        loop {
            let report = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            if is_so(&report) {
                return report;
            }
        }
    };
    let other = "iggyctl_drift_other_ledger";
    let first = until(&|_| true);
    assert_eq!(first["verdict"], "none", "{first:#}");
    assert!(first.get("otherLedger").is_none(), "{first:#}");
    assert_eq!(value(&metrics(&listen), other), Some(0.0));
    // Only the ledger: what is declared is as it was.
    served.by_hand(async |root| root.delete_stream(&named("iggyctl")).await.unwrap());
    let gone = until(&|report| report.get("otherLedger").is_some());
    assert_eq!(gone["verdict"], "drift", "{gone:#}");
    assert_eq!(gone["otherLedger"]["now"], Value::Null);
    let before = gone["otherLedger"]["before"].clone();
    let schema = include_str!("../../schemas/drift.v1.json");
    let schema = Validator::new(&serde_json::from_str(schema).unwrap()).unwrap();
    assert!(schema.is_valid(&gone), "{gone:#}");
    // Another server has a ledger of its own.
    apply(&served, &["--ledger"]);
    let replaced = until(&|report| report["otherLedger"]["now"].is_string());
    assert_eq!(replaced["otherLedger"]["before"], before, "{replaced:#}");
    assert_eq!(value(&metrics(&listen), other), Some(1.0));
    let told = Command::new("kill")
        .args(["-TERM", &watch.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    std::thread::spawn(move || lines.count());
    assert_eq!(watch.wait().unwrap().code(), Some(8));
}

#[test]
fn for_people_only_what_is_new_is_said() {
    let served = applied(&[]);
    let address = served.address();
    let mut watch = served
        .sandbox
        .command(&[
            "drift",
            "-f",
            "topology.yaml",
            "--server",
            &address,
            "--watch",
            "20ms",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut until = |end: &str| -> Vec<String> {
        let mut found = Vec::new();
        loop {
            let line = lines.next().unwrap().unwrap();
            let is_end = line.contains(end);
            found.push(line);
            if is_end {
                return found;
            }
        }
    };
    until("The server is as Git declares it.");
    expire_by_hand(&served, 3_600_000_000);
    let new = until("cannot be told apart.").join("\n");
    assert!(new.contains("messageExpiry: now 1h, declared 7d"), "{new}");
    assert!(!new.contains("There is no record"), "{new}");
    expire_by_hand(&served, 7 * 24 * 3_600_000_000);
    let gone = until("The server is as Git declares it.").join("\n");
    assert!(gone.contains("No longer so:\n  "), "{gone}");
    assert!(
        gone.contains("topic/orders/events: messageExpiry: now 1h"),
        "{gone}"
    );
    let told = Command::new("kill")
        .args(["-INT", &watch.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}

#[test]
fn formats_of_one_document_are_not_repeated() {
    let served = applied(&[]);
    for (flags, said) in [
        (
            ["--watch=1m", "-o", "markdown"].as_slice(),
            "only -o text and -o json can",
        ),
        (
            &["--watch=1m", "-o", "github"],
            "only -o text and -o json can",
        ),
        (&["--metrics-listen", "127.0.0.1:0"], "is for --watch"),
    ] {
        let run = drift(&served, flags);
        assert_eq!(run.code, 64, "{}", run.transcript());
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
}
