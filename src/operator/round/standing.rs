//! Whose something on the server is, for a member that declares it.

use std::collections::BTreeSet;

use iggyctl_core::address::Address;
use iggyctl_core::state::Incarnation;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::ObservedState;

use super::grant::Predecessors;
use super::member::{Held, Member};

/// Whose something on the server is.
pub(super) enum Standing {
    /// Nobody's: it is not there.
    Missing,
    /// The member's.
    Own,
    /// That of an object that let it go, or is gone.
    HandedOver,
    /// It was the member's, was deleted, and somebody made another one.
    Recreated,
    /// Nobody's.
    Unclaimed,
}

/// What there is of something that is declared.
pub(super) struct Found {
    /// Its name on the server, which may be its former one.
    pub(super) name: Address,
    pub(super) incarnation: Incarnation,
}

/// Whose something is; `claimed` is all that the member holds, under whatever name.
pub(super) fn standing(
    member: &Member,
    claimed: &BTreeSet<Incarnation>,
    address: &Address,
    found: Option<Found>,
    predecessors: &Predecessors<'_>,
) -> Standing {
    let Some(Found {
        name,
        incarnation: live,
    }) = found
    else {
        return Standing::Missing;
    };
    // They hold no messages and no settings: whoever has the topic or the user may have them.
    if matches!(address, Address::ConsumerGroup(..) | Address::Token(..)) {
        return Standing::Own;
    }
    // It may have had another name when it was claimed.
    if claimed.contains(&live) {
        return Standing::Own;
    }
    let mut former = predecessors.get(&name).into_iter();
    if former.any(|it| it.contains(&live)) || member.waits_for.get(&name) == Some(&Some(live)) {
        return Standing::HandedOver;
    }
    let claims = &member.claims;
    match claims.get(address).or_else(|| claims.get(&name)) {
        Some(Held {
            incarnation: None, ..
        }) => Standing::Own,
        Some(_) => Standing::Recreated,
        None => Standing::Unclaimed,
    }
}

/// The former name that a declaration gives, as an address.
pub(super) fn declared_name(state: &DesiredState, address: &Address) -> Option<Address> {
    match address {
        Address::Stream(name) => {
            let previous = state.streams.get(name)?.previous_name.clone()?;
            Some(Address::Stream(previous))
        }
        Address::Topic(stream, name) => {
            let topic = state.streams.get(stream)?.topics.get(name)?;
            Some(Address::Topic(stream.clone(), topic.previous_name.clone()?))
        }
        Address::User(name) => {
            let previous = state.users.get(name)?.previous_name.clone()?;
            Some(Address::User(previous))
        }
        Address::ConsumerGroup(..) | Address::Token(..) => None,
    }
}

/// What would be renamed to it.
fn former(state: &DesiredState, address: &Address, observed: &ObservedState) -> Option<Found> {
    let name = declared_name(state, address)?;
    let incarnation = Incarnation::of(observed, &name)?;
    Some(Found { name, incarnation })
}

/// What there is of it, under its own name or under its former one.
pub(super) fn found(
    state: &DesiredState,
    address: &Address,
    observed: &ObservedState,
) -> Option<Found> {
    let live = Incarnation::of(observed, address).map(|incarnation| Found {
        name: address.clone(),
        incarnation,
    });
    live.or_else(|| former(state, address, observed))
}
