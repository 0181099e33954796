//! `iggyctl produce`, from the input to what a consumer gets.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use iggy::prelude::{TopicPermissions, UserClient, UserStatus};
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};
use serde_json::json;

use crate::sandbox::Sandbox;
#[cfg(unix)]
use crate::topic::signal;
use crate::topic::{BOB, Topic, ended, type_line};

/// `send_messages` of the wire protocol.
const SEND_MESSAGES: u32 = 101;

#[test]
fn lines_are_messages_in_their_order_and_empty_ones_are_left_out() {
    let topic = Topic::with_partitions(1);
    let run = topic.produce_lines("one\n\ntwo  \nthree\r\nfour", &[]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert_eq!(run.stdout, "", "standard output is for data");
    for part in [
        "warning: 1 empty line left out: a message needs a payload",
        "Sent to orders/events on iggy://[ADDRESS]: 4 messages, 18 B in ",
        "Confirmed after p50 ",
        "Partition 0: 4 messages, offsets 0 to 3\n",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert_eq!(topic.consume(&[]).stdout, "one\ntwo  \nthree\r\nfour\n");
}

#[test]
fn a_report_counts_what_the_server_has() {
    let topic = Topic::with_partitions(2);
    let report = topic.report("a\nbc\n\n", &["--partition", "1"]);
    assert_eq!(report["confirmed"], 2);
    assert_eq!(report["unconfirmed"], 0);
    assert_eq!(report["emptyLines"], 1);
    assert_eq!(report["complete"], true);
    assert_eq!(report["bytes"], 3);
    assert_eq!(
        report["partitions"],
        json!([{ "partition": 1, "messages": 2, "firstOffset": 0, "lastOffset": 1 }])
    );
    let latencies = &report["latencyMilliseconds"];
    assert!(
        latencies["p50"].as_f64() <= latencies["max"].as_f64(),
        "{report}"
    );
    assert!(latencies["p50"].as_f64() > Some(0.0), "{report}");
}

#[test]
fn texts_files_and_bytes_come_back_as_they_were() {
    let topic = Topic::with_partitions(1);
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    topic.served.sandbox.write("blob.bin", &bytes);
    topic.served.sandbox.write("lines.txt", "l1\nl2\n");
    let run = topic.produce(&["-m", "first", "-m", "second", "--file", "blob.bin"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let run = topic.produce(&["--file", "lines.txt", "--lines"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let text = topic.consume(&["--max", "2"]).stdout;
    assert_eq!(text, "first\nsecond\n");
    let raw = [
        "consume",
        "orders/events",
        "--from",
        "offset:2",
        "--max",
        "1",
        "-o",
        "raw",
    ];
    assert_eq!(topic.command(&raw).output().unwrap().stdout, bytes);
    let hex = topic
        .consume(&["--from", "offset:2", "-n", "1", "-o", "hex"])
        .stdout;
    assert!(
        hex.starts_with("000102030405060708090a0b0c0d0e0f10"),
        "{hex}"
    );
    assert_eq!(hex.len(), 200_001);
    assert_eq!(topic.consume(&["--from", "offset:3"]).stdout, "l1\nl2\n");
    let shown = topic.messages(&["--from", "offset:1"]);
    assert_eq!(shown[0]["payload"], "second");
    assert_eq!(shown[1].get("payload"), None);
    assert!(
        shown[1]["payloadBase64"]
            .as_str()
            .unwrap()
            .starts_with("AAECAwQF")
    );
}

#[test]
fn a_key_always_goes_to_the_same_partition() {
    let topic = Topic::with_partitions(4);
    let keys = ["BTC", "ETH", "SOL", "ADA", "XRP", "DOT"];
    for round in 0..2 {
        let lines: String = keys.map(|key| format!("{key},{key}-{round}\n")).concat();
        topic.report(&lines, &["--key-separator", ","]);
    }
    topic.produce(&["--key", "BTC", "-m", "BTC-2"]);
    let messages = topic.messages(&[]);
    assert_eq!(messages.len(), 13);
    let partitions_of = |key: &str| -> BTreeSet<u64> {
        let its = messages
            .iter()
            .filter(|it| it["payload"].as_str().unwrap().starts_with(key));
        its.map(|it| it["partition"].as_u64().unwrap()).collect()
    };
    let all: BTreeSet<u64> = keys.iter().flat_map(|key| partitions_of(key)).collect();
    assert!(keys.iter().all(|key| partitions_of(key).len() == 1));
    assert!(all.len() > 1, "{all:?}");
    let order: Vec<&str> = messages
        .iter()
        .filter_map(|it| it["payload"].as_str().filter(|it| it.starts_with("BTC")))
        .collect();
    assert_eq!(order, ["BTC-0", "BTC-1", "BTC-2"]);

    let run = topic.produce_lines("BTC,1\nno key\n", &["--key-separator", ","]);
    assert_eq!(run.code, 6, "{}", run.transcript());
    assert!(
        run.stderr.contains(
            "standard input:2: there is no --key-separator in this line; 1 message confirmed, 0 not"
        ),
        "{}",
        run.stderr
    );
}

#[test]
fn headers_travel_with_their_kinds_and_none_are_added() {
    let topic = Topic::with_partitions(1);
    let headers = [
        "-H",
        "tenant=acme",
        "-H",
        "attempt:uint32=3",
        "-H",
        "ok:bool=true",
    ];
    topic.produce(&[&["-m", "with"], &headers[..]].concat());
    topic.produce(&["-m", "without"]);
    let messages = topic.messages(&[]);
    assert_eq!(
        messages[0]["headers"],
        json!({
            "tenant": { "kind": "string", "value": "acme" },
            "attempt": { "kind": "uint32", "value": 3 },
            "ok": { "kind": "bool", "value": true },
        })
    );
    assert_eq!(messages[1]["headers"], json!({}));
    let run = topic.produce(&["-m", "x", "-H", "attempt:uint8=300"]);
    assert_eq!(run.code, 64, "{}", run.transcript());
    let run = topic.produce(&["-m", "x", "-H", "a=1", "-H", "a:int8=2"]);
    assert_eq!(run.code, 64, "{}", run.transcript());
    assert!(
        run.stderr.contains("--header: `a` is given twice"),
        "{}",
        run.transcript()
    );
}

#[test]
fn generated_messages_are_the_same_each_time_and_as_many_as_wanted() {
    let topic = Topic::with_partitions(1);
    let report = topic.report(
        "",
        &["--generate", "24", "--count", "1200", "--rate", "100000"],
    );
    assert_eq!(report["confirmed"], 1200);
    assert_eq!(report["bytes"], 1200 * 24);
    let text = topic.consume(&[]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "00000000000000000000abcd");
    assert_eq!(lines[1199], "00000000000000001199abcd");
    assert_eq!(lines.len(), 1200);
    // Of more than that, only so many are read.
    let report = topic.report("a\nb\nc\n", &["--count", "2"]);
    assert_eq!(
        (&report["confirmed"], &report["complete"]),
        (&json!(2), &json!(true))
    );
}

#[test]
fn what_cannot_be_sent_is_said_before_anything_is() {
    let topic = Topic::with_partitions(3);
    topic.served.sandbox.write("empty", "");
    for (arguments, code, message) in [
        (
            &["--partition", "3", "-m", "x"][..],
            1,
            "orders/events has no partition 3: it has 3 partitions, numbered from 0",
        ),
        (
            &["--file", "missing"],
            65,
            "cannot read missing: No such file",
        ),
        (
            &["--file", "empty"],
            65,
            "empty is empty: a message has 1 to 64000000 bytes",
        ),
        (
            &["-m", ""],
            64,
            "--message: a message needs a payload, and this one is empty",
        ),
        (
            &["--key-separator", ",", "-m", "x"],
            64,
            "--key-separator is for lines",
        ),
        (
            &["--generate", "65MB"],
            64,
            "a message has 64000000 bytes at most",
        ),
    ] {
        let run = topic.produce(arguments);
        assert_eq!(run.code, code, "{}", run.transcript());
        assert!(run.stderr.contains(message), "{}", run.transcript());
    }
    assert_eq!(topic.consume(&[]).stdout, "");
    let run = topic.served.run(&["produce", "orders/evnts", "-m", "x"]);
    insta::assert_snapshot!(run.transcript());
    let run = topic.served.run(&["produce", "orders", "-m", "x"]);
    insta::assert_snapshot!(run.transcript());
}

#[test]
fn logins_and_rights_are_those_of_every_command_and_no_secret_is_shown() {
    let send = TopicPermissions {
        send_messages: true,
        ..Default::default()
    };
    let topic = Topic::with_partitions(2).with_bob(send);
    topic.served.by_hand(async |root| {
        root.create_user("eve", "hunter2eve", UserStatus::Active, None)
            .await
            .unwrap();
    });
    let run_as = |login: &str, more: &[&str]| {
        let address = topic.served.address_as(login);
        let arguments = ["produce", "orders/events", "-m", "x", "-s", &address];
        let run = topic.served.sandbox.run(&[&arguments, more].concat());
        let secret = login.split_once(':').unwrap().1;
        assert!(!run.stdout.contains(secret), "{}", run.transcript());
        assert!(!run.stderr.contains(secret), "{}", run.transcript());
        (run.code, run.stderr)
    };
    // Where messages go is in the topic, which bob may not read.
    let (code, said) = run_as(BOB, &[]);
    assert_eq!(code, 77, "{said}");
    assert!(
        said.contains("with --partition N, that to send is enough"),
        "{said}"
    );
    assert_eq!(run_as(BOB, &["--partition", "1"]).0, 0);
    let (code, said) = run_as(BOB, &["--partition", "7"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("hint: there is no such topic, or no such partition"),
        "{said}"
    );
    let (code, said) = run_as("eve:hunter2eve", &["--partition", "1"]);
    assert_eq!(code, 77, "{said}");
    assert!(said.contains("0 messages confirmed, 1 not"), "{said}");
    let (code, said) = run_as("bob:wrong-password", &["-vv"]);
    assert_eq!(code, 77, "{said}");
    let sandbox = Sandbox::new();
    let dead = [
        "produce",
        "a/b",
        "-m",
        "x",
        "-s",
        "iggy://iggy:very-secret@127.0.0.1:1",
    ];
    let run = sandbox.run(&dead);
    assert_eq!(run.code, 69, "{}", run.transcript());
    assert!(!run.stderr.contains("very-secret"), "{}", run.transcript());
}

#[test]
fn a_lost_answer_is_made_up_for_and_the_message_keeps_its_id() {
    let faults =
        FaultPlan::none().once(FaultKind::LostReply, FaultTarget::Command(SEND_MESSAGES), 1);
    let topic = Topic::of(EmbeddedServer::builder().faults(faults), 1);
    let report = topic.report("one\n", &[]);
    assert_eq!(report["confirmed"], 1);
    let ids: BTreeSet<String> = topic
        .messages(&[])
        .iter()
        .map(|message| message["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 1, "at least once, and told apart by the id");
}

#[test]
fn a_server_that_comes_back_gets_the_rest() {
    let mut topic = Topic::with_partitions(1);
    let mut producing = topic.start(&["produce", "orders/events"]);
    type_line(&mut producing, "before");
    let mut reading = topic
        .command(&["consume", "orders/events", "--follow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(reading.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "before");
    topic.restart(|| type_line(&mut producing, "while it was away"));
    type_line(&mut producing, "after");
    let (code, _, said) = ended(producing);
    assert_eq!(code, Some(0), "{said}");
    // Also the reader went on.
    assert_eq!(lines.next().unwrap().unwrap(), "while it was away");
    assert_eq!(lines.next().unwrap().unwrap(), "after");
    reading.kill().unwrap();
    reading.wait().unwrap();
}

#[test]
fn a_server_that_stays_away_leaves_a_count_of_what_it_has() {
    let mut topic = Topic::with_partitions(1);
    let patience = ["--give-up-after", "200ms", "--retries", "0", "-o", "json"];
    let mut producing = topic.start(&[&["produce", "orders/events"], &patience[..]].concat());
    type_line(&mut producing, "one");
    topic.consume(&["--follow", "--max", "1"]);
    topic.served.stop();
    type_line(&mut producing, "two");
    let (code, stdout, said) = ended(producing);
    assert_eq!(code, Some(6), "{said}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["confirmed"], 1);
    assert_eq!(report["unconfirmed"], 1);
    assert_eq!(report["complete"], false);
    assert!(
        said.contains("; 1 message confirmed, 1 not (when only an answer was lost"),
        "{said}"
    );
}

#[test]
fn the_end_of_the_input_does_not_wait_for_others_to_go_with() {
    let topic = Topic::with_partitions(1);
    let report = topic.report("one\n", &["--linger", "1h"]);
    assert_eq!(report["confirmed"], 1);
}

#[test]
#[cfg(unix)]
fn an_interrupt_ends_in_order_and_says_that_it_was_not_all() {
    let topic = Topic::with_partitions(1);
    let mut producing = topic.start(&["produce", "orders/events"]);
    type_line(&mut producing, "one");
    topic.consume(&["--follow", "--max", "1"]);
    // Open until it has ended: the end of the input would be another reason to.
    let input = producing.stdin.take();
    signal(&producing, "INT");
    let (code, _, said) = ended(producing);
    drop(input);
    assert_eq!(code, Some(6), "{said}");
    assert!(
        said.contains("interrupted before everything was sent; 1 message confirmed, 0 not\n"),
        "{said}"
    );
    // Without an end of its own, that is how it ends.
    let producing = topic.start(&[
        "produce",
        "orders/events",
        "--generate",
        "10",
        "--rate",
        "100",
    ]);
    topic.consume(&["--follow", "--max", "3"]);
    signal(&producing, "TERM");
    let (code, _, said) = ended(producing);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn compressed_and_encrypted_messages_are_read_with_the_key_only() {
    let topic = Topic::with_partitions(1);
    topic
        .served
        .sandbox
        .write("key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    topic
        .served
        .sandbox
        .write("other", "RTEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    let text = "repetition ".repeat(100);
    let key = ["--encryption-key-file", "key"];
    let run = topic.produce(&[&["-m", &text, "--compress", "lz4"], &key[..]].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert_eq!(topic.consume(&key).stdout, format!("{text}\n"));
    for wrong in [&["--encryption-key-file", "other"][..], &[]] {
        let run = topic
            .served
            .run(&[&["consume", "orders/events"], wrong].concat());
        assert_eq!(run.code, 65, "{}", run.transcript());
        assert_eq!(run.stdout, "");
        assert!(
            run.stderr
                .contains("the message at offset 0 of partition 0 cannot be read"),
            "{}",
            run.transcript()
        );
        assert!(
            !run.stderr.contains("cannot be sent"),
            "{}",
            run.transcript()
        );
    }
    assert_eq!(topic.consume(&["--skip-unreadable"]).stdout, "");
    topic.served.sandbox.write("short", "c2hvcnQ=");
    let run = topic.produce(&["-m", "x", "--encryption-key-file", "short"]);
    assert_eq!(run.code, 65, "{}", run.transcript());
    assert!(!run.stderr.contains("c2hvcnQ"), "{}", run.transcript());
}

#[test]
fn messages_go_over_http_and_websocket() {
    let any = "127.0.0.1:0".parse().unwrap();
    let topic = Topic::of(EmbeddedServer::builder().http(any).websocket(any), 1);
    let server = topic.served.server();
    for address in [
        format!("iggy+http://iggy:iggy@{}", server.http_address().unwrap()),
        format!(
            "iggy+ws://iggy:iggy@{}",
            server.websocket_address().unwrap()
        ),
    ] {
        let from = format!("offset:{}", topic.messages(&[]).len());
        let run = |arguments: &[&str]| {
            let all = [arguments, &["-s", &address]].concat();
            let run = topic.served.sandbox.run(&all);
            assert_eq!(run.code, 0, "{}", run.transcript());
            run.stdout
        };
        run(&[
            "produce",
            "orders/events",
            "-m",
            "a",
            "-m",
            "b",
            "-H",
            "n:int64=-5",
        ]);
        let read = run(&["consume", "orders/events", "--from", &from, "-o", "json"]);
        let lines: Vec<serde_json::Value> = read
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{address}");
        assert_eq!(lines[1]["payload"], "b");
        assert_eq!(lines[1]["headers"]["n"]["value"], -5);
    }
    let http = format!("iggy+http://iggy:iggy@{}", server.http_address().unwrap());
    let grouped = ["consume", "orders/events", "--group", "g", "-s", &http];
    let run = topic.served.sandbox.run(&grouped);
    assert_eq!(run.code, 1, "{}", run.transcript());
    assert!(
        run.stderr.contains("there are no groups over HTTP"),
        "{}",
        run.transcript()
    );
}
