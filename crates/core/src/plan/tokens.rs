//! The steps of access tokens.

use super::Stage;
use super::access::UserChanges;
use super::build::Steps;
use super::step::{Action, FoundToken, Precondition, Risk, StepId};
use crate::access::TokenSlot;
use crate::address::Address;
use crate::diff::{Revocation, RevocationReason, TokenChange, TokenLogin};
use crate::name::ResourceName;
use crate::state::desired_token::TokenDestination;

impl Steps {
    /// What makes room, before anything else of a user changes.
    pub(super) fn revoke_tokens(&mut self, users: &UserChanges<'_>) {
        for (address, change) in &users.tokens {
            let (Some(revocation), Address::Token(_, token)) = (change.revoke_first, address)
            else {
                continue;
            };
            let risk = match revocation.reason {
                RevocationReason::Predecessor => Risk::Risky,
                RevocationReason::NotDelivered | RevocationReason::Ended => Risk::Safe,
            };
            let action = revoke(
                revocation,
                (&change.live_user, token),
                &change.login_before,
                None,
            );
            let id = self.revoke_token(Stage::Revoke, address, action, Vec::new(), risk);
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
            let Some(revocation) = change.revoke_after else {
                continue;
            };
            let action = revoke(
                revocation,
                (user, token),
                &change.login_after,
                Some(&change.write_to),
            );
            let needs = created.into_iter().collect();
            self.revoke_token(Stage::Tokens, address, action, needs, Risk::Risky);
        }
    }

    fn revoke_token(
        &mut self,
        stage: Stage,
        address: &Address,
        action: Action,
        needs: Vec<StepId>,
        risk: Risk,
    ) -> StepId {
        let there = match &action {
            Action::RevokeToken {
                user,
                token,
                slot,
                found: FoundToken::Endless | FoundToken::Ending { .. },
                ..
            } => Some(Precondition::Present {
                address: Address::Token(user.clone(), slot.name_of(token)),
            }),
            _ => None,
        };
        self.push_in(
            stage,
            address,
            action,
            needs,
            there.into_iter().collect(),
            risk,
        )
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

fn revoke(
    Revocation {
        slot,
        reason,
        found,
    }: Revocation,
    (user, token): (&ResourceName, &ResourceName),
    login: &TokenLogin,
    noted_in: Option<&TokenDestination>,
) -> Action {
    Action::RevokeToken {
        user: user.clone(),
        token: token.clone(),
        slot,
        reason,
        found: found.into(),
        login: login.clone(),
        noted_in: noted_in.cloned(),
    }
}
