//! Stored offsets and lag, from the command line.

use std::process::Stdio;
use std::time::Duration;

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

/// `get_consumer_offset` of the wire protocol.
const GET_OFFSET: u32 = 120;
/// `get_consumer_group` of the wire protocol.
const GET_GROUP: u32 = 600;
/// `store_consumer_offset` of the wire protocol.
const STORE_OFFSET: u32 = 121;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec:
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 2, consumerGroups: [audit, billing] }
        - { name: empty, partitions: 1, consumerGroups: [audit] }
";

/// Ten messages in partition 0 of `orders/events`, and one in partition 1.
fn lab() -> Served {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", TOPOLOGY);
    let served = Served::start(EmbeddedServer::builder(), sandbox);
    let applied = served.run(&["apply", "-f", "topology.yaml", "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.transcript());
    for (partition, count) in [("0", "10"), ("1", "1")] {
        let produce = ["produce", "orders/events", "--generate", "20"];
        let sent = served.run(&[&produce[..], &["-p", partition, "-n", count]].concat());
        assert_eq!(sent.code, 0, "{}", sent.transcript());
    }
    served
}

fn done(run: Run) -> Run {
    assert_eq!(run.code, 0, "{}", run.transcript());
    run
}

fn json(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.stdout).unwrap()
}

/// What is stored for the group `billing` in both partitions.
fn stored(served: &Served) -> Vec<Option<u64>> {
    let get = ["offsets", "get", "orders/events", "--group", "billing"];
    let run = done(served.run(&[&get[..], &["-o", "json"]].concat()));
    let report = json(&run);
    let partitions = report["readers"][0]["partitions"].as_array().unwrap();
    partitions.iter().map(|it| it["stored"].as_u64()).collect()
}

fn reset<'a>(served: &Served, to: &'a str, more: &[&'a str]) -> Run {
    let reset = ["offsets", "reset", "orders/events", "--to", to];
    served.run(&[&reset[..], more].concat())
}

#[test]
fn offsets_are_shown_moved_and_shown_again() {
    let served = lab();
    let group = ["--group", "billing"];
    let billing = [&group[..], &["--yes"]].concat();
    insta::assert_snapshot!(
        "nothing is stored",
        served
            .run(&["offsets", "get", "orders/events"])
            .transcript()
    );
    insta::assert_snapshot!(
        "reset to latest",
        reset(&served, "latest", &billing).transcript()
    );
    assert_eq!(stored(&served), [Some(9), Some(0)]);
    let dry = [&group[..], &["--partition", "0", "--dry-run"]].concat();
    insta::assert_snapshot!("a dry run", reset(&served, "shift:-4", &dry).transcript());
    assert_eq!(stored(&served), [Some(9), Some(0)]);
    done(reset(&served, "shift:-4", &billing));
    assert_eq!(
        stored(&served),
        [Some(5), None],
        "never before the oldest one"
    );
    let run = done(reset(
        &served,
        "offset:1",
        &[&billing[..], &["-o", "json"]].concat(),
    ));
    let report = json(&run);
    assert_eq!(report["changes"][0]["redelivered"], 5);
    assert_eq!(report["changes"][0]["status"], "done");
    assert_eq!(report["changes"][1]["skipped"], 1);
    assert_eq!(stored(&served), [Some(0), Some(0)]);
    let set = ["offsets", "set", "orders/events", "--partition", "0"];
    let set = |more: &[&str]| served.run(&[&set[..], &group, more].concat());
    insta::assert_snapshot!("set", set(&["--offset", "4", "--yes"]).transcript());
    assert_eq!(stored(&served), [Some(4), Some(0)]);
    insta::assert_snapshot!(
        "beyond the end",
        set(&["--offset", "10", "--yes"]).transcript()
    );
    let run = done(served.run(&["offsets", "get", "orders/events"]));
    insta::assert_snapshot!("something is stored", run.transcript());
    done(reset(&served, "time:1h", &billing));
    assert_eq!(stored(&served), [None, None]);
    insta::assert_snapshot!(
        "nothing to do",
        reset(&served, "earliest", &billing).transcript()
    );

    let consumer = ["--consumer", "reporter", "--yes"];
    done(reset(&served, "latest", &consumer));
    let get = ["offsets", "get", "orders/events", "--consumer", "reporter"];
    insta::assert_snapshot!("a consumer", served.run(&get).transcript());
}

#[test]
fn what_cannot_be_moved_is_said_before_anything_is() {
    let served = lab();
    let to_latest = |more: &[&str]| reset(&served, "latest", more);
    insta::assert_snapshot!(
        "nobody to ask",
        to_latest(&["--group", "billing"]).transcript()
    );
    insta::assert_snapshot!("no reader", to_latest(&["--yes"]).transcript());
    insta::assert_snapshot!(
        "no group",
        to_latest(&["--group", "none", "--yes"]).transcript()
    );
    let run = reset(&served, "sometime", &["--group", "billing"]);
    assert_eq!(run.code, 64, "{}", run.transcript());
    let run = served.run(&["offsets", "get", "orders/none", "--group", "billing"]);
    insta::assert_snapshot!("no topic", run.transcript());
    assert_eq!(stored(&served), [None, None]);

    // Somebody is at work.
    served.by_hand(async |root| {
        let name = |text| Identifier::named(text).unwrap();
        let (stream, topic, group) = (name("orders"), name("events"), name("billing"));
        root.join_consumer_group(&stream, &topic, &group)
            .await
            .unwrap();
        let run = tokio::task::block_in_place(|| to_latest(&["--group", "billing", "--yes"]));
        insta::assert_snapshot!("active members", run.transcript());
        assert_eq!(run.code, 3);
        root.shutdown().await.unwrap();
    });
    assert_eq!(stored(&served), [None, None]);
}

#[test]
fn a_lost_reply_is_looked_up_and_a_refusal_is_partial() {
    let served = lab();
    let billing = ["--group", "billing", "--yes"];
    let store = FaultTarget::Command(STORE_OFFSET);
    let consumer = ["--consumer", "reporter", "--yes"];
    let lost = FaultPlan::none().once(FaultKind::LostReply, store, 1);
    served.server().faults().set(lost);
    done(reset(&served, "latest", &consumer));
    served
        .server()
        .faults()
        .set(FaultPlan::none().once(FaultKind::Disconnect, store, 2));
    let run = reset(&served, "latest", &billing);
    // A member that is disconnected is none any more.
    assert_eq!(run.code, 6, "{}", run.transcript());
    served.server().faults().clear();
    done(reset(&served, "latest", &billing));
    assert_eq!(stored(&served), [Some(9), Some(0)]);
}

/// Between the plan and the change.
#[test]
fn an_offset_that_moved_since_it_was_shown_is_left_alone() {
    let served = lab();
    let address = served.address();
    served.by_hand(async |root| {
        let requests = served.server().requests();
        requests.reset();
        // Both partitions are read for the plan; then again before anything is stored.
        let slow = FaultKind::Delay(Duration::from_secs(2));
        let slow = FaultPlan::none().once(slow, FaultTarget::Command(GET_OFFSET), 3);
        served.server().faults().set(slow);
        let reset = ["offsets", "reset", "orders/events", "--to", "latest"];
        let more = ["--consumer", "reporter", "--yes", "--server", &address];
        let process = served
            .sandbox
            .command(&[&reset[..], &more].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while requests.count(GET_OFFSET) < 3 {
            tokio::task::yield_now().await;
        }
        let name = |text| Identifier::named(text).unwrap();
        let reporter = iggy::prelude::Consumer::new(name("reporter"));
        let (stream, topic) = (name("orders"), name("events"));
        root.store_consumer_offset(&reporter, &stream, &topic, Some(0), 6)
            .await
            .unwrap();
        let ended = tokio::task::block_in_place(|| process.wait_with_output().unwrap());
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(4), "{said}");
        assert!(said.contains("partition 0: moved"), "{said}");
        for (partition, expected) in [(0, Some(6)), (1, None)] {
            let stored = root
                .get_consumer_offset(&reporter, &stream, &topic, Some(partition))
                .await
                .unwrap();
            assert_eq!(stored.map(|it| it.stored_offset), expected);
        }
    });
}

#[test]
fn lag_is_that_of_all_groups_and_a_limit_is_checked() {
    let served = lab();
    done(reset(
        &served,
        "offset:4",
        &["--group", "billing", "-p", "0", "--yes"],
    ));
    insta::assert_snapshot!("lag of all", served.run(&["lag"]).transcript());
    let one = ["lag", "orders/events", "--group", "billing"];
    insta::assert_snapshot!(
        "lag above",
        served
            .run(&[&one[..], &["--fail-above", "6"]].concat())
            .transcript()
    );
    let run = done(served.run(&[&one[..], &["--fail-above", "7", "-o", "json"]].concat()));
    let groups = json(&run);
    assert_eq!(groups.as_array().unwrap().len(), 1);
    assert_eq!(groups[0]["lag"], 7);
    assert_eq!(groups[0]["members"], serde_json::json!([]));
    assert_eq!(served.run(&["lag", "none"]).code, 1);
    assert_eq!(served.run(&["lag", "orders/none"]).code, 1);
    let run = done(served.run(&["lag", "orders/empty", "--fail-above", "0"]));
    assert!(run.stdout.contains("audit"), "{}", run.transcript());
}

/// One that is slow does not hold up the others, and no group is asked twice.
#[test]
fn many_groups_are_asked_over_a_few_connections_and_keep_their_order() {
    const GROUPS: u64 = 70;
    const SLOW: Duration = Duration::from_secs(5);
    let served = lab();
    let names: Vec<String> = (0..GROUPS).map(|number| format!("g{number:03}")).collect();
    served.by_hand(async |root| {
        let named = |text| Identifier::named(text).unwrap();
        for name in &names {
            root.create_consumer_group(&named("orders"), &named("empty"), name)
                .await
                .unwrap();
        }
    });
    let slow = FaultPlan::none().once(FaultKind::Delay(SLOW), FaultTarget::Command(GET_GROUP), 1);
    served.server().faults().set(slow);
    let requests = served.server().requests();
    requests.reset();
    let address = served.address();
    let lag = ["lag", "orders/empty", "-o", "json", "--server", &address];
    let process = served
        .sandbox
        .command(&lag)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let wait_for = |count| {
        while requests.count(GET_GROUP) < count {
            std::thread::yield_now();
        }
    };
    wait_for(1);
    let begun = std::time::Instant::now();
    wait_for(GROUPS + 1);
    assert!(begun.elapsed() < SLOW, "the first one was waited for");
    let connections = served.server().testing().connections();
    assert!((2..=8).contains(&connections), "{connections}");
    let ended = process.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let groups: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let shown = groups.as_array().unwrap().iter();
    let shown: Vec<&str> = shown.map(|it| it["name"].as_str().unwrap()).collect();
    let expected: Vec<&str> = ["audit"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    assert_eq!(shown, expected);
    assert_eq!(requests.count(GET_GROUP), GROUPS + 1);
}

#[cfg(unix)]
#[test]
fn a_group_that_was_named_and_is_not_there_is_not_up_to_date() {
    let served = lab();
    let run = served.run(&["lag", "--group", "nobody", "--fail-above", "1"]);
    assert_eq!(run.code, 1, "{}", run.transcript());
    assert!(
        run.stderr.contains("no consumer group `nobody`"),
        "{}",
        run.transcript()
    );
}

#[test]
fn lag_is_followed_until_it_is_told_to_end() {
    use std::io::{BufRead, BufReader};

    let served = lab();
    let address = served.address();
    let follow = ["lag", "orders/events", "--follow", "--interval", "10ms"];
    let more = ["-o", "json", "--server", &address];
    let mut process = served
        .sandbox
        .command(&[&follow[..], &more].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut lag_is = |expected: u64| {
        lines.by_ref().any(|line| {
            let look: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            look["groups"][1]["lag"] == expected
        })
    };
    assert!(lag_is(11));
    done(reset(&served, "latest", &["--group", "billing", "--yes"]));
    assert!(lag_is(0));
    let kill = std::process::Command::new("kill")
        .args(["-INT", &process.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    while lines.next().is_some() {}
    assert_eq!(process.wait().unwrap().code(), Some(0));
}
