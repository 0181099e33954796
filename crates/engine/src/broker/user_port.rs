use std::collections::BTreeMap;
use std::future::Future;

use iggyctl_core::access::{Grants, UserStatus};
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::observed_access::ObservedUser;
use iggyctl_core::state::observed_token::ObservedToken;

use super::BrokerError;

/// A user as a listing shows it: without its permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSummary {
    /// Its name.
    pub name: ResourceName,
    /// Numeric id; 0 is root. The server gives a freed one to the next user.
    pub id: u32,
    /// Creation time in microseconds since the Unix epoch; 1 for root.
    pub created_at_micros: u64,
    /// Whether it may log in.
    pub status: UserStatus,
}

/// Access tokens by name.
pub type OwnTokens = BTreeMap<ResourceName, ObservedToken>;

/// Reading the users of a server.
pub trait UserRead: Send + Sync {
    /// All users by name.
    ///
    /// # Errors
    /// When they cannot be read; needs the right to read users.
    fn list_users(&self) -> impl Future<Output = Result<Vec<UserSummary>, BrokerError>> + Send;

    /// One user with what it is granted, in the one normal form. Nothing is
    /// said about its password and its tokens: neither is part of the reply.
    /// `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read; a login may always read its own.
    fn get_user(
        &self,
        user: &ResourceName,
    ) -> impl Future<Output = Result<Option<ObservedUser>, BrokerError>> + Send;

    /// The access tokens of the user that this connection is logged in as, also
    /// the expired ones that the server has not removed yet. Nobody can list
    /// those of another user.
    ///
    /// # Errors
    /// When they cannot be read.
    fn own_tokens(&self) -> impl Future<Output = Result<OwnTokens, BrokerError>> + Send;
}

/// Changing the users of a server. Every method is one request on the wire, and
/// its errors mean what those of [`BrokerWrite`](super::BrokerWrite) mean.
pub trait UserWrite: UserRead {
    /// Creates a user that may do nothing yet.
    ///
    /// # Errors
    /// When it is not known to be created; before sending, when the name or the
    /// password has a length that the server does not take.
    fn create_user(
        &self,
        user: &ResourceName,
        password: &Secret,
        status: UserStatus,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Gives a user another name. Its id, permissions, password and tokens stay.
    ///
    /// # Errors
    /// When it is not known to be renamed.
    fn rename_user(
        &self,
        from: &ResourceName,
        to: &ResourceName,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Lets a user log in, or no longer. Sessions that it has go on.
    ///
    /// # Errors
    /// When it is not known to be changed.
    fn set_user_status(
        &self,
        user: &ResourceName,
        status: UserStatus,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Gives a user another password. The server wants the current one from
    /// everybody, administrators and root included, see
    /// [`BrokerError::is_about_the_password`].
    ///
    /// # Errors
    /// When it is not known to be changed.
    fn change_password(
        &self,
        user: &ResourceName,
        current: &Secret,
        new: &Secret,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Replaces everything that a user is granted. The server refuses it for
    /// root.
    ///
    /// # Errors
    /// When it is not known to be replaced.
    fn update_permissions(
        &self,
        user: &ResourceName,
        grants: &Grants<u32>,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Deletes a user with its tokens. Its live connections go on, and act as
    /// whoever gets its id next. The server refuses it for root.
    ///
    /// # Errors
    /// When it is not known to be deleted.
    fn delete_user(
        &self,
        user: &ResourceName,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Creates an access token of the user that this connection is logged in as
    /// and returns its value, which the server shows in this one reply. It ends
    /// after this many microseconds, or never.
    ///
    /// # Errors
    /// When its value is not known: of an unknown outcome, the token may be
    /// there and its value is lost. `AlreadyExists` may be the answer to a
    /// repetition that the SDK made of this very request, since the server
    /// refuses to show the value again; who knows that the name was free before
    /// may take it for an unknown outcome.
    fn create_token(
        &self,
        token: &ResourceName,
        expiry_micros: Option<u64>,
    ) -> impl Future<Output = Result<Secret, BrokerError>> + Send;

    /// Deletes an access token of the user that this connection is logged in
    /// as. Sessions that were opened with it go on.
    ///
    /// # Errors
    /// When it is not known to be deleted.
    fn delete_token(
        &self,
        token: &ResourceName,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;
}
