use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::applied::{Applied, things_of};
use super::attribute::NAME;
use super::item::{DriftItem, DriftKind};
use super::things::{Standing, Things};
use crate::address::Address;
use crate::diff::{Incarnation, diff};
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, ObservedState};

/// Something that an apply had made, and that somebody has given another name since. What
/// it holds is there as long as it is, also when another apply has made an empty one with
/// the declared name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Away {
    /// As it was declared.
    pub address: Address,
    /// Which one it is.
    pub was: Incarnation,
}

impl Away {
    /// What got another name by hand since the `previous` apply or one before it, is there
    /// under it, as far as that can be seen, and is not declared by it.
    #[must_use]
    pub fn of(
        desired: &DesiredState,
        observed: &ObservedState,
        previous: &Applied<'_>,
    ) -> BTreeSet<Self> {
        let (things, _) = things_of(previous, observed);
        let changes = diff(desired, observed);
        let declared = Things::new(desired, observed, &changes);
        let declared = declared.live();
        let renamed = things.all.iter().filter_map(|thing| {
            let Standing::There(attributes) = &thing.standing else {
                return None;
            };
            let is_renamed = attributes.get(NAME).is_some_and(|it| it.differs);
            let is_settled = !previous.unsettled.contains(&thing.address);
            let was = Incarnation::of(observed, &thing.live)?;
            (is_renamed && is_settled && !declared.contains(&thing.live)).then(|| Self {
                address: thing.address.clone(),
                was,
            })
        });
        let earlier = previous
            .away
            .iter()
            .filter(|away| match away.now(observed) {
                Some(now) => !declared.contains(&now),
                // A stream is seen only where somebody names it or owns it.
                None => matches!(away.address, Address::Stream(_)),
            });
        renamed.chain(earlier.cloned()).collect()
    }

    /// Where it is now.
    pub(super) fn now(&self, observed: &ObservedState) -> Option<Address> {
        let is_it = |address: &Address| Incarnation::of(observed, address) == Some(self.was);
        match &self.address {
            Address::Stream(_) => {
                let mut all = observed.streams.keys().cloned().map(Address::Stream);
                all.find(is_it)
            }
            // What it is in may have got another name since.
            Address::Topic(..) => {
                let all = observed.streams.iter().flat_map(|(stream, it)| {
                    let topics = it.topics.keys();
                    topics.map(|topic| Address::Topic(stream.clone(), topic.clone()))
                });
                all.into_iter().find(is_it)
            }
            Address::User(_) => {
                let AccessReading::Read(access) = &observed.access else {
                    return None;
                };
                let mut all = access.users.keys().cloned().map(Address::User);
                all.find(is_it)
            }
            // Nobody can rename them.
            Address::ConsumerGroup(..) | Address::Token(..) => None,
        }
    }
}

/// What is said of them, with where they are.
pub(super) fn items(
    applied: &Applied<'_>,
    declared: &Things,
    observed: &ObservedState,
) -> Vec<DriftItem> {
    let declared = declared.live();
    let away = applied.away.iter().filter_map(|away| {
        // As long as there is no other one it is said to be renamed.
        if applied.incarnations.get(&away.address) == Some(&away.was) {
            return None;
        }
        let now = away.now(observed)?;
        (!declared.contains(&now)).then(|| DriftItem {
            now: Some(now),
            ..DriftItem::new(away.address.clone(), DriftKind::RenamedAway)
        })
    });
    away.collect()
}
