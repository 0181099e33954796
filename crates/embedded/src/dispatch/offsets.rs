//! How far consumers and groups have read.

use bytes::Bytes;
use iggy_binary_protocol::primitives::consumer::{KIND_CONSUMER_GROUP, WireConsumer};
use iggy_binary_protocol::requests::consumer_offsets::{
    DeleteConsumerOffsetRequest, GetConsumerOffsetRequest, StoreConsumerOffsetRequest,
};
use iggy_binary_protocol::responses::consumer_offsets::ConsumerOffsetResponse;
use iggy_binary_protocol::{WireDecode, WireEncode, WireIdentifier};

use super::messages::NOT_THERE;
use super::{Answer, ReadScene, WriteAnswer, WriteScene, done};
use crate::log::{ConsumerKey, PartitionKey};
use crate::rules::permissions::Action;
use crate::rules::{Refused, Rejection};
use crate::state::{Change, Topic};

/// What a consumer is known by: its number, or the hash of its name.
pub(super) fn consumer_key(consumer: &WireIdentifier) -> u32 {
    match consumer {
        WireIdentifier::Numeric(id) => *id,
        WireIdentifier::String(name) => iggy_common::calculate_32(name.as_str().as_bytes()),
    }
}

/// An empty body where there is none, whatever is missing but the partition. 41, 3007.
pub(super) fn get(body: &[u8], scene: &ReadScene<'_>) -> Answer {
    let Ok(request) = GetConsumerOffsetRequest::decode_from(body) else {
        return Ok(Bytes::new());
    };
    scene.permit_topic(Action::GetOffset, &request.stream_id, &request.topic_id)?;
    let metadata = scene.metadata;
    let found = metadata
        .topic_ids(&request.stream_id, &request.topic_id)
        .ok()
        .and_then(|(stream, topic)| metadata.topic(stream, topic));
    let Some(topic) = found else {
        return Ok(Bytes::new());
    };
    let partition_id = request.partition_id.unwrap_or(0);
    let partition = topic
        .partitions
        .get(partition_id as usize)
        .ok_or(Refused::Early(Rejection::PartitionNotFound))?;
    let stored = key_of(&request.consumer, topic)
        .zip(partition.log())
        .and_then(|(consumer, log)| Some((log.current_offset(), log.offsets.get(consumer)?)));
    Ok(
        stored.map_or_else(Bytes::new, |(current_offset, stored_offset)| {
            ConsumerOffsetResponse {
                partition_id,
                current_offset,
                stored_offset,
            }
            .to_bytes()
        }),
    )
}

/// 20, 41, 4100 for an offset that no message has yet.
pub(super) fn store(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request = StoreConsumerOffsetRequest::decode_from(body).map_err(|_| NOT_THERE)?;
    let target = Target::of(
        &request.consumer,
        &request.stream_id,
        &request.topic_id,
        request.partition_id,
        scene,
    )?;
    target.permit(Action::StoreOffset, scene)?;
    let topic = target.topic(scene)?;
    let log = topic
        .partitions
        .get_mut(target.partition.partition as usize)
        .and_then(|partition| partition.existing_log())
        .filter(|log| !log.is_untouched() && request.offset <= log.current_offset())
        .ok_or(Refused::Early(Rejection::InvalidOffset))?;
    log.offsets.store(target.consumer, request.offset);
    target.stored(scene)
}

/// 20, 41, 3021.
pub(super) fn delete(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request = DeleteConsumerOffsetRequest::decode_from(body).map_err(|_| NOT_THERE)?;
    let target = Target::of(
        &request.consumer,
        &request.stream_id,
        &request.topic_id,
        request.partition_id,
        scene,
    )?;
    target.permit(Action::DeleteOffset, scene)?;
    let deleted = target
        .topic(scene)?
        .partitions
        .get_mut(target.partition.partition as usize)
        .and_then(|partition| partition.existing_log())
        .is_some_and(|log| log.offsets.delete(target.consumer));
    if !deleted {
        return Err(Refused::Early(Rejection::ConsumerOffsetNotFound));
    }
    target.stored(scene)
}

/// `None` for a group that does not exist.
fn key_of(consumer: &WireConsumer, topic: &Topic) -> Option<ConsumerKey> {
    if consumer.kind == KIND_CONSUMER_GROUP {
        topic.groups.resolve(&consumer.id).map(ConsumerKey::Group)
    } else {
        Some(ConsumerKey::Consumer(consumer_key(&consumer.id)))
    }
}

/// Whose offset in which partition.
struct Target {
    partition: PartitionKey,
    consumer: ConsumerKey,
}

impl Target {
    /// A group's offsets are only for the member that owns the partition. 20 for whatever
    /// is not there.
    fn of(
        consumer: &WireConsumer,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        partition: Option<u32>,
        scene: &WriteScene<'_>,
    ) -> Result<Self, Refused> {
        let (stream, topic) = scene
            .metadata
            .topic_ids(stream, topic)
            .map_err(|_| NOT_THERE)?;
        let entry = scene.metadata.topic(stream, topic).ok_or(NOT_THERE)?;
        let partition = partition
            .filter(|partition| *partition < entry.partitions_count())
            .ok_or(NOT_THERE)?;
        let consumer = key_of(consumer, entry).ok_or(NOT_THERE)?;
        if let ConsumerKey::Group(group) = consumer
            && !entry
                .groups
                .get(group)
                .is_some_and(|group| group.may_commit(scene.caller.client, partition))
        {
            return Err(NOT_THERE);
        }
        Ok(Self {
            partition: PartitionKey {
                stream,
                topic,
                partition,
            },
            consumer,
        })
    }

    fn permit(&self, action: Action, scene: &WriteScene<'_>) -> Result<(), Refused> {
        let PartitionKey { stream, topic, .. } = self.partition;
        scene.permit_partition(action, stream, topic)
    }

    fn topic<'scene>(
        &self,
        scene: &'scene mut WriteScene<'_>,
    ) -> Result<&'scene mut Topic, Refused> {
        scene
            .metadata
            .topic_mut(self.partition.stream, self.partition.topic)
            .map_err(|_| NOT_THERE)
    }

    /// A member that has committed everything may have to let go of the partition.
    fn stored(self, scene: &mut WriteScene<'_>) -> WriteAnswer {
        let now = scene.now;
        if matches!(self.consumer, ConsumerKey::Group(_)) {
            self.topic(scene)?.hand_over(now);
        }
        done(Change::OffsetPut(self.partition, self.consumer))
    }
}
