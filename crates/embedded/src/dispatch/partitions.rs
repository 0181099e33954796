//! Partitions and segments.

use iggy_binary_protocol::requests::partitions::{
    CreatePartitionsRequest, DeletePartitionsRequest,
};
use iggy_binary_protocol::requests::segments::DeleteSegmentsRequest;

use super::{WriteAnswer, WriteScene, decode, done};
use crate::log::PartitionKey;
use crate::rules::limits::check_partitions_delta;
use crate::rules::permissions::Action;
use crate::rules::{Refused, Rejection};
use crate::state::Change;

pub(super) fn create(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: CreatePartitionsRequest = decode(body)?;
    check_partitions_delta(request.partitions_count)?;
    scene.permit_topic(
        Action::CreatePartitions,
        &request.stream_id,
        &request.topic_id,
    )?;
    done(scene.metadata.create_partitions(&request, scene.now)?)
}

pub(super) fn delete(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: DeletePartitionsRequest = decode(body)?;
    check_partitions_delta(request.partitions_count)?;
    scene.permit_topic(
        Action::DeletePartitions,
        &request.stream_id,
        &request.topic_id,
    )?;
    done(scene.metadata.delete_partitions(&request)?)
}

/// Removes the oldest sealed segments, but none that a consumer has not read to its end;
/// that there are fewer, or none, is no error. 1009, 2010, 3007.
pub(super) fn delete_segments(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: DeleteSegmentsRequest = decode(body)?;
    scene.permit_topic(
        Action::DeleteSegments,
        &request.stream_id,
        &request.topic_id,
    )?;
    let (stream, topic) = scene
        .metadata
        .topic_ids(&request.stream_id, &request.topic_id)?;
    let log = scene
        .metadata
        .topic_mut(stream, topic)?
        .partitions
        .get_mut(request.partition_id as usize)
        .ok_or(Refused::from(Rejection::PartitionNotFound))?
        .existing_log();
    let removed = log.is_some_and(|log| {
        log.end_of_oldest(request.segments_count)
            .is_some_and(|end| log.remove_up_to(end))
    });
    done(if removed {
        Change::Trimmed(PartitionKey {
            stream,
            topic,
            partition: request.partition_id,
        })
    } else {
        Change::Volatile
    })
}
