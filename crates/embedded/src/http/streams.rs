//! Streams over HTTP.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use iggy_binary_protocol::requests::streams::{
    CreateStreamRequest, DeleteStreamRequest, GetStreamRequest, GetStreamsRequest,
    PurgeStreamRequest, UpdateStreamRequest,
};
use iggy_binary_protocol::responses::streams::{GetStreamResponse, GetStreamsResponse};
use iggy_binary_protocol::{Operation, WireEncode, WireName, WireOptions, codes};
use iggy_common::create_stream::CreateStream;
use iggy_common::update_stream::UpdateStream;
use iggy_common::wire_conversions::streams_from_wire;
use iggy_common::{
    IggyError, Stream, StreamDetails, StreamUpdateOptions, UPDATABLE_STREAM_OPTION_KEYS,
};

use super::error::HttpError;
use super::identity::{Identity, decoded, refuse_keys_outside, wire_id};

pub(super) async fn list(identity: Identity) -> Result<Json<Vec<Stream>>, HttpError> {
    let body = GetStreamsRequest.to_bytes();
    let reply: GetStreamsResponse = identity.list(codes::GET_STREAMS_CODE, &body).await?;
    Ok(Json(streams_from_wire(reply)?))
}

pub(super) async fn get(
    identity: Identity,
    Path(stream): Path<String>,
) -> Result<Json<StreamDetails>, HttpError> {
    let body = GetStreamRequest {
        stream_id: wire_id(&stream)?,
    }
    .to_bytes();
    let reply: GetStreamResponse = identity.read(codes::GET_STREAM_CODE, &body).await?;
    Ok(Json(reply.try_into()?))
}

pub(super) async fn create(
    identity: Identity,
    Json(command): Json<CreateStream>,
) -> Result<Json<StreamDetails>, HttpError> {
    let body = CreateStreamRequest {
        name: name(&command.name)?,
        options: WireOptions::empty(),
    }
    .to_bytes();
    let reply = identity.write(Operation::CreateStream, body).await?;
    Ok(Json(decoded::<GetStreamResponse>(&reply)?.try_into()?))
}

pub(super) async fn update(
    identity: Identity,
    Path(stream): Path<String>,
    Json(command): Json<UpdateStream>,
) -> Result<StatusCode, HttpError> {
    let stream_id = wire_id(&stream)?;
    refuse_keys_outside(UPDATABLE_STREAM_OPTION_KEYS, &command.options)?;
    let body = UpdateStreamRequest {
        stream_id,
        name: name(&command.name)?,
        options: StreamUpdateOptions {
            raw: command.options,
        }
        .to_wire()?,
    }
    .to_bytes();
    identity.write(Operation::UpdateStream, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn delete(
    identity: Identity,
    Path(stream): Path<String>,
) -> Result<StatusCode, HttpError> {
    let body = DeleteStreamRequest {
        stream_id: wire_id(&stream)?,
    }
    .to_bytes();
    identity.write(Operation::DeleteStream, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn purge(
    identity: Identity,
    Path(stream): Path<String>,
) -> Result<StatusCode, HttpError> {
    let body = PurgeStreamRequest {
        stream_id: wire_id(&stream)?,
    }
    .to_bytes();
    identity.write(Operation::PurgeStream, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn name(name: &str) -> Result<WireName, HttpError> {
    WireName::new(name).map_err(|_| IggyError::InvalidStreamName.into())
}
