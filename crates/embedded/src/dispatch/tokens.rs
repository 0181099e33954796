//! Personal access tokens: everybody has only their own.

use iggy_binary_protocol::requests::personal_access_tokens::{
    CreatePersonalAccessTokenRequest, DeletePersonalAccessTokenRequest,
};
use iggy_binary_protocol::responses::personal_access_tokens::{
    GetPersonalAccessTokensResponse, PersonalAccessTokenResponse, RawPersonalAccessTokenResponse,
};
use iggy_binary_protocol::{WireEncode, WireName};
use secrecy::ExposeSecret;

use super::{Answer, Provision, ReadScene, WriteAnswer, WriteScene, decode, done};
use crate::rules::{Refused, Rejection};

/// By name (on the real server in no order), the expired ones included. Nothing of the tokens themselves.
pub(super) fn list(scene: &ReadScene<'_>) -> Answer {
    let tokens = scene
        .metadata
        .users
        .tokens(scene.caller.user)
        .map(|(name, token)| {
            Ok(PersonalAccessTokenResponse {
                name: wire_name(name)?,
                expiry_at: token.expires_at.unwrap_or_default(),
            })
        })
        .collect::<Result<_, Refused>>()?;
    Ok(GetPersonalAccessTokensResponse { tokens }.to_bytes())
}

/// The reply is the one place that ever holds the token.
pub(super) fn create(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let CreatePersonalAccessTokenRequest { name, expiry } = decode(body)?;
    let user = scene.caller.user;
    scene
        .metadata
        .users
        .check_token_limit(user)
        .map_err(Refused::Early)?;
    let Provision::Token { token, hash } = scene.take_provision() else {
        return Err(Refused::MALFORMED);
    };
    let change = scene
        .metadata
        .users
        .create_token(user, &name, expiry, hash, scene.now)?;
    let token = wire_name(token.expose_secret())?;
    Ok((RawPersonalAccessTokenResponse { token }.to_bytes(), change))
}

pub(super) fn delete(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: DeletePersonalAccessTokenRequest = decode(body)?;
    let user = scene.caller.user;
    done(
        scene
            .metadata
            .users
            .delete_token(user, request.name.as_str())?,
    )
}

fn wire_name(text: &str) -> Result<WireName, Refused> {
    // Both were names before, or are shorter than one may be.
    WireName::new(text).map_err(|_| Refused::Early(Rejection::InvalidFormat))
}
