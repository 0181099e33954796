use std::collections::BTreeMap;

use super::by_hand::default_settings;
use super::simulate_tokens as tokens;
use super::simulate_users as users;
use crate::address::Address;
use crate::diff::{Incarnation, Setting};
use crate::name::ResourceName;
use crate::plan::{Action, MAX_PARTITIONS_PER_REQUEST, Plan, Precondition, Step};
use crate::quantity::{MaxTopicSize, exceeds_preallocation};
use crate::state::desired::TopicSettings;
use crate::state::observed::{ObservedConsumerGroup, ObservedState, ObservedStream, ObservedTopic};

/// Why a server would refuse a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address}: {reason}")]
pub struct SimulationError {
    /// The resource of the step.
    pub address: Address,
    /// What is wrong.
    pub reason: &'static str,
}

/// Applies all steps in their order, checking that what each needs came before.
///
/// # Errors
///
/// The first step that a server would refuse.
pub fn apply_plan(plan: &Plan, state: &mut ObservedState) -> Result<(), SimulationError> {
    for (position, step) in plan.steps.iter().enumerate() {
        let in_order = step.needs.iter().all(|need| (need.0 as usize) < position);
        let before = position
            .checked_sub(1)
            .and_then(|index| plan.steps.get(index));
        let in_order = in_order && before.is_none_or(|before| before.stage <= step.stage);
        if step.id.0 as usize != position || !in_order {
            return Err(refused(step, "a step is not at its place"));
        }
        apply_step(step, state)?;
    }
    Ok(())
}

/// Applies one step as a server does: strict, and with ids of its own.
///
/// # Errors
///
/// A precondition that does not hold, or a call that a server would refuse.
pub fn apply_step(step: &Step, state: &mut ObservedState) -> Result<(), SimulationError> {
    if !step.preconditions.iter().all(|one| holds(one, state)) {
        return Err(refused(step, "a precondition does not hold"));
    }
    match &step.action {
        Action::CreateStream { stream } => create_stream(state, stream),
        Action::RenameStream { from, to } => rename_stream(state, from, to),
        Action::CreateTopic {
            stream,
            topic,
            partitions,
            settings,
        } => create_topic(state, (stream, topic), *partitions, settings),
        Action::UpdateTopic {
            stream,
            topic,
            rename_to,
            settings,
        } => update_topic(state, (stream, topic), rename_to.as_ref(), settings),
        Action::AddPartitions {
            stream,
            topic,
            from,
            to,
        } => change_partitions(
            state,
            (stream, topic),
            to.checked_sub(*from),
            |count, by| count.checked_add(by),
        ),
        Action::RemovePartitions {
            stream,
            topic,
            from,
            to,
        } => change_partitions(
            state,
            (stream, topic),
            from.checked_sub(*to),
            |count, by| count.checked_sub(by),
        ),
        Action::CreateConsumerGroup {
            stream,
            topic,
            group,
        } => create_group(state, (stream, topic), group),
        Action::DeleteStream {
            stream,
            found,
            topics,
            only_if_empty: _,
        } => delete_stream(state, stream, *found, topics),
        Action::DeleteTopic {
            stream,
            topic,
            found,
            only_if_empty: _,
        } => delete_topic(state, (stream, topic), *found),
        Action::DeleteConsumerGroup {
            stream,
            topic,
            group,
            found,
        } => delete_group(state, (stream, topic), group, *found),
        Action::CreateUser { user, status, .. } => users::create(state, user, *status),
        Action::RenameUser { from, to } => users::rename(state, from, to),
        Action::DeleteUser { user } => users::delete(state, user),
        Action::SetUserStatus { user, status } => users::set_status(state, user, *status),
        Action::ChangePassword { user, .. } => users::change_password(state, user),
        Action::SetPermissions { user, grants } => users::set_permissions(state, user, grants),
        Action::CreateToken {
            user,
            token,
            slot,
            expiry,
            revokes,
            ..
        } => tokens::create(state, (user, token), *slot, *expiry, *revokes),
        Action::RevokeToken {
            user,
            token,
            slot,
            noted_in,
            ..
        } => tokens::revoke(state, (user, token), *slot, noted_in.as_ref()),
    }
    .map_err(|reason| refused(step, reason))?;
    users::refresh(state);
    Ok(())
}

type Topic<'a> = (&'a ResourceName, &'a ResourceName);

const NOT_FOUND: &str = "not found";
const ANOTHER: &str = "another one than was found";
const EXISTS: &str = "exists already";
const BELOW_SEGMENT: &str = "the size is below that of a segment";
const PREALLOCATES: &str = "preallocates too much";

fn refused(step: &Step, reason: &'static str) -> SimulationError {
    SimulationError {
        address: step.address.clone(),
        reason,
    }
}

fn create_stream(state: &mut ObservedState, stream: &ResourceName) -> Result<(), &'static str> {
    if state.streams.contains_key(stream) {
        return Err(EXISTS);
    }
    let id = next_id(state.streams.values().map(|stream| stream.id));
    let created = ObservedStream {
        id,
        created_at_micros: 1_800_000_000_000_000 + u64::from(id),
        size_bytes: 0,
        messages: 0,
        topics: BTreeMap::new(),
    };
    state.streams.insert(stream.clone(), created);
    Ok(())
}

fn rename_stream(
    state: &mut ObservedState,
    from: &ResourceName,
    to: &ResourceName,
) -> Result<(), &'static str> {
    if state.streams.contains_key(to) {
        return Err(EXISTS);
    }
    let renamed = state.streams.remove(from).ok_or(NOT_FOUND)?;
    state.streams.insert(to.clone(), renamed);
    Ok(())
}

fn create_topic(
    state: &mut ObservedState,
    (stream, topic): Topic<'_>,
    partitions: u32,
    sent: &TopicSettings,
) -> Result<(), &'static str> {
    let stream = state.streams.get_mut(stream).ok_or(NOT_FOUND)?;
    if stream.topics.contains_key(topic) {
        return Err(EXISTS);
    }
    if partitions > MAX_PARTITIONS_PER_REQUEST {
        return Err("too many partitions in one request");
    }
    let settings = overlaid(default_settings(), sent)?;
    if settings.preallocate_segments == Some(true)
        && settings
            .segment_size
            .is_some_and(|size| exceeds_preallocation(partitions, size))
    {
        return Err(PREALLOCATES);
    }
    let id = next_id(stream.topics.values().map(|topic| topic.id));
    let created = ObservedTopic {
        id,
        created_at_micros: 1_800_000_001_000_000 + u64::from(id),
        partitions,
        settings,
        size_bytes: 0,
        messages: 0,
        groups: Some(BTreeMap::new()),
    };
    stream.topics.insert(topic.clone(), created);
    Ok(())
}

fn update_topic(
    state: &mut ObservedState,
    (stream, topic): Topic<'_>,
    rename_to: Option<&ResourceName>,
    sent: &TopicSettings,
) -> Result<(), &'static str> {
    let TopicSettings {
        message_expiry: _,
        max_topic_size: _,
        compression: _,
        segment_size: None,
        durability: None,
        consumer_offset_durability: None,
        messages_required_to_save: None,
        size_of_messages_required_to_save: None,
        preallocate_segments: None,
    } = sent
    else {
        return Err("a setting that is taken only at creation");
    };
    let stream = state.streams.get_mut(stream).ok_or(NOT_FOUND)?;
    if rename_to.is_some_and(|name| stream.topics.contains_key(name)) {
        return Err(EXISTS);
    }
    let mut updated = stream.topics.remove(topic).ok_or(NOT_FOUND)?;
    updated.settings = overlaid(updated.settings, sent)?;
    let name = rename_to.unwrap_or(topic);
    stream.topics.insert(name.clone(), updated);
    Ok(())
}

/// Relative, as on the wire: what must be there before is a precondition.
fn change_partitions(
    state: &mut ObservedState,
    topic: Topic<'_>,
    by: Option<u32>,
    change: impl Fn(u32, u32) -> Option<u32>,
) -> Result<(), &'static str> {
    let there = topic_mut(state, topic).ok_or(NOT_FOUND)?;
    match by {
        Some(by) if (1..=MAX_PARTITIONS_PER_REQUEST).contains(&by) => {
            there.partitions = change(there.partitions, by).ok_or("more than there are")?;
            Ok(())
        }
        Some(_) | None => Err("too many partitions in one request, or none"),
    }
}

fn create_group(
    state: &mut ObservedState,
    topic: Topic<'_>,
    group: &ResourceName,
) -> Result<(), &'static str> {
    let there = topic_mut(state, topic).ok_or(NOT_FOUND)?;
    let groups = there.groups.get_or_insert_default();
    let id = next_id(groups.values().map(|group| group.id));
    let created = ObservedConsumerGroup { id, members: 0 };
    match groups.insert(group.clone(), created) {
        Some(_) => Err(EXISTS),
        None => Ok(()),
    }
}

fn delete_stream(
    state: &mut ObservedState,
    stream: &ResourceName,
    found: Incarnation,
    topics: &[ResourceName],
) -> Result<(), &'static str> {
    let there = state.streams.get(stream).ok_or(NOT_FOUND)?;
    if (there.id, there.created_at_micros) != (found.id, found.created_at_micros)
        || !there.topics.keys().eq(topics)
    {
        return Err(ANOTHER);
    }
    state.streams.remove(stream);
    Ok(())
}

fn delete_topic(
    state: &mut ObservedState,
    (stream, topic): Topic<'_>,
    found: Incarnation,
) -> Result<(), &'static str> {
    let stream = state.streams.get_mut(stream).ok_or(NOT_FOUND)?;
    let there = stream.topics.get(topic).ok_or(NOT_FOUND)?;
    if (there.id, there.created_at_micros) != (found.id, found.created_at_micros) {
        return Err(ANOTHER);
    }
    stream.topics.remove(topic);
    Ok(())
}

fn delete_group(
    state: &mut ObservedState,
    topic: Topic<'_>,
    group: &ResourceName,
    found: Incarnation,
) -> Result<(), &'static str> {
    let there = topic_mut(state, topic).ok_or(NOT_FOUND)?;
    let groups = there.groups.as_mut().ok_or(NOT_FOUND)?;
    if groups.get(group).ok_or(NOT_FOUND)?.id != found.id {
        return Err(ANOTHER);
    }
    groups.remove(group);
    Ok(())
}

fn topic_mut<'a>(
    state: &'a mut ObservedState,
    (stream, topic): Topic<'_>,
) -> Option<&'a mut ObservedTopic> {
    state.streams.get_mut(stream)?.topics.get_mut(topic)
}

fn holds(precondition: &Precondition, state: &ObservedState) -> bool {
    match precondition {
        Precondition::Absent { address } => !is_there(address, state),
        Precondition::Present { address } => is_there(address, state),
        Precondition::Empty { address } => is_empty(address, state),
        Precondition::Partitions { address, count } => {
            topic_at(address, state).is_some_and(|topic| topic.partitions == *count)
        }
    }
}

fn is_empty(address: &Address, state: &ObservedState) -> bool {
    let is_empty = |topic: &ObservedTopic| {
        topic.messages == 0 && topic.groups.as_ref().is_some_and(BTreeMap::is_empty)
    };
    match address {
        Address::Stream(stream) => state
            .streams
            .get(stream)
            .is_some_and(|stream| stream.topics.values().all(is_empty)),
        _ => topic_at(address, state).is_some_and(is_empty),
    }
}

fn topic_at<'a>(address: &Address, state: &'a ObservedState) -> Option<&'a ObservedTopic> {
    let stream = state.streams.get(address.stream()?)?;
    stream.topics.get(address.topic()?)
}

fn is_there(address: &Address, state: &ObservedState) -> bool {
    match address {
        Address::Stream(stream) => state.streams.contains_key(stream),
        Address::Topic(..) => topic_at(address, state).is_some(),
        Address::ConsumerGroup(_, _, group) => topic_at(address, state)
            .and_then(|topic| topic.groups.as_ref())
            .is_some_and(|groups| groups.contains_key(group)),
        Address::User(user) => users::is_there(state, user),
        Address::Token(user, token) => tokens::is_there(state, user, token),
    }
}

/// The lowest id that is free: the server reuses them.
pub(super) fn next_id(taken: impl Iterator<Item = u32>) -> u32 {
    let mut taken: Vec<u32> = taken.collect();
    taken.sort_unstable();
    let mut next = 0;
    for id in taken {
        if id == next {
            next += 1;
        }
    }
    next
}

fn overlaid(
    mut settings: TopicSettings,
    sent: &TopicSettings,
) -> Result<TopicSettings, &'static str> {
    for setting in Setting::present(sent) {
        setting.store(&mut settings);
    }
    let limit = settings.max_topic_size.and_then(MaxTopicSize::limit);
    match (limit, settings.segment_size) {
        (Some(limit), Some(segment)) if limit < segment => Err(BELOW_SEGMENT),
        _ => Ok(settings),
    }
}
