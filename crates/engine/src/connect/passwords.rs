//! Whether a password is the live one: the server says so only to a login.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use iggyctl_core::access::UserStatus;
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::observed_access::PasswordCheck;

use super::address::Credentials;
use super::error::ConnectError;
use super::pool::Connect;
use crate::broker::{BrokerError, OwnTokens, UserRead as _};

/// Logins at once. Each costs the server 30 to 60 ms of hashing on the cores
/// that also serve messages, so more would be felt by others.
const LOGINS_AT_ONCE: usize = 4;

/// What a login showed of one password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordAnswer {
    /// It is the live one.
    Live,
    /// It is not.
    NotLive,
    /// A login cannot tell.
    Unverifiable {
        /// Why, in words for a person.
        reason: String,
    },
}

/// Which passwords of a user to try.
#[derive(Debug, Clone)]
pub struct PasswordQuestion {
    /// The user.
    pub user: ResourceName,
    /// Whether it may log in, as the server says.
    pub status: UserStatus,
    /// The declared password.
    pub declared: Secret,
    /// The one before; tried when the declared one is not live.
    pub previous: Option<Secret>,
    /// Whether to list the tokens of the user, too: only it can.
    pub lists_tokens: bool,
}

/// What logging in as a user showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginCheck {
    /// Whether the declared password is the live one.
    pub password: PasswordCheck,
    /// Its tokens, when they were asked for and it could log in.
    pub tokens: Option<Result<OwnTokens, BrokerError>>,
}

/// Tries to log in as an active user. Asked for an inactive one, no answer means
/// anything: the server refuses it like a wrong password (code 42).
///
/// # Errors
/// When the server did not answer the login, for whatever reason but the
/// credentials.
pub async fn check_password<C: Connect>(
    connector: &C,
    user: &ResourceName,
    password: &Secret,
) -> Result<PasswordAnswer, ConnectError> {
    let (answer, _) = log_in(connector, user, password, false).await?;
    Ok(answer)
}

/// Tries to log in, and lists the tokens of who could.
async fn log_in<C: Connect>(
    connector: &C,
    user: &ResourceName,
    password: &Secret,
    lists_tokens: bool,
) -> Result<(PasswordAnswer, Tokens), ConnectError> {
    let credentials = Credentials::Password {
        username: user.as_str().to_owned(),
        password: password.clone(),
    };
    let code = match connector.log_in_as(&credentials).await {
        Ok(broker) => {
            let tokens = match lists_tokens {
                true => Some(broker.own_tokens().await),
                false => None,
            };
            connector.close(broker).await;
            return Ok((PasswordAnswer::Live, tokens));
        }
        Err(ConnectError::CredentialsRefused { code, .. }) => code,
        Err(error) => return Err(error),
    };
    let answer = match code {
        40 | 47 => unverifiable(INACTIVE),
        43 => unverifiable("a login needs a user name of 3 to 50 bytes"),
        44 => unverifiable("a login needs a password of 3 to 100 bytes"),
        _ => PasswordAnswer::NotLive,
    };
    Ok((answer, None))
}

type Tokens = Option<Result<OwnTokens, BrokerError>>;

const INACTIVE: &str = "the user is inactive and cannot log in";

fn unverifiable(reason: &str) -> PasswordAnswer {
    PasswordAnswer::Unverifiable {
        reason: reason.to_owned(),
    }
}

/// Tries the passwords of many users, a few at once.
///
/// # Errors
/// The first login that the server did not answer ends it: where one stays
/// unanswered, the others would each take the whole deadline.
pub async fn check_passwords<C: Connect>(
    connector: &C,
    questions: Vec<PasswordQuestion>,
) -> Result<BTreeMap<ResourceName, LoginCheck>, ConnectError> {
    stream::iter(questions)
        .map(|question| async move {
            let check = check_user(connector, &question).await?;
            Ok((question.user, check))
        })
        .buffer_unordered(LOGINS_AT_ONCE)
        .try_collect()
        .await
}

async fn check_user<C: Connect>(
    connector: &C,
    question: &PasswordQuestion,
) -> Result<LoginCheck, ConnectError> {
    let PasswordQuestion {
        user,
        status,
        declared,
        previous,
        lists_tokens,
    } = question;
    let check = |password, tokens| Ok(LoginCheck { password, tokens });
    if *status == UserStatus::Inactive {
        let reason = INACTIVE.to_owned();
        return check(PasswordCheck::Unverifiable { reason }, None);
    }
    match log_in(connector, user, declared, *lists_tokens).await? {
        (PasswordAnswer::Live, tokens) => return check(PasswordCheck::Declared, tokens),
        (PasswordAnswer::Unverifiable { reason }, _) => {
            return check(PasswordCheck::Unverifiable { reason }, None);
        }
        (PasswordAnswer::NotLive, _) => {}
    }
    let Some(previous) = previous else {
        return check(PasswordCheck::Neither, None);
    };
    match log_in(connector, user, previous, *lists_tokens).await? {
        (PasswordAnswer::Live, tokens) => check(PasswordCheck::Previous, tokens),
        (PasswordAnswer::NotLive, _) => check(PasswordCheck::Neither, None),
        (PasswordAnswer::Unverifiable { reason }, _) => {
            check(PasswordCheck::Unverifiable { reason }, None)
        }
    }
}
