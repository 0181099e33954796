//! What each member gets of what it may have, by what is on the server.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::Adoption;
use iggyctl_core::state::Incarnation;
use iggyctl_core::state::observed::ObservedState;

use super::contest::Contest;
use super::member::{Held, Member};
use super::removal::{Fate, Removals, let_go_by_any};
use super::standing::{Standing, declared_name, found, standing};

/// What a member gets of what it may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    /// What it holds from now on.
    pub(crate) held: BTreeMap<Address, Held>,
    /// What it took over, be it from nobody or from another object.
    pub(crate) adopted: BTreeSet<Address>,
    /// What is there, held by nobody, and not taken over; and what is in that.
    pub(crate) refused: BTreeSet<Address>,
    /// Tokens of users that are not of its namespace, with the reason.
    pub(crate) forbidden: BTreeMap<Address, String>,
    /// What another object has.
    pub(crate) lost: BTreeMap<Address, usize>,
    /// What was its own, was deleted, and is another thing by now.
    pub(crate) recreated: BTreeSet<Address>,
}

/// Incarnations that other objects hold, or held until they let them go, by address. Several,
/// since what one of them says may be of something that was there before.
pub(super) type Predecessors<'a> = BTreeMap<&'a Address, BTreeSet<Incarnation>>;

pub(super) fn predecessors<'a>(members: &'a [Member], removals: &Removals) -> Predecessors<'a> {
    let mut predecessors = Predecessors::new();
    for (member, fates) in members.iter().zip(&removals.fates) {
        let let_go = let_go_by_any(member);
        let former = match let_go.is_empty() {
            true => BTreeSet::new(),
            false => former_names(member),
        };
        for address in let_go {
            // What it renames itself, or with what that is in, it does not let go.
            let mut names = address.with_ancestors();
            let keeps = fates.get(address) == Some(&Fate::Former)
                && names.any(|name| former.contains(&name));
            if !keeps
                && let Some(held) = member.claims.get(address)
                && let Some(incarnation) = held.incarnation
            {
                predecessors.entry(address).or_default().insert(incarnation);
            }
        }
    }
    predecessors
}

/// What the member says itself that something was called before.
fn former_names(member: &Member) -> BTreeSet<Address> {
    let Ok(declared) = &member.declared else {
        return BTreeSet::new();
    };
    let names = declared.state.declared();
    names
        .filter_map(|name| declared_name(&declared.state, &name))
        .collect()
}

pub(super) fn grant(
    place: usize,
    member: &Member,
    contest: &Contest,
    observed: &ObservedState,
    predecessors: &Predecessors<'_>,
) -> Grant {
    let mut grant = Grant::default();
    let Ok(declared) = &member.declared else {
        return grant;
    };
    if !member.is_active() || member.is_foreign {
        return grant;
    }
    let claimed = member.claims.values();
    let claimed: BTreeSet<Incarnation> = claimed.filter_map(|it| it.incarnation).collect();
    // Parents come before what is in them.
    for address in declared.state.declared() {
        match contest.winners.get(&address) {
            Some(winner) if *winner == place => {}
            Some(winner) => {
                grant.lost.insert(address, *winner);
                continue;
            }
            None => continue,
        }
        if let Some(parent) = address.parent()
            && grant.refused.contains(&parent)
        {
            grant.refused.insert(address);
            continue;
        }
        let policy = declared.deletion_policy(&address, member.policies);
        let live = Incarnation::of(observed, &address);
        let found = found(&declared.state, &address, observed);
        match standing(member, &claimed, &address, found, predecessors) {
            Standing::Own => {}
            Standing::Missing => {}
            Standing::HandedOver => {
                grant.adopted.insert(address.clone());
            }
            Standing::Recreated if member.policies.adoption == Adoption::Refuse => {
                grant.recreated.insert(address.clone());
                grant.refused.insert(address);
                continue;
            }
            Standing::Unclaimed if member.policies.adoption == Adoption::Refuse => {
                grant.refused.insert(address);
                continue;
            }
            Standing::Recreated => {
                grant.recreated.insert(address.clone());
                grant.adopted.insert(address.clone());
            }
            Standing::Unclaimed => {
                grant.adopted.insert(address.clone());
            }
        }
        // While it is known by its former name, it is still what was claimed by that.
        let held = Held {
            incarnation: live,
            policy,
        };
        grant.held.insert(address, held);
    }
    grant
}
