//! Logging in over HTTP, and staying so.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use iggy_binary_protocol::{EvictionReason, codes};
use iggy_common::login_user::LoginUser;
use iggy_common::login_with_personal_access_token::LoginWithPersonalAccessToken;
use iggy_common::{IdentityInfo, IggyError, TokenInfo};
use serde::Deserialize;

use super::HttpServer;
use super::error::HttpError;
use super::identity::{Identity, attended};
use crate::connection::login::{admit, admit_token};

pub(super) async fn by_password(
    State(server): State<Arc<HttpServer>>,
    Json(login): Json<LoginUser>,
) -> Result<Json<IdentityInfo>, HttpError> {
    let user = attended(&server.shared, codes::LOGIN_REGISTER_CODE, false, async {
        admit(&server.shared, &login.username, login.password)
            .await
            .ok_or(IggyError::InvalidCredentials.into())
    })
    .await?;
    Ok(Json(server.identity(user)))
}

pub(super) async fn by_token(
    State(server): State<Arc<HttpServer>>,
    Json(login): Json<LoginWithPersonalAccessToken>,
) -> Result<Json<IdentityInfo>, HttpError> {
    let code = codes::LOGIN_REGISTER_WITH_PAT_CODE;
    let user = attended(&server.shared, code, false, async {
        admit_token(&server.shared, &login.token).map_err(|reason| {
            match reason {
                EvictionReason::UserInactive => IggyError::UserInactive,
                _ => IggyError::InvalidPersonalAccessToken,
            }
            .into()
        })
    })
    .await?;
    Ok(Json(server.identity(user)))
}

#[derive(Deserialize)]
pub(super) struct Refresh {
    token: String,
}

/// The token that is shown stays valid for as long as it was.
pub(super) async fn refresh(
    State(server): State<Arc<HttpServer>>,
    Json(Refresh { token }): Json<Refresh>,
) -> Result<Json<IdentityInfo>, HttpError> {
    let user = server
        .bearers
        .user_of(&token, server.shared.now())
        .ok_or(IggyError::Unauthenticated)?;
    Ok(Json(server.identity(user)))
}

/// Ends nothing: a bearer token lives until its end, as on the real server.
pub(super) async fn logout(State(server): State<Arc<HttpServer>>, _: Identity) -> StatusCode {
    server.shared.requests.record(codes::LOGOUT_USER_CODE);
    StatusCode::NO_CONTENT
}

impl HttpServer {
    fn identity(&self, user_id: u32) -> IdentityInfo {
        let given = self.bearers.give(user_id, self.shared.now());
        IdentityInfo {
            user_id,
            access_token: Some(TokenInfo {
                token: given.token,
                expiry: given.expires_at,
            }),
        }
    }
}
