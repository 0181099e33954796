//! Users of the simulated server.

use std::collections::BTreeMap;

use super::simulate::next_id;
use crate::access::{Grants, StreamGrants, UserStatus};
use crate::name::ResourceName;
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_access::{KnownStream, ObservedAccess, ObservedUser, PasswordCheck};

const NOT_FOUND: &str = "there is no such user";
const EXISTS: &str = "there is such a user already";

/// What was read of users, once it was; reads the ids of streams again.
pub(super) fn refresh(state: &mut ObservedState) {
    let streams = known_streams(state);
    if let AccessReading::Read(access) = &mut state.access {
        access.streams = streams;
    }
}

/// The streams and topics of a state by their ids.
#[must_use]
pub(super) fn known_streams(state: &ObservedState) -> BTreeMap<u32, KnownStream> {
    let streams = state.streams.iter();
    streams
        .map(|(name, stream)| {
            let topics = stream.topics.iter();
            let topics = topics.map(|(name, topic)| (topic.id, name.clone()));
            let known = KnownStream {
                name: name.clone(),
                topics: Some(topics.collect()),
            };
            (stream.id, known)
        })
        .collect()
}

pub(super) fn access(state: &mut ObservedState) -> Result<&mut ObservedAccess, &'static str> {
    match &mut state.access {
        AccessReading::Read(access) => Ok(access),
        AccessReading::NotNeeded | AccessReading::Refused { .. } => Err(NOT_FOUND),
    }
}

pub(super) fn user<'a>(
    state: &'a mut ObservedState,
    name: &ResourceName,
) -> Result<&'a mut ObservedUser, &'static str> {
    access(state)?.users.get_mut(name).ok_or(NOT_FOUND)
}

pub(super) fn is_there(state: &ObservedState, name: &ResourceName) -> bool {
    match &state.access {
        AccessReading::Read(access) => access.users.contains_key(name),
        AccessReading::NotNeeded | AccessReading::Refused { .. } => false,
    }
}

pub(super) fn create(
    state: &mut ObservedState,
    name: &ResourceName,
    status: UserStatus,
) -> Result<(), &'static str> {
    let access = access(state)?;
    if access.users.contains_key(name) {
        return Err(EXISTS);
    }
    // Root is always there.
    let taken = access.users.values().map(|user| user.id);
    let id = next_id(taken.chain([0]));
    let created = ObservedUser {
        id,
        created_at_micros: 1_800_000_002_000_000 + u64::from(id),
        status,
        grants: Grants::default(),
        password: PasswordCheck::Declared,
        tokens: (status == UserStatus::Active).then(BTreeMap::new),
    };
    access.users.insert(name.clone(), created);
    Ok(())
}

pub(super) fn rename(
    state: &mut ObservedState,
    from: &ResourceName,
    to: &ResourceName,
) -> Result<(), &'static str> {
    let access = access(state)?;
    if access.users.contains_key(to) {
        return Err(EXISTS);
    }
    let renamed = access.users.remove(from).ok_or(NOT_FOUND)?;
    access.users.insert(to.clone(), renamed);
    Ok(())
}

pub(super) fn delete(state: &mut ObservedState, name: &ResourceName) -> Result<(), &'static str> {
    let access = access(state)?;
    access.users.remove(name).map(|_| ()).ok_or(NOT_FOUND)
}

pub(super) fn set_status(
    state: &mut ObservedState,
    name: &ResourceName,
    status: UserStatus,
) -> Result<(), &'static str> {
    let user = user(state, name)?;
    user.status = status;
    // Only the user itself could list them.
    user.tokens = (status == UserStatus::Active).then(BTreeMap::new);
    Ok(())
}

pub(super) fn change_password(
    state: &mut ObservedState,
    name: &ResourceName,
) -> Result<(), &'static str> {
    user(state, name)?.password = PasswordCheck::Declared;
    Ok(())
}

pub(super) fn set_permissions(
    state: &mut ObservedState,
    name: &ResourceName,
    grants: &Grants<ResourceName>,
) -> Result<(), &'static str> {
    let by_id = by_id(state, grants)?;
    user(state, name)?.grants = by_id;
    Ok(())
}

fn by_id(
    state: &ObservedState,
    grants: &Grants<ResourceName>,
) -> Result<Grants<u32>, &'static str> {
    const UNKNOWN: &str = "the permissions name what is not there";
    let mut by_id = Grants {
        server: grants.server.clone(),
        ..Grants::default()
    };
    for (name, StreamGrants { allow, topics }) in &grants.streams {
        let stream = state.streams.get(name).ok_or(UNKNOWN)?;
        let mut granted = StreamGrants {
            allow: allow.clone(),
            ..StreamGrants::default()
        };
        for (name, allow) in topics {
            let topic = stream.topics.get(name).ok_or(UNKNOWN)?;
            granted.topics.insert(topic.id, allow.clone());
        }
        by_id.streams.insert(stream.id, granted);
    }
    Ok(by_id)
}
