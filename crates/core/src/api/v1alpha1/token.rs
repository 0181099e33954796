use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::{with_lifecycle, without_lifecycle};
use super::{Kind, Manifest, Spec, TokenName, UserName};
use crate::quantity::MessageExpiry;
use crate::secret::TokenSink;

/// One access token as a document of its own.
pub type IggyAccessToken = Manifest<IggyAccessTokenSpec>;

impl Spec for IggyAccessTokenSpec {
    const KIND: Kind = Kind::IggyAccessToken;
    const DESCRIPTION: &'static str =
        "One personal access token of a user that is declared elsewhere.";
}

/// As with users: the two shapes differ only in how they say whose token it is.
macro_rules! with_token_settings {
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
            /// How long a new token is valid: `30d`, `12h`, or `never`, which is also what it is
            /// without it. The server keeps only the moment when it ends, so a change is about
            /// the next token.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub expiry: Option<MessageExpiry>,
            /// How long before its end an apply replaces the token. The one before stays valid
            /// until its own end, so that nothing stops working meanwhile. At most half of
            /// `expiry`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub rotate_before: Option<MessageExpiry>,
            /// Where the value goes: the server shows it once, and it is written nowhere else.
            pub write_to: TokenSink,
        }
        }
    };
}

with_token_settings! {
    without_lifecycle
    /// A personal access token of a user.
    Token {
        /// Name on the server, 1 to 28 bytes; while the token is replaced there is a second one
        /// with `~2` at its end. Not only digits.
        pub name: TokenName,
    }
}

with_token_settings! {
    with_lifecycle
    /// What an `IggyAccessToken` declares.
    IggyAccessTokenSpec {
        /// The user it belongs to, who logs in to create it: declared with its password in
        /// another document, or the user that iggyctl itself is logged in as.
        pub user: UserName,
        /// Name on the server; `metadata.name` without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<TokenName>,
    }
}

impl IggyAccessTokenSpec {
    /// The user, and the token as it would be written there; `metadata_name` is
    /// its name when the spec gives none.
    #[must_use]
    pub fn into_token(self, metadata_name: TokenName) -> (UserName, Token) {
        let Self {
            user,
            name,
            expiry,
            rotate_before,
            write_to,
            server_ref: _,
            management: _,
            adoption: _,
            drift_policy: _,
            interval: _,
        } = self;
        let token = Token {
            name: name.unwrap_or(metadata_name),
            expiry,
            rotate_before,
            write_to,
        };
        (user, token)
    }
}
