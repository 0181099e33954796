//! Passwords: how they are kept and compared.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// How much work it is to hash a password, and so to log in.
///
/// Hashes are Argon2id strings that name their own parameters, so a folder can hold
/// hashes of both kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PasswordHashing {
    /// As the real server does it: Argon2id with 19 MiB and two passes, some 30 ms.
    #[default]
    Server,
    /// The least that Argon2 can be made to do, some 20 µs: for tests with many logins.
    /// It protects nothing.
    Fast,
}

/// A password could not be hashed: no memory, or no randomness for the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HashingFailed;

impl PasswordHashing {
    /// Hashes a password with a random salt. This takes its time: not for a thread that
    /// others wait for.
    pub(crate) fn hash(self, password: &SecretString) -> Result<PasswordCheck, HashingFailed> {
        self.argon2()?
            .hash_password(password.expose_secret().as_bytes())
            .map(|hash| PasswordCheck::from_hash(hash.to_string()))
            .map_err(|_| HashingFailed)
    }

    fn argon2(self) -> Result<Argon2<'static>, HashingFailed> {
        let params = match self {
            Self::Server => Params::DEFAULT,
            Self::Fast => Params::new(Params::MIN_M_COST, 1, 1, None).map_err(|_| HashingFailed)?,
        };
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// What a password is compared with. Shows nothing of it.
#[derive(Clone)]
pub(crate) enum PasswordCheck {
    /// What root's password is until it is changed: the server was started with it.
    /// Comparing takes no time worth hiding, since nobody else has one of this kind.
    Given(SecretString),
    /// An Argon2 hash.
    Hash(Arc<str>),
}

impl PasswordCheck {
    pub(crate) fn from_hash(hash: impl Into<Arc<str>>) -> Self {
        Self::Hash(hash.into())
    }

    /// The hash, as it is kept on disk; `None` for what is never kept.
    pub(crate) fn hash(&self) -> Option<&Arc<str>> {
        match self {
            Self::Given(_) => None,
            Self::Hash(hash) => Some(hash),
        }
    }

    /// Whether this is the password. For a hash it takes its time: not for a thread that
    /// others wait for. A hash that cannot be read admits nobody.
    pub(crate) fn admits(&self, password: &SecretString) -> bool {
        let password = password.expose_secret().as_bytes();
        match self {
            Self::Given(given) => given.expose_secret().as_bytes().ct_eq(password).into(),
            // The parameters are those of the hash.
            Self::Hash(hash) => PasswordHash::new(hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok()),
        }
    }

    /// Whether nothing has changed since `other` was taken from here.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Given(_), Self::Given(_)) => true,
            (Self::Hash(ours), Self::Hash(theirs)) => ours == theirs,
            (Self::Given(_), Self::Hash(_)) | (Self::Hash(_), Self::Given(_)) => false,
        }
    }
}

impl fmt::Debug for PasswordCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_password_is_admitted_and_no_other() {
        let password = SecretString::from("pässword");
        for check in [
            PasswordHashing::Server.hash(&password).unwrap(),
            PasswordHashing::Fast.hash(&password).unwrap(),
            PasswordCheck::Given(password.clone()),
        ] {
            assert!(check.admits(&password));
            for wrong in ["", "passwort", "pässword ", "p"] {
                assert!(!check.admits(&SecretString::from(wrong)), "{wrong}");
            }
        }
    }

    #[test]
    fn the_cost_is_the_real_servers_and_the_salt_is_random() {
        let hash = |password: &str| {
            let check = PasswordHashing::default()
                .hash(&SecretString::from(password))
                .unwrap();
            check.hash().unwrap().to_string()
        };
        let first = hash("secret");
        assert!(
            first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{first}"
        );
        assert_ne!(first, hash("secret"));
    }

    #[test]
    fn a_damaged_hash_admits_nobody() {
        let check = PasswordCheck::from_hash("secret");
        assert!(!check.admits(&SecretString::from("secret")));
    }

    #[test]
    fn nothing_is_shown() {
        let password = SecretString::from("secret");
        let hash = PasswordHashing::Fast.hash(&password).unwrap();
        assert_eq!(format!("{hash:?}"), "[redacted]");
        assert_eq!(
            format!("{:?}", PasswordCheck::Given(password)),
            "[redacted]"
        );
    }
}
