//! Dead letters from the command line: found by their headers, shown, sent back once,
//! and removed.

#[cfg(unix)]
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

/// `send_messages` of the wire protocol.
const SEND_MESSAGES: u32 = 101;
/// `get_topic` of the wire protocol.
const GET_TOPIC: u32 = 300;
/// `purge_topic` of the wire protocol.
const PURGE_TOPIC: u32 = 305;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec:
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 2 }
        - { name: dead, partitions: 1 }
";

struct Lab {
    served: Served,
}

impl Lab {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("topology.yaml", TOPOLOGY);
        let served = Served::start(EmbeddedServer::builder(), sandbox);
        let lab = Self { served };
        lab.done(&["apply", "-f", "topology.yaml", "--yes"]);
        lab
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.served.run(arguments)
    }

    fn done(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{}", run.transcript());
        run
    }

    /// As a consumer puts it aside.
    fn bury(&self, payload: &str, topic: &str, partition: u32, offset: u64, error: &str) {
        let place = [
            format!("dead-letter-topic={topic}"),
            format!("dead-letter-partition:uint32={partition}"),
            format!("dead-letter-offset:uint64={offset}"),
            format!("dead-letter-error={error}"),
        ];
        let mut produce = vec!["produce", "orders/dead", "--message", payload];
        for header in [
            "tenant=acme",
            "dead-letter-stream=orders",
            "dead-letter-attempts:uint32=5",
        ] {
            produce.extend(["-H", header]);
        }
        for header in &place {
            produce.extend(["-H", header]);
        }
        self.done(&produce);
    }

    /// Three of two causes.
    fn with_dead_letters() -> Self {
        let lab = Self::new();
        lab.bury("first", "events", 1, 4, "no such customer");
        lab.bury("second", "events", 0, 7, "no such customer");
        lab.bury(
            "third\u{1b}[2J",
            "events",
            1,
            9,
            "expected `}` at 1:5\u{202e}",
        );
        lab
    }

    fn payloads(&self, topic: &str, partition: u32) -> Vec<String> {
        self.served.by_hand(async |root| {
            let name = |text| Identifier::named(text).unwrap();
            let reader = iggy::prelude::Consumer::new(name("look"));
            let first = PollingStrategy::first();
            let (stream, topic) = (name("orders"), name(topic));
            let polled = root
                .poll_messages(
                    &stream,
                    &topic,
                    Some(partition),
                    &reader,
                    &first,
                    100,
                    false,
                )
                .await
                .unwrap();
            let text = |it: &IggyMessage| String::from_utf8(it.payload.to_vec()).unwrap();
            polled.messages.iter().map(text).collect()
        })
    }
}

/// Times and ids differ each time.
fn shown(run: &Run) -> String {
    let lines = run.transcript();
    let lines = lines.lines().map(|line| match line.split_once("  20") {
        Some((place, rest)) if rest.contains('T') => format!("{place}  [TIME]"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn json_lines(run: &Run) -> Vec<serde_json::Value> {
    let lines = run.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn dead_letters_are_found_and_shown() {
    let lab = Lab::with_dead_letters();
    lab.done(&["produce", "orders/events", "--message", "alive"]);
    insta::assert_snapshot!("list", lab.run(&["dlq", "list"]).transcript());
    let run = lab.done(&["dlq", "list", "orders/dead", "-o", "json", "--scan", "2"]);
    let topics: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(topics[0]["causes"][0]["messages"], 2);
    assert_eq!(topics[0]["notLookedAt"], 1);
    insta::assert_snapshot!("show", shown(&lab.run(&["dlq", "show", "orders/dead"])));
    let show = ["dlq", "show", "orders/dead", "--from-offset", "1"];
    let run = lab.done(&[&show[..], &["--max", "1", "-o", "json"]].concat());
    let letters = json_lines(&run);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["payload"], "second");
    assert_eq!(letters[0]["deadLetter"]["offset"], 7);
    assert_eq!(letters[0]["deadLetter"]["attempts"], 5);
    assert_eq!(letters[0]["headers"]["tenant"]["value"], "acme");
    let alive = lab.run(&["dlq", "list", "orders/events"]);
    insta::assert_snapshot!("none", alive.transcript());
}

#[test]
fn dead_letters_go_back_once() {
    let lab = Lab::with_dead_letters();
    let run = |more: &[&str]| lab.run(&[&["dlq", "replay", "orders/dead"], more].concat());
    let replay = |more: &[&str]| run(&[&["--yes"], more].concat());
    insta::assert_snapshot!("a dry run", run(&["--dry-run"]).transcript());
    insta::assert_snapshot!("nobody to ask about replay", run(&[]).transcript());
    assert_eq!(lab.payloads("events", 1).len(), 0);
    let one = replay(&["--max", "1", "-o", "json"]);
    assert_eq!(one.code, 0, "{}", one.transcript());
    let report = &json_lines(&one)[0];
    assert_eq!(report["messages"], 1);
    assert_eq!(
        report["destinations"],
        serde_json::json!([
            { "stream": "orders", "topic": "events", "waiting": 3, "allowed": true }
        ])
    );
    assert_eq!(lab.payloads("events", 1), ["first"]);
    let listed = lab.done(&["dlq", "list", "-o", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed[0]["causes"][1]["waiting"], 1);
    let waiting = lab.done(&["dlq", "show", "orders/dead", "--waiting", "-o", "json"]);
    assert_eq!(json_lines(&waiting).len(), 2);

    // Somebody else, and twice.
    assert_eq!(replay(&[]).code, 0);
    let again = replay(&["-o", "json"]);
    assert_eq!(json_lines(&again)[0]["messages"], 0);
    assert_eq!(lab.payloads("events", 0), ["second"]);
    assert_eq!(lab.payloads("events", 1), ["first", "third\u{1b}[2J"]);
    let run = lab.done(&[
        "consume",
        "orders/events",
        "-p",
        "0",
        "-n",
        "1",
        "-o",
        "json",
    ]);
    let message = &json_lines(&run)[0];
    assert_eq!(message["headers"]["tenant"]["value"], "acme");
    assert_eq!(message["headers"]["replay-topic"]["value"], "dead");
    assert_eq!(
        message["headers"]["dead-letter-attempts-before"]["value"],
        5
    );
    assert!(message["headers"]["dead-letter-stream"].is_null());

    let all = replay(&["--again", "-o", "json"]);
    assert_eq!(json_lines(&all)[0]["messages"], 3);
    assert_eq!(lab.payloads("events", 0), ["second", "second"]);
}

/// What is passed over does not wait any more.
#[test]
fn nothing_is_passed_over_without_being_asked() {
    let lab = Lab::new();
    lab.done(&["produce", "orders/dead", "--message", "alive"]);
    let replay = |more: &[&str]| lab.run(&[&["dlq", "replay", "orders/dead"], more].concat());
    for _ in 0..2 {
        let run = replay(&["--skip-unreadable"]);
        assert_eq!(run.code, 64, "{}", run.transcript());
        assert!(
            run.stderr
                .contains("\n  1 message nowhere: without the headers"),
            "{}",
            run.transcript()
        );
    }
    assert_eq!(replay(&["--skip-unreadable", "--yes"]).code, 0);
    let nothing = replay(&[]);
    assert_eq!(nothing.code, 0, "{}", nothing.transcript());
}

#[test]
fn what_cannot_go_back_waits_for_the_next_time() {
    let lab = Lab::new();
    lab.bury("first", "events", 0, 1, "no");
    lab.bury("second", "gone", 0, 2, "no");
    let replay = || lab.run(&["dlq", "replay", "orders/dead", "--yes"]);
    let run = replay();
    assert_eq!(run.code, 6, "{}", run.transcript());
    assert!(
        run.stderr.contains("there is no topic orders/gone"),
        "{}",
        run.stderr
    );
    assert_eq!(replay().code, 1, "nothing more was sent");
    assert_eq!(lab.payloads("events", 0), ["first"]);
    let topology = TOPOLOGY.to_owned() + "        - { name: gone, partitions: 1 }\n";
    lab.served.sandbox.write("topology.yaml", topology);
    lab.done(&["apply", "-f", "topology.yaml", "--yes"]);
    let lost = FaultPlan::none().once(
        FaultKind::Disconnect,
        FaultTarget::Command(SEND_MESSAGES),
        1,
    );
    lab.served.server().faults().set(lost);
    assert_eq!(replay().code, 0);
    assert_eq!(lab.payloads("events", 0), ["first"]);
    let back = lab.payloads("gone", 0);
    assert!(
        back.iter().all(|it| it == "second") && !back.is_empty(),
        "{back:?}"
    );
}

#[test]
fn only_dead_letters_are_purged() {
    let lab = Lab::with_dead_letters();
    let purge = |more: &[&str]| lab.run(&[&["dlq", "purge", "orders/dead"], more].concat());
    assert_eq!(
        lab.run(&["dlq", "replay", "orders/dead", "-n", "1", "--yes"])
            .code,
        0
    );
    insta::assert_snapshot!("nobody to ask", purge(&[]).transcript());
    assert_eq!(purge(&["--dry-run"]).code, 0);
    lab.done(&["produce", "orders/dead", "--message", "alive"]);
    insta::assert_snapshot!("others", purge(&["--yes"]).transcript());
    assert_eq!(lab.payloads("dead", 0).len(), 4);
    let named = ["--yes", "--with-other-messages"];
    let lost = FaultKind::LostReply;
    let lost = FaultPlan::none().once(lost, FaultTarget::Command(PURGE_TOPIC), 1);
    lab.served.server().faults().set(lost);
    insta::assert_snapshot!("purged", purge(&named).transcript());
    assert_eq!(lab.payloads("dead", 0).len(), 0);

    // What comes after it was not sent back.
    lab.bury("fourth", "events", 0, 20, "no");
    lab.bury("fifth", "events", 0, 21, "no");
    let run = lab.done(&["dlq", "replay", "orders/dead", "-o", "json", "--yes"]);
    assert_eq!(json_lines(&run)[0]["messages"], 2);
    assert_eq!(lab.payloads("events", 0), ["fourth", "fifth"]);
    let json = lab.done(&["dlq", "purge", "orders/dead", "--yes", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["purged"], true);
    assert_eq!(
        (&report["deadLetters"], &report["waiting"]),
        (&2.into(), &0.into())
    );
}

#[test]
fn sending_again_does_not_make_others_wait_again() {
    let lab = Lab::with_dead_letters();
    lab.done(&["dlq", "replay", "orders/dead", "-y"]);
    lab.done(&[
        "dlq",
        "replay",
        "orders/dead",
        "--again",
        "--max",
        "1",
        "-y",
    ]);
    let run = lab.done(&["dlq", "replay", "orders/dead", "-o", "json"]);
    assert_eq!(json_lines(&run)[0]["messages"], 0);
    assert_eq!(lab.payloads("events", 1).len(), 3, "two, and one again");
}

/// Whoever may send to the topic of dead letters writes their headers.
#[test]
fn dead_letters_stay_in_their_stream_unless_another_topic_is_named() {
    let lab = Lab::new();
    let other = TOPOLOGY.replace("orders", "payments");
    lab.served.sandbox.write("other.yaml", other);
    lab.done(&["apply", "-f", "other.yaml", "--yes"]);
    lab.bury("mine", "events", 0, 1, "no");
    lab.done(&[
        "produce",
        "orders/dead",
        "--message",
        "forged",
        "-H",
        "dead-letter-stream=payments",
        "-H",
        "dead-letter-topic=events",
        "-H",
        "dead-letter-partition:uint32=0",
        "-H",
        "dead-letter-offset:uint64=1",
        "-H",
        "dead-letter-error=no",
        "-H",
        "dead-letter-attempts:uint32=1",
    ]);
    for arguments in ["--dry-run", "--yes"] {
        let run = lab.run(&["dlq", "replay", "orders/dead", arguments]);
        assert_ne!(run.code, 0, "{}", run.transcript());
        assert!(
            run.stderr.contains("--into payments/events"),
            "{}",
            run.transcript()
        );
        let plan = "\n  1 message to payments/events, of another stream: only with --into";
        assert!(run.stderr.contains(plan), "{}", run.transcript());
    }
    assert_eq!(lab.payloads("events", 0), ["mine"]);
    let into = ["--into", "payments/events", "--yes"];
    lab.done(&[&["dlq", "replay", "orders/dead"], &into[..]].concat());
    let run = lab.done(&["consume", "payments/events"]);
    assert_eq!(run.stdout, "forged\n");
}

/// Between the count and the purge.
#[test]
fn what_came_since_it_was_counted_is_not_purged() {
    let lab = Lab::with_dead_letters();
    let address = lab.served.address();
    let served = &lab.served;
    served.by_hand(async |root| {
        let requests = served.server().requests();
        requests.reset();
        let slow = FaultKind::Delay(Duration::from_secs(2));
        let slow = FaultPlan::none().once(slow, FaultTarget::Command(GET_TOPIC), 2);
        served.server().faults().set(slow);
        let purge = ["dlq", "purge", "orders/dead", "--yes", "--server", &address];
        let process = served
            .sandbox
            .command(&purge)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while requests.count(GET_TOPIC) < 2 {
            tokio::task::yield_now().await;
        }
        let name = |text| Identifier::named(text).unwrap();
        let mut late = [IggyMessage::from("late")];
        let to = Partitioning::partition_id(0);
        root.send_messages(&name("orders"), &name("dead"), &to, &mut late)
            .await
            .unwrap();
        let ended = tokio::task::block_in_place(|| process.wait_with_output().unwrap());
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(4), "{said}");
        let what = "nothing was removed: orders/dead changed meanwhile";
        assert!(said.contains(what), "{said}");
    });
    assert_eq!(lab.payloads("dead", 0).len(), 4);
}

/// A key may come from where it can be read once only.
#[cfg(unix)]
#[test]
fn the_key_is_read_once() {
    let lab = Lab::with_dead_letters();
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
    let address = lab.served.address();
    let common = ["--encryption-key-file", "/dev/stdin", "--server", &address];
    for command in [
        &["dlq", "list"][..],
        &["dlq", "show", "orders/dead"],
        &[
            "dlq",
            "replay",
            "orders/dead",
            "--dry-run",
            "--skip-unreadable",
        ],
        &[
            "dlq",
            "purge",
            "orders/dead",
            "--dry-run",
            "--with-other-messages",
        ],
    ] {
        let mut process = lab
            .served
            .sandbox
            .command(&[command, &common].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A pipe: what was read is gone.
        let mut input = process.stdin.take().unwrap();
        input.write_all(key.as_bytes()).unwrap();
        drop(input);
        let ended = process.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(0), "{command:?}: {said}");
    }
}
