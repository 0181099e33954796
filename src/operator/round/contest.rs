//! Who may have what: one object for each thing on the server.

use std::collections::BTreeMap;

use iggyctl_core::address::Address;

use super::member::Member;

/// The winners.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contest {
    /// The object that may have each thing, by its place among the members.
    pub(crate) winners: BTreeMap<Address, usize>,
}

impl Contest {
    /// Whoever holds something keeps it; where nobody does, the older object gets it.
    pub(crate) fn among(members: &[Member]) -> Self {
        let mut winners: BTreeMap<Address, usize> = BTreeMap::new();
        for (place, member) in members.iter().enumerate() {
            let Ok(declared) = &member.declared else {
                continue;
            };
            if !member.competes() {
                continue;
            }
            for address in declared.state.declared() {
                match winners.get_mut(&address) {
                    None => {
                        winners.insert(address, place);
                    }
                    Some(winner) => {
                        let better = rank(member, &address) < rank(&members[*winner], &address);
                        if better {
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

/// The lowest one wins. Two that hold the same can only come of a hand-over that was cut
/// off; then age decides, too.
fn rank<'a>(member: &'a Member, address: &Address) -> (bool, impl Ord + use<'a>) {
    let holds = member.claims.contains_key(address);
    (!holds, member.object.seniority())
}
