//! Personal access tokens: everybody has only their own.

use bytes::{BufMut, Bytes, BytesMut};
use iggy_binary_protocol::requests::personal_access_tokens::{
    CreatePersonalAccessTokenRequest, DeletePersonalAccessTokenRequest,
};
use iggy_binary_protocol::responses::personal_access_tokens::{
    GetPersonalAccessTokensResponse, PersonalAccessTokenResponse,
};
use iggy_binary_protocol::{WireEncode, WireName};
use secrecy::{ExposeSecret, SecretString};

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
    Ok((raw_token(&token), change))
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

/// The payload of the reply, without copies that nobody wipes: a `u8` for the length, and
/// the token.
fn raw_token(token: &SecretString) -> Bytes {
    let token = token.expose_secret();
    let mut payload = BytesMut::with_capacity(size_of::<u8>() + token.len());
    // A token has 68 bytes.
    payload.put_u8(u8::try_from(token.len()).unwrap_or(u8::MAX));
    payload.put_slice(token.as_bytes());
    payload.freeze()
}

fn wire_name(text: &str) -> Result<WireName, Refused> {
    // It was one when it came.
    WireName::new(text).map_err(|_| Refused::Early(Rejection::InvalidFormat))
}
