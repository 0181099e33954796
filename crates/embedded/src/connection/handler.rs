//! What a connection does with a request.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use iggy_binary_protocol::{EvictionReason, Operation, codes};
use iggy_common::calculate_checksum;

use super::Request;
use super::clients::ClientLogin;
use super::login::{self, Verdict};
use super::reply::{ReplyContext, eviction};
use super::session::{Replay, Session};
use crate::dispatch::{self, Caller, ReadScene};
use crate::fault::Action;
use crate::rules::{Refused, Rejection};
use crate::server::Shared;
use crate::store::Row;

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Reaction {
    Reply(Bytes),
    /// No answer, and the connection goes on: the real server does so with what
    /// no client can mean.
    Silence,
    Close,
}

/// The server's side of a connection.
pub(super) struct Connection {
    shared: Arc<Shared>,
    /// The number under which clients are listed.
    id: u32,
    peer: SocketAddr,
    reached: SocketAddr,
    session: Option<Session>,
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, peer: SocketAddr, reached: SocketAddr) -> Self {
        let id = shared.clients().connected(peer);
        Self {
            shared,
            id,
            peer,
            reached,
            session: None,
        }
    }

    pub(super) async fn react(&mut self, request: Request) -> Reaction {
        if !checksum_holds(&request) {
            return Reaction::Reply(self.context(&request).deny(Rejection::InvalidFormat));
        }
        self.shared.clients().seen(self.id, self.peer);
        match request.header.operation {
            Operation::Register => Reaction::Reply(self.login(&request)),
            Operation::Logout => Reaction::Reply(self.logout(&request)),
            operation => {
                let Some(code) = request.code else {
                    return Reaction::Reply(self.server_operation(&request));
                };
                self.shared.requests.record(code);
                self.execute(code, operation, &request).await
            }
        }
    }

    /// Operations that only servers send each other.
    fn server_operation(&self, request: &Request) -> Bytes {
        let reason = if self.session.is_some() {
            EvictionReason::InvalidRequestOperation
        } else {
            EvictionReason::NoSession
        };
        eviction(request.header.client, reason)
    }

    async fn execute(&mut self, code: u32, operation: Operation, request: &Request) -> Reaction {
        let is_write = operation != Operation::NonReplicated;
        if self.session.is_none() {
            return Reaction::Reply(self.without_session(code, is_write, request));
        }
        let injection = self.shared.faults.next(code, is_write);
        if let Some(delay) = injection.delay {
            tokio::time::sleep(delay).await;
        }
        match injection.action {
            Some(Action::Disconnect) => return Reaction::Close,
            Some(Action::Refuse(rejection)) => {
                let refusal = self
                    .context(request)
                    .answer(Err(Refused::Committed(rejection)));
                return Reaction::Reply(refusal);
            }
            Some(Action::LoseReply) | None => {}
        }
        let reaction = if is_write {
            self.write(operation, request).await
        } else {
            Reaction::Reply(self.read(code, request))
        };
        if injection.action == Some(Action::LoseReply) {
            return Reaction::Close;
        }
        reaction
    }

    /// Before login only a ping is answered. A write means that the client takes
    /// a session for granted, so it is told that there is none.
    fn without_session(&self, code: u32, is_write: bool, request: &Request) -> Bytes {
        let client = request.header.client;
        match code {
            codes::PING_CODE => self.context(request).answer(Ok(Bytes::new())),
            codes::LOGIN_USER_CODE | codes::LOGIN_WITH_PERSONAL_ACCESS_TOKEN_CODE => {
                eviction(client, EvictionReason::MalformedLogin)
            }
            _ if is_write => eviction(client, EvictionReason::NoSession),
            _ => self.context(request).deny(Rejection::Unauthenticated),
        }
    }

    fn read(&self, code: u32, request: &Request) -> Bytes {
        if matches!(
            code,
            codes::LOGIN_USER_CODE | codes::LOGIN_WITH_PERSONAL_ACCESS_TOKEN_CODE
        ) {
            return eviction(request.header.client, EvictionReason::MalformedLogin);
        }
        let answer = {
            // Always in this order: metadata, then clients.
            let metadata = self.shared.metadata();
            let clients = self.shared.clients();
            let scene = ReadScene {
                metadata: &metadata,
                clients: &clients,
                facts: &self.shared.facts,
                caller: Caller {
                    connection: self.id,
                    client: self.client(request),
                    reached: self.reached,
                },
                now: self.shared.now(),
            };
            dispatch::read(code, &request.body, &scene)
        };
        self.context(request).answer(answer)
    }

    /// Executes a write, and answers when it is on disk (if there is a disk).
    async fn write(&mut self, operation: Operation, request: &Request) -> Reaction {
        match self.session.as_ref().map(|s| s.replay_of(&request.header)) {
            Some(Replay::Known(reply)) => return Reaction::Reply(reply),
            Some(Replay::Conflicting) => return Reaction::Silence,
            Some(Replay::Spent) => {
                let refusal = self
                    .context(request)
                    .answer(Err(Refused::Committed(Rejection::RequestAlreadyApplied)));
                return Reaction::Reply(refusal);
            }
            Some(Replay::New) | None => {}
        }
        let client = self.client(request);
        let (answer, committed) = {
            let mut metadata = self.shared.metadata();
            let now = self.shared.now();
            match dispatch::write(operation, &request.body, &mut metadata, client, now) {
                Ok((payload, change)) => {
                    let row = Row::of(change, &metadata);
                    let committed = self
                        .shared
                        .store
                        .as_ref()
                        .zip(row)
                        .map(|(store, row)| store.write(row));
                    (Ok(payload), committed)
                }
                Err(refused) => (Err(refused), None),
            }
        };
        if let Some(committed) = committed
            && committed.await.is_err()
        {
            // Not on disk, and perhaps never: the client must not hear that
            // it was done, nor that it was not.
            return Reaction::Close;
        }
        self.shared.advance_log();
        if operation == Operation::JoinConsumerGroup && answer.is_ok() {
            self.note_membership();
        }
        let denied = matches!(answer, Err(Refused::Early(_)));
        let reply = self.context(request).answer(answer);
        if let (Some(session), false) = (self.session.as_mut(), denied) {
            session.remember(&request.header, reply.clone());
        }
        Reaction::Reply(reply)
    }

    /// Logs in; a second login on a connection changes nothing and gets the
    /// session that is there.
    fn login(&mut self, request: &Request) -> Bytes {
        let verdict = login::verify(&request.body, &self.shared.credentials);
        self.shared.requests.record(verdict.code());
        let user_id = match verdict {
            Verdict::Refused { reason, .. } => return eviction(request.header.client, reason),
            Verdict::Accepted { user_id } => user_id,
        };
        if self.session.is_none() {
            let epoch = self.shared.advance_log();
            let client = request.header.client;
            self.session = Some(Session::new(client, epoch, user_id));
            self.list_login();
        }
        let context = self.context(request);
        context.answer(login::reply(user_id, context.session))
    }

    /// Ends the session, not the connection.
    fn logout(&mut self, request: &Request) -> Bytes {
        self.shared.requests.record(codes::LOGOUT_USER_CODE);
        self.shared.advance_log();
        let reply = self.context(request).answer(Ok(Bytes::new()));
        self.end_session();
        self.shared.clients().remove(self.id);
        reply
    }

    fn end_session(&mut self) {
        if let Some(session) = self.session.take() {
            if session.joined {
                self.shared.metadata().forget_client(session.client);
            }
            self.shared.clients().set_login(self.id, None);
        }
    }

    fn note_membership(&mut self) {
        if let Some(session) = self.session.as_mut() {
            session.joined = true;
        }
        self.list_login();
    }

    fn list_login(&self) {
        let login = self.session.as_ref().map(|session| ClientLogin {
            user_id: session.user_id,
            client: session.client,
            joined: session.joined,
        });
        self.shared.clients().set_login(self.id, login);
    }

    fn client(&self, request: &Request) -> u128 {
        self.session
            .as_ref()
            .map_or(request.header.client, |session| session.client)
    }

    fn context(&self, request: &Request) -> ReplyContext {
        ReplyContext {
            request: request.header,
            session: self.session.as_ref().map_or(0, |session| session.epoch),
            commit: self.shared.log_position(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end_session();
        self.shared.clients().remove(self.id);
    }
}

/// A client may stamp its request with a checksum of the body; zero means it did
/// not.
fn checksum_holds(request: &Request) -> bool {
    let stamp = request.header.request_checksum;
    stamp == 0 || stamp == u128::from(calculate_checksum(&request.body))
}
