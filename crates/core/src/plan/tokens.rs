//! The steps of access tokens.

use super::Stage;
use super::access::UserChanges;
use super::build::Steps;
use super::step::{Action, Precondition, Risk, StepId};
use crate::access::TokenSlot;
use crate::address::Address;
use crate::diff::{Revocation, RevocationReason, TokenChange};
use crate::name::ResourceName;

impl Steps {
    /// What makes room, before anything else of a user changes.
    pub(super) fn revoke_tokens(&mut self, users: &UserChanges<'_>) {
        for (address, change) in &users.tokens {
            let (Some(revocation), Address::Token(_, token)) = (change.revoke_first, address)
            else {
                continue;
            };
            let Revocation {
                slot,
                reason,
                found,
            } = revocation;
            let user = &change.live_user;
            let id = self.push_in(
                Stage::Revoke,
                address,
                Action::RevokeToken {
                    user: user.clone(),
                    token: token.clone(),
                    slot,
                    reason,
                    found: found.into(),
                    login: change.login_before.clone(),
                    noted_in: None,
                },
                Vec::new(),
                vec![present(user, token, slot)],
                match reason {
                    RevocationReason::Predecessor => Risk::Risky,
                    RevocationReason::NotDelivered | RevocationReason::Ended => Risk::Safe,
                },
            );
            self.frees.insert((*address).clone(), id);
        }
    }

    /// The new ones, when everything of their users is as declared, and then
    /// the end of those that they replace.
    pub(super) fn create_tokens(&mut self, users: &UserChanges<'_>) {
        for (address, change) in &users.tokens {
            let Address::Token(user, token) = address else {
                continue;
            };
            let created = change
                .create
                .map(|slot| self.create_token(address, user, token, change, slot));
            let Some(Revocation {
                slot,
                reason,
                found,
            }) = change.revoke_after
            else {
                continue;
            };
            self.push_in(
                Stage::Tokens,
                address,
                Action::RevokeToken {
                    user: user.clone(),
                    token: token.clone(),
                    slot,
                    reason,
                    found: found.into(),
                    login: change.login_after.clone(),
                    noted_in: Some(change.write_to.clone()),
                },
                created.into_iter().collect(),
                found
                    .map(|_| present(user, token, slot))
                    .into_iter()
                    .collect(),
                Risk::Risky,
            );
        }
    }

    fn create_token(
        &mut self,
        address: &Address,
        user: &ResourceName,
        token: &ResourceName,
        change: &TokenChange,
        slot: TokenSlot,
    ) -> StepId {
        // A login needs the name, the password and the status of the user; what
        // the user may do, it may do with a token, too.
        let owner = Address::User(user.clone());
        // The later of these need the earlier ones.
        let mut needs: Vec<StepId> = [&self.activates, &self.widens, &self.passwords, &self.makes]
            .into_iter()
            .find_map(|steps| steps.get(&owner).copied())
            .into_iter()
            .collect();
        needs.extend(self.frees.get(address).copied());
        needs.sort_unstable();
        self.push_in(
            Stage::Tokens,
            address,
            Action::CreateToken {
                user: user.clone(),
                token: token.clone(),
                slot,
                cause: change.cause,
                expiry: change.expiry,
                login: change.login_after.clone(),
                write_to: change.write_to.clone(),
                revokes: change.revoke_after.map(|revocation| revocation.slot),
                takes_over: change.takes_over,
            },
            needs,
            vec![Precondition::Absent {
                address: Address::Token(user.clone(), slot.name_of(token)),
            }],
            Risk::Safe,
        )
    }
}

fn present(user: &ResourceName, token: &ResourceName, slot: TokenSlot) -> Precondition {
    Precondition::Present {
        address: Address::Token(user.clone(), slot.name_of(token)),
    }
}
