use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Origin;
use crate::name::ResourceName;
use crate::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};
use crate::state::desired::{
    DesiredConsumerGroup, DesiredState, DesiredStream, DesiredTopic, Presence, TopicSettings,
};
use crate::state::observed::{ObservedConsumerGroup, ObservedState, ObservedStream, ObservedTopic};

/// A name from a text that is one.
///
/// # Panics
///
/// If it is none.
#[must_use]
#[allow(clippy::expect_used, reason = "a test names what it wants")]
pub fn name(text: &str) -> ResourceName {
    text.parse().expect("a name of 1 to 255 bytes")
}

pub(super) fn origin() -> Origin {
    Origin {
        file: Arc::from("test.yaml"),
        line: 1,
        column: 1,
    }
}

fn stream_named<'a>(state: &'a mut DesiredState, stream: &str) -> &'a mut DesiredStream {
    let parent = || DesiredStream {
        presence: Presence::Parent,
        previous_name: None,
        topics_listed: false,
        topics: BTreeMap::new(),
        origin: origin(),
    };
    state.streams.entry(name(stream)).or_insert_with(parent)
}

fn topic_named<'a>(state: &'a mut DesiredState, stream: &str, topic: &str) -> &'a mut DesiredTopic {
    let parent = || DesiredTopic {
        presence: Presence::Parent,
        previous_name: None,
        partitions: None,
        settings: TopicSettings::default(),
        groups_listed: false,
        groups: BTreeMap::new(),
        origin: origin(),
    };
    let stream = stream_named(state, stream);
    stream.topics.entry(name(topic)).or_insert_with(parent)
}

/// Declares a stream.
pub fn declare_stream<'a>(state: &'a mut DesiredState, stream: &str) -> &'a mut DesiredStream {
    let stream = stream_named(state, stream);
    stream.presence = Presence::Declared;
    stream
}

/// Declares a topic; its stream is only its parent unless it is declared, too.
pub fn declare_topic<'a>(
    state: &'a mut DesiredState,
    stream: &str,
    topic: &str,
) -> &'a mut DesiredTopic {
    let topic = topic_named(state, stream, topic);
    topic.presence = Presence::Declared;
    topic
}

/// Declares a consumer group; stream and topic are only its parents unless
/// they are declared, too.
pub fn declare_group(state: &mut DesiredState, stream: &str, topic: &str, group: &str) {
    let topic = topic_named(state, stream, topic);
    let declared = DesiredConsumerGroup { origin: origin() };
    topic.groups.insert(name(group), declared);
}

/// What the server takes for settings that a request does not name
/// (`iggy_common` 0.11.0, `types/options/mod.rs`).
#[must_use]
pub fn default_settings() -> TopicSettings {
    TopicSettings {
        message_expiry: Some(MessageExpiry::NEVER),
        max_topic_size: Some(MaxTopicSize::UNLIMITED),
        compression: Some(Compression::None),
        segment_size: Some(ByteSize::GIB),
        durability: Some(Durability::Replicated),
        consumer_offset_durability: Some(Durability::Replicated),
        messages_required_to_save: Some(1024),
        size_of_messages_required_to_save: Some(ByteSize::MIB),
        preallocate_segments: Some(false),
    }
}

/// Puts a stream on the server.
pub fn there_stream<'a>(state: &'a mut ObservedState, stream: &str) -> &'a mut ObservedStream {
    let id = u32::try_from(state.streams.len()).unwrap_or(u32::MAX);
    let there = || ObservedStream {
        id,
        created_at_micros: 1_700_000_000_000_000 + u64::from(id),
        size_bytes: 0,
        messages: 0,
        topics: BTreeMap::new(),
    };
    state.streams.entry(name(stream)).or_insert_with(there)
}

/// Puts a topic with one partition and the default settings on the server, and
/// its stream if that is missing.
pub fn there_topic<'a>(
    state: &'a mut ObservedState,
    stream: &str,
    topic: &str,
) -> &'a mut ObservedTopic {
    let stream = there_stream(state, stream);
    let id = u32::try_from(stream.topics.len()).unwrap_or(u32::MAX);
    let there = || ObservedTopic {
        id,
        created_at_micros: 1_700_000_001_000_000 + u64::from(id),
        partitions: 1,
        settings: default_settings(),
        size_bytes: 0,
        messages: 0,
        groups: Some(BTreeMap::new()),
    };
    stream.topics.entry(name(topic)).or_insert_with(there)
}

/// Puts a consumer group on the server, and its topic if that is missing.
pub fn there_group(state: &mut ObservedState, stream: &str, topic: &str, group: &str) {
    let topic = there_topic(state, stream, topic);
    let groups = topic.groups.get_or_insert_default();
    let id = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    groups.insert(name(group), ObservedConsumerGroup { id, members: 0 });
}
