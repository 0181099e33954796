//! Who may have what: one object for each thing on the server.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::address::Address;
use iggyctl_core::state::Incarnation;
use iggyctl_core::state::observed::ObservedState;
use jiff::Timestamp;

use super::member::{Held, Member};
use crate::operator::model::{ObjectKey, ServerKey};

/// The winners.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contest {
    /// The object that may have each thing, by its place among the members.
    pub(crate) winners: BTreeMap<Address, usize>,
}

impl Contest {
    /// Whoever holds something keeps it; where nobody does, the older object gets it.
    pub(crate) fn among(members: &[Member]) -> Self {
        Self::ranked(members, |_, _| true)
    }

    /// The same, now that it is known what there is.
    pub(super) fn after_a_look(&self, members: &[Member], observed: &ObservedState) -> Self {
        if !is_shared(members) {
            return self.clone();
        }
        Self::ranked(members, |address, held| {
            match Incarnation::of(observed, address) {
                Some(live) => live == held,
                // Users are looked at only by who may have them.
                None => matches!(address, Address::User(_)),
            }
        })
    }

    fn ranked(members: &[Member], is_there: impl Fn(&Address, Incarnation) -> bool) -> Self {
        let is_shared = is_shared(members);
        let users = match is_shared {
            true => users(members, &is_there),
            false => BTreeSet::new(),
        };
        let mut winners: BTreeMap<Address, usize> = BTreeMap::new();
        for (place, member) in members.iter().enumerate() {
            for address in wanted(member) {
                match winners.get_mut(&address) {
                    None => {
                        winners.insert(address, place);
                    }
                    Some(winner) => {
                        let rank = |place: usize| {
                            let member: &Member = &members[place];
                            let is_made = |held: &Held| match (&address, held.incarnation) {
                                // It has no number: it is there for who has its user.
                                (Address::Token(user, _), _) => {
                                    let user = Address::User(user.clone());
                                    users.contains(&(member.object.server(), user))
                                }
                                (_, Some(held)) => is_there(&address, held),
                                (_, None) => false,
                            };
                            rank(member, &address, is_shared, is_made)
                        };
                        if rank(place) < rank(*winner) {
                            *winner = place;
                        }
                    }
                }
            }
        }
        Self { winners }
    }

    /// Whether the member may have it.
    pub(crate) fn is_won(&self, place: usize, address: &Address) -> bool {
        self.winners.get(address) == Some(&place)
    }
}

/// Whether a server object with tenants is for the server.
fn is_shared(members: &[Member]) -> bool {
    members.iter().any(Member::is_bounded)
}

/// The users that the objects of each server object hold.
fn users(
    members: &[Member],
    is_there: impl Fn(&Address, Incarnation) -> bool,
) -> BTreeSet<(ServerKey, Address)> {
    let mut users = BTreeSet::new();
    for member in members {
        let claims = member.claims.iter();
        let users_of_it = claims.filter(|(address, held)| {
            let which = held.incarnation;
            matches!(address, Address::User(_)) && which.is_some_and(|it| is_there(address, it))
        });
        users.extend(users_of_it.map(|(address, _)| (member.object.server(), address.clone())));
    }
    users
}

/// The best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Title {
    Holds,
    Permitted,
    /// What it holds is not there, be it that it was never made.
    Announced,
    Declares,
}

/// What a member may have. One that is paused keeps what it holds, whatever it declares by now.
fn wanted(member: &Member) -> Vec<Address> {
    let mut wanted: Vec<Address> = match &member.declared {
        Ok(declared) if member.competes() => declared.state.declared().collect(),
        _ => Vec::new(),
    };
    if member.is_paused() {
        wanted.extend(member.claims.keys().cloned());
    }
    wanted
}

/// The lowest one wins. Two that hold the same can only come of a hand-over that was cut
/// off; then age decides, too.
///
/// On a server that several namespaces share, nobody says what the objects of a server object
/// without tenants may declare: they might block names with a login that may do nothing. They
/// have what they did make, and else only what nobody wants who may have it.
fn rank<'a>(
    member: &'a Member,
    address: &Address,
    is_shared: bool,
    is_made: impl Fn(&Held) -> bool,
) -> (Title, (Timestamp, &'a ObjectKey)) {
    let title = match member.claims.get(address) {
        claim if !is_shared || member.is_bounded() => match claim {
            Some(_) => Title::Holds,
            None => Title::Permitted,
        },
        Some(held) if is_made(held) => Title::Holds,
        Some(_) => Title::Announced,
        None => Title::Declares,
    };
    (title, member.object.seniority())
}
