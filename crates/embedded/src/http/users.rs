//! Users over HTTP.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use iggy_binary_protocol::requests::users::{
    ChangePasswordRequest, CreateUserRequest, DeleteUserRequest, GetUserRequest, GetUsersRequest,
    UpdatePermissionsRequest, UpdateUserRequest,
};
use iggy_binary_protocol::responses::users::{GetUsersResponse, UserDetailsResponse};
use iggy_binary_protocol::{Operation, WireEncode, WireIdentifier, WireName, WireOptions, codes};
use iggy_common::change_password::ChangePassword;
use iggy_common::create_user::CreateUser;
use iggy_common::update_permissions::UpdatePermissions;
use iggy_common::update_user::UpdateUser;
use iggy_common::wire_conversions::{permissions_to_wire, users_from_wire};
use iggy_common::{
    IggyError, UPDATABLE_USER_OPTION_KEYS, UserInfo, UserInfoDetails, UserUpdateOptions,
    Validatable,
};
use secrecy::ExposeSecret;

use super::error::HttpError;
use super::identity::{Identity, decoded, refuse_keys_outside, wire_id};
use crate::rules::permissions::Action;

/// Stands for the caller's own id; a user of that name can only be asked for by id.
const ME: &str = "me";

pub(super) async fn list(identity: Identity) -> Result<Json<Vec<UserInfo>>, HttpError> {
    let body = GetUsersRequest.to_bytes();
    let reply: GetUsersResponse = identity.list(codes::GET_USERS_CODE, &body).await?;
    Ok(Json(users_from_wire(reply)?))
}

pub(super) async fn get(
    identity: Identity,
    Path(user): Path<String>,
) -> Result<Json<UserInfoDetails>, HttpError> {
    let body = GetUserRequest {
        user_id: if user == ME {
            WireIdentifier::numeric(identity.user)
        } else {
            wire_id(&user)?
        },
    }
    .to_bytes();
    let reply: UserDetailsResponse =
        identity
            .read(codes::GET_USER_CODE, &body)
            .await
            .map_err(|error| match error {
                // Unlike the binary protocol, it tells only some who is missing.
                HttpError::NotFound if !identity.may(Action::GetUser) => {
                    IggyError::Unauthorized.into()
                }
                error => error,
            })?;
    Ok(Json(reply.try_into()?))
}

pub(super) async fn create(
    identity: Identity,
    Json(command): Json<CreateUser>,
) -> Result<Json<UserInfoDetails>, HttpError> {
    command.validate()?;
    let body = CreateUserRequest {
        username: name(&command.username)?,
        password: command.password.expose_secret().to_owned(),
        status: command.status.as_code(),
        permissions: command.permissions.as_ref().map(permissions_to_wire),
        options: WireOptions::empty(),
    }
    .to_bytes();
    let reply = identity.write(Operation::CreateUser, body).await?;
    Ok(Json(decoded::<UserDetailsResponse>(&reply)?.try_into()?))
}

pub(super) async fn update(
    identity: Identity,
    Path(user): Path<String>,
    Json(command): Json<UpdateUser>,
) -> Result<StatusCode, HttpError> {
    let user_id = wire_id(&user)?;
    command.validate()?;
    refuse_keys_outside(UPDATABLE_USER_OPTION_KEYS, &command.options)?;
    let body = UpdateUserRequest {
        user_id,
        username: command.username.as_deref().map(name).transpose()?,
        status: command.status.map(|status| status.as_code()),
        options: UserUpdateOptions {
            raw: command.options,
        }
        .to_wire()?,
    }
    .to_bytes();
    identity.write(Operation::UpdateUser, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn delete(
    identity: Identity,
    Path(user): Path<String>,
) -> Result<StatusCode, HttpError> {
    let body = DeleteUserRequest {
        user_id: wire_id(&user)?,
    }
    .to_bytes();
    identity.write(Operation::DeleteUser, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn change_password(
    identity: Identity,
    Path(user): Path<String>,
    Json(command): Json<ChangePassword>,
) -> Result<StatusCode, HttpError> {
    let user_id = wire_id(&user)?;
    command.validate()?;
    let body = ChangePasswordRequest {
        user_id,
        current_password: command.current_password.expose_secret().to_owned(),
        new_password: command.new_password.expose_secret().to_owned(),
    }
    .to_bytes();
    identity.write(Operation::ChangePassword, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn update_permissions(
    identity: Identity,
    Path(user): Path<String>,
    Json(command): Json<UpdatePermissions>,
) -> Result<StatusCode, HttpError> {
    let body = UpdatePermissionsRequest {
        user_id: wire_id(&user)?,
        permissions: command.permissions.as_ref().map(permissions_to_wire),
    }
    .to_bytes();
    identity.write(Operation::UpdatePermissions, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn name(name: &str) -> Result<WireName, HttpError> {
    WireName::new(name).map_err(|_| IggyError::InvalidUsername.into())
}
