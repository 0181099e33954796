use std::fmt;

use crate::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};
use crate::state::desired::TopicSettings;

/// One setting of a topic with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// How long a message is kept.
    MessageExpiry(MessageExpiry),
    /// How large the topic may grow.
    MaxTopicSize(MaxTopicSize),
    /// Compression recorded for the topic.
    Compression(Compression),
    /// Size of one segment file.
    SegmentSize(ByteSize),
    /// When a message counts as stored.
    Durability(Durability),
    /// When a consumer offset counts as stored.
    ConsumerOffsetDurability(Durability),
    /// Flush after this many messages.
    MessagesRequiredToSave(u32),
    /// Flush after this many bytes.
    SizeOfMessagesRequiredToSave(ByteSize),
    /// Reserve segment files up front.
    PreallocateSegments(bool),
}

impl Setting {
    /// Its name in a manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MessageExpiry(_) => "messageExpiry",
            Self::MaxTopicSize(_) => "maxTopicSize",
            Self::Compression(_) => "compression",
            Self::SegmentSize(_) => "segmentSize",
            Self::Durability(_) => "durability",
            Self::ConsumerOffsetDurability(_) => "consumerOffsetDurability",
            Self::MessagesRequiredToSave(_) => "messagesRequiredToSave",
            Self::SizeOfMessagesRequiredToSave(_) => "sizeOfMessagesRequiredToSave",
            Self::PreallocateSegments(_) => "preallocateSegments",
        }
    }

    /// The value as a number: one spelling for ever, whatever people are shown.
    pub(super) fn canonical(self) -> u64 {
        match self {
            Self::MessageExpiry(expiry) => expiry.micros(),
            Self::MaxTopicSize(size) => size.bytes(),
            Self::SegmentSize(size) | Self::SizeOfMessagesRequiredToSave(size) => size.bytes(),
            Self::Compression(compression) => match compression {
                Compression::None => 1,
                Compression::Gzip => 2,
            },
            Self::Durability(durability) | Self::ConsumerOffsetDurability(durability) => {
                match durability {
                    Durability::Replicated => 1,
                    Durability::Persisted => 2,
                }
            }
            Self::MessagesRequiredToSave(messages) => u64::from(messages),
            Self::PreallocateSegments(flag) => u64::from(flag),
        }
    }

    /// Writes the value into its place.
    pub fn store(self, settings: &mut TopicSettings) {
        match self {
            Self::MessageExpiry(value) => settings.message_expiry = Some(value),
            Self::MaxTopicSize(value) => settings.max_topic_size = Some(value),
            Self::Compression(value) => settings.compression = Some(value),
            Self::SegmentSize(value) => settings.segment_size = Some(value),
            Self::Durability(value) => settings.durability = Some(value),
            Self::ConsumerOffsetDurability(value) => {
                settings.consumer_offset_durability = Some(value);
            }
            Self::MessagesRequiredToSave(value) => settings.messages_required_to_save = Some(value),
            Self::SizeOfMessagesRequiredToSave(value) => {
                settings.size_of_messages_required_to_save = Some(value);
            }
            Self::PreallocateSegments(value) => settings.preallocate_segments = Some(value),
        }
    }

    /// The settings that are present, in the order of the manifest reference.
    pub fn present(settings: &TopicSettings) -> impl Iterator<Item = Self> + use<> {
        let TopicSettings {
            message_expiry,
            max_topic_size,
            compression,
            segment_size,
            durability,
            consumer_offset_durability,
            messages_required_to_save,
            size_of_messages_required_to_save,
            preallocate_segments,
        } = *settings;
        [
            message_expiry.map(Self::MessageExpiry),
            max_topic_size.map(Self::MaxTopicSize),
            compression.map(Self::Compression),
            segment_size.map(Self::SegmentSize),
            durability.map(Self::Durability),
            consumer_offset_durability.map(Self::ConsumerOffsetDurability),
            messages_required_to_save.map(Self::MessagesRequiredToSave),
            size_of_messages_required_to_save.map(Self::SizeOfMessagesRequiredToSave),
            preallocate_segments.map(Self::PreallocateSegments),
        ]
        .into_iter()
        .flatten()
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MessageExpiry(value) => value.fmt(formatter),
            Self::MaxTopicSize(value) => value.fmt(formatter),
            Self::Compression(value) => value.fmt(formatter),
            Self::SegmentSize(value) | Self::SizeOfMessagesRequiredToSave(value) => {
                value.fmt(formatter)
            }
            Self::Durability(value) | Self::ConsumerOffsetDurability(value) => value.fmt(formatter),
            Self::MessagesRequiredToSave(value) => value.fmt(formatter),
            Self::PreallocateSegments(value) => value.fmt(formatter),
        }
    }
}
