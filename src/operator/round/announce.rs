//! What is written down before something is created.

use std::collections::BTreeSet;

use iggyctl_core::address::Address;

use super::conditions::{Conditions, Health, OF_THE_SERVER};
use super::decide::Decision;
use super::member::{Member, Subject};
use crate::operator::model::Reason;
use crate::operator::resources::status::TopologyStatus;

/// The status that says what is about to be created, where something is: an operator that
/// ends right after that knows it for its own by this.
pub(crate) fn announcement(
    members: &[Member],
    decision: &Decision,
    place: usize,
    creating: &BTreeSet<Address>,
    subject: &Subject,
) -> Option<TopologyStatus> {
    let held = decision.held_with(members, place, creating);
    let known = &members[place].claims;
    // What was deleted behind its back is created as another one.
    let is_new = |address: &Address| {
        let known = known.get(address);
        decision.brings(place, address, creating)
            && known.is_none_or(|held| held.incarnation.is_some())
    };
    if !held
        .iter()
        .any(|(address, held)| held.incarnation.is_none() && is_new(address))
    {
        return None;
    }
    let member = &members[place];
    let object = &member.object;
    let mut conditions = Conditions::new(
        object,
        subject.now,
        Health::Reconciling,
        Reason::Progressing,
        "being applied",
    );
    for kind in OF_THE_SERVER {
        conditions.keep(kind);
    }
    let mut claims = member.claims.clone();
    // What it held by the same name before is no more.
    claims.extend(held);
    Some(TopologyStatus {
        observed_generation: object.status.observed_generation,
        conditions: conditions.finish(),
        claims: claims
            .iter()
            .map(|(address, held)| held.to_claim(address, &subject.identity))
            .collect(),
        ..object.status.as_ref().clone()
    })
}
