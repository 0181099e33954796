//! Messages and consumer offsets over HTTP.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use iggy_binary_protocol::requests::consumer_offsets::{
    DeleteConsumerOffsetRequest, GetConsumerOffsetRequest, StoreConsumerOffsetRequest,
};
use iggy_binary_protocol::requests::messages::{
    PollMessagesRequest, RawMessage, SendMessagesEncoder,
};
use iggy_binary_protocol::responses::consumer_offsets::ConsumerOffsetResponse;
use iggy_binary_protocol::responses::messages::SendMessagesResponse;
use iggy_binary_protocol::{AckLevel, Operation, WireEncode, codes};
use iggy_common::delete_consumer_offset::DeleteConsumerOffset;
use iggy_common::get_consumer_offset::GetConsumerOffset;
use iggy_common::store_consumer_offset::StoreConsumerOffset;
use iggy_common::wire_conversions::{
    consumer_to_wire, partitioning_to_wire, polling_strategy_to_wire,
};
use iggy_common::{
    Consumer, ConsumerOffsetInfo, Identifier, IggyError, IggyMessageView, PollMessages,
    PolledMessages, SendMessages, SendMessagesConfirmations, Validatable, random_id,
};
use serde::Deserialize;

use super::error::{HttpError, ids};
use super::identity::{Identity, decoded, wire_id};

const DURABILITY: HeaderName = HeaderName::from_static("iggy-durability");

/// What a sender waits for.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Acknowledgement {
    #[default]
    Replicated,
    None,
}

#[derive(Debug, Deserialize)]
pub(super) struct SendQuery {
    #[serde(default)]
    ack: Acknowledgement,
}

pub(super) async fn send(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
    Query(SendQuery { ack }): Query<SendQuery>,
    Json(command): Json<SendMessages>,
) -> Result<Response, HttpError> {
    let (stream_id, topic_id) = (wire_id(&stream)?, wire_id(&topic)?);
    command.validate()?;
    let partitioning = partitioning_to_wire(&command.partitioning)?;
    let views: Vec<IggyMessageView<'_>> = command.batch.iter().collect();
    let messages: Vec<RawMessage<'_>> = views.iter().map(raw).collect();
    let mut body = BytesMut::new();
    SendMessagesEncoder::encode(&mut body, &stream_id, &topic_id, &partitioning, &messages)
        .map_err(|_| IggyError::InvalidCommand)?;
    let reply = identity
        .write(Operation::SendMessages, body.freeze())
        .await?;
    Ok(match ack {
        Acknowledgement::Replicated => {
            let confirmations = decoded::<SendMessagesResponse>(&reply)?;
            (
                StatusCode::CREATED,
                [(DURABILITY, "replicated-memory")],
                Json(SendMessagesConfirmations::from(confirmations)),
            )
                .into_response()
        }
        Acknowledgement::None => (StatusCode::ACCEPTED, [(DURABILITY, "none")]).into_response(),
    })
}

/// A message without an id is given one: its checksum covers the id.
fn raw<'view>(view: &'view IggyMessageView<'_>) -> RawMessage<'view> {
    let header = view.header();
    RawMessage {
        id: match header.id() {
            0 => random_id::get_uuid(),
            id => id,
        },
        origin_timestamp: header.origin_timestamp(),
        headers: view.user_headers(),
        payload: view.payload(),
    }
}

pub(super) async fn poll(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
    Query(query): Query<PollMessages>,
) -> Result<Json<PolledMessages>, HttpError> {
    let body = PollMessagesRequest {
        consumer: consumer_to_wire(&query.consumer)?,
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
        partition_id: query.partition_id,
        strategy: polling_strategy_to_wire(&query.strategy),
        count: query.count,
        auto_commit: query.auto_commit,
    }
    .to_bytes();
    let reply = identity.poll(&body).await.map_err(|error| match error {
        HttpError::Refused(IggyError::PartitionNotFound(..)) => {
            let partition = query.partition_id.unwrap_or_default() as usize;
            match ids(&stream, &topic) {
                Some((stream, topic)) => {
                    IggyError::PartitionNotFound(partition, topic, stream).into()
                }
                None => error,
            }
        }
        other => missing_parent(other),
    })?;
    Ok(Json(PolledMessages::from_bytes(reply)?))
}

/// A stream or topic that is missing has no code of its own here, a partition has.
fn missing_parent(error: HttpError) -> HttpError {
    match error {
        HttpError::Refused(
            IggyError::StreamIdNotFound(_)
            | IggyError::TopicIdNotFound(..)
            | IggyError::ResourceNotFound(_),
        ) => HttpError::NotFound,
        other => other,
    }
}

/// Whatever keeps an offset from being there: it is not found.
pub(super) async fn offset(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
    Query(query): Query<GetConsumerOffset>,
) -> Result<Json<ConsumerOffsetInfo>, HttpError> {
    let body = GetConsumerOffsetRequest {
        consumer: consumer_to_wire(&query.consumer)?,
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
        partition_id: Some(query.partition_id.unwrap_or_default()),
    }
    .to_bytes();
    let reply: ConsumerOffsetResponse = identity
        .read(codes::GET_CONSUMER_OFFSET_CODE, &body)
        .await
        .map_err(|error| match error {
            HttpError::Refused(IggyError::PartitionNotFound(..)) => HttpError::NotFound,
            other => other,
        })?;
    Ok(Json(ConsumerOffsetInfo {
        partition_id: reply.partition_id,
        current_offset: reply.current_offset,
        stored_offset: reply.stored_offset,
    }))
}

pub(super) async fn store_offset(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
    Json(command): Json<StoreConsumerOffset>,
) -> Result<StatusCode, HttpError> {
    let body = StoreConsumerOffsetRequest {
        consumer: consumer_to_wire(&command.consumer)?,
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
        partition_id: command.partition_id,
        offset: command.offset,
        ack: AckLevel::Quorum,
    }
    .to_bytes();
    identity.write(Operation::StoreConsumerOffset, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn delete_offset(
    identity: Identity,
    Path((stream, topic, consumer)): Path<(String, String, String)>,
    Query(query): Query<DeleteConsumerOffset>,
) -> Result<StatusCode, HttpError> {
    let consumer = Consumer::new(Identifier::from_str_value(&consumer)?);
    let body = DeleteConsumerOffsetRequest {
        consumer: consumer_to_wire(&consumer)?,
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
        partition_id: query.partition_id,
        ack: AckLevel::Quorum,
    }
    .to_bytes();
    identity
        .write(Operation::DeleteConsumerOffset, body)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
