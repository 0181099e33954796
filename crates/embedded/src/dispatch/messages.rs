//! Sending and polling messages.
//!
//! None of this goes through the log of the metadata: a send is not numbered, so sending
//! it again appends it again, and every refusal travels in the status of the reply.

use bytes::Bytes;
use iggy_binary_protocol::primitives::consumer::KIND_CONSUMER_GROUP;
use iggy_binary_protocol::requests::messages::{PollMessagesRequest, SendMessagesHeader};
use iggy_binary_protocol::responses::messages::{
    SendMessagesConfirmationResponse, SendMessagesResponse,
};
use iggy_binary_protocol::{WireDecode, WireEncode, WirePartitioning};
use iggy_common::{PollingKind, RESYNC_REQUIRED_PARTITION_SENTINEL};

use super::offsets::consumer_key;
use super::{Provision, WriteAnswer, WriteScene};
use crate::log::{AdmittedBatch, ConsumerKey, PartitionKey, PollPlan, PollStart};
use crate::rules::permissions::Action;
use crate::rules::{Refused, Rejection};
use crate::state::Change;

/// Whatever keeps a request from its partition has this one code.
pub(super) const NOT_THERE: Refused = Refused::Early(Rejection::ResourceNotFound);

/// The parts of the body of a send: where it goes, and the batch.
fn parts(body: &[u8]) -> Option<(SendMessagesHeader, &[u8])> {
    let (length, rest) = body.split_first_chunk()?;
    let (metadata, record) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let header = SendMessagesHeader::decode_from(metadata).ok()?;
    Some((header, record))
}

/// Checks the batch of a send, which takes time in proportion to its bytes: to be done
/// while others use the state. `None` when there is no telling where it goes.
pub(super) fn admit(body: &[u8]) -> Option<Result<AdmittedBatch, Rejection>> {
    let (header, record) = parts(body)?;
    Some(AdmittedBatch::admit(record, header.messages_count))
}

/// 20, 41, then what is wrong with the batch. The real server leaves a batch that does not
/// hold without any answer; this one says 3, 4027 or 4039.
pub(super) fn send(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let (header, _) = parts(body).ok_or(NOT_THERE)?;
    let (stream, topic) = scene
        .metadata
        .topic_ids(&header.stream_id, &header.topic_id)
        .map_err(|_| NOT_THERE)?;
    let entry = scene
        .metadata
        .topic_mut(stream, topic)
        .map_err(|_| NOT_THERE)?;
    let partition = match &header.partitioning {
        WirePartitioning::PartitionId(partition) => Some(*partition),
        WirePartitioning::Balanced => entry.next_balanced(),
        WirePartitioning::MessagesKey(key) => {
            iggy_common::calculate_32(key).checked_rem(entry.partitions_count())
        }
    };
    let partition = partition
        .filter(|partition| *partition < entry.partitions_count())
        .ok_or(NOT_THERE)?;
    scene.permit_partition(Action::SendMessages, stream, topic)?;
    let Provision::Batch(admitted) = scene.take_provision() else {
        return Err(Refused::MALFORMED);
    };
    let batch = admitted.map_err(Refused::Early)?;
    let now = scene.now;
    let entry = scene
        .metadata
        .topic_mut(stream, topic)
        .map_err(|_| NOT_THERE)?;
    let policy = entry.flush_policy;
    let base_offset = entry
        .partitions
        .get_mut(partition as usize)
        .ok_or(NOT_THERE)?
        .log_mut()
        .append(batch, partition, now, policy);
    let reply = SendMessagesResponse {
        confirmations: vec![SendMessagesConfirmationResponse {
            stream_id: stream,
            topic_id: topic,
            partition_id: partition,
            base_offset,
        }],
    };
    let key = PartitionKey {
        stream,
        topic,
        partition,
    };
    Ok((reply.to_bytes(), Change::Appended(key)))
}

/// What a poll found.
pub(crate) enum Polled {
    /// There is nothing to read for this reason or that; clients take it for an empty
    /// partition.
    Nothing(Bytes),
    /// Messages to read, and the offset that was committed with it.
    Messages {
        plan: PollPlan,
        committed: Option<Change>,
    },
}

/// Plans a poll, and commits its offset when it is asked to. 41; 1009, 2010, 3007.
pub(crate) fn poll(body: &[u8], scene: &mut WriteScene<'_>) -> Result<Polled, Refused> {
    let Ok(request) = PollMessagesRequest::decode_from(body) else {
        return Ok(nothing(0));
    };
    if let Ok((stream, topic)) = scene
        .metadata
        .topic_ids(&request.stream_id, &request.topic_id)
    {
        scene.permit_partition(Action::PollMessages, stream, topic)?;
    }
    let is_group = request.consumer.kind == KIND_CONSUMER_GROUP;
    let group = if is_group {
        let Some(partition) = request.partition_id else {
            return Ok(nothing(0));
        };
        match group_to_poll(&request, partition, scene) {
            Some(group) => Some(group),
            // Not the caller's any more: it is to ask anew what is.
            None => return Ok(nothing(RESYNC_REQUIRED_PARTITION_SENTINEL)),
        }
    } else {
        None
    };
    let (stream, topic) = scene
        .metadata
        .topic_ids(&request.stream_id, &request.topic_id)
        .map_err(Refused::Early)?;
    let key = PartitionKey {
        stream,
        topic,
        partition: request.partition_id.unwrap_or(0),
    };
    let now = scene.now;
    let entry = scene
        .metadata
        .topic_mut(stream, topic)
        .map_err(Refused::Early)?;
    let log = entry
        .partitions
        .get_mut(key.partition as usize)
        .ok_or(Refused::Early(Rejection::PartitionNotFound))?
        .existing_log();
    let Some(log) = log else {
        return Ok(nothing(key.partition));
    };
    let consumer = group.map_or_else(
        || ConsumerKey::Consumer(consumer_key(&request.consumer.id)),
        ConsumerKey::Group,
    );
    let value = request.strategy.value;
    let start = match PollingKind::from_code(request.strategy.kind) {
        Ok(PollingKind::Offset) => PollStart::Offset(value),
        Ok(PollingKind::Timestamp) => PollStart::Timestamp(value),
        Ok(PollingKind::First) => PollStart::Offset(0),
        Ok(PollingKind::Last) => PollStart::Last,
        Ok(PollingKind::Next) => PollStart::Offset(
            log.offsets
                .get(consumer)
                .map_or(0, |stored| stored.saturating_add(1)),
        ),
        Err(_) => return Ok(nothing(0)),
    };
    let plan = PollPlan::new(log, key, start, request.count);
    let mut committed = None;
    if let Some(last) = plan.last_offset {
        if let Some(group) = group {
            log.offsets.polled(group, last);
        }
        if request.auto_commit && log.offsets.advance(consumer, last) {
            committed = Some(Change::OffsetPut(key, consumer));
        }
    }
    if committed.is_some() && is_group {
        entry.hand_over(now);
    }
    Ok(Polled::Messages { plan, committed })
}

fn nothing(partition: u32) -> Polled {
    Polled::Nothing(PollPlan::nothing(partition))
}

/// The id of a group of which the caller may poll a partition.
fn group_to_poll(
    request: &PollMessagesRequest,
    partition: u32,
    scene: &WriteScene<'_>,
) -> Option<u32> {
    let (stream, topic) = scene
        .metadata
        .topic_ids(&request.stream_id, &request.topic_id)
        .ok()?;
    let groups = &scene.metadata.topic(stream, topic)?.groups;
    let id = groups.resolve(&request.consumer.id)?;
    groups
        .get(id)?
        .may_poll(scene.caller.client, partition)
        .then_some(id)
}
