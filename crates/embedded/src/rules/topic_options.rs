//! Topic options: admission, defaults, and the update traps.
//!
//! The catalogue and its parser are those of `iggy_common`, shared with the
//! real server; what is done with the parsed values is decided here.

use bytes::Bytes;
use iggy_binary_protocol::responses::system::OptionDescriptor;
use iggy_binary_protocol::{WireName, WireOptions};
use iggy_common::wire_conversions::{
    resource_options_from_wire, resource_options_from_wire_split, resource_options_to_wire_split,
};
use iggy_common::{
    CompressionAlgorithm, DEFAULT_MAX_TOPIC_SIZE, DEFAULT_MESSAGE_EXPIRY,
    DEFAULT_MESSAGES_REQUIRED_TO_SAVE, DEFAULT_PREALLOCATE_SEGMENTS, DEFAULT_SEGMENT_SIZE,
    DEFAULT_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE, Durability, HeaderKind, IggyError, IggyExpiry,
    MAX_MESSAGES_REQUIRED_TO_SAVE, MAX_PREALLOCATED_TOPIC_BYTES,
    MAX_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE, MAX_TOPIC_SEGMENT_SIZE, MIN_TOPIC_SEGMENT_SIZE,
    MaxTopicSize, TopicCreateOptions, TopicRuntimeDefaults, UPDATABLE_TOPIC_OPTION_KEYS,
    topic_option_keys as keys, validate_preallocated_topic_bytes, validate_topic_segment_size,
};

use super::{Refused, Rejection, limits};

/// The settings of a topic: three header fields, and the options as two blocks
/// that keep who chose each value.
///
/// Header and options can contradict each other, exactly as on the real server:
/// see [`TopicSettings::updated`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicSettings {
    /// Microseconds; `u64::MAX` is never.
    pub(crate) message_expiry: u64,
    /// 1 none, 2 gzip.
    pub(crate) compression: u8,
    /// Bytes; `u64::MAX` is unlimited.
    pub(crate) max_topic_size: u64,
    /// Bytes; fixed at creation.
    pub(crate) segment_size: u64,
    /// What the client chose.
    pub(crate) explicit: WireOptions,
    /// What was filled in from the defaults.
    pub(crate) derived: WireOptions,
}

impl TopicSettings {
    /// Admits the options of a new topic.
    ///
    /// Every absent key is filled with its default in the derived block; a value
    /// sent as text or as the zero that means "server default" is stored in its
    /// canonical form.
    ///
    /// # Errors
    /// 4041 for an unknown key, 4042 for a bad value, 2015 for more than 1000
    /// partitions, 1019 for a cap below one segment.
    pub(crate) fn for_new_topic(options: &WireOptions, partitions: u32) -> Result<Self, Refused> {
        let parsed = TopicCreateOptions::parse(options).map_err(refuse_option)?;
        if let Some(segment_size) = parsed.segment_size {
            validate_topic_segment_size(segment_size.as_bytes_u64(), MAX_TOPIC_SEGMENT_SIZE)
                .map_err(refuse_option)?;
        }
        let segment_size = parsed
            .segment_size
            .map_or(DEFAULT_SEGMENT_SIZE, |size| size.as_bytes_u64());
        if parsed
            .preallocate_segments
            .unwrap_or(DEFAULT_PREALLOCATE_SEGMENTS)
        {
            validate_preallocated_topic_bytes(segment_size, partitions).map_err(refuse_option)?;
        }
        limits::check_initial_partitions(partitions)?;
        check_size_floor(parsed.max_topic_size, segment_size)?;

        let compression = parsed.compression_algorithm.unwrap_or_default();
        let expiry = parsed
            .message_expiry
            .unwrap_or_else(|| IggyExpiry::from(DEFAULT_MESSAGE_EXPIRY));
        let max_size = parsed
            .max_topic_size
            .unwrap_or_else(|| MaxTopicSize::from(DEFAULT_MAX_TOPIC_SIZE));
        let explicit = parsed
            .to_explicit_wire(|key| options.iter().any(|entry| entry.key == key.as_bytes()))
            .map_err(refuse_option)?;
        let derived = parsed
            .derived_block(
                compression,
                expiry,
                max_size,
                TopicRuntimeDefaults::default(),
                options,
            )
            .map_err(refuse_option)?;
        Ok(Self {
            message_expiry: u64::from(expiry),
            compression: compression.as_code(),
            max_topic_size: u64::from(max_size),
            segment_size,
            explicit,
            derived,
        })
    }

    /// These settings after a patch: absent keys stay, a present one is explicit
    /// for good.
    ///
    /// Two traps of the real server are kept. The bytes of the client are stored
    /// as they came, so a text stays a text in the options. And a zero ("server
    /// default") is stored as a zero in the options while the header keeps its
    /// old value.
    ///
    /// # Errors
    /// 4042 when a value of a known kind has the wrong width.
    pub(crate) fn updated(&self, patch: &WireOptions) -> Result<Self, Rejection> {
        let parsed = TopicCreateOptions::parse_committed(patch);
        let changes =
            resource_options_from_wire(patch, true).map_err(|_| Rejection::InvalidOptionValue)?;
        let mut all = resource_options_from_wire_split(&self.explicit, &self.derived)
            .map_err(|_| Rejection::InvalidOptionValue)?;
        all.extend(changes);
        let (explicit, derived) =
            resource_options_to_wire_split(&all).map_err(|_| Rejection::InvalidOptionValue)?;
        Ok(Self {
            message_expiry: parsed.message_expiry.map_or(self.message_expiry, u64::from),
            compression: parsed
                .compression_algorithm
                .map_or(self.compression, |algorithm| algorithm.as_code()),
            max_topic_size: parsed.max_topic_size.map_or(self.max_topic_size, u64::from),
            segment_size: self.segment_size,
            explicit,
            derived,
        })
    }
}

/// What can be refused of a patch without knowing more of the topic than its
/// segment size (the default when the topic is not there: its absence is
/// reported later).
///
/// # Errors
/// 4041 for a key that cannot be updated, 4042 for a bad value, 1019 for a cap
/// below one segment.
pub(crate) fn check_patch(patch: &WireOptions, segment_size: Option<u64>) -> Result<(), Refused> {
    if patch.is_empty() {
        return Ok(());
    }
    refuse_keys_outside(patch, UPDATABLE_TOPIC_OPTION_KEYS)?;
    let parsed = TopicCreateOptions::parse(patch).map_err(refuse_option)?;
    check_size_floor(
        parsed.max_topic_size,
        segment_size.unwrap_or(DEFAULT_SEGMENT_SIZE),
    )
}

/// Refuses any key outside `known` with 4041. Streams know none.
pub(crate) fn refuse_keys_outside(options: &WireOptions, known: &[&str]) -> Result<(), Refused> {
    let unknown = options
        .iter()
        .any(|entry| !known.iter().any(|key| key.as_bytes() == entry.key));
    if unknown {
        return Err(Refused::Early(Rejection::UnsupportedOptionKey));
    }
    Ok(())
}

fn check_size_floor(cap: Option<MaxTopicSize>, segment_size: u64) -> Result<(), Refused> {
    match cap {
        Some(cap) if u64::from(cap) < segment_size => {
            Err(Refused::Early(Rejection::TopicSizeBelowSegment))
        }
        _ => Ok(()),
    }
}

fn refuse_option(error: IggyError) -> Refused {
    Refused::Early(Rejection::of_option(&error))
}

/// The catalogue of `describe_options` for topics: keys, kinds and defaults are
/// the server's, the descriptions are ours.
pub(crate) fn catalogue() -> Vec<OptionDescriptor> {
    let text = |value: &str| Bytes::copy_from_slice(value.as_bytes());
    let number = |value: u64| Bytes::copy_from_slice(&value.to_le_bytes());
    let entries = [
        (
            keys::COMPRESSION_ALGORITHM,
            HeaderKind::String,
            text(&CompressionAlgorithm::default().to_string()),
            "Compression recorded for the topic: none or gzip".to_owned(),
        ),
        (
            keys::MESSAGE_EXPIRY,
            HeaderKind::Uint64,
            number(DEFAULT_MESSAGE_EXPIRY),
            "Age at which messages are removed, in microseconds or as text such as 7 days"
                .to_owned(),
        ),
        (
            keys::MAX_TOPIC_SIZE,
            HeaderKind::Uint64,
            number(DEFAULT_MAX_TOPIC_SIZE),
            "Size cap of the topic in bytes or as text such as 1 GiB; at least one segment"
                .to_owned(),
        ),
        (
            keys::SEGMENT_SIZE,
            HeaderKind::Uint64,
            number(DEFAULT_SEGMENT_SIZE),
            format!(
                "Segment size in bytes or as text such as 128 MiB; a multiple of 512 within \
                 {MIN_TOPIC_SEGMENT_SIZE}..={MAX_TOPIC_SEGMENT_SIZE}; fixed at creation"
            ),
        ),
        (
            keys::DURABILITY,
            HeaderKind::String,
            text(Durability::default().as_ref()),
            "When a send is complete: replicated or persisted; fixed at creation".to_owned(),
        ),
        (
            keys::CONSUMER_OFFSET_DURABILITY,
            HeaderKind::String,
            text(Durability::default().as_ref()),
            "When a stored offset is complete: replicated or persisted; fixed at creation"
                .to_owned(),
        ),
        (
            keys::MESSAGES_REQUIRED_TO_SAVE,
            HeaderKind::Uint32,
            Bytes::copy_from_slice(&DEFAULT_MESSAGES_REQUIRED_TO_SAVE.to_le_bytes()),
            format!(
                "Messages that make the journal flush, 1..={MAX_MESSAGES_REQUIRED_TO_SAVE}; \
                 fixed at creation"
            ),
        ),
        (
            keys::SIZE_OF_MESSAGES_REQUIRED_TO_SAVE,
            HeaderKind::Uint64,
            number(DEFAULT_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE),
            format!(
                "Bytes that make the journal flush, at most \
                 {MAX_SIZE_OF_MESSAGES_REQUIRED_TO_SAVE}; fixed at creation"
            ),
        ),
        (
            keys::PREALLOCATE_SEGMENTS,
            HeaderKind::Bool,
            Bytes::copy_from_slice(&[u8::from(DEFAULT_PREALLOCATE_SEGMENTS)]),
            format!(
                "Reserve the bytes of a segment when it is opened; segment_size times partitions \
                 is at most {MAX_PREALLOCATED_TOPIC_BYTES}; fixed at creation"
            ),
        ),
    ];
    entries
        .into_iter()
        .filter_map(|(key, kind, default_value, description)| {
            // Every key is a short constant; none is ever dropped here.
            Some(OptionDescriptor {
                key: WireName::new(key).ok()?,
                kind: kind.as_code(),
                default_value,
                description,
            })
        })
        .collect()
}
