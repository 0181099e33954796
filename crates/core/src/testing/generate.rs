use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::by_hand::{
    declare_group, declare_stream, declare_topic, default_settings, name, there_group,
    there_stream, there_topic,
};
use crate::diff::Setting;
use crate::name::ResourceName;
use crate::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};
use crate::state::desired::{DesiredState, Presence, TopicSettings};
use crate::state::observed::ObservedState;

/// Few names, so that states meet, renames chain and names collide.
fn few_names() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d", "e/% \u{e9}"]).prop_map(str::to_owned)
}

fn setting<T: Debug + Clone + 'static>(values: Vec<T>) -> impl Strategy<Value = Option<T>> {
    option::weighted(0.4, prop::sample::select(values))
}

/// Settings, each there or not.
fn some_settings() -> impl Strategy<Value = TopicSettings> {
    let sizes: Vec<_> = [1 << 20, 1 << 22, 1 << 30]
        .into_iter()
        .filter_map(ByteSize::new)
        .collect();
    let limits = vec![
        MaxTopicSize::UNLIMITED,
        MaxTopicSize::from_bytes(1 << 22),
        MaxTopicSize::from_bytes(1 << 30),
        MaxTopicSize::from_bytes(5 << 30),
    ];
    let expiries = vec![
        MessageExpiry::NEVER,
        MessageExpiry::from_micros(7),
        MessageExpiry::from_micros(3_600_000_000),
    ];
    let durabilities = vec![Durability::Replicated, Durability::Persisted];
    let updatable = (
        setting(expiries),
        setting(limits),
        setting(vec![Compression::None, Compression::Gzip]),
    );
    let create_only = (
        setting(sizes.clone()),
        setting(durabilities.clone()),
        setting(durabilities),
        setting(vec![1, 1024, 5000]),
        setting(sizes),
        setting(vec![false, true]),
    );
    (updatable, create_only).prop_map(|(updatable, create_only)| TopicSettings {
        message_expiry: updatable.0,
        max_topic_size: updatable.1,
        compression: updatable.2,
        segment_size: create_only.0,
        durability: create_only.1,
        consumer_offset_durability: create_only.2,
        messages_required_to_save: create_only.3,
        size_of_messages_required_to_save: create_only.4,
        preallocate_segments: create_only.5,
    })
}

/// Around the limits of one request and of two.
fn partitions() -> impl Strategy<Value = u32> {
    prop_oneof![0..6_u32, 995..1005_u32, 1990..2600_u32]
}

#[derive(Debug, Clone)]
struct TopicSketch {
    declared: bool,
    previous: Option<String>,
    partitions: Option<u32>,
    settings: TopicSettings,
    groups: Vec<String>,
}

fn topic_sketch() -> impl Strategy<Value = TopicSketch> {
    (
        prop::bool::weighted(0.9),
        option::weighted(0.4, few_names()),
        option::weighted(0.6, partitions()),
        some_settings(),
        vec(few_names(), 0..3),
    )
        .prop_map(
            |(declared, previous, partitions, settings, groups)| TopicSketch {
                declared,
                previous,
                partitions,
                settings,
                groups,
            },
        )
}

#[derive(Debug, Clone)]
struct StreamSketch {
    declared: bool,
    previous: Option<String>,
    topics: BTreeMap<String, TopicSketch>,
}

fn stream_sketch() -> impl Strategy<Value = StreamSketch> {
    (
        prop::bool::weighted(0.8),
        option::weighted(0.4, few_names()),
        btree_map(few_names(), topic_sketch(), 0..4),
    )
        .prop_map(|(declared, previous, topics)| StreamSketch {
            declared,
            previous,
            topics,
        })
}

/// A desired state as manifests can declare it: renames have no cycle and no
/// source twice; streams and topics may be only named as parents.
pub fn desired_state() -> impl Strategy<Value = DesiredState> {
    btree_map(few_names(), stream_sketch(), 0..5).prop_map(build_desired)
}

fn build_desired(sketch: BTreeMap<String, StreamSketch>) -> DesiredState {
    let mut state = DesiredState::default();
    for (stream, sketch) in sketch {
        if sketch.declared {
            let desired = declare_stream(&mut state, &stream);
            desired.previous_name = sketch.previous.as_deref().map(name);
            desired.topics_listed = !sketch.topics.is_empty();
        }
        for (topic, sketch) in sketch.topics {
            for group in &sketch.groups {
                declare_group(&mut state, &stream, &topic, group);
            }
            if sketch.declared {
                let desired = declare_topic(&mut state, &stream, &topic);
                desired.previous_name = sketch.previous.as_deref().map(name);
                desired.partitions = sketch.partitions;
                desired.settings = sketch.settings;
                desired.groups_listed = !sketch.groups.is_empty();
            }
        }
    }
    let streams = state.streams.iter_mut();
    make_renames_legal(streams.map(|(name, stream)| (name, &mut stream.previous_name)));
    for stream in state.streams.values_mut() {
        let topics = stream.topics.iter_mut();
        make_renames_legal(topics.map(|(name, topic)| (name, &mut topic.previous_name)));
    }
    state
}

/// Removes what the manifest stage refuses: a source twice, and cycles.
fn make_renames_legal<'a>(
    renames: impl Iterator<Item = (&'a ResourceName, &'a mut Option<ResourceName>)>,
) {
    let mut legal: BTreeMap<ResourceName, ResourceName> = BTreeMap::new();
    let mut sources: BTreeSet<ResourceName> = BTreeSet::new();
    for (target, previous) in renames {
        let Some(source) = previous.clone() else {
            continue;
        };
        let mut end = &source;
        while let Some(next) = legal.get(end) {
            end = next;
        }
        if end == target || !sources.insert(source.clone()) {
            *previous = None;
        } else {
            legal.insert(target.clone(), source);
        }
    }
}

/// What a server may have.
pub fn observed_state() -> impl Strategy<Value = ObservedState> {
    let topic = (
        partitions(),
        some_settings(),
        vec(few_names(), 0..3),
        0..1000_u64,
    );
    let stream = btree_map(few_names(), topic, 0..4);
    btree_map(few_names(), stream, 0..5).prop_map(|streams| {
        let mut state = ObservedState::default();
        for (stream, topics) in streams {
            there_stream(&mut state, &stream);
            for (topic, (partitions, settings, groups, messages)) in topics {
                let there = there_topic(&mut state, &stream, &topic);
                there.partitions = partitions;
                there.messages = messages;
                there.settings = effective(&settings);
                for group in groups {
                    there_group(&mut state, &stream, &topic, &group);
                }
            }
        }
        state
    })
}

fn effective(settings: &TopicSettings) -> TopicSettings {
    let mut effective = default_settings();
    for setting in Setting::present(settings) {
        setting.store(&mut effective);
    }
    // The server refuses a topic that is smaller than one of its segments.
    if let (Some(max), Some(segment)) = (
        effective.max_topic_size.and_then(MaxTopicSize::limit),
        effective.segment_size,
    ) {
        effective.segment_size = Some(segment.min(max));
    }
    effective
}

/// Takes out of a desired state what any server could block, so that it
/// converges without approvals whatever is there: parents that nobody
/// declares, create-only settings, sizes below a segment, fewer partitions.
#[must_use]
pub fn without_obstacles(mut desired: DesiredState, observed: &ObservedState) -> DesiredState {
    let topics = observed
        .streams
        .values()
        .flat_map(|one| one.topics.values());
    let most_partitions = topics.map(|topic| topic.partitions).max().unwrap_or(0);
    for stream in desired.streams.values_mut() {
        stream.presence = Presence::Declared;
        for topic in stream.topics.values_mut() {
            topic.presence = Presence::Declared;
            topic.partitions = topic.partitions.map(|count| count + most_partitions);
            let TopicSettings {
                message_expiry,
                max_topic_size,
                compression,
                ..
            } = topic.settings;
            topic.settings = TopicSettings {
                message_expiry,
                max_topic_size: max_topic_size
                    .map(|size| MaxTopicSize::from_bytes(size.bytes().max(ByteSize::GIB.bytes()))),
                compression,
                ..TopicSettings::default()
            };
        }
    }
    desired
}
