//! What an apply takes over: it is declared and on the server, and no apply has recorded it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::applied::{Applied, things_of};
use super::things::{Standing, Thing, Things};
use crate::address::Address;
use crate::diff::{Incarnation, diff};
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;

/// What is declared and on the server, and was neither made nor taken over by an apply that
/// `applied` knows of, by its declared name. Of what nobody can tell nothing is said.
#[must_use]
pub fn adopted(
    desired: &DesiredState,
    applied: Option<&Applied<'_>>,
    observed: &ObservedState,
) -> BTreeSet<Address> {
    let changes = diff(desired, observed);
    let declared = Things::new(desired, observed, &changes);
    let held = applied.map(|applied| Held::new(applied, observed));
    let is_there = |thing: &&Thing| matches!(thing.standing, Standing::There(_));
    let is_news = |thing: &&Thing| held.as_ref().is_none_or(|held| held.lacks(thing));
    let adopted = declared.all.iter().filter(is_there).filter(is_news);
    adopted.map(|thing| thing.address.clone()).collect()
}

/// What the record of an earlier apply has, by the names that the server has for it now.
struct Held<'a> {
    applied: &'a Applied<'a>,
    observed: &'a ObservedState,
    /// With the names that it was declared by.
    by_live: BTreeMap<Address, Address>,
    /// What got another name by hand before that apply.
    away: BTreeSet<Address>,
}

impl<'a> Held<'a> {
    fn new(applied: &'a Applied<'a>, observed: &'a ObservedState) -> Self {
        let (things, _) = things_of(applied, observed);
        let there = things.all.into_iter();
        let there = there.filter(|thing| matches!(thing.standing, Standing::There(_)));
        let away = applied.away.iter();
        Self {
            applied,
            observed,
            by_live: there.map(|thing| (thing.live, thing.address)).collect(),
            away: away.filter_map(|away| away.now(observed)).collect(),
        }
    }

    /// Whether it is certain that the record has it not.
    fn lacks(&self, thing: &Thing) -> bool {
        let Applied {
            unsettled,
            passed_over,
            ..
        } = self.applied;
        if unsettled.contains(&thing.address) {
            return false;
        }
        match self.by_live.get(&thing.live) {
            None => !self.away.contains(&thing.live),
            Some(recorded) if unsettled.contains(recorded) => false,
            Some(recorded) => {
                passed_over.contains(recorded) || self.is_another(recorded, &thing.live)
            }
        }
    }

    /// Whether it, or what it is in, was deleted and made anew: the number of a consumer group
    /// says only which one of its topic it is, and that of a token is not known.
    fn is_another(&self, recorded: &Address, live: &Address) -> bool {
        let mut both = recorded.with_ancestors().zip(live.with_ancestors());
        both.any(|(recorded, live)| {
            let recorded = self.applied.incarnations.get(&recorded);
            let live = Incarnation::of(self.observed, &live);
            recorded.zip(live).is_some_and(|(was, is)| *was != is)
        })
    }
}
