use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::{with_lifecycle, without_lifecycle};
use super::permissions::UserPermissions;
use super::{Kind, Manifest, Spec, Token, UserName};
use crate::access::UserStatus;
use crate::secret::SecretSource;
use crate::state::DeletionPolicy;

/// One user as a document of its own.
pub type IggyUser = Manifest<IggyUserSpec>;

impl Spec for IggyUserSpec {
    const KIND: Kind = Kind::IggyUser;
    const DESCRIPTION: &'static str = "One user, with its password and permissions.";
}

/// As with topics: the two shapes differ only in how they say who the user is.
macro_rules! with_user_settings {
    (
        $lifecycle:ident
        $(#[$attribute:meta])*
        $name:ident { $($identity:tt)* }
    ) => {
        $lifecycle! {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($identity)*
            /// The name it had before: the user is renamed in place and keeps its password, its
            /// permissions and its tokens. Acts only while the new name is missing and the old one
            /// is there, so a stale one is harmless.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub previous_name: Option<UserName>,
            /// What becomes of it when it is no longer declared: `Retain`, `Delete` or `DeleteIfEmpty`. On the
            /// command line `Retain` leaves it as it is; with the others, or none, it loses its permissions and
            /// becomes inactive. A user is deleted only where `--allow-destroy` names it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub deletion_policy: Option<DeletionPolicy>,
            /// Whether it may log in: `active` (a new user without it is) or `inactive`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub status: Option<UserStatus>,
            /// Where its password comes from; the password itself never stands in a manifest. A
            /// new user needs one.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub password: Option<SecretSource>,
            /// Where the password comes from that it had before; the server wants it to change a
            /// password. Only for a rotation.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub previous_password: Option<SecretSource>,
            /// All that it may do. Without it permissions are left alone; empty means none.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub permissions: Option<UserPermissions>,
            /// Its access tokens. To create them iggyctl logs in as the user, so it needs a password.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub tokens: Option<Vec<Token>>,
        }
        }
    };
}

with_user_settings! {
    without_lifecycle
    /// A user of an `IggyTopology`.
    User {
        /// Name on the server, 3 to 50 bytes. Not only digits.
        pub name: UserName,
    }
}

with_user_settings! {
    with_lifecycle
    /// What an `IggyUser` declares.
    IggyUserSpec {
        /// Name on the server; `metadata.name` without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<UserName>,
    }
}

impl IggyUserSpec {
    /// The user as it would be written in a topology; `metadata_name` is its
    /// name when the spec gives none.
    #[must_use]
    pub fn into_user(self, metadata_name: UserName) -> User {
        let Self {
            name,
            previous_name,
            deletion_policy,
            status,
            password,
            previous_password,
            permissions,
            tokens,
            server_ref: _,
            management: _,
            adoption: _,
            drift_policy: _,
            interval: _,
        } = self;
        User {
            name: name.unwrap_or(metadata_name),
            previous_name,
            deletion_policy,
            status,
            password,
            previous_password,
            permissions,
            tokens,
        }
    }
}
