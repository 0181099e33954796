//! Topic settings between the model and the SDK.
//!
//! Read: expiry, size and compression come from the header of the topic, which
//! is always typed and effective; an update stores the client's bytes in the
//! options map as they came (`2 h` stays a string there), so the map is not
//! asked for these three. The other keys come from the options map; a key that
//! is not there is one that this server does not know.
//!
//! Write: only what is declared. `TopicCreateOptions` of SDK 0.11.0 always sends
//! the two durability keys, which a server with a smaller catalogue refuses
//! (code 4041), so a create encodes its own block. Nothing ever sends 0, the
//! server's word for "default": an update with it leaves header and options
//! contradicting each other.

use std::str::FromStr;

use iggy::prelude::{
    CompressionAlgorithm, HeaderKey, HeaderValue, IggyByteSize, IggyError, IggyExpiry,
    MaxTopicSize as SdkMaxTopicSize, OptionValue, ResourceOptions, TopicUpdateOptions,
    topic_option_keys as keys,
};
use iggyctl_core::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};
use iggyctl_core::state::desired::TopicSettings;

/// What the header of a topic says, the same in a listing and in the details.
pub(super) struct Header {
    pub(super) message_expiry: IggyExpiry,
    pub(super) max_topic_size: SdkMaxTopicSize,
    pub(super) compression: CompressionAlgorithm,
}

/// The effective settings of a topic. A plan reads thousands of these, so the
/// options are walked once.
pub(super) fn read(header: &Header, options: &ResourceOptions) -> TopicSettings {
    let Header {
        message_expiry,
        max_topic_size,
        compression,
    } = *header;
    let mut settings = TopicSettings {
        message_expiry: Some(MessageExpiry::from_micros(message_expiry.into())),
        max_topic_size: Some(MaxTopicSize::from_bytes(max_topic_size.into())),
        compression: Some(match compression {
            CompressionAlgorithm::None => Compression::None,
            CompressionAlgorithm::Gzip => Compression::Gzip,
        }),
        ..TopicSettings::default()
    };
    for (key, option) in options {
        let value = &option.value;
        match std::str::from_utf8(key.as_bytes()) {
            Ok(keys::SEGMENT_SIZE) => settings.segment_size = bytes(value),
            Ok(keys::DURABILITY) => settings.durability = durability(value),
            Ok(keys::CONSUMER_OFFSET_DURABILITY) => {
                settings.consumer_offset_durability = durability(value);
            }
            Ok(keys::MESSAGES_REQUIRED_TO_SAVE) => {
                let number = value.as_uint32().ok();
                settings.messages_required_to_save =
                    number.or_else(|| value.to_string_value().parse().ok());
            }
            Ok(keys::SIZE_OF_MESSAGES_REQUIRED_TO_SAVE) => {
                settings.size_of_messages_required_to_save = bytes(value);
            }
            Ok(keys::PREALLOCATE_SEGMENTS) => {
                let flag = value.as_bool().ok();
                settings.preallocate_segments =
                    flag.or_else(|| value.to_string_value().parse().ok());
            }
            // The three of the header, and keys of another server's catalogue.
            _ => {}
        }
    }
    settings
}

fn bytes(value: &HeaderValue) -> Option<ByteSize> {
    let bytes = value.as_uint64().ok().or_else(|| {
        let size = IggyByteSize::from_str(&value.to_string_value()).ok()?;
        Some(size.as_bytes_u64())
    });
    bytes.and_then(ByteSize::new)
}

fn durability(value: &HeaderValue) -> Option<Durability> {
    match value.as_str().ok()? {
        "replicated" => Some(Durability::Replicated),
        "persisted" => Some(Durability::Persisted),
        _ => None,
    }
}

/// The options that a create sends: the declared ones and no other.
pub(super) fn create_options(settings: &TopicSettings) -> Result<ResourceOptions, IggyError> {
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
    let mut options = ResourceOptions::new();
    let mut declare = |key: &str, value: Option<HeaderValue>| -> Result<(), IggyError> {
        if let Some(value) = value {
            options.insert(HeaderKey::from_str(key)?, OptionValue::explicit(value));
        }
        Ok(())
    };
    let text = |text: String| HeaderValue::from_str(&text);
    let durability_text = |durability: Durability| {
        text(
            match durability {
                Durability::Replicated => "replicated",
                Durability::Persisted => "persisted",
            }
            .to_owned(),
        )
    };

    declare(
        keys::MESSAGE_EXPIRY,
        message_expiry.map(|expiry| HeaderValue::from(expiry.micros())),
    )?;
    declare(
        keys::MAX_TOPIC_SIZE,
        max_topic_size.map(|size| HeaderValue::from(size.bytes())),
    )?;
    declare(
        keys::COMPRESSION_ALGORITHM,
        compression
            .map(|compression| text(sdk_compression(compression).to_string()))
            .transpose()?,
    )?;
    declare(
        keys::SEGMENT_SIZE,
        segment_size.map(|size| HeaderValue::from(size.bytes())),
    )?;
    declare(
        keys::DURABILITY,
        durability.map(durability_text).transpose()?,
    )?;
    declare(
        keys::CONSUMER_OFFSET_DURABILITY,
        consumer_offset_durability
            .map(durability_text)
            .transpose()?,
    )?;
    declare(
        keys::MESSAGES_REQUIRED_TO_SAVE,
        messages_required_to_save.map(HeaderValue::from),
    )?;
    declare(
        keys::SIZE_OF_MESSAGES_REQUIRED_TO_SAVE,
        size_of_messages_required_to_save.map(|size| HeaderValue::from(size.bytes())),
    )?;
    declare(
        keys::PREALLOCATE_SEGMENTS,
        preallocate_segments.map(HeaderValue::from),
    )?;
    Ok(options)
}

/// The options that an update sends, or the name of a create-only setting that
/// an update cannot carry.
pub(super) fn update_options(settings: &TopicSettings) -> Result<TopicUpdateOptions, &'static str> {
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
    let create_only = [
        (segment_size.is_some(), "segmentSize"),
        (durability.is_some(), "durability"),
        (
            consumer_offset_durability.is_some(),
            "consumerOffsetDurability",
        ),
        (
            messages_required_to_save.is_some(),
            "messagesRequiredToSave",
        ),
        (
            size_of_messages_required_to_save.is_some(),
            "sizeOfMessagesRequiredToSave",
        ),
        (preallocate_segments.is_some(), "preallocateSegments"),
    ];
    if let Some((_, name)) = create_only.into_iter().find(|(present, _)| *present) {
        return Err(name);
    }
    Ok(TopicUpdateOptions {
        compression_algorithm: compression.map(sdk_compression),
        message_expiry: message_expiry.map(|expiry| IggyExpiry::from(expiry.micros())),
        max_topic_size: max_topic_size.map(|size| SdkMaxTopicSize::from(size.bytes())),
        raw: std::collections::BTreeMap::new(),
    })
}

fn sdk_compression(compression: Compression) -> CompressionAlgorithm {
    match compression {
        Compression::None => CompressionAlgorithm::None,
        Compression::Gzip => CompressionAlgorithm::Gzip,
    }
}

#[cfg(test)]
mod tests {
    use iggy::prelude::IggyDuration;

    use super::*;

    const DECLARED: TopicSettings = TopicSettings {
        message_expiry: Some(MessageExpiry::from_micros(1_000_000)),
        max_topic_size: Some(MaxTopicSize::UNLIMITED),
        compression: Some(Compression::Gzip),
        segment_size: Some(ByteSize::new(256 << 20).unwrap()),
        durability: Some(Durability::Persisted),
        consumer_offset_durability: Some(Durability::Replicated),
        messages_required_to_save: Some(7),
        size_of_messages_required_to_save: Some(ByteSize::new(4096).unwrap()),
        preallocate_segments: Some(true),
    };

    const HEADER: Header = Header {
        message_expiry: IggyExpiry::ExpireDuration(IggyDuration::ONE_SECOND),
        max_topic_size: SdkMaxTopicSize::Unlimited,
        compression: CompressionAlgorithm::Gzip,
    };

    #[test]
    fn a_create_sends_the_declared_keys_and_no_other() {
        assert!(
            create_options(&TopicSettings::default())
                .unwrap()
                .is_empty()
        );
        let one = TopicSettings {
            message_expiry: Some(MessageExpiry::NEVER),
            ..TopicSettings::default()
        };
        let options = create_options(&one).unwrap();
        assert_eq!(options.len(), 1);
        assert_eq!(
            options.values().next().unwrap().value.as_uint64(),
            Ok(u64::MAX)
        );
        assert_eq!(create_options(&DECLARED).unwrap().len(), 9);
    }

    #[test]
    fn what_is_created_is_read_back() {
        assert_eq!(read(&HEADER, &create_options(&DECLARED).unwrap()), DECLARED);
    }

    #[test]
    fn a_key_that_the_server_does_not_know_is_absent() {
        let read = read(&HEADER, &ResourceOptions::new());
        assert_eq!(read.durability, None);
        assert_eq!(read.segment_size, None);
        assert_eq!(read.message_expiry, DECLARED.message_expiry);
    }

    #[test]
    fn an_option_that_an_update_left_as_text_does_not_matter() {
        let mut options = ResourceOptions::new();
        options.insert(
            HeaderKey::from_str(keys::MESSAGE_EXPIRY).unwrap(),
            OptionValue::explicit(HeaderValue::from_str("9 h").unwrap()),
        );
        options.insert(
            HeaderKey::from_str(keys::SEGMENT_SIZE).unwrap(),
            OptionValue::explicit(HeaderValue::from_str("128 MiB").unwrap()),
        );
        let read = read(&HEADER, &options);
        assert_eq!(read.message_expiry, DECLARED.message_expiry);
        assert_eq!(read.segment_size, Some(ByteSize::new(128 << 20).unwrap()));
    }

    #[test]
    fn an_update_never_sends_the_servers_word_for_default() {
        let options = update_options(&TopicSettings {
            message_expiry: Some(MessageExpiry::NEVER),
            max_topic_size: Some(MaxTopicSize::UNLIMITED),
            ..TopicSettings::default()
        })
        .unwrap();
        assert_eq!(options.message_expiry, Some(IggyExpiry::NeverExpire));
        assert_eq!(options.max_topic_size, Some(SdkMaxTopicSize::Unlimited));
        assert_eq!(options.compression_algorithm, None);
        assert_eq!(update_options(&DECLARED), Err("segmentSize"));
    }
}
