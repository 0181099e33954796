//! Comparisons of what no plan of the round is about: of objects that only look, and of what
//! an object declares and was refused.

use std::collections::BTreeMap;

use iggyctl_core::address::Address;
use iggyctl_core::plan::Approvals;
use iggyctl_core::render::PlanReport;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::desired_user::DesiredUser;

use super::conclude::lines_of;
use super::decide::Decision;
use super::grant::Grant;
use super::member::Member;
use crate::operator::model::{Declared, Reason};
use crate::operator::resources::status::ChangeLine;

/// What such comparisons showed, by member.
pub(crate) type Looked = BTreeMap<usize, Vec<ChangeLine>>;

/// Compares for those members alone for which it is needed; `wanted` is what was read.
pub(crate) fn compare_alone(
    members: &[Member],
    decision: &Decision,
    wanted: &DesiredState,
    compare: impl Fn(&DesiredState, &Approvals) -> PlanReport,
) -> Looked {
    let mut looked = Looked::new();
    for (place, member) in members.iter().enumerate() {
        let grant = &decision.grants[place];
        let Ok(declared) = &member.declared else {
            continue;
        };
        if member.only_observes() {
            let has = |address: &Address| decision.contest.winners.contains_key(address);
            let mut state = declared.state.clone();
            without_passwords(&mut state, has);
            let mut state =
                state.keeping(|address| !matches!(address, Address::Token(..)) || !has(address));
            // What it is in may be declared by another object.
            state.complete_from(wanted);
            let mut lines = lines_of(&compare(&state, &decision.approvals));
            lines.retain(|line| is_about(line, |address| declared.state.declares(address)));
            looked.insert(place, lines);
        } else if !decision.is_replaced && grant.is_refused_something() {
            let lines = refused(members, declared, grant, wanted, &compare);
            if !lines.is_empty() {
                looked.insert(place, lines);
            }
        }
    }
    looked
}

/// Of what another one has, it is the password of that which was tried, and its Secret that was
/// read.
fn without_passwords(state: &mut DesiredState, is_of_another: impl Fn(&Address) -> bool) {
    for (name, user) in &mut state.users {
        let DesiredUser {
            password,
            previous_password,
            ..
        } = user;
        if is_of_another(&Address::User(name.clone())) {
            (*password, *previous_password) = (None, None);
        }
    }
}

fn is_about(line: &ChangeLine, is_meant: impl Fn(&Address) -> bool) -> bool {
    let address = line.address.parse::<Address>();
    address.is_ok_and(|address| is_meant(&address))
}

/// What would be changed of what a member was refused, each line with the reason.
fn refused(
    members: &[Member],
    declared: &Declared,
    grant: &Grant,
    wanted: &DesiredState,
    compare: impl Fn(&DesiredState, &Approvals) -> PlanReport,
) -> Vec<ChangeLine> {
    let mut state = declared.state.clone();
    state.owns = iggyctl_core::state::desired::Ownership::default();
    without_passwords(&mut state, |address| grant.lost.contains_key(address));
    let mut state = state.keeping(|address| match grant.lost.get(address) {
        None => true,
        Some(holder) => match address {
            Address::Token(..) => false,
            // Nor was it read.
            Address::User(_) => !members[*holder].is_foreign,
            _ => true,
        },
    });
    state.complete_from(wanted);
    let approvals = Approvals {
        allow_destroy: declared.may_shrink.clone(),
        ..Approvals::default()
    };
    let lines = lines_of(&compare(&state, &approvals)).into_iter();
    lines
        .filter_map(|line| {
            let reason = grant.refusal(&line.address.parse().ok()?)?;
            let summary = match &line.code {
                // It says itself why.
                Some(_) => line.summary,
                None => format!("{}: {}", reason.as_str(), line.summary),
            };
            Some(ChangeLine { summary, ..line })
        })
        .collect()
}

impl Grant {
    fn is_refused_something(&self) -> bool {
        let Self {
            held: _,
            adopted: _,
            refused,
            forbidden,
            lost,
            recreated: _,
        } = self;
        !refused.is_empty() || !forbidden.is_empty() || !lost.is_empty()
    }

    /// Why the member does not get something, if it does not.
    fn refusal(&self, address: &Address) -> Option<Reason> {
        if self.refused.contains(address) {
            Some(Reason::AdoptionRefused)
        } else if self.lost.contains_key(address) {
            Some(Reason::Conflicted)
        } else if self.forbidden.contains_key(address) {
            Some(Reason::NotPermitted)
        } else {
            None
        }
    }
}
