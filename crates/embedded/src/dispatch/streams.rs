//! Streams.

use bytes::Bytes;
use iggy_binary_protocol::requests::streams::{
    CreateStreamRequest, DeleteStreamRequest, GetStreamRequest, PurgeStreamRequest,
    UpdateStreamRequest,
};
use iggy_binary_protocol::responses::streams::{
    GetStreamResponse, GetStreamsResponse, StreamResponse,
};
use iggy_binary_protocol::{WireEncode, WireOptions};
use iggy_common::UPDATABLE_STREAM_OPTION_KEYS;

use super::{Answer, ReadScene, WriteAnswer, WriteScene, count, decode, done, topics};
use crate::rules::permissions::Action;
use crate::rules::topic_options::refuse_keys_outside;
use crate::state::Stream;

/// Streams have no options; every key is unknown.
const STREAM_OPTION_KEYS: &[&str] = &[];

pub(super) fn list(scene: &ReadScene<'_>) -> Answer {
    scene.permit(Action::GetStreams)?;
    let streams = scene
        .metadata
        .streams
        .iter()
        .map(|(id, stream)| header(id, stream))
        .collect();
    Ok(GetStreamsResponse { streams }.to_bytes())
}

/// A missing stream is an empty body.
pub(super) fn get(body: &[u8], scene: &ReadScene<'_>) -> Answer {
    let request: GetStreamRequest = decode(body)?;
    scene.permit_stream(Action::GetStream, &request.stream_id)?;
    let streams = &scene.metadata.streams;
    let found = streams
        .resolve(&request.stream_id)
        .and_then(|id| Some((id, streams.get(id)?)));
    Ok(found.map_or_else(Bytes::new, |(id, stream)| details(id, stream)))
}

pub(super) fn create(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let CreateStreamRequest { name, options } = decode(body)?;
    refuse_keys_outside(&options, STREAM_OPTION_KEYS)?;
    scene.permit(Action::CreateStream)?;
    let (id, change) = scene.metadata.create_stream(name, scene.now)?;
    let payload = scene
        .metadata
        .streams
        .get(id)
        .map_or_else(Bytes::new, |stream| details(id, stream));
    Ok((payload, change))
}

pub(super) fn update(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let UpdateStreamRequest {
        stream_id,
        name,
        options,
    } = decode(body)?;
    refuse_keys_outside(&options, UPDATABLE_STREAM_OPTION_KEYS)?;
    scene.permit_stream(Action::UpdateStream, &stream_id)?;
    done(scene.metadata.rename_stream(&stream_id, name)?)
}

pub(super) fn delete(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: DeleteStreamRequest = decode(body)?;
    scene.permit_stream(Action::DeleteStream, &request.stream_id)?;
    done(scene.metadata.delete_stream(&request.stream_id)?)
}

pub(super) fn purge(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: PurgeStreamRequest = decode(body)?;
    scene.permit_stream(Action::PurgeStream, &request.stream_id)?;
    done(scene.metadata.purge_stream(&request.stream_id)?)
}

fn details(id: u32, stream: &Stream) -> Bytes {
    GetStreamResponse {
        stream: header(id, stream),
        topics: topics::headers(stream),
    }
    .to_bytes()
}

fn header(id: u32, stream: &Stream) -> StreamResponse {
    let counters = stream.counters();
    StreamResponse {
        id,
        created_at: stream.created_at,
        topics_count: count(stream.topics.len()),
        size_bytes: counters.size_bytes,
        messages_count: counters.messages,
        name: stream.name.clone(),
        options: WireOptions::empty(),
    }
}
