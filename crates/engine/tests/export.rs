//! An export says what a server has, and planning it is empty.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod simulated;

use iggyctl_core::diff::diff;
use iggyctl_core::manifest::{
    DollarForm, RenderFormat, SourceFile, Variables, compile, render_documents,
};
use iggyctl_core::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};
use iggyctl_core::state::desired::{DesiredState, TopicSettings};
use iggyctl_engine::connect::ConnectionPool;
use iggyctl_engine::export::{Export, ExportError, export};
use iggyctl_engine::observe::observe;
use proptest::prelude::*;
use simulated::{Simulated, Stream, Streams, Topic, defaults};

fn topic(partitions: u32, settings: TopicSettings, groups: &[&str]) -> Topic {
    Topic {
        id: 1,
        partitions,
        settings,
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
    }
}

fn streams<'a>(all: impl IntoIterator<Item = (&'a str, Vec<(&'a str, Topic)>)>) -> Streams {
    all.into_iter()
        .map(|(stream, topics)| {
            let topics = topics
                .into_iter()
                .map(|(topic, live)| (topic.parse().unwrap(), live));
            let stream_id = 1;
            (
                stream.parse().unwrap(),
                Stream {
                    id: stream_id,
                    topics: topics.collect(),
                },
            )
        })
        .collect()
}

/// As `iggyctl export | iggyctl render -f -` prints it.
fn rendered(manifest: &str) -> String {
    let source = SourceFile::new("export.yaml", manifest.as_bytes());
    let variables = Variables::default();
    render_documents(
        &[source],
        &variables,
        RenderFormat::Yaml,
        DollarForm::Escaped,
    )
    .unwrap()
    .text
}

fn compiled(manifest: &str) -> DesiredState {
    let source = SourceFile::new("export.yaml", manifest.as_bytes());
    match compile(&[source], &Variables::default()) {
        Ok(compiled) => compiled.state,
        Err(diagnostics) => panic!("{diagnostics:#?}\n{manifest}"),
    }
}

/// Exports, and holds that planning the export is empty.
async fn exported(server: &Simulated) -> (Export, DesiredState) {
    let pool = ConnectionPool::new(server.clone());
    let export = export(&pool, None).await.unwrap();
    let desired = compiled(&export.manifest);
    let observed = observe(&pool, &desired).await.unwrap();
    for desired in [&desired, &compiled(&rendered(&export.manifest))] {
        let changes = diff(desired, &observed);
        assert!(
            changes.changes.is_empty(),
            "{:#?}\n{}",
            changes.changes,
            export.manifest
        );
        assert!(desired.streams.keys().eq(observed.streams.keys()));
    }
    (export, desired)
}

#[tokio::test]
async fn only_what_the_server_would_not_choose_is_written() {
    let settings = TopicSettings {
        message_expiry: Some(MessageExpiry::from_micros(7 * 86_400_000_000)),
        max_topic_size: Some(MaxTopicSize::from_bytes(50 << 30)),
        compression: Some(Compression::Gzip),
        segment_size: Some(ByteSize::new(256 << 20).unwrap()),
        durability: Some(Durability::Persisted),
        consumer_offset_durability: Some(Durability::Replicated),
        messages_required_to_save: Some(7),
        size_of_messages_required_to_save: Some(ByteSize::new(4096).unwrap()),
        preallocate_segments: Some(true),
    };
    let server = Simulated::new(streams([
        (
            "orders",
            vec![
                ("events", topic(6, settings, &["billing", "audit"])),
                ("plain", topic(1, defaults(), &[])),
                ("123", topic(1, defaults(), &[])),
                ("+5", topic(1, defaults(), &[])),
            ],
        ),
        ("no", vec![("${a}: #", topic(0, defaults(), &["456", " "]))]),
        ("empty", vec![]),
        ("77", vec![]),
        ("iggyctl-history", vec![]),
    ]));
    let (export, _) = exported(&server).await;
    insta::assert_snapshot!(export.manifest);
    let left_out: Vec<String> = export
        .left_out
        .iter()
        .map(|left_out| left_out.address.to_string())
        .collect();
    assert_eq!(
        left_out,
        [
            "stream/77",
            "stream/iggyctl-history",
            "topic/orders/+5",
            "topic/orders/123",
            "group/no/${a}: #/456"
        ]
    );
}

#[tokio::test]
async fn an_empty_server_is_an_empty_manifest() {
    let (export, desired) = exported(&Simulated::default()).await;
    assert!(desired.streams.is_empty());
    assert_eq!(export.left_out, []);
}

#[tokio::test]
async fn named_streams_only() {
    let server = Simulated::new(streams([("a", vec![]), ("b", vec![])]));
    let pool = ConnectionPool::new(server.clone());
    let a = ["a".parse().unwrap()];
    let only_a = export(&pool, Some(&a)).await.unwrap();
    assert!(compiled(&only_a.manifest).streams.keys().eq(&a));
    let missing = ["a".parse().unwrap(), "c".parse().unwrap()];
    assert_eq!(
        export(&pool, Some(&missing)).await,
        Err(ExportError::NoSuchStream(vec!["c".parse().unwrap()]))
    );
}

#[tokio::test]
async fn what_may_not_be_read_is_left_out() {
    let server = Simulated::new(streams([("a", vec![]), ("b", vec![])]));
    server.world().unreadable.insert("b".parse().unwrap());
    let (export, desired) = exported(&server).await;
    assert_eq!(desired.streams.len(), 1);
    assert!(export.manifest.contains("stream/b"), "{}", export.manifest);
}

proptest! {
    #[test]
    fn planning_an_export_is_empty_whatever_the_names(
        names in prop::collection::btree_set("\\PC{1,12}|[\"\\\\#:${}\\[\\]&*!|>'%@`,? \t-]{1,6}|[0-9eExyn.+]{1,4}|[\u{85}\u{2028}\u{feff}a]{1,3}", 1..6),
        expiry in 1..u64::MAX,
        size in (1_u64 << 30)..u64::MAX,
        segment in 1..=2048_u64,
        save in 1..16_777_216_u32,
        // A topic that grew may preallocate more than one may that is created.
        partitions in prop_oneof![0..6_u32, 60..70_u32, 65_000..66_000_u32],
        preallocate in any::<bool>(),
    ) {
        let settings = TopicSettings {
            message_expiry: Some(MessageExpiry::from_micros(expiry)),
            max_topic_size: Some(MaxTopicSize::from_bytes(size)),
            segment_size: Some(ByteSize::new((1 << 20) - 512 + segment * 512).unwrap()),
            messages_required_to_save: Some(save),
            preallocate_segments: Some(preallocate),
            ..defaults()
        };
        let texts: Vec<&str> = names.iter().map(String::as_str).collect();
        let live = streams(texts.iter().map(|stream| {
            let topics = texts.iter().map(|name| (*name, topic(partitions, settings, &texts)));
            (*stream, topics.collect())
        }));
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(async {
                let (export, desired) = exported(&Simulated::new(live)).await;
                let expressible = names.len() - export.left_out.iter()
                    .filter(|left_out| left_out.address.kind() == "stream")
                    .count();
                assert_eq!(desired.streams.len(), expressible);
            });
    }
}
