//! Access tokens: who may have them replaced, and which are revoked.
//!
//! A token is seen only by its user, and its value is shown once. So it has no number by which
//! a claim could know it again; what tells is the Secret with its value.

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::Adoption;
use iggyctl_core::diff::{TokenNotice, TokenNoticeKind, diff};
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::observed::{AccessReading, ObservedState};
use iggyctl_core::state::observed_token::SinkContent;

use super::decide::Decision;
use super::member::Member;
use super::removal::{Fate, let_go};

impl Decision {
    /// Says what becomes of tokens that the server has and whose value is nowhere: nobody but
    /// the operator writes it, so one that an object holds is replaced. One that was there
    /// before is somebody's, and is only replaced for an object that may adopt it.
    pub(crate) fn settle_tokens(&mut self, members: &[Member], observed: &ObservedState) {
        if self.compared.tokens.is_empty() {
            return;
        }
        self.forbid_tokens(members, observed);
        let is_about = |address: &Address| matches!(address, Address::User(_) | Address::Token(..));
        let elsewhere: Vec<Address> = diff(&self.compared.keeping(is_about), observed)
            .token_notices
            .iter()
            .filter(|it| matches!(it.what, TokenNoticeKind::Elsewhere { .. }))
            .map(|TokenNotice { address, .. }| address.clone())
            .collect();
        for address in elsewhere {
            let Some(place) = self.contest.winners.get(&address).copied() else {
                continue;
            };
            if may_replace(&members[place], members, &address) {
                for state in [&mut self.compared, &mut self.executed] {
                    // What is only compared is not among what is executed.
                    let _ = state.request_rotation(&address);
                }
            } else {
                self.leave_out(&address);
                let grant = &mut self.grants[place];
                grant.held.remove(&address);
                grant.refused.insert(address);
            }
        }
    }

    /// On a server that several namespaces share, whoever gets a token of a user may do what
    /// that user may: it has to be one that the same namespace has, within its ceiling, and
    /// never the operator itself.
    fn forbid_tokens(&mut self, members: &[Member], observed: &ObservedState) {
        let me = match &observed.access {
            AccessReading::Read(access) => access.me.as_ref(),
            _ => None,
        };
        let tokens: Vec<Address> = self.compared.declared().collect();
        for address in tokens {
            let Address::Token(user, _) = &address else {
                continue;
            };
            let Some(place) = self.contest.winners.get(&address).copied() else {
                continue;
            };
            if !members[place].is_bounded() {
                continue;
            }
            let namespace = &members[place].object.key.namespace;
            let why = if me == Some(user) {
                format!("user/{user} is the operator's own login")
            } else if !self.has_user(members, user, namespace) {
                format!("no object of the namespace {namespace} holds user/{user}")
            } else {
                continue;
            };
            self.leave_out(&address);
            let grant = &mut self.grants[place];
            grant.held.remove(&address);
            grant.forbidden.insert(address, why);
        }
    }

    /// Whether an object of the namespace holds the user. To declare it is not enough: it may
    /// be somebody else's.
    fn has_user(&self, members: &[Member], user: &ResourceName, namespace: &str) -> bool {
        let user = Address::User(user.clone());
        self.contest.winners.get(&user).is_some_and(|&owner| {
            let member = &members[owner];
            let is_kept = member.is_paused() && member.claims.contains_key(&user);
            member.object.key.namespace == namespace
                && member.is_bounded()
                && (is_kept || self.grants[owner].held.contains_key(&user))
        })
    }

    /// The tokens to revoke, each with the place of the object that held it.
    pub(crate) fn revocations<'a>(
        &'a self,
        members: &'a [Member],
    ) -> impl Iterator<Item = (usize, &'a Address)> {
        let waiting = self.removals.fates.iter().zip(members).enumerate();
        let waiting = waiting.filter(|(_, (_, member))| !self.is_replaced && !member.is_forced());
        waiting.flat_map(|(place, (fates, _))| {
            fates
                .iter()
                .filter(|(address, fate)| {
                    matches!(address, Address::Token(..)) && **fate == Fate::Deleted
                })
                .map(move |(address, _)| (place, address))
        })
    }
}

fn may_replace(member: &Member, members: &[Member], address: &Address) -> bool {
    let is_handed_over = || {
        let mut others = members.iter();
        others.any(|other| other.claims.contains_key(address) && let_go(other).contains(&address))
    };
    member.claims.contains_key(address)
        || member.waits_for.contains_key(address)
        || member.policies.adoption == Adoption::Adopt
        || is_handed_over()
}

/// Whether the value of a token is where it belongs.
pub(super) fn is_delivered(observed: &ObservedState, address: &Address) -> bool {
    let (Address::Token(user, token), AccessReading::Read(access)) = (address, &observed.access)
    else {
        return false;
    };
    match access.sinks.get(&(user.clone(), token.clone())) {
        Some(SinkContent::Record(record)) => {
            record.has_value && record.delivered.is_some() && record.pending.is_none()
        }
        _ => false,
    }
}
