//! Consumer groups.

use bytes::Bytes;
use iggy_binary_protocol::requests::consumer_groups::{
    CreateConsumerGroupRequest, DeleteConsumerGroupRequest, GetConsumerGroupRequest,
    GetConsumerGroupsRequest, JoinConsumerGroupRequest, LeaveConsumerGroupRequest,
    SyncConsumerGroupRequest,
};
use iggy_binary_protocol::responses::consumer_groups::{
    ConsumerGroupDetailsResponse, ConsumerGroupMemberResponse, ConsumerGroupResponse,
    GetConsumerGroupsResponse, SyncConsumerGroupResponse,
};
use iggy_binary_protocol::{WireDecode, WireEncode};

use super::{Answer, ReadScene, WriteAnswer, WriteScene, count, decode, done};
use crate::rules::permissions::Action;
use crate::rules::{Refused, Rejection};
use crate::state::Group;

/// A missing stream or topic is an error here, unlike in the other lists.
pub(super) fn list(body: &[u8], scene: &ReadScene<'_>) -> Answer {
    let request: GetConsumerGroupsRequest = decode(body)?;
    scene.permit_topic(Action::GetGroups, &request.stream_id, &request.topic_id)?;
    let metadata = scene.metadata;
    let (stream, topic) = metadata
        .topic_ids(&request.stream_id, &request.topic_id)
        .map_err(Refused::Early)?;
    let topic = metadata
        .topic(stream, topic)
        .ok_or(Refused::Early(Rejection::TopicNotFound))?;
    let groups = topic
        .groups
        .iter()
        .map(|(id, group)| header(id, group, topic.partitions_count()))
        .collect();
    Ok(GetConsumerGroupsResponse { groups }.to_bytes())
}

/// A missing group is an empty body, a missing stream or topic an error.
pub(super) fn get(body: &[u8], scene: &ReadScene<'_>) -> Answer {
    let request: GetConsumerGroupRequest = decode(body)?;
    scene.permit_topic(Action::GetGroup, &request.stream_id, &request.topic_id)?;
    let metadata = scene.metadata;
    let (stream, topic) = metadata
        .topic_ids(&request.stream_id, &request.topic_id)
        .map_err(Refused::Early)?;
    let topic = metadata
        .topic(stream, topic)
        .ok_or(Refused::Early(Rejection::TopicNotFound))?;
    let found = topic
        .groups
        .resolve(&request.group_id)
        .and_then(|id| Some((id, topic.groups.get(id)?)));
    Ok(found.map_or_else(Bytes::new, |(id, group)| {
        details(id, group, topic.partitions_count())
    }))
}

/// The caller's own assignment; empty when it has none, whatever is missing or
/// malformed.
pub(super) fn sync(body: &[u8], scene: &ReadScene<'_>) -> Bytes {
    assignment(body, scene).map_or_else(Bytes::new, |(generation, partitions)| {
        SyncConsumerGroupResponse {
            generation,
            partitions,
        }
        .to_bytes()
    })
}

fn assignment(body: &[u8], scene: &ReadScene<'_>) -> Option<(u64, Vec<u32>)> {
    let request = SyncConsumerGroupRequest::decode_from(body).ok()?;
    let (stream, topic) = scene
        .metadata
        .topic_ids(&request.stream_id, &request.topic_id)
        .ok()?;
    let groups = &scene.metadata.topic(stream, topic)?.groups;
    let group = groups.get(groups.resolve(&request.group_id)?)?;
    group.assignment_of(scene.caller.client)
}

pub(super) fn create(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: CreateConsumerGroupRequest = decode(body)?;
    scene.permit_topic(Action::CreateGroup, &request.stream_id, &request.topic_id)?;
    let (stream, topic, group, change) = scene.metadata.create_group(request)?;
    let payload = scene
        .metadata
        .topic(stream, topic)
        .and_then(|entry| {
            let created = entry.groups.get(group)?;
            Some(details(group, created, entry.partitions_count()))
        })
        .unwrap_or_default();
    Ok((payload, change))
}

pub(super) fn delete(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: DeleteConsumerGroupRequest = decode(body)?;
    scene.permit_topic(Action::DeleteGroup, &request.stream_id, &request.topic_id)?;
    done(scene.metadata.delete_group(&request)?)
}

pub(super) fn join(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: JoinConsumerGroupRequest = decode(body)?;
    scene.permit_topic(Action::JoinGroup, &request.stream_id, &request.topic_id)?;
    done(scene.metadata.join_group(
        &request.stream_id,
        &request.topic_id,
        &request.group_id,
        scene.caller.client,
        scene.now,
    )?)
}

pub(super) fn leave(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: LeaveConsumerGroupRequest = decode(body)?;
    scene.permit_topic(Action::LeaveGroup, &request.stream_id, &request.topic_id)?;
    done(scene.metadata.leave_group(
        &request.stream_id,
        &request.topic_id,
        &request.group_id,
        scene.caller.client,
    )?)
}

fn details(id: u32, group: &Group, partitions_count: u32) -> Bytes {
    let members = group
        .members
        .iter()
        .map(|(id, member)| ConsumerGroupMemberResponse {
            id: *id,
            partitions_count: count(member.partitions.len()),
            partitions: member.partitions.clone(),
        })
        .collect();
    ConsumerGroupDetailsResponse {
        group: header(id, group, partitions_count),
        members,
    }
    .to_bytes()
}

fn header(id: u32, group: &Group, partitions_count: u32) -> ConsumerGroupResponse {
    ConsumerGroupResponse {
        id,
        partitions_count,
        members_count: count(group.members.len()),
        name: group.name.clone(),
    }
}
