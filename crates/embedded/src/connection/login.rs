//! Whether a login is let in.

use std::sync::Arc;

use iggy_binary_protocol::requests::users::{LoginRegisterRequest, LoginRegisterWithPatRequest};
use iggy_binary_protocol::responses::users::LoginRegisterResponse;
use iggy_binary_protocol::{
    ClientVersionInfo, EvictionReason, IGGY_PROTOCOL_VERSION, WireDecode, WireEncode, WireName,
    codes, is_protocol_compatible,
};
use iggy_common::PersonalAccessToken;
use secrecy::{ExposeSecret, SecretString};

use crate::credentials::{PASSWORD_BYTES, USERNAME_BYTES};
use crate::dispatch::{Answer, SERVER_VERSION};
use crate::password::PasswordCheck;
use crate::rules::{Refused, Rejection};
use crate::shared::Shared;
use crate::state::{TokenHash, TokenRefusal};

/// The result of a login, and the command code it counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) code: u32,
    /// A refusal travels as an eviction, never as a status.
    pub(super) user: Result<u32, EvictionReason>,
}

/// Checks a login body: version window first, then the password, then whether it
/// was an access token instead. The two shapes share a prefix and have no tag.
pub(super) async fn verify(body: &[u8], shared: &Arc<Shared>) -> Verdict {
    let by_password = |user| Verdict {
        code: codes::LOGIN_REGISTER_CODE,
        user,
    };
    let Ok((version, prefix)) = ClientVersionInfo::decode(body) else {
        return by_password(Err(EvictionReason::MalformedLogin));
    };
    if !is_protocol_compatible(version.protocol_version) {
        return by_password(Err(EvictionReason::IncompatibleProtocol));
    }
    let tail = body.get(prefix..).unwrap_or_default();
    let mut reason = EvictionReason::MalformedLogin;
    if let Ok((request, _)) = LoginRegisterRequest::decode_after_prefix(version.clone(), tail) {
        if let Some(user) = admit(shared, request.username.as_str(), request.password).await {
            return by_password(Ok(user));
        }
        reason = EvictionReason::InvalidCredentials;
    }
    if let Ok((request, _)) = LoginRegisterWithPatRequest::decode_after_prefix(version, tail) {
        return Verdict {
            code: codes::LOGIN_REGISTER_WITH_PAT_CODE,
            user: admit_token(shared, &request.token),
        };
    }
    by_password(Err(reason))
}

/// The user behind a name and a password. Inactive users and names of nobody are
/// refused like wrong passwords, and as slowly.
pub(crate) async fn admit(
    shared: &Arc<Shared>,
    username: &str,
    password: SecretString,
) -> Option<u32> {
    if !USERNAME_BYTES.contains(&username.len())
        || !PASSWORD_BYTES.contains(&password.expose_secret().len())
    {
        return None;
    }
    let Some(check) = shared.metadata().users.login_check(username) else {
        let hashing = shared.hashing();
        let _ = shared
            .on_hashing_thread(move || hashing.hash(&password))
            .await;
        return None;
    };
    let admitted = match &check.password {
        given @ PasswordCheck::Given(_) => given.admits(&password),
        hash @ PasswordCheck::Hash(_) => {
            let hash = hash.clone();
            shared
                .on_hashing_thread(move || hash.admits(&password))
                .await?
        }
    };
    // The user may have changed while it was compared.
    (admitted && shared.metadata().users.still_admits(&check)).then_some(check.user)
}

pub(crate) fn admit_token(shared: &Shared, token: &SecretString) -> Result<u32, EvictionReason> {
    let hash = TokenHash(PersonalAccessToken::hash_token(token.expose_secret()));
    let now = shared.now();
    shared
        .metadata()
        .users
        .login_by_token(&hash, now)
        .map_err(|refusal| match refusal {
            TokenRefusal::Invalid => EvictionReason::InvalidToken,
            TokenRefusal::UserInactive => EvictionReason::UserInactive,
        })
}

/// The payload of an accepted login.
pub(super) fn reply(user_id: u32, session: u64) -> Answer {
    let server_version =
        WireName::new(SERVER_VERSION).map_err(|_| Refused::Early(Rejection::InvalidFormat))?;
    Ok(LoginRegisterResponse {
        user_id,
        session,
        server_protocol_version: IGGY_PROTOCOL_VERSION,
        server_version,
    }
    .to_bytes())
}
