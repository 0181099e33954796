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
use crate::state::observed_token::{ObservedToken, SinkContent, TokenCheck, TokenRecord};

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
                access,
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
    /// Nothing: nobody can log in as an inactive user.
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

/// Whose the record is that is where the value goes.
enum Belongs {
    /// This token's.
    Here,
    /// That of a user who is no more, and whose tokens went along.
    Former,
    /// Somebody else's.
    Elsewhere { reason: String },
}

struct Comparison<'a> {
    address: Address,
    name: &'a ResourceName,
    token: &'a DesiredToken,
    owner: &'a Owner<'a>,
    content: &'a SinkContent,
    access: &'a ObservedAccess,
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
        let mut takes_over = false;
        let record = match self.content {
            SinkContent::Empty => None,
            SinkContent::Record(record) => match self.belongs(record) {
                Belongs::Here => Some(record),
                Belongs::Former => {
                    takes_over = true;
                    None
                }
                Belongs::Elsewhere { reason } => {
                    return self.blocked(BlockReason::SinkUnusable { reason }, found);
                }
            },
            SinkContent::Foreign => {
                let reason =
                    "what is there was not written by iggyctl, or its record is gone".to_owned();
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
                return self.not_compared(reason, found);
            }
            // A finding says so of each inactive user.
            Known::Inactive if !*rotate => return,
            Known::Inactive => {
                return self.not_compared("an inactive user cannot log in".to_owned(), found);
            }
            Known::Nothing { reason } => return self.not_compared(reason, found),
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
            Rotation::Elsewhere { is_due } => {
                self.notice(TokenNoticeKind::Elsewhere { is_due }, found);
            }
            Rotation::Current => {
                found.unchanged += 1;
                let Some(record) = record else { return };
                if record.is_open_to_others {
                    found.notices.push(TokenNotice {
                        address: self.address.clone(),
                        what: TokenNoticeKind::OpenToOthers,
                    });
                }
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
                    takes_over,
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

    /// Whose what is there is. A user is known by when the server created it:
    /// that stays when it is renamed, and two servers do not share it, but for
    /// root.
    fn belongs(&self, record: &TokenRecord) -> Belongs {
        let other_token = || Belongs::Elsewhere {
            reason: format!("it was written for {}", record.token),
        };
        let Address::Token(_, name) = &record.token else {
            return other_token();
        };
        if name != self.name {
            return other_token();
        }
        let owner = record.owner_created_at_micros;
        let is_same_server = record.server == self.access.server;
        if let Some(live) = self.owner.live
            && live.created_at_micros == owner
            && (!live.is_root() || is_same_server || record.check == TokenCheck::Accepted)
        {
            return Belongs::Here;
        }
        let mut others = self.access.users.values();
        if is_same_server && others.any(|user| user.created_at_micros == owner) {
            return other_token();
        }
        match is_same_server {
            true => Belongs::Former,
            false => Belongs::Elsewhere {
                reason: format!(
                    "it was written for {} of another server{}",
                    record.token,
                    record
                        .server
                        .as_ref()
                        .map_or_else(String::new, |server| format!(", {server}"))
                ),
            },
        }
    }

    /// What somebody asked to be replaced must not be passed over.
    fn not_compared(self, reason: String, found: &mut Tokens) {
        match self.token.rotate {
            true => self.blocked(BlockReason::RotationImpossible { reason }, found),
            false => self.notice(TokenNoticeKind::NotCompared { reason }, found),
        }
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
