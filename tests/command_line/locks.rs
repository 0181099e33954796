//! Two real applies of one project at once, with a ledger and without.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;
use crate::terminal::AtTerminal;

/// `create_topic` of the wire protocol.
const CREATE_TOPIC: u32 = 302;

/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(600);

fn topology(topics: &[&str]) -> String {
    let topics: String = topics
        .iter()
        .map(|topic| format!("        - {{ name: {topic}, consumerGroups: [billing] }}\n"))
        .collect();
    format!(
        "apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: {{ name: shop }}
spec:
  streams:
    - name: orders
      topics:
{topics}"
    )
}

fn served() -> Served {
    let sandbox = Sandbox::new()
        .variable("USER", "anna")
        .variable("HOSTNAME", "laptop")
        .variable("CI_JOB_URL", "https://ci.example/jobs/7");
    sandbox.write("first.yaml", topology(&["events"]));
    sandbox.write("next.yaml", topology(&["events", "letters"]));
    Served::start(EmbeddedServer::builder(), sandbox)
}

/// With a ledger and a first apply, and a server that never creates another topic.
fn lab() -> Served {
    let served = served();
    let run = served.run(&["apply", "-f", "first.yaml", "--yes", "--ledger"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    served
}

fn apply(served: &Served, more: &[&str]) -> Run {
    let apply = ["apply", "-f", "next.yaml", "--yes", "--ledger"];
    served.run(&[&apply, more].concat())
}

fn spawn(served: &Served, more: &[&str]) -> Child {
    let address = served.address();
    let apply = ["apply", "-f", "next.yaml", "--yes"];
    let server = ["--server", &address];
    let mut command = served.sandbox.command(&[&apply, more, &server].concat());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// An apply that has the lease and waits for the server.
fn holding(served: &Served, more: &[&str]) -> Child {
    let hangs = FaultKind::Delay(FOR_EVER);
    let target = FaultTarget::Command(CREATE_TOPIC);
    served
        .server()
        .faults()
        .set(FaultPlan::none().once(hangs, target, 1));
    served.server().requests().reset();
    let process = spawn(served, &[&["--ledger"], more].concat());
    let begun = Instant::now();
    while served.server().requests().count(CREATE_TOPIC) == 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "it does not come"
        );
        std::thread::yield_now();
    }
    served.server().faults().clear();
    process
}

fn signal(process: &Child, name: &str) {
    let id = process.id().to_string();
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &id])
        .status();
    assert!(sent.unwrap().success());
}

/// The lines of its messages until one has this text; the rest is read to its end.
fn said(process: &mut Child, text: &str) -> String {
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().unwrap().contains(text));
    let line = line
        .unwrap_or_else(|| panic!("`{text}` is not said"))
        .unwrap();
    std::thread::spawn(move || lines.count());
    line
}

fn ended(mut process: Child) -> (ExitStatus, String) {
    let status = process.wait().unwrap();
    let text = process
        .stderr
        .take()
        .map(|stderr| std::io::read_to_string(stderr).unwrap());
    (status, text.unwrap_or_default())
}

fn leases(served: &Served) -> serde_json::Value {
    let run = served.run(&["lock", "list", "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    report["leases"].clone()
}

#[test]
fn what_needs_a_ledger_is_refused_without_one() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t.yaml",
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: shop }\nspec: {}\n",
    );
    let flags: [&[&str]; 4] = [
        &["--lock-timeout", "5s"],
        &["--lock-duration", "5s"],
        &["--no-lock"],
        &["--commit", "c0ffee"],
    ];
    for flag in flags {
        for command in ["apply", "destroy"] {
            let arguments = [command, "-f", "t.yaml", "--server", "embedded", "--yes"];
            let run = sandbox.run(&[&arguments[..], flag].concat());
            assert_eq!(run.code, 64, "{}", run.transcript());
            let said = format!("error: {} without a ledger: ", flag[0]);
            assert!(run.stderr.contains(&said), "{}", run.transcript());
            let with = [&arguments[..], flag, &["--ledger"]].concat();
            let run = sandbox.run(&with);
            assert_eq!(run.code, 0, "{}", run.transcript());
        }
    }
}

#[test]
fn the_second_one_is_told_who_has_it_or_waits() {
    let served = lab();
    let owner = holding(&served, &[]);
    let refused = apply(&served, &[]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    for text in [
        "nothing was changed: another apply of the project shop runs: `apply` by anna@laptop, as \
         user iggy, https://ci.example/jobs/7, since ",
        "--lock-timeout",
        "iggyctl lock release shop",
    ] {
        assert!(refused.stderr.contains(text), "{}", refused.stderr);
    }
    let list = leases(&served);
    assert_eq!(list[0]["project"], "shop");
    assert_eq!(list[0]["state"], "held");
    assert_eq!(list[0]["author"]["machine"], "anna@laptop");
    let text = served.run(&["lock", "list"]).stdout;
    assert!(text.starts_with("shop: held (number "), "{text}");
    assert!(text.contains("\n  machine  anna@laptop\n"), "{text}");
    // Reading never waits.
    assert_eq!(served.run(&["plan", "-f", "next.yaml"]).code, 0);

    let mut waits = spawn(&served, &["--ledger", "--lock-timeout", "60s"]);
    let line = said(&mut waits, "Waiting for up to 60s");
    assert!(line.contains("anna@laptop"), "{line}");
    signal(&owner, "TERM");
    let (status, text) = ended(owner);
    assert_eq!(status.code(), Some(6), "{text}");
    let (status, _) = ended(waits);
    assert_eq!(status.code(), Some(0));
    assert_eq!(leases(&served), serde_json::json!([]));
    assert_eq!(served.run(&["diff", "-f", "next.yaml"]).code, 0);
}

#[test]
fn without_the_lock_nobody_is_waited_for() {
    let served = lab();
    let owner = holding(&served, &[]);
    let run = apply(&served, &["--no-lock"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    signal(&owner, "KILL");
    ended(owner);
}

#[test]
fn an_owner_that_was_killed_blocks_nobody_for_longer_than_its_lease() {
    let served = lab();
    let mut owner = holding(&served, &["--lock-duration", "2s"]);
    owner.kill().unwrap();
    ended(owner);
    let begun = Instant::now();
    let run = apply(&served, &["--lock-timeout", "60s"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(begun.elapsed() < Duration::from_secs(20), "{}", run.stderr);
    assert_eq!(leases(&served), serde_json::json!([]));
}

#[test]
fn an_owner_whose_lease_is_ended_by_hand_sends_nothing_more() {
    let served = lab();
    // Long enough that it does not end by itself on a busy machine.
    let mut owner = holding(&served, &["--lock-duration", "9s"]);
    let run = served.run(&["lock", "release", "shop"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("It was that of `apply` by anna@laptop"),
        "{}",
        run.stderr
    );
    let line = said(&mut owner, "the lease is lost");
    let expected = "anna@laptop ended it with `iggyctl lock release`";
    assert!(line.contains(expected), "{line}");
    let (status, _) = ended(owner);
    assert_eq!(status.code(), Some(6));
    assert_eq!(apply(&served, &[]).code, 0);
    let again = served.run(&["lock", "release", "shop"]);
    assert_eq!(again.code, 0);
    assert!(
        again.stderr.contains("Nobody has the lease"),
        "{}",
        again.stderr
    );
}

#[test]
fn what_is_given_back_is_given_back_however_it_ends() {
    let served = lab();
    served.sandbox.write(
        "next.yaml",
        topology(&["events"]).replace("name: events", "name: events, segmentSize: 128MiB"),
    );
    assert_eq!(apply(&served, &[]).code, 3);
    assert_eq!(leases(&served), serde_json::json!([]));
    served.sandbox.write("next.yaml", topology(&["events"]));
    assert_eq!(apply(&served, &[]).code, 0);
    assert_eq!(leases(&served), serde_json::json!([]));
}

#[test]
fn without_a_ledger_nobody_knows_of_leases() {
    let served = served();
    assert_eq!(
        served.run(&["lock", "list"]).stdout,
        "Nobody applies with a ledger now.\n"
    );
    assert_eq!(served.run(&["lock", "release", "shop"]).code, 0);
    assert_eq!(
        served.run(&["get", "streams", "-o", "json"]).stdout.trim(),
        "[]"
    );
}

/// Neither knows of the other one: what one of them finds made already it may leave to the
/// next apply, which has nothing more to do than that.
#[test]
fn two_at_once_converge_without_a_ledger() {
    let served = served();
    let both = [(); 2].map(|()| spawn(&served, &[]));
    let codes = both.map(|process| ended(process).0.code().unwrap());
    assert!(codes.contains(&0), "{codes:?}");
    assert!(
        codes.iter().all(|code| [0, 1, 6].contains(code)),
        "{codes:?}"
    );
    let run = served.run(&["apply", "-f", "next.yaml", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(served.run(&["diff", "-f", "next.yaml"]).code, 0);
}

#[test]
fn two_at_once_follow_each_other_with_a_ledger() {
    let served = lab();
    let both = [(); 2].map(|()| spawn(&served, &["--ledger", "--lock-timeout", "60s"]));
    for process in both {
        let (status, text) = ended(process);
        assert_eq!(status.code(), Some(0), "{text}");
    }
    assert_eq!(served.run(&["diff", "-f", "next.yaml"]).code, 0);
    assert_eq!(leases(&served), serde_json::json!([]));
}

/// An apply that waits for the answer of a person.
fn asking(served: &Served, arguments: &[&str]) -> AtTerminal {
    let address = served.address();
    let all = [&["apply"], arguments, &["--ledger", "--server", &address]].concat();
    let mut asking = AtTerminal::start(served.sandbox.command(&all));
    asking.until("Only `yes` is accepted");
    asking
}

fn revisions(served: &Served) -> usize {
    let run = served.run(&["history", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    report["revisions"].as_array().unwrap().len()
}

/// There is no ledger yet to have the lease in, so each of them plans without one.
#[test]
fn of_two_first_ones_the_second_plans_again() {
    let served = served();
    let saved = served.run(&["plan", "-f", "next.yaml", "--out", "saved"]);
    assert_eq!(saved.code, 0, "{}", saved.stderr);
    let seconds: [&[&str]; 2] = [&["-f", "next.yaml"], &["--plan", "saved"]];
    let seconds = seconds.map(|arguments| asking(&served, arguments));
    assert_eq!(apply(&served, &[]).code, 0);
    for mut second in seconds {
        second.answer("yes");
        let (code, _, shown) = second.ended();
        assert_eq!(code, Some(4), "{shown}");
        assert!(shown.contains("stream/orders: "), "{shown}");
        assert!(!shown.contains("failed"), "{shown}");
    }
    assert_eq!(revisions(&served), 1);
    assert_eq!(leases(&served), serde_json::json!([]));
}

/// Also where nothing of what it would change has moved.
#[test]
fn a_first_one_sees_what_else_there_is_to_do() {
    let served = served();
    let expiring = |topics: &[&str], after| {
        topology(topics).replace("events", &format!("events, messageExpiry: {after}"))
    };
    let sandbox = &served.sandbox;
    sandbox.write("next.yaml", expiring(&["events", "letters"], "7d"));
    for (name, after) in [("as-declared.yaml", "7d"), ("other.yaml", "1h")] {
        sandbox.write(name, expiring(&["events"], after));
    }
    let run = served.run(&["apply", "-f", "as-declared.yaml", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut second = asking(&served, &["-f", "next.yaml"]);
    let run = served.run(&["apply", "-f", "other.yaml", "--yes", "--ledger"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    second.answer("yes");
    let (code, _, shown) = second.ended();
    assert_eq!(code, Some(4), "{shown}");
    assert_eq!(revisions(&served), 1);
}

#[test]
fn a_first_one_goes_on_where_others_did_something_else() {
    let served = served();
    let mut first = asking(&served, &["-f", "next.yaml"]);
    let another = topology(&["events"])
        .replace("shop", "store")
        .replace("orders", "goods");
    served.sandbox.write("another.yaml", another);
    let run = served.run(&["apply", "-f", "another.yaml", "--yes", "--ledger"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    first.answer("yes");
    let (code, _, shown) = first.ended();
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(served.run(&["diff", "-f", "next.yaml"]).code, 0);
    assert_eq!(revisions(&served), 2);
}

#[test]
fn a_lease_that_is_lost_is_not_waited_for_with_a_question() {
    let served = lab();
    let question = ["-f", "next.yaml", "--lock-duration", "9s", "-o", "json"];
    let owner = asking(&served, &question);
    assert_eq!(served.run(&["lock", "release", "shop"]).code, 0);
    // Nobody answers.
    let (code, data, shown) = owner.ended();
    assert_eq!(code, Some(5), "{shown}");
    assert!(
        shown.contains("nothing was changed: the lease is lost: anna@laptop ended it"),
        "{shown}"
    );
    let report: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(report["steps"][0]["status"], "notAttempted", "{report:#}");
    assert_eq!(revisions(&served), 1);
    assert_eq!(apply(&served, &[]).code, 0);
}
