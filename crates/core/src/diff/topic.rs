use super::basis::BasisRecorder;
use super::change::{
    BlockReason, Change, Difference, Holdings, PartitionChange, SettingChange, TopicChange,
};
use super::setting::Setting;
use crate::address::Address;
use crate::name::ResourceName;
use crate::quantity::{ByteSize, MAX_PREALLOCATED, MaxTopicSize, exceeds_preallocation};
use crate::state::desired::{DesiredTopic, TopicSettings};
use crate::state::observed::ObservedTopic;

/// Segment size of a topic whose manifest names none: a constant of the 0.9
/// server (`iggy_common` 0.11.0, `types/options/mod.rs`).
pub const DEFAULT_SEGMENT_SIZE: ByteSize = ByteSize::GIB;

/// Partitions of a topic whose manifest names no number.
pub const DEFAULT_PARTITIONS: u32 = 1;

/// A topic that is not there.
pub(super) fn create(
    address: Address,
    desired: &DesiredTopic,
    mut obstacles: Vec<BlockReason>,
) -> Change {
    let settings = desired.settings;
    let segment_size = settings.segment_size.unwrap_or(DEFAULT_SEGMENT_SIZE);
    let partitions = desired.partitions.unwrap_or(DEFAULT_PARTITIONS);
    obstacles.extend(below_segment_size(settings.max_topic_size, segment_size));
    obstacles.extend(preallocation_too_large(partitions, segment_size, &settings));
    Change {
        address,
        difference: Difference::CreateTopic {
            partitions,
            settings,
        },
        obstacles,
    }
}

/// A topic that is there; `None` when nothing differs.
pub(super) fn compare(
    address: &Address,
    desired: &DesiredTopic,
    renamed_from: Option<&ResourceName>,
    observed: &ObservedTopic,
    basis: &mut BasisRecorder,
) -> Option<Change> {
    let DesiredTopic {
        presence: _,
        previous_name: _,
        partitions,
        settings,
        groups_listed: _,
        groups: _,
        origin: _,
    } = desired;
    let ObservedTopic {
        id: _,
        created_at_micros: _,
        partitions: live_partitions,
        settings: live_settings,
        size_bytes,
        messages,
        groups: _,
    } = observed;

    let mut comparison = Comparison {
        basis,
        changed: Vec::new(),
        obstacles: Vec::new(),
        unchanged: 0,
    };
    comparison.all_settings(settings, live_settings);
    let partitions = partitions.and_then(|to| comparison.partitions(*live_partitions, to));
    let Comparison {
        changed,
        obstacles,
        unchanged,
        ..
    } = comparison;
    if renamed_from.is_none() && changed.is_empty() && obstacles.is_empty() && partitions.is_none()
    {
        return None;
    }
    Some(Change {
        address: address.clone(),
        difference: Difference::ChangeTopic(Box::new(TopicChange {
            renamed_from: renamed_from.cloned(),
            settings: changed,
            partitions,
            unchanged_attributes: unchanged,
            expires_at_once: None,
            holds: Holdings {
                messages: *messages,
                bytes: *size_bytes,
            },
        })),
        obstacles,
    })
}

fn below_segment_size(
    max_topic_size: Option<MaxTopicSize>,
    segment_size: ByteSize,
) -> Option<BlockReason> {
    let limit = max_topic_size?.limit()?;
    (limit < segment_size).then(|| BlockReason::BelowSegmentSize {
        max_topic_size: limit.to_string(),
        segment_size: segment_size.to_string(),
    })
}

/// Only at creation: the server does not check it when partitions are added
/// (`server/src/dispatch.rs` of the server).
fn preallocation_too_large(
    partitions: u32,
    segment_size: ByteSize,
    settings: &TopicSettings,
) -> Option<BlockReason> {
    (settings.preallocate_segments == Some(true) && exceeds_preallocation(partitions, segment_size))
        .then(|| BlockReason::PreallocationTooLarge {
            partitions,
            segment_size: segment_size.to_string(),
            limit: MAX_PREALLOCATED.to_string(),
        })
}

struct Comparison<'a> {
    basis: &'a mut BasisRecorder,
    changed: Vec<SettingChange>,
    obstacles: Vec<BlockReason>,
    unchanged: u32,
}

impl Comparison<'_> {
    /// Both sides are taken apart, so that a new setting cannot be forgotten.
    fn all_settings(&mut self, desired: &TopicSettings, live: &TopicSettings) {
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
        } = *desired;
        let TopicSettings {
            message_expiry: live_message_expiry,
            max_topic_size: live_max_topic_size,
            compression: live_compression,
            segment_size: live_segment_size,
            durability: live_durability,
            consumer_offset_durability: live_consumer_offset_durability,
            messages_required_to_save: live_messages_required_to_save,
            size_of_messages_required_to_save: live_size_of_messages_required_to_save,
            preallocate_segments: live_preallocate_segments,
        } = *live;

        self.updatable(message_expiry, live_message_expiry, Setting::MessageExpiry);
        self.max_topic_size(max_topic_size, live_max_topic_size, live_segment_size);
        self.updatable(compression, live_compression, Setting::Compression);
        self.create_only(segment_size, live_segment_size, Setting::SegmentSize);
        self.create_only(durability, live_durability, Setting::Durability);
        self.create_only(
            consumer_offset_durability,
            live_consumer_offset_durability,
            Setting::ConsumerOffsetDurability,
        );
        self.create_only(
            messages_required_to_save,
            live_messages_required_to_save,
            Setting::MessagesRequiredToSave,
        );
        self.create_only(
            size_of_messages_required_to_save,
            live_size_of_messages_required_to_save,
            Setting::SizeOfMessagesRequiredToSave,
        );
        self.create_only(
            preallocate_segments,
            live_preallocate_segments,
            Setting::PreallocateSegments,
        );
    }

    fn partitions(&mut self, from: u32, to: u32) -> Option<PartitionChange> {
        self.basis.partitions(from);
        if from == to {
            self.unchanged += 1;
            return None;
        }
        Some(PartitionChange { from, to })
    }

    fn max_topic_size(
        &mut self,
        desired: Option<MaxTopicSize>,
        live: Option<MaxTopicSize>,
        live_segment_size: Option<ByteSize>,
    ) {
        let differs = desired.is_some() && live.is_some() && desired != live;
        let Some(segment_size) = live_segment_size.filter(|_| differs) else {
            return self.updatable(desired, live, Setting::MaxTopicSize);
        };
        self.basis.setting(Setting::SegmentSize(segment_size));
        match below_segment_size(desired, segment_size) {
            Some(obstacle) => {
                if let Some(live) = live {
                    self.basis.setting(Setting::MaxTopicSize(live));
                }
                self.obstacles.push(obstacle);
            }
            None => self.updatable(desired, live, Setting::MaxTopicSize),
        }
    }

    fn updatable<T: Copy + PartialEq>(
        &mut self,
        desired: Option<T>,
        live: Option<T>,
        setting: impl Fn(T) -> Setting,
    ) {
        if let Some(change) = self.differing(desired, live, setting) {
            self.changed.push(change);
        }
    }

    fn create_only<T: Copy + PartialEq>(
        &mut self,
        desired: Option<T>,
        live: Option<T>,
        setting: impl Fn(T) -> Setting,
    ) {
        if let Some(SettingChange { from, to }) = self.differing(desired, live, setting) {
            self.obstacles.push(BlockReason::CreateOnly {
                field: to.name().to_owned(),
                from: from.to_string(),
                to: to.to_string(),
            });
        }
    }

    fn differing<T: Copy + PartialEq>(
        &mut self,
        desired: Option<T>,
        live: Option<T>,
        setting: impl Fn(T) -> Setting,
    ) -> Option<SettingChange> {
        let desired = desired?;
        let to = setting(desired);
        let Some(live) = live else {
            self.basis.unknown_setting(to.name());
            self.obstacles.push(BlockReason::UnknownSetting {
                field: to.name().to_owned(),
                to: to.to_string(),
            });
            return None;
        };
        let from = setting(live);
        self.basis.setting(from);
        if desired == live {
            self.unchanged += 1;
            return None;
        }
        Some(SettingChange { from, to })
    }
}
