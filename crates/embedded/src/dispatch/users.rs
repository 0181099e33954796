//! Users, their permissions and passwords.

use bytes::Bytes;
use iggy_binary_protocol::requests::users::{
    ChangePasswordRequest, CreateUserRequest, DeleteUserRequest, GetUserRequest,
    UpdatePermissionsRequest, UpdateUserRequest,
};
use iggy_binary_protocol::responses::users::{GetUsersResponse, UserDetailsResponse, UserResponse};
use iggy_binary_protocol::{WireEncode, WireOptions};
use iggy_common::wire_conversions::permissions_to_wire;
use iggy_common::{Permissions, UPDATABLE_USER_OPTION_KEYS, UserStatus};
use secrecy::SecretString;

use super::{Answer, Provision, ReadScene, WriteAnswer, WriteScene, decode, done};
use crate::rules::permissions::Action;
use crate::rules::topic_options::refuse_keys_outside;
use crate::rules::{Refused, Rejection};
use crate::state::User;

/// Users have no options; every key is unknown.
const USER_OPTION_KEYS: &[&str] = &[];

pub(super) fn list(scene: &ReadScene<'_>) -> Answer {
    scene.permit(Action::GetUsers)?;
    let users = scene
        .metadata
        .users
        .iter()
        .map(|(id, user)| header(id, user))
        .collect();
    Ok(GetUsersResponse { users }.to_bytes())
}

/// A missing user is an empty body; oneself may always be read.
pub(super) fn get(body: &[u8], scene: &ReadScene<'_>) -> Answer {
    let request: GetUserRequest = decode(body)?;
    let users = &scene.metadata.users;
    let Some((id, user)) = users
        .id(&request.user_id)
        .ok()
        .and_then(|id| Some((id, users.get(id)?)))
    else {
        return Ok(Bytes::new());
    };
    if id != scene.caller.user {
        scene.permit(Action::GetUser)?;
    }
    let details = UserDetailsResponse {
        user: header(id, user),
        permissions: user.permissions.as_ref().map(permissions_to_wire),
    };
    Ok(details.to_bytes())
}

pub(super) fn create(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let CreateUserRequest {
        username,
        password,
        status,
        permissions,
        options,
    } = decode(body)?;
    // It was hashed beforehand; this copy goes, and is wiped.
    drop(SecretString::from(password));
    refuse_keys_outside(&options, USER_OPTION_KEYS)?;
    scene.permit(Action::CreateUser)?;
    let Provision::NewPassword(password) = scene.take_provision() else {
        return Err(Refused::MALFORMED);
    };
    let (id, change) = scene.metadata.users.create(
        username.clone(),
        status,
        permissions.clone().map(Permissions::from),
        password,
        scene.now,
    )?;
    // As sent, not as kept.
    let details = UserDetailsResponse {
        user: UserResponse {
            id,
            created_at: scene.now,
            status,
            username,
            options,
        },
        permissions,
    };
    Ok((details.to_bytes(), change))
}

/// Permission first: of users, unlike of streams, it does not depend on which one.
pub(super) fn update(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let UpdateUserRequest {
        user_id,
        username,
        status,
        options,
    } = decode(body)?;
    refuse_keys_outside(&options, UPDATABLE_USER_OPTION_KEYS)?;
    scene.permit(Action::UpdateUser)?;
    done(scene.metadata.users.update(&user_id, username, status)?)
}

pub(super) fn delete(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let request: DeleteUserRequest = decode(body)?;
    scene.permit(Action::DeleteUser)?;
    done(scene.metadata.users.delete(&request.user_id)?)
}

pub(super) fn update_permissions(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let UpdatePermissionsRequest {
        user_id,
        permissions,
    } = decode(body)?;
    scene.permit(Action::UpdatePermissions)?;
    let permissions = permissions.map(Permissions::from);
    done(
        scene
            .metadata
            .users
            .update_permissions(&user_id, permissions)?,
    )
}

/// One's own may always be changed, but nobody's without knowing the current one.
pub(super) fn change_password(body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    let ChangePasswordRequest {
        user_id,
        current_password,
        new_password,
    } = decode(body)?;
    drop([current_password, new_password].map(SecretString::from));
    let user = scene.metadata.users.id(&user_id)?;
    if user != scene.caller.user {
        scene.permit(Action::ChangePassword)?;
    }
    let Provision::ChangePassword {
        compared_with,
        current_is_right,
        new,
    } = scene.take_provision()
    else {
        return Err(Refused::MALFORMED);
    };
    let compared_with = compared_with
        .filter(|_| current_is_right)
        .ok_or(Rejection::InvalidCredentials)?;
    done(
        scene
            .metadata
            .users
            .change_password(&user_id, &compared_with, new)?,
    )
}

fn header(id: u32, user: &User) -> UserResponse {
    let status = if user.active {
        UserStatus::Active
    } else {
        UserStatus::Inactive
    };
    UserResponse {
        id,
        created_at: user.created_at,
        status: status.as_code(),
        username: user.name.clone(),
        options: WireOptions::empty(),
    }
}
