//! Who may log in: root, with the password the server was started with.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// What the real server accepts, in bytes.
const USERNAME_BYTES: std::ops::RangeInclusive<usize> = 3..=50;
/// What the real server accepts, in bytes.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 3..=100;

/// Name and password of root. The password is never written anywhere.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) username: String,
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
    pub(crate) fn default_root() -> Self {
        Self {
            username: "iggy".to_owned(),
            password: SecretString::from("iggy"),
        }
    }

    /// Checks the lengths.
    pub(crate) fn check(&self) -> Result<(), CredentialsError> {
        let bytes = self.username.len();
        if !USERNAME_BYTES.contains(&bytes) {
            return Err(CredentialsError::Username { bytes });
        }
        let bytes = self.password.expose_secret().len();
        if !PASSWORD_BYTES.contains(&bytes) {
            return Err(CredentialsError::Password { bytes });
        }
        Ok(())
    }

    /// Whether these are the credentials, in a time that does not depend on how
    /// much of the password is right.
    pub(crate) fn admit(&self, username: &str, password: &SecretString) -> bool {
        let same_name = self.username.as_bytes().ct_eq(username.as_bytes());
        let same_password = self
            .password
            .expose_secret()
            .as_bytes()
            .ct_eq(password.expose_secret().as_bytes());
        (same_name & same_password).into()
    }
}
