//! Whether a login is let in.

use iggy_binary_protocol::requests::users::{LoginRegisterRequest, LoginRegisterWithPatRequest};
use iggy_binary_protocol::responses::users::LoginRegisterResponse;
use iggy_binary_protocol::{
    ClientVersionInfo, EvictionReason, IGGY_PROTOCOL_VERSION, WireDecode, WireEncode, WireName,
    codes, is_protocol_compatible,
};

use crate::credentials::Credentials;
use crate::dispatch::{Answer, SERVER_VERSION, users::ROOT_ID};
use crate::rules::{Refused, Rejection};

/// The result of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted {
        user_id: u32,
    },
    /// Travels as an eviction, never as a status.
    Refused {
        reason: EvictionReason,
        code: u32,
    },
}

impl Verdict {
    /// The command code the login counts as.
    pub(super) fn code(self) -> u32 {
        match self {
            Self::Accepted { .. } => codes::LOGIN_REGISTER_CODE,
            Self::Refused { code, .. } => code,
        }
    }
}

/// Checks a login body: version window first, then the password, then whether it
/// was an access token instead. The two shapes share a prefix and have no tag.
pub(super) fn verify(body: &[u8], credentials: &Credentials) -> Verdict {
    let refused = |reason| Verdict::Refused {
        reason,
        code: codes::LOGIN_REGISTER_CODE,
    };
    let Ok((version, prefix)) = ClientVersionInfo::decode(body) else {
        return refused(EvictionReason::MalformedLogin);
    };
    if !is_protocol_compatible(version.protocol_version) {
        return refused(EvictionReason::IncompatibleProtocol);
    }
    let tail = body.get(prefix..).unwrap_or_default();
    let by_password = LoginRegisterRequest::decode_after_prefix(version.clone(), tail);
    if let Ok((request, _)) = &by_password
        && credentials.admit(request.username.as_str(), &request.password)
    {
        return Verdict::Accepted { user_id: ROOT_ID };
    }
    // Nobody has a token here, so none is ever right.
    if LoginRegisterWithPatRequest::decode_after_prefix(version, tail).is_ok() {
        return Verdict::Refused {
            reason: EvictionReason::InvalidToken,
            code: codes::LOGIN_REGISTER_WITH_PAT_CODE,
        };
    }
    refused(match by_password {
        Ok(_) => EvictionReason::InvalidCredentials,
        Err(_) => EvictionReason::MalformedLogin,
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
