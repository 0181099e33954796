//! Partitions and their segments over HTTP.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use iggy_binary_protocol::requests::partitions::{
    CreatePartitionsRequest, DeletePartitionsRequest,
};
use iggy_binary_protocol::requests::segments::DeleteSegmentsRequest;
use iggy_binary_protocol::{Operation, WireEncode};
use iggy_common::Validatable;
use iggy_common::create_partitions::CreatePartitions;
use iggy_common::delete_partitions::DeletePartitions;
use iggy_common::delete_segments::DeleteSegments;

use super::error::HttpError;
use super::identity::{Identity, wire_id};

pub(super) async fn create(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
    Json(command): Json<CreatePartitions>,
) -> Result<StatusCode, HttpError> {
    let (stream_id, topic_id) = (wire_id(&stream)?, wire_id(&topic)?);
    command.validate()?;
    let body = CreatePartitionsRequest {
        stream_id,
        topic_id,
        partitions_count: command.partitions_count,
    }
    .to_bytes();
    identity.write(Operation::CreatePartitions, body).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn delete(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
    Query(command): Query<DeletePartitions>,
) -> Result<StatusCode, HttpError> {
    let (stream_id, topic_id) = (wire_id(&stream)?, wire_id(&topic)?);
    command.validate()?;
    let body = DeletePartitionsRequest {
        stream_id,
        topic_id,
        partitions_count: command.partitions_count,
    }
    .to_bytes();
    identity.write(Operation::DeletePartitions, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn delete_segments(
    identity: Identity,
    Path((stream, topic, partition_id)): Path<(String, String, u32)>,
    Query(command): Query<DeleteSegments>,
) -> Result<StatusCode, HttpError> {
    let body = DeleteSegmentsRequest {
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
        partition_id,
        segments_count: command.segments_count,
    }
    .to_bytes();
    identity.write(Operation::DeleteSegments, body).await?;
    Ok(StatusCode::NO_CONTENT)
}
