//! Deleting streams, topics and consumer groups that nobody declares, and everything that
//! is declared: what is shown, what is refused, and what stays.

use iggy::prelude::*;
use std::time::Duration;

use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  owns:
    streams: [orders, 'shop-*']
    topics: [shared/shop-inbox]
  streams:
    - name: orders
      topics:
        - name: events
          messageExpiry: 7d
          consumerGroups: []
        - name: dead-letters
    - name: shop-a
    - name: shop-b
";

struct Lab {
    served: Served,
}

impl Lab {
    /// Everything declared is there, and more: `orders/former` with five messages, its group
    /// `readers`, which has read two of them, the group `stray`, the streams `shop-empty`
    /// and `shared` with `shop-inbox` and `others`, and `elsewhere`.
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("topology.yaml", TOPOLOGY);
        let lab = Self {
            served: Served::start(EmbeddedServer::builder(), sandbox),
        };
        assert_eq!(lab.run(&["apply", "--yes"]).code, 0);
        lab.served.by_hand(async |root| {
            for stream in ["shop-empty", "shared", "elsewhere"] {
                root.create_stream(stream).await.unwrap();
            }
            for (stream, topic) in [
                ("orders", "former"),
                ("shared", "shop-inbox"),
                ("shared", "others"),
                ("elsewhere", "data"),
            ] {
                create_topic(&root, stream, topic).await;
            }
            let former = (named("orders"), named("former"));
            let mut messages: Vec<IggyMessage> = (0..5)
                .map(|n| {
                    IggyMessage::builder()
                        .payload(format!("{n}").into())
                        .build()
                        .unwrap()
                })
                .collect();
            let to = Partitioning::partition_id(0);
            root.send_messages(&former.0, &former.1, &to, &mut messages)
                .await
                .unwrap();
            root.create_consumer_group(&former.0, &former.1, "readers")
                .await
                .unwrap();
            let group = named("readers");
            root.join_consumer_group(&former.0, &former.1, &group)
                .await
                .unwrap();
            let readers = Consumer::group(group.clone());
            root.store_consumer_offset(&readers, &former.0, &former.1, Some(0), 1)
                .await
                .unwrap();
            root.leave_consumer_group(&former.0, &former.1, &group)
                .await
                .unwrap();
            root.create_consumer_group(&former.0, &named("events"), "stray")
                .await
                .unwrap();
        });
        lab
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.served
            .run(&[arguments, &["-f", "topology.yaml"]].concat())
    }

    /// `stream/topic` of everything that is there.
    fn topics(&self) -> Vec<String> {
        self.served.by_hand(async |root| {
            let mut all = Vec::new();
            for stream in root.get_streams().await.unwrap() {
                let name = stream.name;
                let details = root.get_stream(&named(&name)).await.unwrap().unwrap();
                all.push(name.clone());
                all.extend(
                    details
                        .topics
                        .iter()
                        .map(|topic| format!("{name}/{}", topic.name)),
                );
            }
            all.sort();
            all
        })
    }
}

fn named(text: &str) -> Identifier {
    Identifier::named(text).unwrap()
}

async fn create_topic(root: &IggyClient, stream: &str, topic: &str) {
    let options = TopicCreateOptions {
        partitions_count: Some(1),
        ..TopicCreateOptions::default()
    };
    root.create_topic(&named(stream), topic, &options)
        .await
        .unwrap();
}

/// Times of messages are of now.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("the oldest of 20") {
        steady.push_str(before);
        steady.push_str("the oldest of [TIME]");
        rest = after.split_once('Z').map_or("", |(_, rest)| rest);
    }
    steady + rest
}

#[test]
fn every_plan_lists_what_is_owned_and_not_declared() {
    let lab = Lab::new();
    let run = lab.run(&["plan"]);
    insta::assert_snapshot!("owned and not declared", run.transcript());
    assert_eq!(lab.run(&["diff"]).code, 0);
    let json = lab.run(&["plan", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let unmanaged = report["unmanaged"].as_array().unwrap();
    assert_eq!(unmanaged.len(), 4, "{report:#}");
}

#[test]
fn what_is_empty_goes_and_what_holds_something_is_named_first() {
    let lab = Lab::new();
    let all = lab.topics();
    let run = lab.run(&["apply", "--yes", "--prune"]);
    insta::assert_snapshot!("data in the way", steady(&run.transcript()));
    assert_eq!(lab.topics(), all);

    let run = lab.run(&["apply", "--yes", "--prune", "--skip-blocked"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert_eq!(
        lab.topics(),
        [
            "elsewhere",
            "elsewhere/data",
            "orders",
            "orders/dead-letters",
            "orders/events",
            "orders/former",
            "shared",
            "shared/others",
            "shop-a",
            "shop-b"
        ]
    );

    let named = [
        "--allow-destroy",
        "topic/orders/former",
        "--allow-destroy",
        "group/orders/events/stray",
    ];
    let run = lab.run(&[&["apply", "--yes", "--prune"][..], &named].concat());
    insta::assert_snapshot!("named and deleted", steady(&run.sorted_transcript()));
    assert!(!lab.topics().contains(&"orders/former".to_owned()));
    assert_eq!(lab.run(&["diff", "--prune"]).code, 0);
}

#[test]
fn destroying_removes_what_is_declared_and_asks_for_the_number() {
    let lab = Lab::new();
    let run = lab.run(&["destroy", "--yes"]);
    insta::assert_snapshot!("a foreign topic in the way", steady(&run.transcript()));
    let allowed = ["destroy", "--yes", "--allow-destroy", "stream/orders"];
    let run = lab.run(&allowed);
    insta::assert_snapshot!("the number is asked for", steady(&run.transcript()));
    let counted = [&allowed[..], &["--expect-removals", "6"]].concat();
    let run = lab.run(&counted);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert_eq!(
        lab.topics(),
        [
            "elsewhere",
            "elsewhere/data",
            "shared",
            "shared/others",
            "shared/shop-inbox",
            "shop-empty"
        ]
    );
    let run = lab.run(&["destroy", "--yes"]);
    insta::assert_snapshot!("nothing left to destroy", run.transcript());
}

#[test]
fn lower_retention_says_how_much_is_older() {
    let lab = Lab::new();
    lab.served.by_hand(async |root| {
        let mut messages = [IggyMessage::builder().payload("x".into()).build().unwrap()];
        let to = Partitioning::partition_id(0);
        root.send_messages(&named("orders"), &named("events"), &to, &mut messages)
            .await
            .unwrap();
    });
    let sandbox = &lab.served.sandbox;
    sandbox.write("topology.yaml", TOPOLOGY.replace("7d", "1d"));
    let run = lab.run(&["plan"]);
    assert!(
        run.stdout.contains("1 message in ") && run.stdout.contains(", none of them older"),
        "{}",
        run.transcript()
    );
}

/// `get_stream`, by which a plan reads what there is.
const GET_STREAM: u32 = 200;

#[test]
fn what_a_client_creates_again_is_said_to_be_back() {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", TOPOLOGY);
    // Long enough that the client is there before it is read again.
    let slow = FaultKind::Delay(Duration::from_millis(500));
    let faults = FaultPlan::none().always(slow, FaultTarget::Command(GET_STREAM));
    let lab = Lab {
        served: Served::start(EmbeddedServer::builder().faults(faults), sandbox),
    };
    assert_eq!(lab.run(&["apply", "--yes"]).code, 0);
    let address = lab.served.address();
    let (created, has_created) = std::sync::mpsc::channel();
    let client = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let client = IggyClient::from_connection_string(&address).unwrap();
            client.connect().await.unwrap();
            let options = TopicCreateOptions::default();
            let orders = named("orders");
            // Once it is there, every further one is refused until it is deleted.
            for _ in 0..2 {
                while client
                    .create_topic(&orders, "former", &options)
                    .await
                    .is_err()
                {
                    tokio::task::yield_now().await;
                }
                created.send(()).unwrap();
            }
        });
    });
    has_created.recv().unwrap();
    let run = lab.run(&["apply", "--yes", "--prune"]);
    has_created.recv().unwrap();
    client.join().unwrap();
    insta::assert_snapshot!("back again", run.transcript());
}

#[test]
fn what_is_retained_is_destroyed_only_by_its_name() {
    let lab = Lab::new();
    let retained = TOPOLOGY
        .replace(
            "name: dead-letters",
            "name: dead-letters\n          deletionPolicy: Retain",
        )
        .replace("name: shop-a", "name: shop-a\n      deletionPolicy: Retain")
        .replace(
            "name: shop-b",
            "name: shop-b\n      deletionPolicy: DeleteIfEmpty",
        );
    lab.served.sandbox.write("topology.yaml", retained);
    // A policy is about later: nothing changes now.
    assert_eq!(lab.run(&["diff"]).code, 0);
    let all = lab.topics();
    let run = lab.run(&["destroy", "--yes", "--expect-removals", "5"]);
    insta::assert_snapshot!("retained", steady(&run.transcript()));
    assert_eq!(lab.topics(), all);
    let names = [
        "stream/shop-a",
        "topic/orders/dead-letters",
        "stream/orders",
    ];
    let allowed: Vec<&str> = names
        .iter()
        .flat_map(|name| ["--allow-destroy", *name])
        .collect();
    let mut arguments = vec!["destroy", "--yes", "--expect-removals", "6"];
    arguments.extend(&allowed);
    let run = lab.run(&arguments);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(!lab.topics().iter().any(|name| name.starts_with("orders")));
    assert!(!lab.topics().contains(&"shop-a".to_owned()));
}

#[test]
fn what_was_last_applied_as_retained_is_pruned_only_by_its_name() {
    let lab = Lab::new();
    let write = |text: &str| lab.served.sandbox.write("topology.yaml", text);
    write(&TOPOLOGY.replace("name: shop-a", "name: shop-a\n      deletionPolicy: Retain"));
    let apply = ["apply", "--yes", "--ledger"];
    assert_eq!(lab.run(&apply).code, 0);
    // Gone from the manifests, be it for more than one apply.
    write(&TOPOLOGY.replace("    - name: shop-a\n", ""));
    assert_eq!(lab.run(&apply).code, 0);
    let run = lab.run(&["plan", "--prune"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    let blocked = "  ! stream/shop-a\n      blocked: its deletionPolicy is Retain\n        \
                   → let it go with --allow-destroy stream/shop-a, or declare it\n";
    assert!(run.stdout.contains(blocked), "{}", run.transcript());
    let skips = [
        &apply[..],
        &["--prune", "--skip-blocked", "--expect-removals", "2"],
    ]
    .concat();
    let run = lab.run(&skips);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(lab.topics().contains(&"shop-a".to_owned()));
    let named = [
        &apply[..],
        &[
            "--prune",
            "--skip-blocked",
            "--allow-destroy",
            "stream/shop-a",
        ],
    ];
    let run = lab.run(&named.concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(!lab.topics().contains(&"shop-a".to_owned()));
    // Made again by somebody else, it is another one.
    lab.served.by_hand(async |root| {
        root.create_stream("shop-a").await.unwrap();
    });
    assert!(!lab.run(&["plan", "--prune"]).stdout.contains("Retain"));
}

#[test]
fn drift_that_an_apply_leaves_alone_is_seen_once() {
    let lab = Lab::new();
    let apply = ["apply", "--yes", "--ledger"];
    assert_eq!(lab.run(&apply).code, 0);
    assert_eq!(lab.run(&["drift"]).code, 0);
    let by_hand = |step: u8| {
        lab.served.by_hand(async |root| {
            let (orders, events) = (named("orders"), named("events"));
            if step == 0 {
                create_topic(&root, "orders", "stranger").await;
            } else {
                // With all that is declared of it, but another one.
                root.delete_topic(&orders, &events).await.unwrap();
                let options = TopicCreateOptions {
                    partitions_count: Some(1),
                    message_expiry: Some(IggyExpiry::ExpireDuration("7days".parse().unwrap())),
                    ..TopicCreateOptions::default()
                };
                root.create_topic(&orders, "events", &options)
                    .await
                    .unwrap();
            }
        });
    };
    for step in 0..2 {
        by_hand(step);
        let run = lab.run(&["drift"]);
        assert_eq!(run.code, 8, "{}", run.transcript());
        let run = lab.run(&apply);
        assert_eq!(run.code, 0, "{}", run.transcript());
        assert!(
            run.stderr.contains("Recorded as revision"),
            "{}",
            run.transcript()
        );
        let run = lab.run(&["drift"]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        let run = lab.run(&apply);
        assert!(!run.stderr.contains("Recorded"), "{}", run.transcript());
    }
}
