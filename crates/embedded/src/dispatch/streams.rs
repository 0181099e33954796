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

use super::{Answer, WriteAnswer, count, decode, done, topics};
use crate::rules::Refused;
use crate::rules::topic_options::refuse_keys_outside;
use crate::state::{Metadata, Stream};

/// Streams have no options; every key is unknown.
const STREAM_OPTION_KEYS: &[&str] = &[];

pub(super) fn list(metadata: &Metadata) -> Bytes {
    let streams = metadata
        .streams
        .iter()
        .map(|(id, stream)| header(id, stream))
        .collect();
    GetStreamsResponse { streams }.to_bytes()
}

/// A missing stream is an empty body.
pub(super) fn get(body: &[u8], metadata: &Metadata) -> Answer {
    let request: GetStreamRequest = decode(body)?;
    let found = metadata
        .streams
        .resolve(&request.stream_id)
        .and_then(|id| Some((id, metadata.streams.get(id)?)));
    Ok(found.map_or_else(Bytes::new, |(id, stream)| details(id, stream)))
}

pub(super) fn create(body: &[u8], metadata: &mut Metadata, now: u64) -> WriteAnswer {
    let CreateStreamRequest { name, options } = decode(body)?;
    refuse_keys_outside(&options, STREAM_OPTION_KEYS)?;
    let (id, change) = metadata.create_stream(name, now)?;
    let payload = metadata
        .streams
        .get(id)
        .map_or_else(Bytes::new, |stream| details(id, stream));
    Ok((payload, change))
}

pub(super) fn update(body: &[u8], metadata: &mut Metadata) -> WriteAnswer {
    let UpdateStreamRequest {
        stream_id,
        name,
        options,
    } = decode(body)?;
    refuse_keys_outside(&options, UPDATABLE_STREAM_OPTION_KEYS)?;
    done(metadata.rename_stream(&stream_id, name)?)
}

pub(super) fn delete(body: &[u8], metadata: &mut Metadata) -> WriteAnswer {
    let request: DeleteStreamRequest = decode(body)?;
    done(
        metadata
            .delete_stream(&request.stream_id)
            .map_err(Refused::from)?,
    )
}

pub(super) fn purge(body: &[u8], metadata: &mut Metadata) -> WriteAnswer {
    let request: PurgeStreamRequest = decode(body)?;
    done(metadata.purge_stream(&request.stream_id)?)
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
