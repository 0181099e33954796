//! Consumer groups over HTTP; joining one is not among the official routes.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use iggy_binary_protocol::requests::consumer_groups::{
    CreateConsumerGroupRequest, DeleteConsumerGroupRequest, GetConsumerGroupRequest,
    GetConsumerGroupsRequest,
};
use iggy_binary_protocol::responses::consumer_groups::{
    ConsumerGroupDetailsResponse, GetConsumerGroupsResponse,
};
use iggy_binary_protocol::{Operation, WireEncode, WireName, codes};
use iggy_common::create_consumer_group::CreateConsumerGroup;
use iggy_common::wire_conversions::consumer_groups_from_wire;
use iggy_common::{ConsumerGroup, ConsumerGroupDetails, IggyError};

use super::error::HttpError;
use super::identity::{Identity, decoded, wire_id};

pub(super) async fn list(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
) -> Result<Json<Vec<ConsumerGroup>>, HttpError> {
    let body = GetConsumerGroupsRequest {
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
    }
    .to_bytes();
    let reply: GetConsumerGroupsResponse = identity
        .list(codes::GET_CONSUMER_GROUPS_CODE, &body)
        .await
        .map_err(|error| error.about(&stream, &topic))?;
    Ok(Json(consumer_groups_from_wire(reply)))
}

pub(super) async fn get(
    identity: Identity,
    Path((stream, topic, group)): Path<(String, String, String)>,
) -> Result<Json<ConsumerGroupDetails>, HttpError> {
    let body = GetConsumerGroupRequest {
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
        group_id: wire_id(&group)?,
    }
    .to_bytes();
    let reply: ConsumerGroupDetailsResponse = identity
        .read(codes::GET_CONSUMER_GROUP_CODE, &body)
        .await
        .map_err(|error| error.about(&stream, &topic))?;
    Ok(Json(reply.into()))
}

pub(super) async fn create(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
    Json(command): Json<CreateConsumerGroup>,
) -> Result<Json<ConsumerGroupDetails>, HttpError> {
    let body = CreateConsumerGroupRequest {
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
        name: WireName::new(command.name).map_err(|_| IggyError::InvalidConsumerGroupName)?,
    }
    .to_bytes();
    let reply = identity.write(Operation::CreateConsumerGroup, body).await?;
    Ok(Json(
        decoded::<ConsumerGroupDetailsResponse>(&reply)?.into(),
    ))
}

pub(super) async fn delete(
    identity: Identity,
    Path((stream, topic, group)): Path<(String, String, String)>,
) -> Result<StatusCode, HttpError> {
    let body = DeleteConsumerGroupRequest {
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
        group_id: wire_id(&group)?,
    }
    .to_bytes();
    identity.write(Operation::DeleteConsumerGroup, body).await?;
    Ok(StatusCode::NO_CONTENT)
}
