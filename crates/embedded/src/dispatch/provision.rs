//! What a write needs that the state must not make: hashes, which take long, and
//! tokens, which are random.
//!
//! ```text
//! request ──errand──▶ (state unlocked) ──run──▶ provision ──▶ write
//! ```

use iggy_binary_protocol::requests::users::{ChangePasswordRequest, CreateUserRequest};
use iggy_binary_protocol::{Operation, WireDecode};
use iggy_common::PersonalAccessToken;
use secrecy::SecretString;

use crate::log::AdmittedBatch;
use crate::password::{HashingFailed, PasswordCheck, PasswordHashing};
use crate::rules::Rejection;
use crate::state::{Metadata, TokenHash};

/// Something to do before a write.
pub(crate) enum Errand {
    /// Hash the password of a new user.
    NewPassword(SecretString),
    /// Compare the current password of a user, and hash a new one.
    ChangePassword {
        current: SecretString,
        /// `None` for a user that does not exist.
        compare_with: Option<PasswordCheck>,
        new: SecretString,
    },
    /// Draw a token.
    Token,
}

/// What an errand brought.
pub(crate) enum Provision {
    /// Nothing was needed.
    Nothing,
    NewPassword(PasswordCheck),
    ChangePassword {
        compared_with: Option<PasswordCheck>,
        current_is_right: bool,
        new: PasswordCheck,
    },
    /// The batch of a send, or what is wrong with it.
    Batch(Result<AdmittedBatch, Rejection>),
    Token {
        token: SecretString,
        hash: TokenHash,
    },
}

impl Provision {
    /// What a write needs that takes no more than a look at its body; `None` for others.
    pub(crate) fn of_body(operation: Operation, body: &[u8]) -> Option<Self> {
        match operation {
            Operation::SendMessages => super::messages::admit(body).map(Self::Batch),
            _ => None,
        }
    }
}

impl Errand {
    /// What a write needs; a body that does not decode needs nothing, and is refused
    /// later.
    pub(crate) fn of(operation: Operation, body: &[u8], metadata: &Metadata) -> Option<Self> {
        match operation {
            Operation::CreateUser => {
                let request = CreateUserRequest::decode_from(body).ok()?;
                Some(Self::NewPassword(SecretString::from(request.password)))
            }
            Operation::ChangePassword => {
                let request = ChangePasswordRequest::decode_from(body).ok()?;
                let ChangePasswordRequest {
                    user_id,
                    current_password,
                    new_password,
                } = request;
                let users = &metadata.users;
                Some(Self::ChangePassword {
                    current: SecretString::from(current_password),
                    compare_with: users
                        .id(&user_id)
                        .ok()
                        .and_then(|user| Some(users.get(user)?.password.clone())),
                    new: SecretString::from(new_password),
                })
            }
            Operation::CreatePersonalAccessToken => Some(Self::Token),
            _ => None,
        }
    }

    /// Whether it takes long: not for a thread that others wait for.
    pub(crate) fn is_slow(&self) -> bool {
        match self {
            Self::NewPassword(_) | Self::ChangePassword { .. } => true,
            Self::Token => false,
        }
    }

    pub(crate) fn run(self, hashing: PasswordHashing) -> Result<Provision, HashingFailed> {
        Ok(match self {
            Self::NewPassword(password) => Provision::NewPassword(hashing.hash(&password)?),
            Self::ChangePassword {
                current,
                compare_with,
                new,
            } => Provision::ChangePassword {
                current_is_right: compare_with
                    .as_ref()
                    .is_some_and(|check| check.admits(&current)),
                compared_with: compare_with,
                new: hashing.hash(&new)?,
            },
            Self::Token => {
                let (token, hash) = PersonalAccessToken::mint_raw_and_hash();
                Provision::Token {
                    token: SecretString::from(token),
                    hash: TokenHash(hash),
                }
            }
        })
    }
}
