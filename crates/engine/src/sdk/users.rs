//! Users and access tokens over the SDK.

use iggy::prelude::{
    IggyDuration, IggyError, PersonalAccessTokenClient, PersonalAccessTokenExpiry, UserClient,
    UserStatus as SdkUserStatus, UserUpdateOptions,
};
use iggyctl_core::access::{Grants, UserStatus};
use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::observed_access::{ObservedUser, PasswordCheck};
use iggyctl_core::state::observed_token::ObservedToken;

use super::SdkBroker;
use super::broker::{name, named, none_when_missing};
use super::permissions;
use crate::broker::{BrokerError, Operation, OwnTokens, UserRead, UserSummary, UserWrite};

/// What an error about a user names.
fn user_address(user: &ResourceName) -> Option<Address> {
    Some(Address::User(user.clone()))
}

fn read_status(status: SdkUserStatus) -> UserStatus {
    match status {
        SdkUserStatus::Active => UserStatus::Active,
        SdkUserStatus::Inactive => UserStatus::Inactive,
    }
}

fn write_status(status: UserStatus) -> SdkUserStatus {
    match status {
        UserStatus::Active => SdkUserStatus::Active,
        UserStatus::Inactive => SdkUserStatus::Inactive,
    }
}

/// A duration of 0 is the server's word for "default", which is "never", and so
/// is the largest one: neither is what somebody means who says a duration.
fn write_expiry(micros: Option<u64>) -> Result<PersonalAccessTokenExpiry, IggyError> {
    match micros {
        None => Ok(PersonalAccessTokenExpiry::NeverExpire),
        Some(0 | u64::MAX) => Err(IggyError::InvalidPersonalAccessTokenExpiry),
        Some(micros) => Ok(PersonalAccessTokenExpiry::ExpireDuration(
            IggyDuration::from(micros),
        )),
    }
}

impl SdkBroker {
    async fn update_user(
        &self,
        operation: Operation,
        user: &ResourceName,
        rename_to: Option<&ResourceName>,
        status: Option<UserStatus>,
    ) -> Result<(), BrokerError> {
        self.call(operation, user_address(user), async {
            self.client
                .update_user(
                    &named(user)?,
                    rename_to.map(ResourceName::as_str),
                    status.map(write_status),
                    &UserUpdateOptions::default(),
                )
                .await
        })
        .await
    }
}

impl UserRead for SdkBroker {
    async fn list_users(&self) -> Result<Vec<UserSummary>, BrokerError> {
        self.call(Operation::ListUsers, None, async {
            let mut users = self
                .client
                .get_users()
                .await?
                .into_iter()
                .map(|user| {
                    Ok(UserSummary {
                        name: name(&user.username)?,
                        id: user.id,
                        created_at_micros: user.created_at.as_micros(),
                        status: read_status(user.status),
                    })
                })
                .collect::<Result<Vec<_>, IggyError>>()?;
            users.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(users)
        })
        .await
    }

    async fn get_user(&self, user: &ResourceName) -> Result<Option<ObservedUser>, BrokerError> {
        let found = self
            .call(Operation::GetUser, user_address(user), async {
                let Some(details) = self.client.get_user(&named(user)?).await? else {
                    return Ok(None);
                };
                Ok(Some(ObservedUser {
                    id: details.id,
                    created_at_micros: details.created_at.as_micros(),
                    status: read_status(details.status),
                    grants: permissions::read(details.permissions.as_ref())?,
                    password: PasswordCheck::NotChecked,
                    tokens: None,
                }))
            })
            .await;
        none_when_missing(found)
    }

    async fn own_tokens(&self) -> Result<OwnTokens, BrokerError> {
        self.call(Operation::ListTokens, None, async {
            self.client
                .get_personal_access_tokens()
                .await?
                .into_iter()
                .map(|token| {
                    let observed = ObservedToken {
                        expires_at_micros: token.expiry_at.map(|expiry| expiry.as_micros()),
                    };
                    Ok((name(&token.name)?, observed))
                })
                .collect()
        })
        .await
    }
}

impl UserWrite for SdkBroker {
    async fn create_user(
        &self,
        user: &ResourceName,
        password: &Secret,
        status: UserStatus,
    ) -> Result<(), BrokerError> {
        self.call(Operation::CreateUser, user_address(user), async {
            self.client
                .create_user(user.as_str(), password.expose(), write_status(status), None)
                .await
                .map(drop)
        })
        .await
    }

    async fn rename_user(&self, from: &ResourceName, to: &ResourceName) -> Result<(), BrokerError> {
        self.update_user(Operation::RenameUser, from, Some(to), None)
            .await
    }

    async fn set_user_status(
        &self,
        user: &ResourceName,
        status: UserStatus,
    ) -> Result<(), BrokerError> {
        self.update_user(Operation::SetUserStatus, user, None, Some(status))
            .await
    }

    async fn change_password(
        &self,
        user: &ResourceName,
        current: &Secret,
        new: &Secret,
    ) -> Result<(), BrokerError> {
        self.call(Operation::ChangePassword, user_address(user), async {
            self.client
                .change_password(&named(user)?, current.expose(), new.expose())
                .await
        })
        .await
    }

    async fn update_permissions(
        &self,
        user: &ResourceName,
        grants: &Grants<u32>,
    ) -> Result<(), BrokerError> {
        self.call(Operation::UpdatePermissions, user_address(user), async {
            let permissions = permissions::write(grants)?;
            self.client
                .update_permissions(&named(user)?, permissions)
                .await
        })
        .await
    }

    async fn delete_user(&self, user: &ResourceName) -> Result<(), BrokerError> {
        self.call(Operation::DeleteUser, user_address(user), async {
            self.client.delete_user(&named(user)?).await
        })
        .await
    }

    async fn create_token(
        &self,
        token: &ResourceName,
        expiry_micros: Option<u64>,
    ) -> Result<Secret, BrokerError> {
        // A connection does not know the name of its user, so no address is said.
        self.call(Operation::CreateToken, None, async {
            let expiry = write_expiry(expiry_micros)?;
            let created = self
                .client
                .create_personal_access_token(token.as_str(), expiry)
                .await?;
            Ok(Secret::new(created.token))
        })
        .await
    }

    async fn delete_token(&self, token: &ResourceName) -> Result<(), BrokerError> {
        self.call(Operation::DeleteToken, None, async {
            self.client
                .delete_personal_access_token(token.as_str())
                .await
        })
        .await
    }
}
