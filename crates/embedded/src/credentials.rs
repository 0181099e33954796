//! Name and password of root, as the server is started with them.

use iggy_binary_protocol::WireName;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// What the real server accepts, in bytes.
pub(crate) const USERNAME_BYTES: std::ops::RangeInclusive<usize> = 3..=50;
/// What the real server accepts, in bytes.
pub(crate) const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 3..=100;

/// Name and password of root. The password is never written anywhere.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) username: WireName,
    pub(crate) password: SecretString,
}

/// Credentials that the real server would not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CredentialsError {
    /// The user name is too short or too long.
    #[error("a user name has 3 to 50 bytes, this one has {bytes}")]
    Username {
        /// Its length.
        bytes: usize,
    },
    /// The password is too short or too long.
    #[error("a password has 3 to 100 bytes, this one has {bytes}")]
    Password {
        /// Its length.
        bytes: usize,
    },
}

impl Credentials {
    /// The well-known iggy/iggy.
    pub(crate) fn default_root() -> Result<Self, CredentialsError> {
        Self::new("iggy".to_owned(), SecretString::from("iggy"))
    }

    /// Takes them if they have the right lengths.
    pub(crate) fn new(username: String, password: SecretString) -> Result<Self, CredentialsError> {
        let bytes = username.len();
        let wrong_name = CredentialsError::Username { bytes };
        if !USERNAME_BYTES.contains(&bytes) {
            return Err(wrong_name);
        }
        let username = WireName::new(username).map_err(|_| wrong_name)?;
        let bytes = password.expose_secret().len();
        if !PASSWORD_BYTES.contains(&bytes) {
            return Err(CredentialsError::Password { bytes });
        }
        Ok(Self { username, password })
    }
}
