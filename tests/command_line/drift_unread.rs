//! Drift and plans of logins that may not read all that is compared: never green.

use std::collections::BTreeMap;

use iggy::prelude::*;
use insta::assert_snapshot;
use serde_json::Value;

use crate::drift::{applied, edit, expire_by_hand, named};
use crate::sandbox::Run;
use crate::served::Served;

const HOUR: u64 = 3_600_000_000;
const PASSWORD: &str = "reader-of-one-stream";

/// Streams only, as one login may read them, with a record or without.
fn served(flags: &[&str]) -> Served {
    let served = applied(&[]);
    let path = served.sandbox.path().join("topology.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let (streams, _) = text.split_once("  users:\n").unwrap();
    served.sandbox.write("topology.yaml", streams);
    let arguments = ["apply", "-f", "topology.yaml", "--yes"];
    let run = served.run(&[&arguments[..], flags].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    served
}

/// Makes the user `reader`.
fn reader(served: &Served, global: GlobalPermissions) {
    served.by_hand(async |root| {
        let orders = named("orders");
        let id = root.get_stream(&orders).await.unwrap().unwrap().id;
        let stream = StreamPermissions {
            read_stream: true,
            ..StreamPermissions::default()
        };
        let permissions = Permissions {
            global,
            streams: Some(BTreeMap::from([(id as usize, stream)])),
        };
        root.create_user("reader", PASSWORD, UserStatus::Active, Some(permissions))
            .await
            .unwrap();
    });
}

fn as_reader(served: &Served, arguments: &[&str]) -> Run {
    let server = served.address_as(&format!("reader:{PASSWORD}"));
    served
        .sandbox
        .run(&[arguments, &["-f", "topology.yaml", "--server", &server]].concat())
}

#[test]
fn without_the_record_and_the_list_of_streams_it_is_not_green() {
    let served = served(&["--ledger"]);
    reader(&served, GlobalPermissions::default());
    let run = as_reader(&served, &["drift"]);
    assert_eq!(run.code, 77, "{}", run.transcript());
    assert_snapshot!(run.transcript());
    let run = as_reader(&served, &["drift", "-o", "json"]);
    assert_eq!(run.code, 77, "{}", run.transcript());
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["verdict"], "unreadable");
    assert_eq!(report["unread"][0]["what"], "record");
    assert_eq!(report["unread"][1]["what"], "streams");
    let run = as_reader(&served, &["drift", "-o", "markdown"]);
    assert_eq!(run.code, 77, "{}", run.transcript());
    assert_snapshot!("markdown", run.stdout);
}

/// A difference that nobody can assign is not the whole of what is not known.
#[test]
fn without_the_record_a_difference_is_shown_and_not_green() {
    let served = served(&["--ledger"]);
    reader(&served, GlobalPermissions::default());
    expire_by_hand(&served, HOUR);
    let run = as_reader(&served, &["drift"]);
    assert_eq!(run.code, 77, "{}", run.transcript());
    assert!(run.stdout.contains("messageExpiry"), "{}", run.transcript());
}

/// Whoever may read all that these manifests need sees what root sees.
#[test]
fn with_what_is_compared_it_is_green() {
    let served = served(&["--ledger"]);
    let global = GlobalPermissions {
        read_streams: true,
        ..GlobalPermissions::default()
    };
    reader(&served, global);
    let run = as_reader(&served, &["drift"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    expire_by_hand(&served, HOUR);
    let run = as_reader(&served, &["drift"]);
    assert_eq!(run.code, 8, "{}", run.transcript());
}

/// Nothing was applied with a ledger, and nothing is owned by a pattern: no list is needed.
#[test]
fn what_is_not_needed_need_not_be_read() {
    let served = served(&[]);
    reader(&served, GlobalPermissions::default());
    edit(&served, ", \"tmp-*\"", "");
    let run = as_reader(&served, &["drift"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn a_plan_says_that_what_is_owned_is_not_known() {
    let served = served(&[]);
    reader(&served, GlobalPermissions::default());
    let run = as_reader(&served, &["plan"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert_snapshot!(run.transcript());
}
