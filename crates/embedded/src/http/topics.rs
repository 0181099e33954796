//! Topics over HTTP.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use iggy_binary_protocol::requests::topics::{
    CreateTopicRequest, DeleteTopicRequest, GetTopicRequest, GetTopicsRequest, PurgeTopicRequest,
    UpdateTopicRequest,
};
use iggy_binary_protocol::responses::topics::{GetTopicResponse, GetTopicsResponse};
use iggy_binary_protocol::{Operation, WireEncode, WireName, codes};
use iggy_common::create_topic::CreateTopic;
use iggy_common::update_topic::UpdateTopic;
use iggy_common::wire_conversions::topics_from_wire;
use iggy_common::{
    CompressionAlgorithm, DEFAULT_SEGMENT_SIZE, IggyError, IggyExpiry, MaxTopicSize, Topic,
    TopicCreateOptions, TopicDetails, TopicUpdateOptions, UPDATABLE_TOPIC_OPTION_KEYS, Validatable,
};

use super::error::HttpError;
use super::identity::{Identity, decoded, refuse_keys_outside, wire_id};

pub(super) async fn list(
    identity: Identity,
    Path(stream): Path<String>,
) -> Result<Json<Vec<Topic>>, HttpError> {
    let body = GetTopicsRequest {
        stream_id: wire_id(&stream)?,
    }
    .to_bytes();
    let reply: GetTopicsResponse = identity.list(codes::GET_TOPICS_CODE, &body).await?;
    Ok(Json(topics_from_wire(reply)?))
}

pub(super) async fn get(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
) -> Result<Json<TopicDetails>, HttpError> {
    let body = GetTopicRequest {
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
    }
    .to_bytes();
    let reply: GetTopicResponse = identity.read(codes::GET_TOPIC_CODE, &body).await?;
    Ok(Json(reply.try_into()?))
}

pub(super) async fn create(
    identity: Identity,
    Path(stream): Path<String>,
    Json(command): Json<CreateTopic>,
) -> Result<Json<TopicDetails>, HttpError> {
    let stream_id = wire_id(&stream)?;
    command.validate()?;
    // What a field says by default is not declared.
    let declared = |is_default: bool| !is_default;
    let raw = command.options;
    let supplied = raw.clone();
    let options = TopicCreateOptions {
        partitions_count: Some(command.partitions_count),
        compression_algorithm: declared(
            command.compression_algorithm == CompressionAlgorithm::default(),
        )
        .then_some(command.compression_algorithm),
        message_expiry: declared(command.message_expiry == IggyExpiry::ServerDefault)
            .then_some(command.message_expiry),
        max_topic_size: declared(command.max_topic_size == MaxTopicSize::ServerDefault)
            .then_some(command.max_topic_size),
        raw,
        ..TopicCreateOptions::default()
    };
    let options = options.to_explicit_wire(|key| supplied.contains_key(key))?;
    // Only here because its refusals name the key and say what is wrong with the value.
    let parsed = TopicCreateOptions::parse(&options)?;
    let body = CreateTopicRequest {
        stream_id,
        partitions_count: command.partitions_count,
        name: name(&command.name)?,
        options,
    }
    .to_bytes();
    let written = identity.write(Operation::CreateTopic, body).await;
    let reply = written.map_err(|error| with_sizes(error, &parsed))?;
    Ok(Json(decoded::<GetTopicResponse>(&reply)?.try_into()?))
}

pub(super) async fn update(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
    Json(command): Json<UpdateTopic>,
) -> Result<StatusCode, HttpError> {
    let (stream_id, topic_id) = (wire_id(&stream)?, wire_id(&topic)?);
    command.validate()?;
    refuse_keys_outside(UPDATABLE_TOPIC_OPTION_KEYS, &command.options)?;
    let options = TopicUpdateOptions {
        compression_algorithm: command.compression_algorithm,
        message_expiry: command.message_expiry,
        max_topic_size: command.max_topic_size,
        raw: command.options,
    };
    let body = UpdateTopicRequest {
        stream_id,
        topic_id,
        name: name(&command.name)?,
        options: options.to_wire()?,
    }
    .to_bytes();
    identity.write(Operation::UpdateTopic, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn delete(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
) -> Result<StatusCode, HttpError> {
    let body = DeleteTopicRequest {
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
    }
    .to_bytes();
    identity.write(Operation::DeleteTopic, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn purge(
    identity: Identity,
    Path((stream, topic)): Path<(String, String)>,
) -> Result<StatusCode, HttpError> {
    let body = PurgeTopicRequest {
        stream_id: wire_id(&stream)?,
        topic_id: wire_id(&topic)?,
    }
    .to_bytes();
    identity.write(Operation::PurgeTopic, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The size that is too small, and the one that it is compared with.
fn with_sizes(error: HttpError, options: &TopicCreateOptions) -> HttpError {
    match (error, options.max_topic_size) {
        (HttpError::Refused(IggyError::InvalidTopicSize(..)), Some(size)) => {
            let segment = options
                .segment_size
                .unwrap_or_else(|| DEFAULT_SEGMENT_SIZE.into());
            IggyError::InvalidTopicSize(size, segment).into()
        }
        (error, _) => error,
    }
}

fn name(name: &str) -> Result<WireName, HttpError> {
    WireName::new(name).map_err(|_| IggyError::InvalidTopicName.into())
}
