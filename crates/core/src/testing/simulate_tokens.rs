//! Access tokens of the simulated server, and where their values go.

use super::simulate_users::{access, user};
use crate::access::{TokenSlot, UserStatus};
use crate::address::Address;
use crate::name::ResourceName;
use crate::quantity::MessageExpiry;
use crate::state::desired_token::TokenDestination;
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_token::{
    DeliveredToken, ObservedToken, SinkContent, TokenCheck, TokenRecord,
};

const NOT_FOUND: &str = "there is no such token";
const EXISTS: &str = "there is such a token already";
const NO_LOGIN: &str = "an inactive user cannot log in";

pub(super) fn is_there(state: &ObservedState, owner: &ResourceName, token: &ResourceName) -> bool {
    let AccessReading::Read(access) = &state.access else {
        return false;
    };
    let owner = access.users.get(owner);
    owner
        .and_then(|owner| owner.tokens.as_ref())
        .is_some_and(|tokens| tokens.contains_key(token))
}

/// Creates and delivers.
pub(super) fn create(
    state: &mut ObservedState,
    (owner, token): (&ResourceName, &ResourceName),
    slot: TokenSlot,
    expiry: MessageExpiry,
    revokes: Option<TokenSlot>,
) -> Result<(), &'static str> {
    let now = access(state)?.read_at_micros;
    let there = user(state, owner)?;
    if there.status == UserStatus::Inactive {
        return Err(NO_LOGIN);
    }
    let owner_created_at_micros = there.created_at_micros;
    let created = ObservedToken {
        expires_at_micros: (expiry != MessageExpiry::NEVER).then(|| now + expiry.micros()),
    };
    let tokens = there.tokens.get_or_insert_default();
    if tokens.insert(slot.name_of(token), created).is_some() {
        return Err(EXISTS);
    }
    let record = TokenRecord {
        token: Address::Token(owner.clone(), token.clone()),
        owner_created_at_micros,
        server: None,
        is_open_to_others: false,
        delivered: Some(DeliveredToken { slot, expiry }),
        pending: None,
        revokes,
        has_value: true,
        check: TokenCheck::Accepted,
    };
    access(state)?
        .sinks
        .insert((owner.clone(), token.clone()), SinkContent::Record(record));
    Ok(())
}

pub(super) fn revoke(
    state: &mut ObservedState,
    (owner, token): (&ResourceName, &ResourceName),
    slot: TokenSlot,
    noted_in: Option<&TokenDestination>,
) -> Result<(), &'static str> {
    let there = user(state, owner)?;
    if there.status == UserStatus::Inactive {
        return Err(NO_LOGIN);
    }
    let tokens = there.tokens.get_or_insert_default();
    let revoked = tokens.remove(&slot.name_of(token));
    // One with a note may have been revoked, and only the note be left.
    if revoked.is_none() && noted_in.is_none() {
        return Err(NOT_FOUND);
    }
    let key = (owner.clone(), token.clone());
    if noted_in.is_some()
        && let Some(SinkContent::Record(record)) = access(state)?.sinks.get_mut(&key)
    {
        record.revokes = None;
    }
    Ok(())
}
