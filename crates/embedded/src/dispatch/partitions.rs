//! Partitions and segments.

use iggy_binary_protocol::requests::partitions::{
    CreatePartitionsRequest, DeletePartitionsRequest,
};
use iggy_binary_protocol::requests::segments::DeleteSegmentsRequest;

use super::{WriteAnswer, decode, done};
use crate::rules::limits::check_partitions_delta;
use crate::rules::{Refused, Rejection};
use crate::state::{Change, Metadata};

pub(super) fn create(body: &[u8], metadata: &mut Metadata, now: u64) -> WriteAnswer {
    let request: CreatePartitionsRequest = decode(body)?;
    check_partitions_delta(request.partitions_count)?;
    done(metadata.create_partitions(&request, now)?)
}

pub(super) fn delete(body: &[u8], metadata: &mut Metadata) -> WriteAnswer {
    let request: DeletePartitionsRequest = decode(body)?;
    check_partitions_delta(request.partitions_count)?;
    done(metadata.delete_partitions(&request)?)
}

/// No partition has a sealed segment, so there is never one to delete; only that
/// the partition is there is checked. 1009, 2010, 3007.
pub(super) fn delete_segments(body: &[u8], metadata: &mut Metadata) -> WriteAnswer {
    let request: DeleteSegmentsRequest = decode(body)?;
    let (stream, topic) = metadata.topic_ids(&request.stream_id, &request.topic_id)?;
    let partitions = metadata.topic_mut(stream, topic)?.partitions_count();
    if request.partition_id >= partitions {
        return Err(Refused::from(Rejection::PartitionNotFound));
    }
    done(Change::Volatile)
}
