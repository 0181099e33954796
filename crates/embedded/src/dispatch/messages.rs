//! Messages and consumer offsets: not there, but refused to whoever may not have them
//! before that is said.

use iggy_binary_protocol::requests::consumer_offsets::{
    DeleteConsumerOffsetRequest, GetConsumerOffsetRequest, StoreConsumerOffsetRequest,
};
use iggy_binary_protocol::requests::messages::{PollMessagesRequest, SendMessagesHeader};
use iggy_binary_protocol::{WireDecode, WireIdentifier};

use super::{Answer, ReadScene, WriteAnswer, WriteScene};
use crate::rules::permissions::Action;
use crate::rules::{Refused, Rejection};

const UNAVAILABLE: Refused = Refused::Early(Rejection::FeatureUnavailable);

pub(super) fn poll(body: &[u8], scene: &ReadScene<'_>) -> Answer {
    let request = PollMessagesRequest::decode_from(body).map_err(|_| UNAVAILABLE)?;
    scene.permit_topic(Action::PollMessages, &request.stream_id, &request.topic_id)?;
    Err(UNAVAILABLE)
}

pub(super) fn get_offset(body: &[u8], scene: &ReadScene<'_>) -> Answer {
    let request = GetConsumerOffsetRequest::decode_from(body).map_err(|_| UNAVAILABLE)?;
    scene.permit_topic(Action::GetOffset, &request.stream_id, &request.topic_id)?;
    Err(UNAVAILABLE)
}

pub(super) fn send(body: &[u8], scene: &WriteScene<'_>) -> WriteAnswer {
    // A length, then what says where the messages go.
    let (request, _) = body
        .get(size_of::<u32>()..)
        .and_then(|metadata| SendMessagesHeader::decode(metadata).ok())
        .ok_or(UNAVAILABLE)?;
    refuse(
        scene,
        Action::SendMessages,
        &request.stream_id,
        &request.topic_id,
    )
}

pub(super) fn store_offset(body: &[u8], scene: &WriteScene<'_>) -> WriteAnswer {
    let request = StoreConsumerOffsetRequest::decode_from(body).map_err(|_| UNAVAILABLE)?;
    refuse(
        scene,
        Action::StoreOffset,
        &request.stream_id,
        &request.topic_id,
    )
}

pub(super) fn delete_offset(body: &[u8], scene: &WriteScene<'_>) -> WriteAnswer {
    let request = DeleteConsumerOffsetRequest::decode_from(body).map_err(|_| UNAVAILABLE)?;
    refuse(
        scene,
        Action::DeleteOffset,
        &request.stream_id,
        &request.topic_id,
    )
}

/// These are not logged with the metadata, so even a refusal is a denial.
fn refuse(
    scene: &WriteScene<'_>,
    action: Action,
    stream: &WireIdentifier,
    topic: &WireIdentifier,
) -> WriteAnswer {
    scene
        .permit_topic(action, stream, topic)
        .map_err(|refused| match refused {
            Refused::Early(rejection) | Refused::Committed(rejection) => Refused::Early(rejection),
        })?;
    Err(UNAVAILABLE)
}
