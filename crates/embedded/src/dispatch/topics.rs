//! Topics.

use bytes::Bytes;
use iggy_binary_protocol::WireEncode;
use iggy_binary_protocol::requests::topics::{
    CreateTopicRequest, DeleteTopicRequest, GetTopicRequest, GetTopicsRequest, PurgeTopicRequest,
    UpdateTopicRequest,
};
use iggy_binary_protocol::responses::streams::TopicHeader;
use iggy_binary_protocol::responses::topics::{
    GetTopicResponse, GetTopicsResponse, PartitionResponse,
};

use super::{Answer, ReadScene, WriteAnswer, WriteScene, count, decode, done};
use crate::rules::permissions::Action;
use crate::rules::topic_options::{TopicSettings, check_patch};
use crate::state::{Partition, Stream, Topic};

/// The topics of a missing stream are an empty list, not an error.
pub(super) fn list(body: &[u8], scene: &ReadScene<'_>) -> Answer {
    let request: GetTopicsRequest = decode(body)?;
    scene.permit_stream(Action::GetTopics, &request.stream_id)?;
    let streams = &scene.metadata.streams;
    let topics = streams
        .resolve(&request.stream_id)
        .and_then(|id| streams.get(id))
        .map(headers)
        .unwrap_or_default();
    Ok(GetTopicsResponse { topics }.to_bytes())
}

/// A missing topic or stream is an empty body.
pub(super) fn get(body: &[u8], scene: &ReadScene<'_>) -> Answer {
    let request: GetTopicRequest = decode(body)?;
    scene.permit_topic(Action::GetTopic, &request.stream_id, &request.topic_id)?;
    let metadata = scene.metadata;
    let found = metadata
        .topic_ids(&request.stream_id, &request.topic_id)
        .ok()
        .and_then(|(stream, topic)| Some((topic, metadata.topic(stream, topic)?)));
    Ok(found.map_or_else(Bytes::new, |(id, topic)| {
        details(id, topic, partition_entry)
    }))
}

pub(super) fn create(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: CreateTopicRequest = decode(body)?;
    let settings = TopicSettings::for_new_topic(&request.options, request.partitions_count)?;
    scene.permit_stream(Action::CreateTopic, &request.stream_id)?;
    let (stream, topic, change) = scene.metadata.create_topic(request, settings, scene.now)?;
    let payload = scene
        .metadata
        .topic(stream, topic)
        .map_or_else(Bytes::new, |entry| {
            details(topic, entry, new_partition_entry)
        });
    Ok((payload, change))
}

pub(super) fn update(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: UpdateTopicRequest = decode(body)?;
    let segment_size = scene
        .metadata
        .topic_ids(&request.stream_id, &request.topic_id)
        .ok()
        .and_then(|(stream, topic)| scene.metadata.topic(stream, topic))
        .map(|topic| topic.settings.segment_size);
    check_patch(&request.options, segment_size)?;
    scene.permit_topic(Action::UpdateTopic, &request.stream_id, &request.topic_id)?;
    done(scene.metadata.update_topic(request)?)
}

pub(super) fn delete(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: DeleteTopicRequest = decode(body)?;
    scene.permit_topic(Action::DeleteTopic, &request.stream_id, &request.topic_id)?;
    done(
        scene
            .metadata
            .delete_topic(&request.stream_id, &request.topic_id)?,
    )
}

pub(super) fn purge(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: PurgeTopicRequest = decode(body)?;
    scene.permit_topic(Action::PurgeTopic, &request.stream_id, &request.topic_id)?;
    done(
        scene
            .metadata
            .purge_topic(&request.stream_id, &request.topic_id)?,
    )
}

/// The headers of all topics of a stream.
pub(super) fn headers(stream: &Stream) -> Vec<TopicHeader> {
    stream
        .topics
        .iter()
        .map(|(id, topic)| header(id, topic))
        .collect()
}

fn details(
    id: u32,
    topic: &Topic,
    entry: impl Fn(usize, &Partition) -> PartitionResponse,
) -> Bytes {
    let partitions = topic
        .partitions
        .iter()
        .enumerate()
        .map(|(position, partition)| entry(position, partition))
        .collect();
    GetTopicResponse {
        topic: header(id, topic),
        partitions,
    }
    .to_bytes()
}

fn partition_entry(position: usize, partition: &Partition) -> PartitionResponse {
    let counters = partition.counters();
    PartitionResponse {
        id: count(position),
        created_at: partition.created_at,
        segments_count: partition.segments_count(),
        current_offset: counters.current_offset,
        size_bytes: counters.size_bytes,
        messages_count: counters.messages,
    }
}

/// In the reply to a creation there is no segment yet.
fn new_partition_entry(position: usize, partition: &Partition) -> PartitionResponse {
    PartitionResponse {
        segments_count: 0,
        ..partition_entry(position, partition)
    }
}

fn header(id: u32, topic: &Topic) -> TopicHeader {
    let counters = topic.counters();
    let settings = &topic.settings;
    TopicHeader {
        id,
        created_at: topic.created_at,
        partitions_count: topic.partitions_count(),
        message_expiry: settings.message_expiry,
        compression_algorithm: settings.compression,
        max_topic_size: settings.max_topic_size,
        size_bytes: counters.size_bytes,
        messages_count: counters.messages,
        name: topic.name.clone(),
        options: settings.explicit.clone(),
        derived_options: settings.derived.clone(),
    }
}
