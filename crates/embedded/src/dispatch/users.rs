//! Users: there is one, root.

use bytes::Bytes;
use iggy_binary_protocol::requests::users::GetUserRequest;
use iggy_binary_protocol::responses::personal_access_tokens::GetPersonalAccessTokensResponse;
use iggy_binary_protocol::responses::users::{GetUsersResponse, UserDetailsResponse, UserResponse};
use iggy_binary_protocol::{WireEncode, WireIdentifier, WireName, WireOptions};
use iggy_common::wire_conversions::permissions_to_wire;
use iggy_common::{Permissions, UserStatus};

use super::{Answer, ReadScene, decode};
use crate::rules::{Refused, Rejection};

/// Root is the first user.
pub(crate) const ROOT_ID: u32 = 0;
/// The real server marks root with this instead of a time.
const ROOT_CREATED_AT: u64 = 1;

pub(super) fn list(scene: &ReadScene<'_>) -> Answer {
    let users = vec![root(scene)?];
    Ok(GetUsersResponse { users }.to_bytes())
}

/// A missing user is an empty body.
pub(super) fn get(body: &[u8], scene: &ReadScene<'_>) -> Answer {
    let request: GetUserRequest = decode(body)?;
    let is_root = match &request.user_id {
        WireIdentifier::Numeric(id) => *id == ROOT_ID,
        WireIdentifier::String(name) => name.as_str() == scene.facts.username,
    };
    if !is_root {
        return Ok(Bytes::new());
    }
    let details = UserDetailsResponse {
        user: root(scene)?,
        permissions: Some(permissions_to_wire(&Permissions::root())),
    };
    Ok(details.to_bytes())
}

/// Nobody has an access token.
pub(super) fn tokens() -> Bytes {
    GetPersonalAccessTokensResponse { tokens: Vec::new() }.to_bytes()
}

fn root(scene: &ReadScene<'_>) -> Result<UserResponse, Refused> {
    Ok(UserResponse {
        id: ROOT_ID,
        created_at: ROOT_CREATED_AT,
        status: UserStatus::Active.as_code(),
        username: WireName::new(scene.facts.username.as_str())
            .map_err(|_| Refused::Early(Rejection::InvalidFormat))?,
        options: WireOptions::empty(),
    })
}
