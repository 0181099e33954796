//! `iggyctl consume`: what is printed, what is stored, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use iggy::prelude::{Consumer, ConsumerOffsetClient, Identifier, TopicPermissions};

#[cfg(unix)]
use crate::topic::signal;
use crate::topic::{BOB, Topic, ended};

/// What the group has stored of a partition.
fn stored(topic: &Topic, consumer: Consumer, partition: u32) -> Option<u64> {
    topic.served.by_hand(async |root| {
        let (stream, name) = (Identifier::named("orders"), Identifier::named("events"));
        root.get_consumer_offset(&consumer, &stream.unwrap(), &name.unwrap(), Some(partition))
            .await
            .unwrap()
            .map(|stored| stored.stored_offset)
    })
}

fn group(name: &str) -> Consumer {
    Consumer::group(Identifier::named(name).unwrap())
}

/// A topic with the lines 0 to n - 1 in one partition.
fn numbers(count: u32) -> Topic {
    let topic = Topic::with_partitions(1);
    let lines: String = (0..count).map(|number| format!("{number}\n")).collect();
    topic.report(&lines, &[]);
    topic
}

#[test]
fn without_a_group_everything_is_read_each_time_and_nothing_is_stored() {
    let topic = Topic::with_partitions(3);
    for partition in ["0", "1", "2"] {
        let lines: String = (0..400).map(|it| format!("{partition}-{it}\n")).collect();
        topic.report(&lines, &["--partition", partition]);
    }
    for _ in 0..2 {
        let run = topic.consume(&["--batch-size", "50"]);
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert_eq!(lines.len(), 1200);
        for partition in ["0-", "1-", "2-"] {
            let its: Vec<&str> = lines
                .iter()
                .filter_map(|line| line.strip_prefix(partition))
                .collect();
            let expected: Vec<String> = (0..400).map(|it| it.to_string()).collect();
            assert_eq!(its, expected, "in order");
        }
        let said = "Read from orders/events on iggy://[ADDRESS]: 1200 messages, ";
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    let plain = Consumer::new(Identifier::named("iggyctl-consume").unwrap());
    assert_eq!(stored(&topic, plain, 0), None);
    assert_eq!(
        topic.consume(&["--partition", "1", "-n", "2"]).stdout,
        "1-0\n1-1\n"
    );
}

#[test]
fn it_begins_where_it_is_told_and_ends_after_as_many_as_wanted() {
    let topic = numbers(10);
    for (arguments, expected) in [
        (&["--from", "first", "--max", "2"][..], "0\n1\n"),
        (&["--from", "last"], "9\n"),
        (&["--from", "offset:7"], "7\n8\n9\n"),
        (&["--from", "offset:10"], ""),
        (&["--from", "-1h", "--max", "1"], "0\n"),
        (&["--from", "time:2100-01-01T00:00:00Z"], ""),
        (&["--max", "3", "-o", "hex"], "30\n31\n32\n"),
        (&["--max", "3", "-o", "raw"], "012"),
    ] {
        assert_eq!(topic.consume(arguments).stdout, expected, "{arguments:?}");
    }
    let seventh = &topic.messages(&["--from", "offset:7", "--max", "1"])[0];
    assert_eq!(seventh["partition"], 0);
    assert_eq!(seventh["offset"], 7);
    assert_eq!(seventh["payload"], "7");
    let time = format!("time:{}", seventh["timestamp"].as_str().unwrap());
    let from_then = topic.consume(&["--from", &time]).stdout;
    assert!(from_then.ends_with("7\n8\n9\n"), "{from_then}");
    for arguments in [
        &["--from", "next"][..],
        &["--from", "offset:x"],
        &["--ack", "auto"],
        &["--group", "g", "--partition", "0"],
        &["--max", "0"],
    ] {
        let run = topic
            .served
            .run(&[&["consume", "orders/events"], arguments].concat());
        assert_eq!(run.code, 64, "{}", run.transcript());
    }
}

#[test]
fn a_group_goes_on_where_it_was() {
    let topic = numbers(10);
    for ack in ["manual", "auto"] {
        let read = |more: &[&str]| {
            let run = [&["--group", ack, "--ack", ack], more].concat();
            topic.consume(&run).stdout
        };
        assert_eq!(read(&["--max", "3"]), "0\n1\n2\n");
        assert_eq!(
            stored(&topic, group(ack), 0),
            Some(2),
            "and not what was fetched"
        );
        assert_eq!(read(&["--max", "1"]), "3\n");
        assert_eq!(
            read(&["--from", "first"]),
            "4\n5\n6\n7\n8\n9\n",
            "stored ones win"
        );
        assert_eq!(read(&[]), "");
        assert_eq!(stored(&topic, group(ack), 0), Some(9));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error_and_what_it_did_not_get_comes_again() {
    let topic = numbers(60_000);
    let mut reading = topic
        .command(&["consume", "orders/events", "--group", "g", "--follow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(reading.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    assert_eq!(first, "0\n");
    drop(lines);
    let (code, _, said) = ended(reading);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("error"), "{said}");
    let next: u64 = stored(&topic, group("g"), 0).map_or(0, |stored| stored + 1);
    assert!(next < 60_000, "a pipe holds less than that");
    let again = topic.consume(&["--group", "g"]).stdout;
    assert_eq!(again.lines().next(), Some(&*next.to_string()));
    assert_eq!(again.lines().last(), Some("59999"));
}

#[test]
#[cfg(unix)]
fn a_signal_stores_what_was_printed_and_the_next_one_goes_on() {
    for name in ["TERM", "INT"] {
        let topic = numbers(3);
        let mut reading = topic
            .command(&["consume", "orders/events", "--group", "g", "--follow"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(reading.stdout.take().unwrap()).lines();
        for number in ["0", "1", "2"] {
            assert_eq!(lines.next().unwrap().unwrap(), number);
        }
        signal(&reading, name);
        assert!(lines.next().is_none());
        let (code, _, said) = ended(reading);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(": 3 messages, 3 B in "), "{said}");
        assert_eq!(stored(&topic, group("g"), 0), Some(2));
        topic.report("3\n", &[]);
        assert_eq!(topic.consume(&["--group", "g"]).stdout, "3\n");
    }
}

#[test]
#[cfg(unix)]
fn an_interrupt_before_the_end_is_not_taken_for_all() {
    let topic = numbers(60_000);
    // A pipe that nobody reads from is full soon.
    let reading = topic
        .command(&["consume", "orders/events"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let requests = topic.served.server().requests();
    while requests.count(100) < 3 {
        std::thread::yield_now();
    }
    signal(&reading, "TERM");
    let mut reading = reading;
    let status = reading.wait().unwrap();
    let mut said = String::new();
    reading
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(matches!(status.code(), Some(1 | 6)), "{status}: {said}");
    assert!(
        said.contains("error: interrupted before everything was read"),
        "{said}"
    );
}

#[test]
fn a_topic_that_is_not_there_is_an_error_or_is_waited_for() {
    let topic = numbers(1);
    let run = topic.served.run(&["consume", "orders/later"]);
    insta::assert_snapshot!(run.transcript());
    let mut waiting = topic
        .command(&["consume", "orders/later", "--follow", "--max", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(waiting.stderr.take().unwrap()).lines();
    assert_eq!(
        said.next().unwrap().unwrap(),
        "There is no topic orders/later yet: waiting for it."
    );
    topic.served.by_hand(async |root| {
        use iggy::prelude::{TopicClient as _, TopicCreateOptions};
        let orders = Identifier::named("orders").unwrap();
        let options = TopicCreateOptions {
            partitions_count: Some(1),
            ..Default::default()
        };
        root.create_topic(&orders, "later", &options).await.unwrap();
    });
    let run = topic
        .served
        .run(&["produce", "orders/later", "-m", "at last"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let (code, stdout, _) = ended(waiting);
    assert_eq!((code, stdout.as_str()), (Some(0), "at last\n"));
}

#[test]
fn one_partition_needs_no_right_to_read_the_topic() {
    let poll = TopicPermissions {
        poll_messages: true,
        ..Default::default()
    };
    let topic = numbers(2).with_bob(poll);
    let address = topic.served.address_as(BOB);
    let run = |more: &[&str]| {
        let arguments = ["consume", "orders/events", "-s", &address];
        topic.served.sandbox.run(&[&arguments, more].concat())
    };
    let refused = run(&[]);
    assert_eq!(refused.code, 77, "{}", refused.transcript());
    assert!(
        refused
            .stderr
            .contains("with --partition N, that to poll is enough"),
        "{}",
        refused.transcript()
    );
    assert_eq!(run(&["--partition", "0"]).stdout, "0\n1\n");
    let missing = run(&["--partition", "7"]);
    assert_eq!(missing.code, 1, "{}", missing.transcript());
    assert!(
        missing
            .stderr
            .contains("there is no topic orders/events, or no partition 7 of it"),
        "{}",
        missing.transcript()
    );
    let topic = numbers(2).with_bob(TopicPermissions::default());
    let address = topic.served.address_as(BOB);
    let arguments = ["consume", "orders/events", "-p", "0", "-s", &address];
    let refused = topic.served.sandbox.run(&arguments);
    assert_eq!(refused.code, 77, "{}", refused.transcript());
}

#[test]
fn metrics_are_served_while_it_runs() {
    let topic = numbers(5);
    // Free a moment ago, and nobody is in a hurry to take it.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let address = free.to_string();
    let mut reading = topic
        .command(&[
            "consume",
            "orders/events",
            "--follow",
            "--metrics-listen",
            &address,
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(reading.stdout.take().unwrap()).lines();
    for _ in 0..5 {
        lines.next().unwrap().unwrap();
    }
    let expected =
        "iggy_consume_total{stream=\"orders\",topic=\"events\",consumer=\"iggyctl-consume\"} 5";
    let mut page = String::new();
    while !page.contains(expected) {
        assert!(page.len() < 1_000_000, "{page}");
        let mut client = TcpStream::connect(free).unwrap();
        client
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .unwrap();
        client.read_to_string(&mut page).unwrap();
    }
    reading.kill().unwrap();
    reading.wait().unwrap();
}
