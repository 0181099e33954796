//! Access tokens: what is declared, what the server has, and what was delivered.

use std::collections::BTreeMap;

use super::rotation::{self, Rotation, Situation, Slots};
use crate::access::{TokenSlot, UserStatus};
use crate::address::Address;
use crate::diff::basis::BasisRecorder;
use crate::diff::change::{
    BlockReason, Change, Difference, TokenChange, TokenLogin, TokenNotice, TokenNoticeKind,
};
use crate::name::ResourceName;
use crate::state::desired::DesiredState;
use crate::state::desired_token::DesiredToken;
use crate::state::desired_user::DesiredUser;
use crate::state::observed_access::{ObservedAccess, ObservedUser, PasswordCheck};
use crate::state::observed_token::{ObservedToken, SinkContent, TokenCheck};

/// How the tokens differ.
#[derive(Debug, Default)]
pub(in crate::diff) struct Tokens {
    pub(in crate::diff) changes: Vec<Change>,
    pub(in crate::diff) notices: Vec<TokenNotice>,
    pub(in crate::diff) unchanged: u32,
}

/// Compares every declared token with what is there. `live_names` says what the
/// declared users are called on the server.
pub(in crate::diff) fn compare_tokens(
    desired: &DesiredState,
    access: &ObservedAccess,
    live_names: &BTreeMap<&ResourceName, &ResourceName>,
    basis: &mut BasisRecorder,
) -> Tokens {
    let mut found = Tokens::default();
    for (user, tokens) in &desired.tokens {
        let live_name = live_names.get(user).copied().unwrap_or(user);
        let is_declared = desired.users.contains_key(user);
        // Who declares a user has said whether the one of this name is it.
        let is_there = !is_declared || live_names.contains_key(user);
        let owner = Owner {
            declared: desired.users.get(user),
            live: access.users.get(live_name).filter(|_| is_there),
            live_name,
            is_me: access.me.as_ref() == Some(live_name) && is_there,
        };
        for (name, token) in tokens {
            let Some(content) = access.sinks.get(&(user.clone(), name.clone())) else {
                continue;
            };
            let comparison = Comparison {
                address: Address::Token(user.clone(), name.clone()),
                name,
                token,
                owner: &owner,
                content,
                users: &access.users,
                now: access.read_at_micros,
            };
            comparison.into(&mut found, basis);
        }
    }
    found
}

/// The user of a token.
struct Owner<'a> {
    declared: Option<&'a DesiredUser>,
    live: Option<&'a ObservedUser>,
    live_name: &'a ResourceName,
    is_me: bool,
}

/// What of the tokens of a user is known.
enum Known<'a> {
    /// All of them.
    Tokens(&'a BTreeMap<ResourceName, ObservedToken>),
    /// There are none, since there is no such user yet.
    None,
    /// Whoever creates one will see.
    Later,
    /// Nothing: nobody can log in as an inactive user. A finding says so of each.
    Inactive,
    /// Nothing, and nothing can be done.
    Nothing { reason: String },
}

impl<'a> Owner<'a> {
    fn known(&self) -> Known<'a> {
        let declared = self.declared.and_then(|user| user.status);
        let status = declared.or(self.live.map(|live| live.status));
        if status == Some(UserStatus::Inactive) {
            return Known::Inactive;
        }
        let Some(live) = self.live else {
            return Known::None;
        };
        if let Some(tokens) = &live.tokens {
            return Known::Tokens(tokens);
        }
        if live.status == UserStatus::Inactive {
            return Known::Later;
        }
        let reason = match &live.password {
            PasswordCheck::Neither => "the live password is not known",
            PasswordCheck::Unverifiable { reason } => reason,
            PasswordCheck::NotChecked | PasswordCheck::Declared | PasswordCheck::Previous => {
                "nobody logged in as the user"
            }
        };
        Known::Nothing {
            reason: reason.to_owned(),
        }
    }

    /// With which password, before and after passwords change.
    fn logins(&self) -> Option<(TokenLogin, TokenLogin)> {
        if self.is_me {
            return Some((TokenLogin::Own, TokenLogin::Own));
        }
        let user = self.declared?;
        let after = user.password.clone()?;
        let is_replaced = self
            .live
            .is_some_and(|live| live.password == PasswordCheck::Previous);
        let before = match (is_replaced, &user.previous_password) {
            (true, Some(previous)) => previous.clone(),
            _ => after.clone(),
        };
        Some((TokenLogin::Password(before), TokenLogin::Password(after)))
    }
}

struct Comparison<'a> {
    address: Address,
    name: &'a ResourceName,
    token: &'a DesiredToken,
    owner: &'a Owner<'a>,
    content: &'a SinkContent,
    users: &'a BTreeMap<ResourceName, ObservedUser>,
    now: u64,
}

impl Comparison<'_> {
    fn into(self, found: &mut Tokens, basis: &mut BasisRecorder) {
        let DesiredToken {
            expiry,
            rotate_before,
            write_to,
            rotate,
            origin: _,
        } = self.token;
        if self.owner.live.is_none() && self.owner.declared.is_none() {
            let parent = Address::User(self.owner.live_name.clone());
            return self.blocked(BlockReason::ParentMissing { parent }, found);
        }
        let Some((login_before, login_after)) = self.owner.logins() else {
            return self.blocked(BlockReason::TokenNeedsPassword, found);
        };
        let record = match self.content {
            SinkContent::Empty => None,
            SinkContent::Record(record) if self.is_of(&record.token) => Some(record),
            SinkContent::Record(record) => {
                let reason = format!("it was written for {}", record.token);
                return self.blocked(BlockReason::SinkUnusable { reason }, found);
            }
            SinkContent::Foreign => {
                let reason = "what is there was not written by iggyctl".to_owned();
                return self.blocked(BlockReason::SinkUnusable { reason }, found);
            }
            SinkContent::Unreadable { reason } => {
                let reason = reason.clone();
                return self.blocked(BlockReason::SinkUnusable { reason }, found);
            }
        };
        let has_delivered = record.is_some_and(|record| record.delivered.is_some());
        let slot = |tokens: &BTreeMap<ResourceName, ObservedToken>, slot: TokenSlot| {
            tokens.get(&slot.name_of(self.name)).copied()
        };
        let (first, second) = match self.owner.known() {
            Known::Tokens(tokens) => (
                slot(tokens, TokenSlot::First),
                slot(tokens, TokenSlot::Second),
            ),
            Known::None => (None, None),
            Known::Later if !has_delivered => (None, None),
            Known::Later => {
                let reason = "the user is inactive until this plan is applied".to_owned();
                return self.notice(TokenNoticeKind::NotCompared { reason }, found);
            }
            Known::Inactive => return,
            Known::Nothing { reason } => {
                return self.notice(TokenNoticeKind::NotCompared { reason }, found);
            }
        };
        basis.token(&self.address, [first, second]);
        let now = self.now;
        let situation = Situation {
            slots: Slots { first, second, now },
            record,
            rotate_before: rotate_before.map_or(0, |before| before.micros()),
            is_requested: *rotate,
        };
        match situation.rotation() {
            Rotation::Elsewhere => self.notice(TokenNoticeKind::Elsewhere, found),
            Rotation::Current => {
                found.unchanged += 1;
                let Some(record) = record else { return };
                if record.check == TokenCheck::Refused {
                    found.notices.push(TokenNotice {
                        address: self.address,
                        what: TokenNoticeKind::ValueRefused,
                    });
                } else if let Some(delivered) = record.delivered
                    && delivered.expiry != *expiry
                {
                    found.notices.push(TokenNotice {
                        address: self.address,
                        what: TokenNoticeKind::OtherExpiry {
                            from: delivered.expiry,
                            to: *expiry,
                        },
                    });
                }
            }
            Rotation::Change(rotation::Change {
                cause,
                revoke_first,
                create,
                revoke_after,
            }) => found.changes.push(Change {
                address: self.address,
                difference: Difference::ChangeToken(Box::new(TokenChange {
                    cause,
                    revoke_first,
                    create,
                    revoke_after,
                    expiry: *expiry,
                    write_to: write_to.clone(),
                    login_before,
                    login_after,
                    live_user: self.owner.live_name.clone(),
                })),
                obstacles: Vec::new(),
            }),
        }
    }

    /// Whether a note that was left for this token is about it. Its user may
    /// have had another name then, which nobody has any more.
    fn is_of(&self, noted: &Address) -> bool {
        let Address::Token(user, name) = noted else {
            return false;
        };
        *noted == self.address
            || (name == self.name
                && (user == self.owner.live_name || !self.users.contains_key(user)))
    }

    fn blocked(self, reason: BlockReason, found: &mut Tokens) {
        found.changes.push(Change {
            address: self.address,
            difference: Difference::Unknown,
            obstacles: vec![reason],
        });
    }

    fn notice(self, what: TokenNoticeKind, found: &mut Tokens) {
        found.notices.push(TokenNotice {
            address: self.address,
            what,
        });
    }
}
