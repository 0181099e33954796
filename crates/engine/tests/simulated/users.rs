//! The users of the simulated server.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use iggyctl_core::access::{Grants, UserStatus};
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::observed_access::{ObservedUser, PasswordCheck};
use iggyctl_core::state::observed_token::ObservedToken;
use iggyctl_engine::broker::{
    BrokerError, BrokerErrorKind, Operation, OwnTokens, UserRead, UserSummary, UserWrite,
};
use iggyctl_engine::connect::{ConnectError, Credentials};

use super::{Simulated, World, Write};

pub(crate) const ROOT: u32 = 0;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) value: Secret,
    pub(crate) expires_at_micros: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) created_at_micros: u64,
    pub(crate) status: UserStatus,
    pub(crate) password: Secret,
    pub(crate) grants: Grants<u32>,
    pub(crate) tokens: BTreeMap<ResourceName, Token>,
}

/// Root is there from the start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Users(BTreeMap<ResourceName, User>);

impl Default for Users {
    fn default() -> Self {
        let root = User {
            id: ROOT,
            created_at_micros: 1,
            status: UserStatus::Active,
            password: Secret::new("iggy"),
            grants: Grants::default(),
            tokens: BTreeMap::new(),
        };
        Self([("iggy".parse().unwrap(), root)].into())
    }
}

impl Deref for Users {
    type Target = BTreeMap<ResourceName, User>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Users {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

#[derive(Debug, Clone)]
pub(crate) enum UserChange {
    Create(ResourceName, Secret, UserStatus),
    Rename(ResourceName, ResourceName),
    Status(ResourceName, UserStatus),
    Password(ResourceName, Secret, Secret),
    Permissions(ResourceName, Grants<u32>),
    Delete(ResourceName),
    /// Of the user with this id.
    CreateToken(u32, ResourceName, Option<u64>),
    DeleteToken(u32, ResourceName),
}

fn refused(reason: &str) -> BrokerErrorKind {
    BrokerErrorKind::Refused {
        reason: reason.to_owned(),
    }
}

impl Users {
    fn by_name(&mut self, name: &ResourceName) -> Result<&mut User, BrokerErrorKind> {
        self.get_mut(name).ok_or(BrokerErrorKind::NotFound)
    }

    fn by_id(&mut self, id: u32) -> Result<&mut User, BrokerErrorKind> {
        let found = self.values_mut().find(|user| user.id == id);
        found.ok_or(BrokerErrorKind::NotFound)
    }

    /// The lowest that nobody has, as on the server.
    fn free_id(&self) -> u32 {
        (0..)
            .find(|id| self.values().all(|user| user.id != *id))
            .unwrap()
    }
}

impl World {
    /// A number that grows, for times of creation and values of tokens.
    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    pub(super) fn commit_user(&mut self, change: UserChange) -> Result<(), BrokerErrorKind> {
        let tick = self.tick();
        let users = &mut self.users;
        match change {
            UserChange::Create(name, password, status) => {
                if users.contains_key(&name) {
                    return Err(BrokerErrorKind::AlreadyExists);
                }
                let user = User {
                    id: users.free_id(),
                    created_at_micros: tick,
                    status,
                    password,
                    grants: Grants::default(),
                    tokens: BTreeMap::new(),
                };
                users.insert(name, user);
            }
            UserChange::Rename(from, to) => {
                if from != to && users.contains_key(&to) {
                    return Err(BrokerErrorKind::AlreadyExists);
                }
                let user = users.remove(&from).ok_or(BrokerErrorKind::NotFound)?;
                users.insert(to, user);
            }
            UserChange::Status(name, status) => users.by_name(&name)?.status = status,
            UserChange::Password(name, current, new) => {
                let user = users.by_name(&name)?;
                if user.password != current {
                    return Err(refused("invalid credentials"));
                }
                user.password = new;
            }
            UserChange::Permissions(name, grants) => {
                let user = users.by_name(&name)?;
                if user.id == ROOT {
                    return Err(refused("cannot change permissions"));
                }
                user.grants = grants.normal();
            }
            UserChange::Delete(name) => {
                if users.by_name(&name)?.id == ROOT {
                    return Err(refused("cannot delete user"));
                }
                users.remove(&name);
            }
            UserChange::CreateToken(id, name, expiry) => {
                let user = users.by_id(id)?;
                if user.tokens.contains_key(&name) {
                    return Err(BrokerErrorKind::AlreadyExists);
                }
                let token = Token {
                    value: Secret::new(format!("token-value-{tick}")),
                    expires_at_micros: expiry.map(|expiry| tick.saturating_add(expiry)),
                };
                user.tokens.insert(name, token);
            }
            UserChange::DeleteToken(id, name) => {
                let removed = users.by_id(id)?.tokens.remove(&name);
                removed.map(drop).ok_or(BrokerErrorKind::NotFound)?;
            }
        }
        Ok(())
    }

    /// The id of who may log in with these.
    pub(super) fn log_in(&self, credentials: &Credentials) -> Result<u32, ConnectError> {
        let refused = |login: String, code| ConnectError::CredentialsRefused {
            address: "simulated".to_owned(),
            login,
            code,
            hint: "simulated",
        };
        match credentials {
            Credentials::Password { username, password } => self
                .users
                .iter()
                .find(|(name, user)| {
                    name.as_str() == username
                        && user.password == *password
                        && user.status == UserStatus::Active
                })
                .map(|(_, user)| user.id)
                .ok_or_else(|| refused(format!("user `{username}`"), 42)),
            Credentials::Token(value) => {
                let user = self
                    .users
                    .values()
                    .find(|user| user.tokens.values().any(|token| token.value == *value))
                    .ok_or_else(|| refused("the access token".to_owned(), 53))?;
                match user.status {
                    UserStatus::Active => Ok(user.id),
                    UserStatus::Inactive => Err(refused("the access token".to_owned(), 40)),
                }
            }
        }
    }
}

impl Simulated {
    fn read_users<T>(
        &self,
        operation: Operation,
        about: &str,
        read: impl FnOnce(&World) -> T,
    ) -> Result<T, BrokerError> {
        let mut world = self.world();
        world.arrives(format!("{operation}{about}"));
        if world.gone {
            return Err(BrokerError {
                kind: BrokerErrorKind::Unreachable {
                    reason: "gone".to_owned(),
                },
                code: None,
                operation,
                address: None,
            });
        }
        Ok(read(&world))
    }

    fn change_user(
        &self,
        operation: Operation,
        about: &ResourceName,
        change: UserChange,
    ) -> Result<(), BrokerError> {
        let request = format!("{operation} {about}");
        let result = self.write_kind(request, Write::User(change));
        result.map_err(|kind| BrokerError {
            code: (operation == Operation::ChangePassword
                && kind == refused("invalid credentials"))
            .then_some(42),
            kind,
            operation,
            address: None,
        })
    }
}

impl UserRead for Simulated {
    async fn list_users(&self) -> Result<Vec<UserSummary>, BrokerError> {
        self.read_users(Operation::ListUsers, "", |world| {
            let users = world.users.iter();
            users
                .map(|(name, user)| UserSummary {
                    name: name.clone(),
                    id: user.id,
                    created_at_micros: user.created_at_micros,
                    status: user.status,
                })
                .collect()
        })
    }

    async fn get_user(&self, user: &ResourceName) -> Result<Option<ObservedUser>, BrokerError> {
        self.read_users(Operation::GetUser, &format!(" {user}"), |world| {
            world.users.get(user).map(|user| ObservedUser {
                id: user.id,
                created_at_micros: user.created_at_micros,
                status: user.status,
                grants: user.grants.clone(),
                password: PasswordCheck::NotChecked,
                tokens: None,
            })
        })
    }

    async fn own_tokens(&self) -> Result<OwnTokens, BrokerError> {
        self.read_users(Operation::ListTokens, "", |world| {
            let me = world.users.values().find(|user| user.id == self.user);
            me.into_iter()
                .flat_map(|user| &user.tokens)
                .map(|(name, token)| {
                    let observed = ObservedToken {
                        expires_at_micros: token.expires_at_micros,
                    };
                    (name.clone(), observed)
                })
                .collect()
        })
    }
}

impl UserWrite for Simulated {
    async fn create_user(
        &self,
        user: &ResourceName,
        password: &Secret,
        status: UserStatus,
    ) -> Result<(), BrokerError> {
        let change = UserChange::Create(user.clone(), password.clone(), status);
        self.change_user(Operation::CreateUser, user, change)
    }

    async fn rename_user(&self, from: &ResourceName, to: &ResourceName) -> Result<(), BrokerError> {
        let change = UserChange::Rename(from.clone(), to.clone());
        self.change_user(Operation::RenameUser, from, change)
    }

    async fn set_user_status(
        &self,
        user: &ResourceName,
        status: UserStatus,
    ) -> Result<(), BrokerError> {
        let change = UserChange::Status(user.clone(), status);
        self.change_user(Operation::SetUserStatus, user, change)
    }

    async fn change_password(
        &self,
        user: &ResourceName,
        current: &Secret,
        new: &Secret,
    ) -> Result<(), BrokerError> {
        let change = UserChange::Password(user.clone(), current.clone(), new.clone());
        self.change_user(Operation::ChangePassword, user, change)
    }

    async fn update_permissions(
        &self,
        user: &ResourceName,
        grants: &Grants<u32>,
    ) -> Result<(), BrokerError> {
        let change = UserChange::Permissions(user.clone(), grants.clone());
        self.change_user(Operation::UpdatePermissions, user, change)
    }

    async fn delete_user(&self, user: &ResourceName) -> Result<(), BrokerError> {
        let change = UserChange::Delete(user.clone());
        self.change_user(Operation::DeleteUser, user, change)
    }

    async fn create_token(
        &self,
        token: &ResourceName,
        expiry_micros: Option<u64>,
    ) -> Result<Secret, BrokerError> {
        let change = UserChange::CreateToken(self.user, token.clone(), expiry_micros);
        self.change_user(Operation::CreateToken, token, change)?;
        let world = self.world();
        let me = world.users.values().find(|user| user.id == self.user);
        Ok(me.unwrap().tokens[token].value.clone())
    }

    async fn delete_token(&self, token: &ResourceName) -> Result<(), BrokerError> {
        let change = UserChange::DeleteToken(self.user, token.clone());
        self.change_user(Operation::DeleteToken, token, change)
    }
}
