//! Access tokens over HTTP: everybody has only their own.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use iggy_binary_protocol::requests::personal_access_tokens::{
    CreatePersonalAccessTokenRequest, DeletePersonalAccessTokenRequest,
    GetPersonalAccessTokensRequest,
};
use iggy_binary_protocol::responses::personal_access_tokens::{
    GetPersonalAccessTokensResponse, RawPersonalAccessTokenResponse,
};
use iggy_binary_protocol::{Operation, WireEncode, WireName, codes};
use iggy_common::create_personal_access_token::CreatePersonalAccessToken;
use iggy_common::wire_conversions::personal_access_tokens_from_wire;
use iggy_common::{IggyError, PersonalAccessTokenInfo, RawPersonalAccessToken, Validatable};

use super::error::HttpError;
use super::identity::{Identity, decoded};
use crate::connection::wipe;

pub(super) async fn list(
    identity: Identity,
) -> Result<Json<Vec<PersonalAccessTokenInfo>>, HttpError> {
    let body = GetPersonalAccessTokensRequest.to_bytes();
    let code = codes::GET_PERSONAL_ACCESS_TOKENS_CODE;
    let reply: GetPersonalAccessTokensResponse = identity.list(code, &body).await?;
    Ok(Json(personal_access_tokens_from_wire(reply)))
}

pub(super) async fn create(
    identity: Identity,
    Json(command): Json<CreatePersonalAccessToken>,
) -> Result<Json<RawPersonalAccessToken>, HttpError> {
    command.validate()?;
    let body = CreatePersonalAccessTokenRequest {
        name: name(&command.name)?,
        expiry: command.expiry.into(),
    }
    .to_bytes();
    let reply = identity
        .write(Operation::CreatePersonalAccessToken, body)
        .await?;
    let made: RawPersonalAccessTokenResponse = decoded(&reply)?;
    wipe(reply);
    Ok(Json(RawPersonalAccessToken {
        token: made.token.as_str().to_owned(),
    }))
}

pub(super) async fn delete(
    identity: Identity,
    Path(token): Path<String>,
) -> Result<StatusCode, HttpError> {
    let body = DeletePersonalAccessTokenRequest {
        name: name(&token)?,
    }
    .to_bytes();
    identity
        .write(Operation::DeletePersonalAccessToken, body)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn name(name: &str) -> Result<WireName, HttpError> {
    WireName::new(name).map_err(|_| IggyError::InvalidPersonalAccessTokenName.into())
}
