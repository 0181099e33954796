//! Users and their tokens; each write has the error codes of the real server.

use std::collections::BTreeMap;

use iggy_binary_protocol::{WireIdentifier, WireName};
use iggy_common::{Permissions, UserStatus};

use super::user::{Token, TokenHash, User};
use super::{Change, Slots};
use crate::credentials::{Credentials, USERNAME_BYTES};
use crate::password::PasswordCheck;
use crate::rules::{Rejection, limits};

/// Root is the first user; it can neither be deleted nor be given other permissions.
pub(crate) const ROOT_ID: u32 = 0;
/// The real server marks root with this instead of a time.
const ROOT_CREATED_AT: u64 = 1;

/// All users and all tokens.
#[derive(Debug)]
pub(crate) struct Users {
    slots: Slots<User>,
    /// By user id and name. Not in the user, since a live connection of a deleted user
    /// goes on, and makes tokens for an id that nobody has.
    tokens: BTreeMap<u32, BTreeMap<String, Token>>,
    by_hash: BTreeMap<TokenHash, (u32, String)>,
    /// Whether root was renamed: then its name is not the one of the start.
    root_renamed: bool,
}

/// A user as a folder holds it.
#[derive(Debug)]
pub(crate) struct StoredUser {
    /// `None` for a root that has the name of the start.
    pub(crate) name: Option<WireName>,
    pub(crate) created_at: u64,
    pub(crate) active: bool,
    /// `None` for a root that has the password of the start.
    pub(crate) password: Option<PasswordCheck>,
    pub(crate) permissions: Option<Permissions>,
}

/// Why stored users cannot be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RestoreError {
    /// Only root may lack a name or a password.
    Incomplete { user: u32 },
    /// Another user has the name that root is to have.
    RootNameTaken,
}

/// What a login compares a password with.
#[derive(Debug, Clone)]
pub(crate) struct LoginCheck {
    pub(crate) user: u32,
    pub(crate) password: PasswordCheck,
}

/// Why a token is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenRefusal {
    /// Unknown or expired.
    Invalid,
    /// Its user is inactive.
    UserInactive,
}

impl Users {
    /// The users of a new server: root.
    pub(crate) fn with_root(credentials: &Credentials) -> Self {
        let mut slots = Slots::default();
        slots.insert(new_root(credentials));
        Self {
            slots,
            tokens: BTreeMap::new(),
            by_hash: BTreeMap::new(),
            root_renamed: false,
        }
    }

    /// Puts back what was stored. What of root was never changed is as at the start.
    pub(crate) fn restore(
        credentials: &Credentials,
        stored: BTreeMap<u32, StoredUser>,
        tokens: BTreeMap<u32, BTreeMap<String, Token>>,
    ) -> Result<Self, RestoreError> {
        let mut users = BTreeMap::from([(ROOT_ID, new_root(credentials))]);
        let mut root_renamed = false;
        for (id, stored) in stored {
            let StoredUser {
                name,
                created_at,
                active,
                password,
                permissions,
            } = stored;
            if id == ROOT_ID {
                root_renamed = name.is_some();
            }
            let of_start = users.remove(&id).map(|root| (root.name, root.password));
            let (given_name, given_password) = of_start.unzip();
            let (Some(name), Some(password)) = (name.or(given_name), password.or(given_password))
            else {
                return Err(RestoreError::Incomplete { user: id });
            };
            let user = User {
                name,
                created_at,
                active,
                password,
                permissions,
            };
            users.insert(id, user);
        }
        let root_name = users.get(&ROOT_ID).map(|root| root.name.clone());
        let namesakes = users
            .values()
            .filter(|user| Some(&user.name) == root_name.as_ref());
        if namesakes.count() > 1 {
            return Err(RestoreError::RootNameTaken);
        }
        let by_hash = tokens
            .iter()
            .flat_map(|(user, tokens)| {
                tokens
                    .iter()
                    .map(|(name, token)| (token.hash.clone(), (*user, name.clone())))
            })
            .collect();
        Ok(Self {
            slots: Slots::restore(users),
            tokens,
            by_hash,
            root_renamed,
        })
    }

    /// Creates a user. 43, 46.
    pub(crate) fn create(
        &mut self,
        name: WireName,
        status: u8,
        permissions: Option<Permissions>,
        password: PasswordCheck,
        now: u64,
    ) -> Result<(u32, Change), Rejection> {
        check_username(&name)?;
        if self.slots.id_of(name.as_str()).is_some() {
            return Err(Rejection::UserNameTaken);
        }
        let user = self.slots.insert(User {
            name,
            created_at: now,
            // The real server takes a status it does not know for the usual one.
            active: UserStatus::from_code(status).unwrap_or_default() == UserStatus::Active,
            password,
            permissions,
        });
        // Those that a connection of a deleted user made for this id. Their hashes stay
        // known, as on the real server: such a token logs in as the new user once that one
        // makes a token of the same name. (Here only until the server is started again.)
        self.tokens.remove(&user);
        Ok((user, Change::UserCreated { user }))
    }

    /// Renames, activates or deactivates a user, root too. 20, 43, 46.
    pub(crate) fn update(
        &mut self,
        user: &WireIdentifier,
        name: Option<WireName>,
        status: Option<u8>,
    ) -> Result<Change, Rejection> {
        let user = self.id(user)?;
        if let Some(name) = &name {
            check_username(name)?;
            let holder = self.slots.id_of(name.as_str());
            if holder.is_some_and(|holder| holder != user) {
                return Err(Rejection::UserNameTaken);
            }
        }
        self.root_renamed |= user == ROOT_ID && name.is_some();
        self.slots.update(user, |entry| {
            if let Some(name) = name {
                entry.name = name;
            }
            if let Some(Ok(status)) = status.map(UserStatus::from_code) {
                entry.active = status == UserStatus::Active;
            }
        });
        Ok(Change::UserPut { user })
    }

    /// Deletes a user with its tokens; its connections go on. 20, 48.
    pub(crate) fn delete(&mut self, user: &WireIdentifier) -> Result<Change, Rejection> {
        let user = self.id(user)?;
        if user == ROOT_ID {
            return Err(Rejection::CannotDeleteUser);
        }
        self.slots.remove(user);
        for token in self.tokens.remove(&user).unwrap_or_default().into_values() {
            self.by_hash.remove(&token.hash);
        }
        Ok(Change::UserRemoved { user })
    }

    /// Replaces the permissions of a user. 20, 49.
    pub(crate) fn update_permissions(
        &mut self,
        user: &WireIdentifier,
        permissions: Option<Permissions>,
    ) -> Result<Change, Rejection> {
        let user = self.id(user)?;
        if user == ROOT_ID {
            return Err(Rejection::CannotChangePermissions);
        }
        if let Some(entry) = self.slots.get_mut(user) {
            entry.permissions = permissions;
        }
        Ok(Change::UserPut { user })
    }

    /// Replaces a password, if what the current one was compared with still holds.
    /// 20, 42.
    pub(crate) fn change_password(
        &mut self,
        user: &WireIdentifier,
        compared_with: &PasswordCheck,
        password: PasswordCheck,
    ) -> Result<Change, Rejection> {
        let user = self.id(user)?;
        let entry = self
            .slots
            .get_mut(user)
            .ok_or(Rejection::ResourceNotFound)?;
        if !entry.password.is_same(compared_with) {
            return Err(Rejection::InvalidCredentials);
        }
        entry.password = password;
        Ok(Change::UserPut { user })
    }

    /// Refuses one token too many; before anything else about it, so that the name does
    /// not matter. 52.
    pub(crate) fn check_token_limit(&self, user: u32) -> Result<(), Rejection> {
        let count = self.tokens.get(&user).map_or(0, BTreeMap::len);
        if count >= limits::MAX_TOKENS_PER_USER {
            return Err(Rejection::TooManyTokens);
        }
        Ok(())
    }

    /// Adds a token of which the hash is known. Zero and the largest number of
    /// microseconds both mean that it never expires. 51, 56.
    pub(crate) fn create_token(
        &mut self,
        user: u32,
        name: &WireName,
        expiry: u64,
        hash: TokenHash,
        now: u64,
    ) -> Result<Change, Rejection> {
        let tokens = self.tokens.entry(user).or_default();
        if tokens.contains_key(name.as_str()) {
            return Err(Rejection::TokenNameTaken);
        }
        let expires_at = match expiry {
            0 | u64::MAX => None,
            duration => Some(
                now.checked_add(duration)
                    .ok_or(Rejection::InvalidTokenExpiry)?,
            ),
        };
        let name = name.as_str().to_owned();
        self.by_hash.insert(hash.clone(), (user, name.clone()));
        tokens.insert(name.clone(), Token { hash, expires_at });
        Ok(Change::TokenPut { user, name })
    }

    /// Deletes a token. 20.
    pub(crate) fn delete_token(&mut self, user: u32, name: &str) -> Result<Change, Rejection> {
        let token = self
            .tokens
            .get_mut(&user)
            .and_then(|tokens| tokens.remove(name))
            .ok_or(Rejection::ResourceNotFound)?;
        self.by_hash.remove(&token.hash);
        let name = name.to_owned();
        Ok(Change::TokenRemoved { user, name })
    }

    /// Deletes tokens that have expired, at most so many.
    pub(crate) fn delete_expired_tokens(&mut self, now: u64, at_most: usize) -> Vec<Change> {
        let expired: Vec<(u32, String)> = self
            .tokens
            .iter()
            .flat_map(|(user, tokens)| {
                tokens
                    .iter()
                    .filter(|(_, token)| token.is_expired(now))
                    .map(|(name, _)| (*user, name.clone()))
            })
            .take(at_most)
            .collect();
        expired
            .into_iter()
            .filter_map(|(user, name)| self.delete_token(user, &name).ok())
            .collect()
    }

    /// What to compare with when this name logs in; `None` for nobody and for inactive
    /// users, which are not told apart.
    pub(crate) fn login_check(&self, name: &str) -> Option<LoginCheck> {
        let user = self.slots.id_of(name)?;
        let entry = self.slots.get(user).filter(|entry| entry.active)?;
        Some(LoginCheck {
            user,
            password: entry.password.clone(),
        })
    }

    /// Whether what a login was compared with still holds.
    pub(crate) fn still_admits(&self, check: &LoginCheck) -> bool {
        self.slots
            .get(check.user)
            .is_some_and(|entry| entry.active && entry.password.is_same(&check.password))
    }

    /// Whose token this is.
    pub(crate) fn login_by_token(&self, hash: &TokenHash, now: u64) -> Result<u32, TokenRefusal> {
        let (user, name) = self.by_hash.get(hash).ok_or(TokenRefusal::Invalid)?;
        let token = self.token(*user, name).ok_or(TokenRefusal::Invalid)?;
        let entry = self.slots.get(*user).ok_or(TokenRefusal::Invalid)?;
        if token.is_expired(now) {
            return Err(TokenRefusal::Invalid);
        }
        if !entry.active {
            return Err(TokenRefusal::UserInactive);
        }
        Ok(*user)
    }

    /// The id behind what a client named. 20.
    pub(crate) fn id(&self, user: &WireIdentifier) -> Result<u32, Rejection> {
        self.slots.resolve(user).ok_or(Rejection::ResourceNotFound)
    }

    pub(crate) fn get(&self, user: u32) -> Option<&User> {
        self.slots.get(user)
    }

    /// The permissions that whoever has this id has right now.
    pub(crate) fn permissions(&self, user: u32) -> Option<&Permissions> {
        self.slots.get(user)?.permissions.as_ref()
    }

    /// All users by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &User)> {
        self.slots.iter()
    }

    /// The tokens of a user by name, the expired ones included.
    pub(crate) fn tokens(&self, user: u32) -> impl Iterator<Item = (&str, &Token)> {
        self.tokens
            .get(&user)
            .into_iter()
            .flatten()
            .map(|(name, token)| (name.as_str(), token))
    }

    pub(crate) fn token(&self, user: u32, name: &str) -> Option<&Token> {
        self.tokens.get(&user)?.get(name)
    }

    /// Whether the name of this user is the one of the start, and so is not stored.
    pub(crate) fn has_given_name(&self, user: u32) -> bool {
        user == ROOT_ID && !self.root_renamed
    }
}

fn new_root(credentials: &Credentials) -> User {
    User {
        name: credentials.username.clone(),
        created_at: ROOT_CREATED_AT,
        active: true,
        password: PasswordCheck::Given(credentials.password.clone()),
        permissions: Some(Permissions::root()),
    }
}

fn check_username(name: &WireName) -> Result<(), Rejection> {
    if USERNAME_BYTES.contains(&name.len()) {
        Ok(())
    } else {
        Err(Rejection::InvalidUserName)
    }
}
