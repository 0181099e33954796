//! What a connection does with a request.

use std::sync::Arc;

use bytes::Bytes;
use iggy_binary_protocol::{EvictionReason, Operation, codes};
use iggy_common::calculate_checksum;
use tokio::sync::Notify;

use super::clients::ClientLogin;
use super::login;
use super::reply::{ReplyContext, eviction};
use super::session::{Replay, Session};
use super::{Ends, Request};
use crate::dispatch::Caller;
use crate::execution::{self, Unanswered};
use crate::fault::{Action, Injection};
use crate::rules::{Refused, Rejection};
use crate::shared::Shared;

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Reaction {
    Reply(Bytes),
    /// No answer, and the connection goes on: the real server does so with what
    /// no client can mean.
    Silence,
    Close,
}

/// Stands for the user of a connection without a login. No user has this id, and
/// requests that ask for it are not executed anyway.
const NOBODY: u32 = u32::MAX;

/// The server's side of a connection.
pub(super) struct Connection {
    shared: Arc<Shared>,
    /// The number under which clients are listed.
    id: u32,
    ends: Ends,
    session: Option<Session>,
    evicted: Arc<Notify>,
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, ends: Ends) -> Self {
        let evicted = Arc::new(Notify::new());
        let id = shared.clients().connected(ends, &evicted, shared.now());
        Self {
            shared,
            id,
            ends,
            session: None,
            evicted,
        }
    }

    /// Resolves when the session is to end; then [`evict`](Self::evict) ends it.
    pub(super) fn evicted(&self) -> Arc<Notify> {
        Arc::clone(&self.evicted)
    }

    /// Ends the session, not the connection. What the client is to be told, unless it has
    /// none any more.
    pub(super) fn evict(&mut self) -> Option<Bytes> {
        let client = self.session.as_ref()?.client;
        tracing::debug!(peer = %self.ends.peer, "a member of a group was silent for too long");
        self.end_session();
        self.shared.clients().remove(self.id);
        Some(eviction(client, EvictionReason::StaleClient))
    }

    pub(super) async fn react(&mut self, request: Request) -> Reaction {
        if !checksum_holds(&request) {
            return Reaction::Reply(self.context(&request).deny(Rejection::InvalidFormat));
        }
        let now = self.shared.now();
        self.shared
            .clients()
            .seen(self.id, self.ends, &self.evicted, now);
        match request.header.operation {
            Operation::Register => self.login(&request).await,
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
        if let Some(reaction) = self.suffer(injection, request).await {
            return reaction;
        }
        let reaction = if is_write {
            self.write(code, operation, request).await
        } else if code == codes::POLL_MESSAGES_CODE {
            self.poll(request).await
        } else {
            Reaction::Reply(self.read(code, request))
        };
        if injection.action == Some(Action::LoseReply) {
            return Reaction::Close;
        }
        reaction
    }

    /// What an injected fault does before a request is executed.
    async fn suffer(&self, injection: Injection, request: &Request) -> Option<Reaction> {
        if let Some(delay) = injection.delay {
            tokio::time::sleep(delay).await;
        }
        match injection.action? {
            Action::Disconnect => Some(Reaction::Close),
            Action::Refuse(rejection) => {
                let refused = Err(Refused::Committed(rejection));
                Some(Reaction::Reply(self.context(request).answer(refused)))
            }
            Action::LoseReply => None,
        }
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
        let answer = execution::read(&self.shared, self.caller(request), code, &request.body);
        self.context(request).answer(answer)
    }

    /// Executes a write, and answers when it is on disk (if there is a disk).
    async fn write(&mut self, code: u32, operation: Operation, request: &Request) -> Reaction {
        // Requests to partitions are not numbered: the same one again is done again.
        let is_numbered = !operation.is_partition();
        let replay = self
            .session
            .as_ref()
            .filter(|_| is_numbered)
            .map(|session| session.replay_of(&request.header));
        match replay {
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
        let caller = self.caller(request);
        let written = execution::write(&self.shared, caller, code, operation, &request.body).await;
        let answer = match written {
            Ok(answer) => answer,
            Err(error) => return close(&error),
        };
        if operation == Operation::JoinConsumerGroup && answer.is_ok() {
            self.note_membership();
        }
        let denied = matches!(answer, Err(Refused::Early(_)));
        // A token is in its one reply and nowhere else, so a replay cannot have it: it is
        // told that the name is taken, which is true, and what to do about it.
        let remembered = (operation == Operation::CreatePersonalAccessToken && answer.is_ok())
            .then_some(Err(Refused::Committed(Rejection::TokenNameTaken)));
        let context = self.context(request);
        let reply = context.answer(answer);
        if let (Some(session), false) = (self.session.as_mut(), denied || !is_numbered) {
            let remembered =
                remembered.map_or_else(|| reply.clone(), |answer| context.answer(answer));
            session.remember(&request.header, remembered);
        }
        Reaction::Reply(reply)
    }

    async fn poll(&self, request: &Request) -> Reaction {
        match execution::poll(&self.shared, self.caller(request), &request.body).await {
            Ok(answer) => Reaction::Reply(self.context(request).answer(answer)),
            Err(error) => close(&error),
        }
    }

    /// Logs in; a second login on a connection changes nothing and gets the
    /// session that is there.
    async fn login(&mut self, request: &Request) -> Reaction {
        let verdict = login::verify(&request.body, &self.shared).await;
        self.shared.requests.record(verdict.code);
        let injection = self.shared.faults.next(verdict.code, false);
        if let Some(reaction) = self.suffer(injection, request).await {
            return reaction;
        }
        let reply = match verdict.user {
            Ok(user) => self.log_in_as(user, request),
            Err(reason) => eviction(request.header.client, reason),
        };
        if injection.action == Some(Action::LoseReply) {
            return Reaction::Close;
        }
        Reaction::Reply(reply)
    }

    fn log_in_as(&mut self, user_id: u32, request: &Request) -> Bytes {
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

    fn caller(&self, request: &Request) -> Caller {
        let session = self.session.as_ref();
        Caller {
            connection: self.id,
            client: session.map_or(request.header.client, |session| session.client),
            user: session.map_or(NOBODY, |session| session.user_id),
            reached: self.ends.reached,
        }
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

fn close(error: &Unanswered) -> Reaction {
    tracing::error!(%error, "a request has no answer");
    Reaction::Close
}

/// A client may stamp its request with a checksum of the body; zero means it did
/// not.
fn checksum_holds(request: &Request) -> bool {
    let stamp = request.header.request_checksum;
    stamp == 0 || stamp == u128::from(calculate_checksum(&request.body))
}
