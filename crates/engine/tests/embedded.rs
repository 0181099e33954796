//! The adapter and the stages over the real wire protocol, against the embedded
//! server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use iggy_binary_protocol::codes;
use iggyctl_core::diff::diff;
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::{Approvals, ApprovedPlan, DestructionGrant, Plan, plan};
use iggyctl_core::state::desired::{DesiredState, TopicSettings};
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{ApplyOutcome, Cancellation, Supplies, apply, verify};
use iggyctl_engine::broker::{BrokerErrorKind, BrokerRead, BrokerWrite};
use iggyctl_engine::connect::{
    ConnectError, ConnectSettings, ConnectionPool, RemoteAddress, ServerAddress, ServerConnector,
    connect,
};
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::export::export;
use iggyctl_engine::observe::{Reach, observe};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const SETTINGS: ConnectSettings = ConnectSettings {
    deadline: Duration::from_secs(5),
    request_timeout: Duration::from_secs(5),
};

async fn start() -> EmbeddedServer {
    EmbeddedServer::builder().start().await.unwrap()
}

fn address(server: &EmbeddedServer) -> RemoteAddress {
    match server.connection_string().parse().unwrap() {
        ServerAddress::Remote(remote) => remote,
        ServerAddress::Embedded { .. } => panic!("the server is remote"),
    }
}

fn pool(server: &EmbeddedServer) -> ConnectionPool<ServerConnector> {
    ConnectionPool::new(ServerConnector::new(address(server), SETTINGS))
}

fn name(text: &str) -> ResourceName {
    text.parse().unwrap()
}

fn desired(manifest: &str) -> DesiredState {
    let source = SourceFile::new("test.yaml", manifest.as_bytes());
    match compile(&[source], &Variables::default()) {
        Ok(compiled) => compiled.state,
        Err(diagnostics) => panic!("{diagnostics:#?}\n{manifest}"),
    }
}

fn topology(streams: &str) -> DesiredState {
    desired(&format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: test }}\nspec:\n  streams: {streams}\n"
    ))
}

const ORDERS: &str = "
  - name: orders
    topics:
      - name: events
        partitions: 3
        messageExpiry: 7d
        maxTopicSize: 50GiB
        segmentSize: 256MiB
        durability: persisted
        consumerGroups: [audit, billing]
      - name: dead-letters
  - name: billing";

async fn made_plan(pool: &ConnectionPool<ServerConnector>, desired: &DesiredState) -> Plan {
    let observed = observe(pool, desired).await.unwrap();
    assert_eq!(observed.gaps, []);
    let mut approvals = Approvals::default();
    for (stream_name, stream) in &desired.streams {
        for topic_name in stream.topics.keys() {
            approvals
                .allow_destroy
                .insert(iggyctl_core::address::Address::Topic(
                    stream_name.clone(),
                    topic_name.clone(),
                ));
        }
    }
    plan(&diff(desired, &observed), &approvals)
}

async fn approved(pool: &ConnectionPool<ServerConnector>, desired: &DesiredState) -> ApprovedPlan {
    let plan = made_plan(pool, desired).await;
    let grant = DestructionGrant::from_command_line(plan.approvals.allow_destroy.clone());
    plan.approve(true, &grant).unwrap()
}

async fn run(pool: &ConnectionPool<ServerConnector>, plan: &ApprovedPlan) -> ApplyOutcome {
    apply(
        plan,
        pool,
        Supplies::new(&Secrets::default(), &NoSinks),
        &mut |_| {},
        &Cancellation::default(),
    )
    .await
}

#[tokio::test]
async fn what_is_written_is_read_back() {
    let server = start().await;
    let broker = connect(&address(&server), SETTINGS).await.unwrap();
    let (orders, events) = (name("orders"), name("123"));
    let observed = desired_settings();
    broker.ping().await.unwrap();
    broker.create_stream(&orders).await.unwrap();
    broker
        .create_topic(&orders, &events, 2, &observed)
        .await
        .unwrap();
    let group = broker
        .create_consumer_group(&orders, &events, &name("7"))
        .await
        .unwrap();
    let groups = broker.consumer_groups(&orders, &events).await.unwrap();
    assert_eq!(groups[&name("7")].id, group);
    broker.create_partitions(&orders, &events, 3).await.unwrap();
    broker.delete_partitions(&orders, &events, 1).await.unwrap();
    broker
        .update_topic(
            &orders,
            &events,
            Some(&name("456")),
            &TopicSettings {
                message_expiry: Some("3h".parse().unwrap()),
                ..TopicSettings::default()
            },
        )
        .await
        .unwrap();
    broker.rename_stream(&orders, &name("0")).await.unwrap();

    let stream = broker.get_stream(&name("0")).await.unwrap().unwrap();
    let topic = &stream.topics[&name("456")];
    assert_eq!(topic.partitions, 4);
    assert_eq!(
        topic.settings,
        TopicSettings {
            message_expiry: Some("3h".parse().unwrap()),
            ..observed
        }
    );
    assert_eq!(
        broker
            .get_topic(&name("0"), &name("456"))
            .await
            .unwrap()
            .as_ref(),
        Some(topic)
    );
    let groups = broker
        .consumer_groups(&name("0"), &name("456"))
        .await
        .unwrap();
    assert!(groups.contains_key(&name("7")));
    let listed = broker.list_streams().await.unwrap();
    assert_eq!(
        (listed.len(), &listed[0].name, listed[0].topics),
        (1, &name("0"), 1)
    );
    let stats = broker.stats().await.unwrap();
    assert_eq!(
        (stats.streams, stats.partitions, stats.consumer_groups),
        (1, 4, 1)
    );
    assert_eq!(broker.me().await.unwrap().user_id, Some(0));
    broker.close().await;
}

fn desired_settings() -> TopicSettings {
    let desired = topology(
        "
  - name: a
    topics:
      - name: b
        messageExpiry: 2h
        maxTopicSize: 10GiB
        compression: gzip
        segmentSize: 512MiB
        durability: persisted
        consumerOffsetDurability: persisted
        messagesRequiredToSave: 7
        sizeOfMessagesRequiredToSave: 4KiB
        preallocateSegments: true",
    );
    desired.streams[&name("a")].topics[&name("b")].settings
}

#[tokio::test]
async fn errors_have_their_kind_code_and_address() {
    let server = start().await;
    let broker = connect(&address(&server), SETTINGS).await.unwrap();
    let (a, b) = (name("a"), name("b"));
    broker.create_stream(&a).await.unwrap();
    let error = broker.create_stream(&a).await.unwrap_err();
    assert_eq!(
        (error.kind.clone(), error.code),
        (BrokerErrorKind::AlreadyExists, Some(1012))
    );
    assert_eq!(
        error.to_string(),
        "create stream/a: already exists (code 1012)"
    );
    let nothing = TopicSettings::default();
    let error = broker.create_topic(&b, &a, 1, &nothing).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code),
        (BrokerErrorKind::NotFound, Some(1009))
    );
    let error = broker
        .create_topic(&a, &b, 1001, &nothing)
        .await
        .unwrap_err();
    assert_eq!(error.code, Some(2015));
    assert!(matches!(error.kind, BrokerErrorKind::Refused { .. }));
    let error = broker
        .update_topic(&a, &b, None, &nothing)
        .await
        .unwrap_err();
    assert_eq!(error.kind, BrokerErrorKind::NotFound);
    assert_eq!(broker.get_stream(&b).await, Ok(None));
    assert_eq!(broker.get_topic(&a, &b).await, Ok(None));
    let error = broker.consumer_groups(&a, &b).await.unwrap_err();
    assert_eq!(error.kind, BrokerErrorKind::NotFound);
}

#[tokio::test]
async fn a_wrong_password_is_said_at_once() {
    let server = start().await;
    let text = format!("iggy://iggy:hunter2@{}", server.address());
    let ServerAddress::Remote(remote) = text.parse().unwrap() else {
        panic!("the server is remote");
    };
    let error = connect(&remote, SETTINGS).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::CredentialsRefused { code: 42, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn tls_to_the_plain_port_is_said_in_time() {
    let server = start().await;
    let text = format!("{}?tls=true", server.connection_string());
    let ServerAddress::Remote(remote) = text.parse().unwrap() else {
        panic!("the server is remote");
    };
    let settings = ConnectSettings {
        deadline: Duration::from_millis(1500),
        ..SETTINGS
    };
    let started = std::time::Instant::now();
    let error = connect(&remote, settings).await.unwrap_err();
    assert!(started.elapsed() <= settings.deadline);
    assert!(matches!(error, ConnectError::PlainPort { .. }), "{error:?}");
}

#[tokio::test]
async fn a_plan_is_applied_with_the_fewest_requests() {
    let server = start().await;
    let pool = pool(&server);
    let desired = topology(ORDERS);
    let plan = approved(&pool, &desired).await;
    let requests = server.requests();
    assert_eq!(requests.count(codes::GET_STREAM_CODE), 2);
    assert_eq!(requests.count(codes::GET_CONSUMER_GROUPS_CODE), 0);
    requests.reset();
    assert!(run(&pool, &plan).await.is_complete());
    assert_eq!(
        requests.counts(),
        BTreeMap::from([
            (codes::CREATE_STREAM_CODE, 2),
            (codes::CREATE_TOPIC_CODE, 2),
            (codes::CREATE_CONSUMER_GROUP_CODE, 2),
        ]),
        "one connection, one request for each step"
    );
    requests.reset();
    let changes = verify(&pool, &desired, Reach::Declared).await.unwrap();
    assert!(changes.changes.is_empty(), "{:#?}", changes.changes);
    assert_eq!(
        requests.counts(),
        BTreeMap::from([
            (codes::GET_STREAM_CODE, 2),
            (codes::GET_CONSUMER_GROUPS_CODE, 1),
        ])
    );
}

#[tokio::test]
async fn a_hundred_streams_of_a_hundred_topics_are_a_hundred_reads() {
    let server = start().await;
    let pool = pool(&server);
    let mut streams = String::new();
    for stream in 0..100 {
        streams.push_str(&format!("\n  - name: stream-{stream}\n    topics:"));
        for topic in 0..100 {
            streams.push_str(&format!(
                "\n      - name: topic-{topic}\n        partitions: 3"
            ));
        }
    }
    let desired = topology(&streams);
    let plan = approved(&pool, &desired).await;
    assert!(run(&pool, &plan).await.is_complete());
    let requests = server.requests();
    requests.reset();
    assert!(made_plan(&pool, &desired).await.is_empty());
    let counts = requests.counts();
    assert_eq!(counts[&codes::GET_STREAM_CODE], 100);
    assert_eq!(counts.get(&codes::GET_CONSUMER_GROUPS_CODE), None);
    assert_eq!(counts.get(&codes::GET_STREAMS_CODE), None);
}

#[tokio::test]
async fn any_fault_at_any_step_and_one_more_apply_converges() {
    for kind in [
        FaultKind::LostReply,
        FaultKind::Disconnect,
        FaultKind::TransientNotCommitted,
        FaultKind::TransientNotAccepted,
        FaultKind::Delay(Duration::from_millis(20)),
    ] {
        for at in 1..=6 {
            let server = start().await;
            let pool = pool(&server);
            let desired = topology(ORDERS);
            let plan = approved(&pool, &desired).await;
            assert_eq!(plan.steps().len(), 6);
            server
                .faults()
                .set(FaultPlan::none().once(kind, FaultTarget::Writes, at));
            let outcome = run(&pool, &plan).await;
            assert!(outcome.is_complete(), "{kind:?} at {at}: {outcome:#?}");
            server.faults().clear();
            let again = made_plan(&pool, &desired).await;
            assert!(again.is_empty(), "{kind:?} at {at}: {again:#?}");
        }
    }
}

#[tokio::test]
async fn partitions_are_added_and_removed_once_whatever_is_lost() {
    for kind in [FaultKind::LostReply, FaultKind::Disconnect] {
        for (from, to) in [(2, 5), (5, 2)] {
            let topic = |partitions| {
                topology(&format!(
                    "\n  - name: a\n    topics: [{{ name: b, partitions: {partitions} }}]"
                ))
            };
            let server = start().await;
            let pool = pool(&server);
            let plan = approved(&pool, &topic(from)).await;
            assert!(run(&pool, &plan).await.is_complete());
            let plan = approved(&pool, &topic(to)).await;
            server
                .faults()
                .set(FaultPlan::none().once(kind, FaultTarget::Writes, 1));
            let outcome = run(&pool, &plan).await;
            let removals = server.requests().count(codes::DELETE_PARTITIONS_CODE);
            assert!(removals <= 1, "{kind:?} {from} {to}");
            if kind == FaultKind::Disconnect && to < from {
                assert!(outcome.has_unknown(), "{outcome:#?}");
                let plan = approved(&pool, &topic(to)).await;
                assert!(run(&pool, &plan).await.is_complete());
            } else {
                assert!(outcome.is_complete(), "{kind:?} {from} {to}: {outcome:#?}");
            }
            assert!(made_plan(&pool, &topic(to)).await.is_empty());
        }
    }
}

#[tokio::test]
async fn a_read_that_loses_its_connection_is_repeated() {
    let server = start().await;
    let pool = pool(&server);
    let desired = topology(ORDERS);
    let plan = approved(&pool, &desired).await;
    assert!(run(&pool, &plan).await.is_complete());
    for kind in [FaultKind::LostReply, FaultKind::Disconnect] {
        server
            .faults()
            .set(FaultPlan::none().once(kind, FaultTarget::Any, 2));
        assert!(made_plan(&pool, &desired).await.is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn planning_an_export_is_empty() {
    let server = start().await;
    let pool = pool(&server);
    let plan = approved(&pool, &topology(ORDERS)).await;
    assert!(run(&pool, &plan).await.is_complete());
    let export = export(&pool, None).await.unwrap();
    assert_eq!(export.left_out, []);
    let exported = desired(&export.manifest);
    assert!(
        made_plan(&pool, &exported).await.is_empty(),
        "{}",
        export.manifest
    );

    // On an empty server it makes the same.
    let other = start().await;
    let other_pool = self::pool(&other);
    let plan = approved(&other_pool, &exported).await;
    assert!(run(&other_pool, &plan).await.is_complete());
    let again = iggyctl_engine::export::export(&other_pool, None)
        .await
        .unwrap();
    assert_eq!(again.manifest, export.manifest);
}

/// A manifest over few names, so that two of them meet each other.
fn any_streams() -> impl Strategy<Value = String> {
    let topic = (
        prop::option::of(0..4_u32),
        prop::option::of(prop_oneof![Just("never"), Just("7d"), Just("90 s")]),
        prop::option::of(prop_oneof![Just("unlimited"), Just("2GiB")]),
        prop::option::of(prop_oneof![Just("gzip"), Just("none")]),
        prop::option::of(prop::collection::btree_set("[xy]", 0..2)),
    );
    let topics = prop::collection::btree_map("[pqr]", topic, 0..3);
    prop::collection::btree_map("[abcd]", topics, 0..4).prop_map(|streams| {
        let mut text = String::new();
        for (stream, topics) in streams {
            text.push_str(&format!("\n  - name: {stream}\n    topics:"));
            for (topic, (partitions, expiry, size, compression, groups)) in &topics {
                text.push_str(&format!("\n      - name: {topic}"));
                let mut line = |key, value: Option<String>| {
                    if let Some(value) = value {
                        text.push_str(&format!("\n        {key}: {value}"));
                    }
                };
                line("partitions", partitions.map(|count| count.to_string()));
                line("messageExpiry", expiry.map(str::to_owned));
                line("maxTopicSize", size.map(str::to_owned));
                line("compression", compression.map(str::to_owned));
                line(
                    "consumerGroups",
                    groups
                        .as_ref()
                        .map(|groups| format!("{groups:?}").replace(['{'], "[").replace('}', "]")),
                );
            }
            if topics.is_empty() {
                text.push_str(" []");
            }
        }
        if text.is_empty() {
            " []".to_owned()
        } else {
            text
        }
    })
}

fn any_fault() -> impl Strategy<Value = Option<(FaultKind, u64)>> {
    let kind = prop_oneof![
        Just(FaultKind::LostReply),
        Just(FaultKind::Disconnect),
        Just(FaultKind::TransientNotAccepted),
    ];
    prop::option::of((kind, 1..6_u64))
}

#[test]
fn from_any_state_and_any_fault_applies_converge_and_exports_are_empty() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config::with_cases(60));
    runner
        .run(
            &(any_streams(), any_streams(), any_fault()),
            |(live, wanted, fault)| {
                runtime.block_on(async {
                    let server = start().await;
                    let pool = pool(&server);
                    let before = topology(&live);
                    let plan = approved(&pool, &before).await;
                    assert!(run(&pool, &plan).await.is_complete());

                    let wanted = topology(&wanted);
                    let untouched = undeclared(&server, &before, &wanted).await;
                    let plan = approved(&pool, &wanted).await;
                    if let Some((kind, at)) = fault {
                        server
                            .faults()
                            .set(FaultPlan::none().once(kind, FaultTarget::Writes, at));
                    }
                    let outcome = run(&pool, &plan).await;
                    server.faults().clear();
                    if !outcome.is_complete() {
                        let plan = approved(&pool, &wanted).await;
                        assert!(run(&pool, &plan).await.is_complete());
                    }
                    let again = made_plan(&pool, &wanted).await;
                    assert!(again.is_empty(), "{again:#?}");
                    assert_eq!(untouched, undeclared(&server, &before, &wanted).await);

                    let export = export(&pool, None).await.unwrap();
                    let again = made_plan(&pool, &desired(&export.manifest)).await;
                    assert!(again.is_empty(), "{}\n{again:#?}", export.manifest);
                    server.shutdown().await;
                });
                Ok(())
            },
        )
        .unwrap();
}

/// What was there before and the new manifest does not name.
async fn undeclared(
    server: &EmbeddedServer,
    before: &DesiredState,
    wanted: &DesiredState,
) -> Vec<String> {
    let broker = connect(&address(server), SETTINGS).await.unwrap();
    let mut found = Vec::new();
    for stream_name in before.streams.keys() {
        let stream = broker.get_stream(stream_name).await.unwrap().unwrap();
        let declared = wanted.streams.get(stream_name);
        for (topic_name, topic) in &stream.topics {
            if declared.is_none_or(|stream| !stream.topics.contains_key(topic_name)) {
                let groups = broker
                    .consumer_groups(stream_name, topic_name)
                    .await
                    .unwrap();
                found.push(format!("{stream_name}/{topic_name}: {topic:?} {groups:?}"));
            }
        }
    }
    found
}
