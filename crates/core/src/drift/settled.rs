use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::applied::{Applied, things_of};
use super::left::{Left, LeftAttribute};
use super::things::{Standing, Thing, Things};
use crate::address::Address;
use crate::diff::{Incarnation, diff};
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, ObservedState};

/// How the declared stands on a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// Which thing has each declared name, or is to get it by a rename, as far as it is there.
    pub incarnations: BTreeMap<Address, Incarnation>,
    /// What was not read, so that nobody can tell later who changed it.
    pub unsettled: BTreeSet<Address>,
    /// What is not as declared.
    #[serde(default)]
    pub left: Left,
}

impl Settled {
    /// Compares what is declared with what was read of a server. What was changed by hand
    /// since the `previous` apply is still expected to be as that one left it.
    #[must_use]
    pub fn of(
        desired: &DesiredState,
        observed: &ObservedState,
        previous: Option<&Applied<'_>>,
    ) -> Self {
        let changes = diff(desired, observed);
        let things = Things::new(desired, observed, &changes);
        let earlier = previous.map(|previous| Earlier::new(previous, observed));
        let mut settled = Self::default();
        for thing in &things.all {
            let address = &thing.address;
            let is_unread = observed
                .gaps
                .iter()
                .any(|gap| gap.address.contains(address));
            let is_user = address.user().is_some();
            let are_users_unread = !matches!(observed.access, AccessReading::Read(_));
            if is_unread || is_user && are_users_unread {
                settled.unsettled.insert(address.clone());
            }
            settled.note(thing, observed, earlier.as_ref());
        }
        settled
    }

    fn note(&mut self, thing: &Thing, observed: &ObservedState, earlier: Option<&Earlier<'_>>) {
        let address = &thing.address;
        match &thing.standing {
            Standing::There(attributes) => {
                if let Some(incarnation) = Incarnation::of(observed, &thing.live) {
                    self.incarnations.insert(address.clone(), incarnation);
                }
                for (name, attribute) in attributes.iter().filter(|(_, it)| it.differs) {
                    let live = attribute.is_known().then(|| attribute.live.clone());
                    let recorded = earlier.and_then(|it| it.changed_by_hand(thing, name));
                    let left = LeftAttribute {
                        recorded: recorded.filter(|recorded| live.as_ref() != Some(recorded)),
                        live,
                        declared: attribute.declared.clone(),
                    };
                    let attributes = self.left.attributes.entry(address.clone()).or_default();
                    attributes.insert(name.clone(), left);
                }
            }
            Standing::Missing | Standing::MayHaveEnded => {
                // Deleted by hand, or renamed: that is not forgotten until it is declared so
                // or done anew.
                match earlier.and_then(|earlier| earlier.had(address)) {
                    Some(incarnation) => {
                        let known = incarnation.map(|it| (address.clone(), it));
                        self.incarnations.extend(known);
                    }
                    None => {
                        self.left.absent.insert(address.clone());
                    }
                }
            }
            Standing::Unreadable(_) => {
                self.unsettled.insert(address.clone());
            }
            // Of somebody else's tokens nothing can be compared later either.
            Standing::Unseen => {}
        }
    }
}

/// What the record of an earlier apply expects.
struct Earlier<'a> {
    applied: &'a Applied<'a>,
    by_name: BTreeMap<Address, Thing>,
    by_live: BTreeMap<Address, Address>,
}

impl<'a> Earlier<'a> {
    fn new(applied: &'a Applied<'a>, observed: &ObservedState) -> Self {
        let (things, _) = things_of(applied, observed);
        let there = things.all.iter();
        let there = there.filter(|it| matches!(it.standing, Standing::There(_)));
        let by_live = there
            .map(|it| (it.live.clone(), it.address.clone()))
            .collect();
        let all = things.all.into_iter();
        Self {
            applied,
            by_name: all.map(|it| (it.address.clone(), it)).collect(),
            by_live,
        }
    }

    fn is_settled(&self, address: &Address) -> bool {
        !self.applied.unsettled.contains(address)
    }

    /// What was left there, if it is not so any more.
    fn changed_by_hand(&self, thing: &Thing, attribute: &str) -> Option<String> {
        let address = match self.by_name.contains_key(&thing.address) {
            true => &thing.address,
            false => self.by_live.get(&thing.live)?,
        };
        let before = self
            .by_name
            .get(address)
            .filter(|_| self.is_settled(address))?;
        let Standing::There(attributes) = &before.standing else {
            return None;
        };
        let attribute = attributes
            .get(attribute)
            .filter(|_| !self.applied.left.is_unknown(address, attribute))?;
        attribute.differs.then(|| attribute.declared.clone())
    }

    /// Which one it was that is expected to be there; `Some(None)` where that is not known.
    fn had(&self, address: &Address) -> Option<Option<Incarnation>> {
        let is_expected = self.by_name.contains_key(address) && self.is_settled(address);
        is_expected.then(|| self.applied.incarnations.get(address).copied())
    }
}
