//! What is written down before something is done: what is about to be created, and what
//! somebody else changed and is about to be changed back.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::address::Address;

use super::conclude::{Happening, first_of};
use super::conditions::{Conditions, DRIFTED, Health, OF_THE_SERVER};
use super::decide::Decision;
use super::drift::Correction;
use super::member::{Held, Member, Subject};
use crate::operator::model::{EventReason, Reason};
use crate::operator::resources::status::{ConditionStatus, TopologyStatus};

/// What is said before something is done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Announcement {
    pub(crate) status: TopologyStatus,
    /// Told before the status is written, so that an operator that ends in between tells it
    /// twice rather than never.
    pub(crate) happening: Option<Happening>,
}

/// What nothing says yet to be the member's own, once it is created.
pub(super) fn new_claims(
    members: &[Member],
    decision: &Decision,
    place: usize,
    creating: &BTreeSet<Address>,
) -> BTreeMap<Address, Held> {
    let known = &members[place].claims;
    let mut held = decision.held_with(members, place, creating);
    held.retain(|address, held| {
        held.incarnation.is_none()
            && decision.brings(place, address, creating)
            // What was deleted behind its back is created as another one.
            && known.get(address).is_none_or(|it| it.incarnation.is_some())
    });
    held
}

/// What is said of a member, where something has to be. An operator that ends right after that
/// knows by it what it created for its own, and people know what was found.
pub(crate) fn announcement(
    members: &[Member],
    decision: &Decision,
    place: usize,
    creating: &BTreeSet<Address>,
    correction: Option<&Correction>,
    subject: &Subject,
) -> Option<Announcement> {
    let creates = !new_claims(members, decision, place, creating).is_empty();
    let member = &members[place];
    let object = &member.object;
    let unsaid = correction.filter(|it| !it.is_shown_by(&object.status));
    if !creates && unsaid.is_none() {
        return None;
    }
    let message = match correction {
        None => "being applied".to_owned(),
        Some(correction) => format!("being changed back: {}", correction.words()),
    };
    let mut conditions = Conditions::new(
        object,
        subject.now,
        Health::Reconciling,
        Reason::Progressing,
        &message,
    );
    for kind in OF_THE_SERVER {
        match correction {
            Some(correction) if kind == DRIFTED => {
                let reason = Reason::DriftFound;
                conditions.set(kind, ConditionStatus::True, reason, &correction.words());
            }
            _ => conditions.keep(kind),
        }
    }
    let mut claims = member.claims.clone();
    // What it held by the same name before is no more.
    claims.extend(decision.held_with(members, place, creating));
    let before = object.status.as_ref();
    let plan = correction.map_or(before.plan.as_ref(), Correction::plan);
    let news = correction.map(|it| it.news(before)).unwrap_or_default();
    let happening = (!news.is_empty()).then(|| {
        let note = format!("to be changed back: {}", first_of(&news));
        Happening::warning(EventReason::DriftFound, note)
    });
    Some(Announcement {
        status: TopologyStatus {
            observed_generation: before.observed_generation,
            conditions: conditions.finish(),
            claims: claims
                .iter()
                .map(|(address, held)| held.to_claim(address, &subject.identity))
                .collect(),
            plan: plan.cloned(),
            ..before.clone()
        },
        happening,
    })
}
