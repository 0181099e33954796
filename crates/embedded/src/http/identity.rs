//! Who asks over HTTP, and asking the server in its name.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use bytes::Bytes;
use iggy_binary_protocol::{Operation, WireDecode, WireIdentifier, codes, lookup_by_operation};
use iggy_common::wire_conversions::identifier_to_wire;
use iggy_common::{Identifier, IggyError};
use secrecy::SecretString;

use super::HttpServer;
use super::error::HttpError;
use crate::connection::login::admit_token;
use crate::connection::wipe;
use crate::dispatch::Caller;
use crate::execution::{self, Unanswered};
use crate::fault::Action;
use crate::rules::permissions;
use crate::shared::Shared;

/// The address at which a connection was accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached(pub(super) SocketAddr);

/// The user behind the bearer token of a request: of a login, or an access token.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) user: u32,
    shared: Arc<Shared>,
    reached: SocketAddr,
}

impl FromRequestParts<Arc<HttpServer>> for Identity {
    type Rejection = HttpError;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &Arc<HttpServer>,
    ) -> Result<Self, HttpError> {
        let token = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(IggyError::AccessTokenMissing)?;
        let shared = &server.shared;
        let user = match server.bearers.user_of(token, shared.now()) {
            Some(user) => user,
            None => admit_token(shared, &SecretString::from(token))
                .map_err(|_| IggyError::Unauthenticated)?,
        };
        // The port of the protocol that cluster metadata is about is not HTTP's.
        let reached = parts
            .extensions
            .get::<Reached>()
            .map_or(shared.address, |Reached(address)| {
                shared.reached_over_tcp(*address)
            });
        Ok(Self {
            user,
            shared: Arc::clone(shared),
            reached,
        })
    }
}

/// Requests over HTTP come from no connection that is listed, and no member of a group.
const NO_CONNECTION: u32 = 0;
const NO_CLIENT: u128 = 0;

impl Identity {
    fn caller(&self) -> Caller {
        Caller {
            connection: NO_CONNECTION,
            client: NO_CLIENT,
            user: self.user,
            reached: self.reached,
        }
    }

    /// Whether the user may do something to the server as a whole.
    pub(super) fn may(&self, action: permissions::Action) -> bool {
        let metadata = self.shared.metadata();
        permissions::may(metadata.users.permissions(self.user), action, None, None)
    }

    /// Answers a command that changes nothing, with one thing; an empty answer is "not
    /// found".
    pub(super) async fn read<Response: WireDecode>(
        &self,
        code: u32,
        body: &[u8],
    ) -> Result<Response, HttpError> {
        let reply = self.answer(code, body).await?;
        if reply.is_empty() {
            return Err(HttpError::NotFound);
        }
        decoded(&reply)
    }

    /// The same with a list, which may be empty.
    pub(super) async fn list<Response: WireDecode>(
        &self,
        code: u32,
        body: &[u8],
    ) -> Result<Response, HttpError> {
        decoded(&self.answer(code, body).await?)
    }

    async fn answer(&self, code: u32, body: &[u8]) -> Result<Bytes, HttpError> {
        attended(&self.shared, code, false, async {
            Ok(execution::read(&self.shared, self.caller(), code, body)?)
        })
        .await
    }

    /// Polls messages.
    pub(super) async fn poll(&self, body: &[u8]) -> Result<Bytes, HttpError> {
        attended(&self.shared, codes::POLL_MESSAGES_CODE, false, async {
            Ok(execution::poll(&self.shared, self.caller(), body).await??)
        })
        .await
    }

    /// Executes a command that changes something; the payload of its answer. The body may
    /// hold a password, and does not stay in memory.
    pub(super) async fn write(
        &self,
        operation: Operation,
        body: Bytes,
    ) -> Result<Bytes, HttpError> {
        let code = lookup_by_operation(operation).map_or(0, |command| command.code);
        let written = attended(&self.shared, code, true, async {
            let caller = self.caller();
            Ok(execution::write(&self.shared, caller, code, operation, &body).await??)
        })
        .await;
        wipe(body);
        written
    }
}

impl From<Unanswered> for HttpError {
    fn from(error: Unanswered) -> Self {
        tracing::error!(%error, "a request over HTTP has no answer");
        Self::HangUp
    }
}

/// Counts a request, and lets it suffer the faults that are ordered for it.
pub(super) async fn attended<T>(
    shared: &Shared,
    code: u32,
    is_write: bool,
    work: impl Future<Output = Result<T, HttpError>>,
) -> Result<T, HttpError> {
    shared.requests.record(code);
    let injection = shared.faults.next(code, is_write);
    if let Some(delay) = injection.delay {
        tokio::time::sleep(delay).await;
    }
    match injection.action {
        None => work.await,
        Some(Action::Disconnect) => Err(HttpError::HangUp),
        Some(Action::Refuse(rejection)) => Err(rejection.into()),
        Some(Action::LoseReply) => {
            let _ = work.await;
            Err(HttpError::HangUp)
        }
    }
}

/// What the server answers can always be read; it has no code for the opposite.
pub(super) fn decoded<Response: WireDecode>(reply: &[u8]) -> Result<Response, HttpError> {
    Response::decode_from(reply).map_err(|_| IggyError::InvalidCommand.into())
}

/// The real server names a key that it does not know, or that cannot be changed.
pub(super) fn refuse_keys_outside(
    keys: &[&str],
    options: &BTreeMap<String, String>,
) -> Result<(), HttpError> {
    match options.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(IggyError::UnsupportedOptionKey(key.clone()).into()),
        None => Ok(()),
    }
}

/// An identifier of a path: a number is an id, anything else a name.
pub(super) fn wire_id(text: &str) -> Result<WireIdentifier, HttpError> {
    Ok(identifier_to_wire(&Identifier::from_str_value(text)?)?)
}
