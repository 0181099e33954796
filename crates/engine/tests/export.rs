//! An export says what a server has, and planning it is empty.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod simulated;

use iggyctl_core::access::{
    Grants, ServerPermission, StreamGrants, StreamPermission, TopicPermission, UserStatus,
};
use iggyctl_core::address::Address;
use iggyctl_core::diff::{Difference, diff};
use iggyctl_core::manifest::{
    DollarForm, RenderFormat, SourceFile, Variables, compile, render_documents,
};
use iggyctl_core::name::ResourceName;
use iggyctl_core::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::{DesiredState, TopicSettings};
use iggyctl_engine::connect::ConnectionPool;
use iggyctl_engine::export::{Export, ExportError, NotExported, export};
use iggyctl_engine::observe::observe;
use proptest::prelude::*;
use simulated::users::User;
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

/// Streams 1, 2, … with topics 1, 2, … of the same names.
fn numbered(names: &[&str]) -> Streams {
    let mut all = streams(names.iter().map(|stream| {
        let topics = names.iter().map(|name| (*name, topic(1, defaults(), &[])));
        (*stream, topics.collect())
    }));
    for (id, stream) in (1..).zip(all.values_mut()) {
        stream.id = id;
        for (id, topic) in (1..).zip(stream.topics.values_mut()) {
            topic.id = id;
        }
    }
    all
}

fn add_user(server: &Simulated, name: &str, status: UserStatus, grants: Grants<u32>) {
    let mut world = server.world();
    let id = u32::try_from(world.users.len()).unwrap();
    world.users.insert(
        name.parse().unwrap(),
        User {
            id,
            created_at_micros: 1_000,
            status,
            password: Secret::new("s3cret"),
            grants: grants.normal(),
            tokens: std::collections::BTreeMap::new(),
        },
    );
}

type OnTopic<'a> = (u32, &'a [TopicPermission]);
type OnStream<'a> = (u32, &'a [StreamPermission], &'a [OnTopic<'a>]);

/// Grants on streams by their numbers, and on topics of them.
fn grants(server: &[ServerPermission], streams: &[OnStream<'_>]) -> Grants<u32> {
    let streams = streams.iter().map(|(stream, allow, topics)| {
        let topics = topics
            .iter()
            .map(|(topic, allow)| (*topic, allow.iter().copied().collect()));
        let granted = StreamGrants {
            allow: allow.iter().copied().collect(),
            topics: topics.collect(),
        };
        (*stream, granted)
    });
    Grants {
        server: server.iter().copied().collect(),
        streams: streams.collect(),
    }
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
        .map(|left_out| left_out.what.to_string())
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

#[tokio::test]
async fn users_are_written_with_permissions_by_name() {
    let server = Simulated::new(numbered(&["audit", "events", "77", "a*"]));
    // In the order of their names: 77, a*, audit, events.
    let orders = grants(
        &[ServerPermission::ReadServers],
        &[
            (
                4,
                &[StreamPermission::ReadStream],
                &[(4, &[TopicPermission::SendMessages])],
            ),
            (
                3,
                &[],
                &[(
                    3,
                    &[TopicPermission::PollMessages, TopicPermission::SendMessages],
                )],
            ),
        ],
    );
    add_user(&server, "svc-orders", UserStatus::Active, orders);
    add_user(
        &server,
        "svc.orders",
        UserStatus::Inactive,
        Grants::default(),
    );
    let on_a_pattern = grants(&[], &[(2, &[StreamPermission::ReadStream], &[])]);
    add_user(&server, "odd: name", UserStatus::Active, on_a_pattern);
    let on_a_number = grants(&[], &[(3, &[], &[(1, &[TopicPermission::ReadTopic])])]);
    add_user(&server, "odd2", UserStatus::Active, on_a_number);
    add_user(&server, "123", UserStatus::Active, Grants::default());
    let (export, desired) = exported(&server).await;
    insta::assert_snapshot!(export.manifest);
    assert!(!export.manifest.contains("s3cret"), "{}", export.manifest);
    assert_eq!(desired.users.len(), 4);
    // What it says to fill in is what a manifest takes.
    let filled_in = export.manifest.replace("# password:", "password:");
    let passwords = compiled(&filled_in).users.into_values();
    let passwords: Vec<_> = passwords.filter_map(|user| user.password).collect();
    assert_eq!(passwords.len(), 4, "{filled_in}");
}

#[tokio::test]
async fn planning_the_export_takes_away_what_is_held_on_what_was_deleted() {
    let server = Simulated::new(numbered(&["orders"]));
    let held = grants(
        &[],
        &[
            (
                1,
                &[StreamPermission::ReadStream],
                &[(9, &[TopicPermission::ReadTopic])],
            ),
            (7, &[StreamPermission::ManageStream], &[]),
        ],
    );
    add_user(&server, "mallory", UserStatus::Active, held);
    let pool = ConnectionPool::new(server.clone());
    let export = export(&pool, None).await.unwrap();
    insta::assert_snapshot!(export.manifest);
    let desired = compiled(&export.manifest);
    let observed = observe(&pool, &desired).await.unwrap();
    let changes = diff(&desired, &observed).changes;
    let [change] = &changes[..] else {
        panic!("{changes:#?}");
    };
    let Difference::ChangeUser(change) = &change.difference else {
        panic!("{changes:#?}");
    };
    let permissions = change.permissions.as_ref().unwrap();
    assert_eq!(permissions.gone, 2);
    assert_eq!(permissions.from, permissions.to);
}

#[tokio::test]
async fn an_export_of_named_streams_has_no_users() {
    let server = Simulated::new(numbered(&["orders"]));
    add_user(&server, "alice", UserStatus::Active, Grants::default());
    let pool = ConnectionPool::new(server.clone());
    let orders: ResourceName = "orders".parse().unwrap();
    let export = export(&pool, Some(&[orders])).await.unwrap();
    assert!(!export.manifest.contains("users"), "{}", export.manifest);
    let requests = &server.world().requests;
    assert!(
        !requests.iter().any(|request| request.contains("user")),
        "{requests:?}"
    );
}

/// Some of the words, by the bits of a number.
fn some_of<W: Copy + Ord>(all: &[W], bits: u16) -> std::collections::BTreeSet<W> {
    let chosen = all
        .iter()
        .enumerate()
        .filter(|(index, _)| bits & (1 << index) != 0);
    chosen.map(|(_, word)| *word).collect()
}

fn any_grants() -> impl Strategy<Value = Grants<u32>> {
    let topics = prop::collection::btree_map(1..5_u32, any::<u16>(), 0..3);
    let streams = prop::collection::btree_map(1..5_u32, (any::<u16>(), topics), 0..4);
    (any::<u16>(), streams).prop_map(|(server, streams)| {
        let streams = streams.into_iter().map(|(stream, (allow, topics))| {
            let topics = topics
                .into_iter()
                .map(|(topic, allow)| (topic, some_of(TopicPermission::ALL, allow)));
            let granted = StreamGrants {
                allow: some_of(StreamPermission::ALL, allow),
                topics: topics.collect(),
            };
            (stream, granted)
        });
        Grants {
            server: some_of(ServerPermission::ALL, server),
            streams: streams.collect(),
        }
        .normal()
    })
}

proptest! {
    #[test]
    fn planning_an_export_of_users_is_empty(
        users in prop::collection::btree_map(
            "\\PC{1,12}|[\"\\\\#:${}\\[\\]&*!|>'%@`,? \t-]{3,6}|[0-9a-f]{3,5}",
            (any::<bool>(), any_grants()),
            0..6,
        ),
        names in prop::sample::subsequence(
            vec!["orders", "no", "${x}", "a: b", "a*", "77", "iggyctl-x", "\u{202e}b"],
            4,
        ),
    ) {
        let server = Simulated::new(numbered(&names));
        for (name, (active, grants)) in &users {
            let status = if *active { UserStatus::Active } else { UserStatus::Inactive };
            // Four streams with four topics each: the grants are on what is there.
            add_user(&server, name, status, grants.clone());
        }
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(async {
                let (export, desired) = exported(&server).await;
                let left_out = export.left_out.iter()
                    .filter(|left_out| matches!(&left_out.what, NotExported::Resource(Address::User(_))))
                    .count();
                assert_eq!(desired.users.len(), users.len() - left_out);
                let unsaid = export.left_out.iter()
                    .filter(|left_out| matches!(&left_out.what, NotExported::Permissions(_)))
                    .count();
                let said = desired.users.values().filter(|user| user.permissions.is_some());
                assert_eq!(said.count(), desired.users.len() - unsaid);
            });
    }

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
                    .filter(|left_out| matches!(&left_out.what, NotExported::Resource(Address::Stream(_))))
                    .count();
                assert_eq!(desired.streams.len(), expressible);
            });
    }
}
