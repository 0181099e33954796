//! Messages that are sent again from the command line, also after a kill.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

/// `send_messages` of the wire protocol.
const SEND_MESSAGES: u32 = 101;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec:
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 2 }
        - { name: copy, partitions: 2 }
        - { name: narrow, partitions: 1 }
";

struct Lab {
    served: Served,
}

impl Lab {
    /// So many messages in each of both partitions of `orders/events`.
    fn new(messages: u32) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("topology.yaml", TOPOLOGY);
        let served = Served::start(EmbeddedServer::builder(), sandbox);
        let lab = Self { served };
        lab.done(&["apply", "-f", "topology.yaml", "--yes"]);
        let count = messages.to_string();
        for partition in ["0", "1"] {
            let produce = ["produce", "orders/events", "--generate", "20"];
            let more = ["-p", partition, "-n", &count, "-H", "tenant=acme"];
            lab.done(&[&produce[..], &more].concat());
        }
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

    fn replay(&self, to: &str, more: &[&str]) -> Run {
        let replay = ["replay", "--from", "orders/events", "--to", to];
        self.run(&[&replay[..], more].concat())
    }

    /// How often each message of the source is in a topic: by its partition and offset.
    fn copies(&self, topic: &str) -> BTreeMap<(u32, u64), u32> {
        let mut found = BTreeMap::new();
        for message in self.messages(topic) {
            let headers = message.user_headers_map().unwrap().unwrap_or_default();
            let header = |key: &str| headers.get(&HeaderKey::try_from(key).unwrap());
            if let Some(offset) = header("replay-offset") {
                let partition = header("replay-partition").unwrap().as_uint32().unwrap();
                let place = (partition, offset.as_uint64().unwrap());
                *found.entry(place).or_default() += 1;
            }
        }
        found
    }

    fn messages(&self, topic: &str) -> Vec<IggyMessage> {
        self.served.by_hand(async |root| {
            let name = |text| Identifier::named(text).unwrap();
            let (stream, topic) = (name("orders"), name(topic));
            let reader = iggy::prelude::Consumer::new(name("look"));
            let details = root.get_topic(&stream, &topic).await.unwrap().unwrap();
            let mut all = Vec::new();
            for partition in 0..details.partitions_count {
                let mut next = 0;
                loop {
                    let polled = root
                        .poll_messages(
                            &stream,
                            &topic,
                            Some(partition),
                            &reader,
                            &PollingStrategy::offset(next),
                            1000,
                            false,
                        )
                        .await
                        .unwrap();
                    let Some(last) = polled.messages.last() else {
                        break;
                    };
                    next = last.header.offset + 1;
                    all.extend(polled.messages);
                }
            }
            all
        })
    }
}

fn json(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.stdout).unwrap()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_range_is_counted_and_then_sent_with_where_it_comes_from() {
    let lab = Lab::new(10);
    let range = ["--from-offset", "2", "--to-offset", "4"];
    let json_of = |run: Run| {
        assert_eq!(run.code, 0, "{}", run.transcript());
        json(&run)
    };
    let dry = lab.replay("orders/copy", &[&range[..], &["--dry-run"]].concat());
    insta::assert_snapshot!("dry run", dry.transcript());
    assert!(lab.messages("copy").is_empty());
    let sent = json_of(lab.replay("orders/copy", &[&range[..], &["-o", "json"]].concat()));
    assert_eq!(
        (&sent["sent"], &sent["complete"]),
        (&6.into(), &true.into())
    );
    let copies = lab.copies("copy");
    let expected = [(0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4)];
    assert_eq!(copies.into_keys().collect::<Vec<_>>(), expected);

    let none = ["-H", "tenant=other", "-o", "json"];
    let sent = json_of(lab.replay("orders/copy", &none));
    assert_eq!((&sent["sent"], &sent["filtered"]), (&0.into(), &20.into()));
    let one = [
        "-H",
        "tenant=acme",
        "-p",
        "1",
        "--since",
        "1h",
        "-o",
        "json",
    ];
    assert_eq!(json_of(lab.replay("orders/copy", &one))["sent"], 10);
    // To itself: once.
    assert_eq!(
        json_of(lab.replay("orders/events", &["-o", "json"]))["sent"],
        20
    );
    assert_eq!(lab.messages("events").len(), 40);
    assert!(lab.copies("events").into_values().all(|count| count == 1));
}

#[test]
fn what_cannot_be_sent_again_is_said_first() {
    let lab = Lab::new(1);
    insta::assert_snapshot!("too narrow", lab.replay("orders/narrow", &[]).transcript());
    let spread = lab.replay("orders/narrow", &["--partitioning", "balanced"]);
    assert_eq!(spread.code, 0, "{}", spread.transcript());
    assert_eq!(lab.messages("narrow").len(), 2);
    insta::assert_snapshot!("no target", lab.replay("orders/none", &[]).transcript());
    let nowhere = lab.replay("orders/copy", &["-p", "7"]);
    insta::assert_snapshot!("no partition", nowhere.transcript());
    lab.served.sandbox.write("taken.json", "{}");
    let taken = lab.replay("orders/copy", &["--state", "taken.json"]);
    insta::assert_snapshot!("the state is taken", taken.transcript());
    let wrong = lab.run(&["replay", "--resume", "--state", "taken.json"]);
    assert_eq!(wrong.code, 65, "{}", wrong.transcript());
    let twice = lab.replay("orders/copy", &["-H", "a=1", "-H", "a=2"]);
    assert_eq!(twice.code, 64, "{}", twice.transcript());
    let nothing = lab.run(&["replay", "--to", "orders/copy"]);
    assert_eq!(nothing.code, 64, "{}", nothing.transcript());
}

#[test]
fn a_server_that_refuses_in_the_middle_leaves_a_replay_to_go_on_with() {
    let lab = Lab::new(10);
    let refuse = FaultTarget::Command(SEND_MESSAGES);
    let faults = FaultPlan::none().with(iggyctl_embedded::Fault {
        kind: FaultKind::Disconnect,
        target: refuse,
        at: 3,
        times: u64::MAX,
    });
    lab.served.server().faults().set(faults);
    let kept = ["--state", "replay.json", "--batch-size", "4"];
    let run = lab.replay("orders/copy", &kept);
    assert_eq!(run.code, 6, "{}", run.transcript());
    assert!(run.stderr.contains("--resume"), "{}", run.transcript());
    lab.served.server().faults().clear();
    // The end was decided at the start.
    lab.done(&["produce", "orders/events", "--message", "late", "-p", "0"]);
    let resume = ["replay", "--resume", "--state", "replay.json", "-o", "json"];
    let sent = json(&lab.done(&resume));
    assert_eq!(
        (&sent["sent"], &sent["run"]["messages"]),
        (&20.into(), &12.into())
    );
    let copies = lab.copies("copy");
    assert_eq!(copies.len(), 20);
    let sent = json(&lab.done(&resume));
    assert_eq!(
        sent["run"]["messages"], 0,
        "there is nothing to do any more"
    );
}

/// Twice in the middle, by SIGKILL.
#[test]
fn a_killed_replay_is_gone_on_with_and_loses_nothing() {
    const MESSAGES: u64 = 1000;
    const BATCH: usize = 7;
    let lab = Lab::new(u32::try_from(MESSAGES).unwrap());
    let address = lab.served.address();
    let requests = lab.served.server().requests();
    let batch = BATCH.to_string();
    let resume = ["replay", "--resume", "--state", "replay.json"];
    let begin = ["replay", "--from", "orders/events", "--to", "orders/copy"];
    let begin = [&begin[..], &["--state", "replay.json"]].concat();
    for (arguments, sends) in [(&begin[..], 40), (&resume[..], 25)] {
        // Whatever it does in between two replies: it is killed there.
        let slow = FaultKind::Delay(Duration::from_millis(3));
        let slow = FaultPlan::none().always(slow, FaultTarget::Command(SEND_MESSAGES));
        lab.served.server().faults().set(slow);
        requests.reset();
        let more = ["--batch-size", &batch, "--server", &address];
        let mut process = lab
            .served
            .sandbox
            .command(&[arguments, &more].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("it sends", || requests.count(SEND_MESSAGES) >= sends);
        assert_eq!(process.try_wait().unwrap(), None, "it ended by itself");
        process.kill().unwrap();
        process.wait().unwrap();
        lab.served.server().faults().clear();
        until("its connection is gone", || {
            lab.served.server().testing().connections() == 0
        });
    }
    let run = lab.done(&[&resume[..], &["-o", "json"]].concat());
    assert_eq!(json(&run)["complete"], true);
    let copies = lab.copies("copy");
    let places = (0..2).flat_map(|partition| (0..MESSAGES).map(move |offset| (partition, offset)));
    for place in places {
        assert!(copies.contains_key(&place), "{place:?} is lost");
    }
    let total: u32 = copies.values().sum();
    let twice = usize::try_from(total).unwrap() - copies.len();
    assert!(twice <= 2 * BATCH, "{twice} came twice, for two kills");
    assert!(copies.values().all(|count| *count <= 2));
}

/// What is passed over is not looked at again.
#[test]
fn headers_that_cannot_be_read_are_no_reason_to_pass_a_message_over() {
    let lab = Lab::new(1);
    lab.served
        .sandbox
        .write("key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    let key = ["--encryption-key-file", "key"];
    let message = ["produce", "orders/events", "-m", "x", "-H", "customer=7"];
    lab.done(&[&message[..], &key].concat());
    let filter = ["--header", "customer=7"];
    let run = lab.replay("orders/copy", &filter);
    assert_eq!(run.code, 65, "{}", run.transcript());
    assert!(
        run.stderr.contains("encrypted with another key"),
        "{}",
        run.transcript()
    );
    let run = lab.replay(
        "orders/copy",
        &[&filter[..], &["--skip-unreadable"]].concat(),
    );
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert_eq!(lab.copies("copy").len(), 0);
    let run = lab.replay(
        "orders/copy",
        &[&filter[..], &key, &["--skip-unreadable"]].concat(),
    );
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert_eq!(lab.messages("copy").len(), 1);
}

/// By retention or a purge, between two runs or in one.
#[test]
fn what_was_removed_meanwhile_is_not_counted_as_sent() {
    let lab = Lab::new(10);
    let faults = FaultPlan::none().with(iggyctl_embedded::Fault {
        kind: FaultKind::Disconnect,
        target: FaultTarget::Command(SEND_MESSAGES),
        at: 3,
        times: u64::MAX,
    });
    lab.served.server().faults().set(faults);
    let kept = ["--state", "replay.json", "--batch-size", "4"];
    let run = lab.replay("orders/copy", &kept);
    assert_eq!(run.code, 6, "{}", run.transcript());
    lab.served.server().faults().clear();
    lab.served.by_hand(async |root| {
        let name = |text| Identifier::named(text).unwrap();
        root.purge_topic(&name("orders"), &name("events"))
            .await
            .unwrap();
    });
    let resume = ["replay", "--resume", "--state", "replay.json", "-o", "json"];
    let run = lab.done(&resume);
    let report = json(&run);
    assert_eq!(
        (&report["sent"], &report["gone"], &report["left"]),
        (&8.into(), &12.into(), &0.into())
    );
    let said = "12 messages: not sent: removed by retention or a purge";
    assert!(run.stderr.contains(said), "{}", run.transcript());
    assert_eq!(lab.messages("copy").len(), 8);
}

#[test]
fn a_state_that_another_process_has_is_left_alone() {
    let lab = Lab::new(1);
    let state = ["--state", "replay.json"];
    assert_eq!(lab.replay("orders/copy", &state).code, 0);
    let path = lab.served.sandbox.path().join("replay.json.lock");
    let lock = std::fs::File::open(path).unwrap();
    lock.try_lock().unwrap();
    let run = lab.run(&["replay", "--resume", "--state", "replay.json"]);
    assert_eq!(run.code, 1, "{}", run.transcript());
    assert!(run.stderr.contains("another process"), "{}", run.stderr);
    drop(lock);
    lab.done(&["replay", "--resume", "--state", "replay.json"]);
}
