//! `iggyctl produce --state`: what is gone on with, and what is not.

use crate::sandbox::Run;
use crate::topic::{Topic, ended, type_line};

const STATE: [&str; 2] = ["--state", "sent.json"];
const RESUME: [&str; 3] = ["--state", "sent.json", "--resume"];

fn refused(run: &Run, code: i32, said: &str) {
    assert_eq!(run.code, code, "{}", run.transcript());
    assert!(run.stderr.contains(said), "{}", run.transcript());
}

#[test]
fn only_the_same_input_is_gone_on_with() {
    let topic = Topic::with_partitions(1);
    assert_eq!(topic.produce_lines("a\nb\nc\n", &STATE).code, 0);
    let another = "--state sent.json: it is of another input: ";
    let said = format!("{another}the first 3 messages of this one are not those");
    for input in ["a\nB\nc\nd\n", "ab\nc\nd\ne\n", "b\na\nc\nd\n"] {
        refused(&topic.produce_lines(input, &RESUME), 65, &said);
    }
    let keys = [&RESUME[..], &["--key-separator", ","]].concat();
    refused(&topic.produce_lines("k,a\nk,b\nk,c\n", &keys), 65, &said);
    let short = topic.produce_lines("a\nb\n", &RESUME);
    let said = format!("{another}this one has 2 messages, and it says that 3 are confirmed");
    refused(&short, 65, &said);
    assert_eq!(topic.consume(&[]).stdout, "a\nb\nc\n", "nothing was sent");

    // A refusal forgets nothing.
    let more = topic.report("a\nb\nc\nd\n", &RESUME);
    assert_eq!(more["confirmed"], 1);
    let more = topic.report("a\nb\nc\nd\ne\n", &RESUME);
    assert_eq!(more["confirmed"], 1);
    assert_eq!(topic.consume(&[]).stdout, "a\nb\nc\nd\ne\n");
}

#[test]
fn a_run_that_confirmed_nothing_is_no_run_to_go_on_with() {
    let topic = Topic::with_partitions(1);
    let nowhere = ["produce", "orders/evnts", "-m", "x"];
    let run = topic.served.run(&[&nowhere[..], &STATE].concat());
    assert_eq!(run.code, 1, "{}", run.transcript());
    let run = topic.produce(&[&["-m", "x"], &STATE[..]].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    let again = topic.produce(&[&["-m", "x"], &STATE[..]].concat());
    refused(&again, 64, "there is such a file already");
    topic.served.sandbox.write("other.json", "{}");
    let other = topic.produce(&["-m", "x", "--state", "other.json"]);
    refused(&other, 64, "there is such a file already");
    assert_eq!(topic.consume(&[]).stdout, "x\n");
}

#[test]
fn two_processes_do_not_send_the_same() {
    let topic = Topic::with_partitions(1);
    let mut first = topic.start(&[&["produce", "orders/events"], &STATE[..]].concat());
    type_line(&mut first, "one");
    topic.consume(&["--follow", "--max", "1"]);
    let second = topic.produce_lines("one\ntwo\n", &RESUME);
    refused(&second, 1, "another process is at it");
    let (code, _, said) = ended(first);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(topic.report("one\ntwo\n", &RESUME)["confirmed"], 1);
    assert_eq!(topic.consume(&[]).stdout, "one\ntwo\n");
}

/// A file of another version is not taken for one of this.
#[test]
fn a_state_of_another_version_is_refused() {
    let topic = Topic::with_partitions(1);
    let old = r#"{"version": 1, "topic": "orders/events", "confirmed": 1}"#;
    topic.served.sandbox.write("sent.json", old);
    let run = topic.produce(&[&["-m", "x"], &RESUME[..]].concat());
    refused(&run, 65, "it is of version 1, and this program knows 2");
}
