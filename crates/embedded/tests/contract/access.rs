//! The calls about users, permissions and tokens, and how their replies are shown.
//! Passwords are shown as the scenarios call them, tokens by their length only.

use iggy::prelude::*;
use iggy_binary_protocol::codec::WireEncode;
use iggy_binary_protocol::codes::*;
use iggy_binary_protocol::primitives::permissions::{
    WireGlobalPermissions, WirePermissions, WireStreamPermissions, WireTopicPermissions,
};
use iggy_binary_protocol::requests::personal_access_tokens::*;
use iggy_binary_protocol::requests::users::*;
use iggy_binary_protocol::responses::personal_access_tokens::{
    GetPersonalAccessTokensResponse, RawPersonalAccessTokenResponse,
};
use iggy_binary_protocol::responses::users::{GetUsersResponse, UserDetailsResponse, UserResponse};
use iggy_binary_protocol::{WireIdentifier, WireOptions};

use crate::calls::{Setting, identifier, options, wire_name};
use crate::session::Session;
use crate::show;
use crate::transcript::{name, time};

/// The status codes of the wire.
pub(crate) const ACTIVE: u8 = 1;
/// See [`ACTIVE`].
pub(crate) const INACTIVE: u8 = 2;

/// The flags of the server, of streams and of topics, by name; for scenarios that give
/// one at a time.
pub(crate) const SERVER_RIGHTS: [&str; 10] = [
    "manage_servers",
    "read_servers",
    "manage_users",
    "read_users",
    "manage_streams",
    "read_streams",
    "manage_topics",
    "read_topics",
    "poll_messages",
    "send_messages",
];
/// See [`SERVER_RIGHTS`].
pub(crate) const STREAM_RIGHTS: [&str; 6] = [
    "manage_stream",
    "read_stream",
    "manage_topics",
    "read_topics",
    "poll_messages",
    "send_messages",
];
/// See [`SERVER_RIGHTS`].
pub(crate) const TOPIC_RIGHTS: [&str; 4] = [
    "manage_topic",
    "read_topic",
    "poll_messages",
    "send_messages",
];

/// Server-wide flags by name.
pub(crate) fn server_rights(rights: &[&str]) -> WireGlobalPermissions {
    let has = |right: &str| rights.contains(&right);
    WireGlobalPermissions {
        manage_servers: has("manage_servers"),
        read_servers: has("read_servers"),
        manage_users: has("manage_users"),
        read_users: has("read_users"),
        manage_streams: has("manage_streams"),
        read_streams: has("read_streams"),
        manage_topics: has("manage_topics"),
        read_topics: has("read_topics"),
        poll_messages: has("poll_messages"),
        send_messages: has("send_messages"),
    }
}

/// Flags of a stream by name.
pub(crate) fn stream_rights(
    stream_id: u32,
    rights: &[&str],
    topics: Vec<WireTopicPermissions>,
) -> WireStreamPermissions {
    let has = |right: &str| rights.contains(&right);
    WireStreamPermissions {
        stream_id,
        manage_stream: has("manage_stream"),
        read_stream: has("read_stream"),
        manage_topics: has("manage_topics"),
        read_topics: has("read_topics"),
        poll_messages: has("poll_messages"),
        send_messages: has("send_messages"),
        topics,
    }
}

/// Flags of a topic by name.
pub(crate) fn topic_rights(topic_id: u32, rights: &[&str]) -> WireTopicPermissions {
    let has = |right: &str| rights.contains(&right);
    WireTopicPermissions {
        topic_id,
        manage_topic: has("manage_topic"),
        read_topic: has("read_topic"),
        poll_messages: has("poll_messages"),
        send_messages: has("send_messages"),
    }
}

/// Server-wide permissions only.
pub(crate) fn on_server(rights: &[&str]) -> WirePermissions {
    WirePermissions {
        global: server_rights(rights),
        streams: vec![],
    }
}

/// Permissions on streams only.
pub(crate) fn on_streams(streams: Vec<WireStreamPermissions>) -> WirePermissions {
    WirePermissions {
        global: server_rights(&[]),
        streams,
    }
}

/// Users.
impl Session {
    pub(crate) async fn create_user(
        &self,
        username: &str,
        permissions: Option<WirePermissions>,
    ) -> Option<UserDetailsResponse> {
        self.create_user_as(username, "password", ACTIVE, permissions)
            .await
    }

    pub(crate) async fn create_user_as(
        &self,
        username: &str,
        password: &str,
        status: u8,
        permissions: Option<WirePermissions>,
    ) -> Option<UserDetailsResponse> {
        let call = format!(
            "create_user({}, {}, status {status}, {})",
            name(username),
            name(password),
            shown(permissions.as_ref())
        );
        let request = CreateUserRequest {
            username: wire_name(username),
            password: password.to_owned(),
            status,
            permissions,
            options: WireOptions::empty(),
        };
        self.query(&call, CREATE_USER_CODE, &request, details).await
    }

    pub(crate) async fn create_user_with(&self, username: &str, settings: &[Setting]) {
        let options = options(settings);
        let call = format!(
            "create_user({}, {})",
            name(username),
            show::options(&options)
        );
        let request = CreateUserRequest {
            username: wire_name(username),
            password: "password".to_owned(),
            status: ACTIVE,
            permissions: None,
            options,
        };
        self.query(&call, CREATE_USER_CODE, &request, details).await;
    }

    pub(crate) async fn get_user(&self, user: &WireIdentifier) {
        let call = format!("get_user({})", identifier(user));
        let request = GetUserRequest {
            user_id: user.clone(),
        };
        self.query(&call, GET_USER_CODE, &request, details).await;
    }

    pub(crate) async fn get_users(&self) {
        self.query(
            "get_users()",
            GET_USERS_CODE,
            &GetUsersRequest,
            |reply: &GetUsersResponse| {
                let mut lines = vec![format!("{} users", reply.users.len())];
                lines.extend(reply.users.iter().map(header));
                lines
            },
        )
        .await;
    }

    pub(crate) async fn update_user(
        &self,
        user: &WireIdentifier,
        username: Option<&str>,
        status: Option<u8>,
    ) {
        self.update_user_with(user, username, status, &[]).await;
    }

    pub(crate) async fn update_user_with(
        &self,
        user: &WireIdentifier,
        username: Option<&str>,
        status: Option<u8>,
        settings: &[Setting],
    ) {
        let mut call = format!("update_user({}", identifier(user));
        if let Some(username) = username {
            call += &format!(", name {}", name(username));
        }
        if let Some(status) = status {
            call += &format!(", status {status}");
        }
        let options = options(settings);
        if !settings.is_empty() {
            call += &format!(", {}", show::options(&options));
        }
        let request = UpdateUserRequest {
            user_id: user.clone(),
            username: username.map(wire_name),
            status,
            options,
        };
        self.command(&(call + ")"), UPDATE_USER_CODE, &request)
            .await;
    }

    pub(crate) async fn delete_user(&self, user: &WireIdentifier) {
        let call = format!("delete_user({})", identifier(user));
        let request = DeleteUserRequest {
            user_id: user.clone(),
        };
        self.command(&call, DELETE_USER_CODE, &request).await;
    }

    pub(crate) async fn update_permissions(
        &self,
        user: &WireIdentifier,
        permissions: Option<WirePermissions>,
    ) {
        let call = format!(
            "update_permissions({}, {})",
            identifier(user),
            shown(permissions.as_ref())
        );
        let request = UpdatePermissionsRequest {
            user_id: user.clone(),
            permissions,
        };
        self.command(&call, UPDATE_PERMISSIONS_CODE, &request).await;
    }

    pub(crate) async fn change_password(
        &self,
        user: &WireIdentifier,
        current_password: &str,
        new_password: &str,
    ) {
        let call = format!(
            "change_password({}, {} to {})",
            identifier(user),
            name(current_password),
            name(new_password)
        );
        let request = ChangePasswordRequest {
            user_id: user.clone(),
            current_password: current_password.to_owned(),
            new_password: new_password.to_owned(),
        };
        self.command(&call, CHANGE_PASSWORD_CODE, &request).await;
    }

    /// Logs in with a password that is shown.
    pub(crate) async fn login_with(&self, username: &str, password: &str) -> bool {
        let result = self.client.login_user(username, password).await;
        let call = format!("login({}, {})", name(username), name(password));
        self.record(&call, result, |identity| {
            vec![format!("user={}", identity.user_id)]
        })
        .is_some()
    }

    /// Who the server thinks we are.
    pub(crate) async fn whoami(&self) {
        use iggy_binary_protocol::requests::system::GetMeRequest;
        use iggy_binary_protocol::responses::clients::ClientDetailsResponse;
        self.ask(
            "get_me()",
            GET_ME_CODE,
            &GetMeRequest,
            |me: &ClientDetailsResponse| vec![format!("user={}", me.client.user_id)],
        )
        .await;
    }
}

/// Tokens.
impl Session {
    /// Creates a token, 0 for no expiry; the token.
    pub(crate) async fn create_token(&self, token: &str, expiry_micros: u64) -> Option<String> {
        let call = format!("create_token({}, {})", name(token), micros(expiry_micros));
        let request = CreatePersonalAccessTokenRequest {
            name: wire_name(token),
            expiry: expiry_micros,
        };
        self.query(
            &call,
            CREATE_PERSONAL_ACCESS_TOKEN_CODE,
            &request,
            |reply: &RawPersonalAccessTokenResponse| {
                vec![format!("a token of {} bytes", reply.token.len())]
            },
        )
        .await
        .map(|reply| reply.token.as_str().to_owned())
    }

    /// The result of a creation, not shown.
    pub(crate) async fn try_create_token(&self, token: &str) -> Result<(), IggyError> {
        let request = CreatePersonalAccessTokenRequest {
            name: wire_name(token),
            expiry: 0,
        };
        let code = CREATE_PERSONAL_ACCESS_TOKEN_CODE;
        self.raw(code, request.to_bytes()).await.map(|_| ())
    }

    pub(crate) async fn delete_token(&self, token: &str) {
        let call = format!("delete_token({})", name(token));
        let request = DeletePersonalAccessTokenRequest {
            name: wire_name(token),
        };
        self.command(&call, DELETE_PERSONAL_ACCESS_TOKEN_CODE, &request)
            .await;
    }

    pub(crate) async fn get_tokens(&self) {
        self.query(
            "get_tokens()",
            GET_PERSONAL_ACCESS_TOKENS_CODE,
            &GetPersonalAccessTokensRequest,
            |reply: &GetPersonalAccessTokensResponse| {
                let mut tokens: Vec<String> = reply
                    .tokens
                    .iter()
                    .map(|token| format!("{} expires={}", name(&token.name), time(token.expiry_at)))
                    .collect();
                // A real server's order changes from run to run.
                tokens.sort();
                let mut lines = vec![format!("{} tokens", tokens.len())];
                lines.extend(tokens);
                lines
            },
        )
        .await;
    }

    /// Logs in with a token; `what` is what the transcript calls it.
    pub(crate) async fn login_with_token(&self, what: &str, token: &str) -> bool {
        let result = self.client.login_with_personal_access_token(token).await;
        self.record(&format!("login(token {what})"), result, |identity| {
            vec![format!("user={}", identity.user_id)]
        })
        .is_some()
    }
}

fn micros(duration: u64) -> String {
    match duration {
        0 => "no expiry".to_owned(),
        u64::MAX => "expiry max".to_owned(),
        micros => format!("expiry {micros} us"),
    }
}

fn header(user: &UserResponse) -> String {
    let UserResponse {
        id,
        created_at,
        status,
        username,
        options,
    } = user;
    format!(
        "id={id} name={} created={} status={status} options={}",
        name(username),
        time(*created_at),
        show::options(options)
    )
}

fn details(details: &UserDetailsResponse) -> Vec<String> {
    vec![
        header(&details.user),
        format!("  {}", shown(details.permissions.as_ref())),
    ]
}

/// Permissions as one line: only the flags that are set.
fn shown(permissions: Option<&WirePermissions>) -> String {
    let Some(WirePermissions { global, streams }) = permissions else {
        return "no permissions".to_owned();
    };
    let server = set(&SERVER_RIGHTS, &server_flags(global));
    let mut parts = vec![format!("server[{server}]")];
    for stream in streams {
        let topics: String = stream
            .topics
            .iter()
            .map(|topic| format!(" topic #{}[{}]", topic.topic_id, topic_flags(topic)))
            .collect();
        parts.push(format!(
            "stream #{}[{}]{topics}",
            stream.stream_id,
            stream_flags(stream)
        ));
    }
    parts.join(" ")
}

fn server_flags(permissions: &WireGlobalPermissions) -> [bool; 10] {
    let WireGlobalPermissions {
        manage_servers,
        read_servers,
        manage_users,
        read_users,
        manage_streams,
        read_streams,
        manage_topics,
        read_topics,
        poll_messages,
        send_messages,
    } = permissions;
    [
        *manage_servers,
        *read_servers,
        *manage_users,
        *read_users,
        *manage_streams,
        *read_streams,
        *manage_topics,
        *read_topics,
        *poll_messages,
        *send_messages,
    ]
}

fn stream_flags(permissions: &WireStreamPermissions) -> String {
    let WireStreamPermissions {
        stream_id: _,
        manage_stream,
        read_stream,
        manage_topics,
        read_topics,
        poll_messages,
        send_messages,
        topics: _,
    } = permissions;
    set(
        &STREAM_RIGHTS,
        &[
            *manage_stream,
            *read_stream,
            *manage_topics,
            *read_topics,
            *poll_messages,
            *send_messages,
        ],
    )
}

fn topic_flags(permissions: &WireTopicPermissions) -> String {
    let WireTopicPermissions {
        topic_id: _,
        manage_topic,
        read_topic,
        poll_messages,
        send_messages,
    } = permissions;
    set(
        &TOPIC_RIGHTS,
        &[*manage_topic, *read_topic, *poll_messages, *send_messages],
    )
}

fn set(names: &[&str], flags: &[bool]) -> String {
    let set: Vec<&str> = names
        .iter()
        .zip(flags)
        .filter(|(_, flag)| **flag)
        .map(|(name, _)| *name)
        .collect();
    set.join(" ")
}
