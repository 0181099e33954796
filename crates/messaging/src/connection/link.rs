//! One connection to one of several servers as one user, lost and found again.
//!
//! ```text
//!            session()                     lost(generation)
//!  nothing ────────────▶ generation 1 ────────────────────▶ nothing ──▶ generation 2 …
//!              │ one opens, the others wait
//!              ▼
//!     host 0, host 1, … pause, host 0, host 1, … pause (longer), …
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use iggy::prelude::locking::IggyRwLockFn as _;
use iggy::prelude::{Client as _, ClientWrapper, IggyClient, SystemClient as _};
use iggyctl_engine::connect::{ConnectError, Credentials, RemoteAddress};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Settings;
use super::heartbeat;
use super::hosts::{Hosts, OpenError};
use super::session::{Loss, Session};
use crate::error::{MessagingError, words};

/// How far a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lifecycle {
    /// Producers and consumers work.
    Open,
    /// They finish what they began, and begin nothing.
    Closing,
    /// Nothing goes any more.
    Closed,
}

/// How often to try to open a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Each host once.
    OneRound,
    /// As the settings say.
    Backoff,
}

/// What has to finish before a connection closes: a producer sends what it holds, a
/// consumer stores what was acknowledged.
pub(crate) trait Participant: Send + Sync {
    /// Finishes; called once or more, also while it finishes already.
    fn finish(&self) -> BoxFuture<'_, ()>;
}

/// Where sessions come from.
pub(super) enum Origin {
    /// From our own servers, as this user, or as the addresses say.
    Hosts {
        hosts: Arc<Hosts>,
        credentials: Option<Credentials>,
    },
    /// From the caller, who made the client.
    Brought(Arc<IggyClient>),
}

pub(super) struct Link {
    pub(super) origin: Origin,
    pub(super) settings: Settings,
    state: Mutex<State>,
    /// Held by the one that opens a session. Dropping the future that holds it lets
    /// the next one go on.
    opening: tokio::sync::Mutex<()>,
    pub(super) lifecycle: watch::Sender<Lifecycle>,
    participants: Mutex<Vec<Weak<dyn Participant>>>,
    was_opened: AtomicBool,
}

#[derive(Default)]
struct State {
    session: Option<Session>,
    generation: u64,
    /// How often opening one failed, and how it did last.
    failures: u64,
    last_failure: Option<MessagingError>,
    last_error: Option<String>,
    /// The host of the session, or the one to begin with.
    host: usize,
}

/// What is known without asking the server.
pub(super) struct Snapshot {
    pub(super) session: Option<Session>,
    pub(super) last_error: Option<String>,
}

impl Link {
    pub(super) fn new(origin: Origin, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            origin,
            settings,
            state: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            lifecycle: watch::Sender::new(Lifecycle::Open),
            participants: Mutex::default(),
            was_opened: AtomicBool::new(false),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let state = self.state();
        Snapshot {
            session: state.session.clone(),
            last_error: state.last_error.clone(),
        }
    }

    /// Whether messages may go over HTTP.
    pub(super) fn may_be_http(&self) -> bool {
        match &self.origin {
            Origin::Hosts {
                hosts,
                credentials: _,
            } => hosts.any_http(),
            // Nobody holds that lock for writing.
            Origin::Brought(client) => client
                .client()
                .read()
                .now_or_never()
                .is_some_and(|client| matches!(*client, ClientWrapper::Http(_))),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.lifecycle.borrow() == Lifecycle::Closed
    }

    /// The session there is, or a new one, after as many attempts as `patience` allows.
    pub(super) async fn session(
        self: &Arc<Self>,
        patience: Patience,
    ) -> Result<Session, MessagingError> {
        let seen = {
            let state = self.state();
            if let Some(session) = &state.session {
                return Ok(session.clone());
            }
            state.failures
        };
        let _turn = self.opening.lock().await;
        if self.is_closed() {
            return Err(MessagingError::Closed);
        }
        {
            let state = self.state();
            if let Some(session) = &state.session {
                return Ok(session.clone());
            }
            // Who waited while somebody else gave up does not begin anew.
            if let Some(failure) = state
                .last_failure
                .as_ref()
                .filter(|_| state.failures != seen)
            {
                return Err(failure.clone());
            }
        }
        match self.open(patience).await {
            Ok((client, address)) => Ok(self.install(client, address)),
            Err(error) => {
                let mut state = self.state();
                state.failures += 1;
                state.last_error = Some(error.to_string());
                state.last_failure = Some(error.clone());
                Err(error)
            }
        }
    }

    fn install(
        self: &Arc<Self>,
        client: Arc<IggyClient>,
        address: Option<RemoteAddress>,
    ) -> Session {
        let is_ours = address.is_some();
        let session = {
            let mut state = self.state();
            state.generation += 1;
            let session = Session {
                generation: state.generation,
                client,
                address: address.map(Arc::new),
            };
            state.session = Some(session.clone());
            session
        };
        if self.was_opened.swap(true, Ordering::Relaxed) {
            tracing::info!(generation = session.generation, "connected again");
        }
        // Who brings a client along has its heartbeat, too.
        if is_ours {
            heartbeat::start(self, &session);
        }
        session
    }

    /// The session of this generation is of no use any more; says nothing about a
    /// later one.
    pub(super) fn lost(&self, generation: u64, loss: &Loss) {
        let taken = {
            let mut state = self.state();
            if state
                .session
                .as_ref()
                .is_none_or(|session| session.generation != generation)
            {
                return;
            }
            state.last_error = Some(loss.to_string());
            state.session.take()
        };
        tracing::warn!(generation, error = %loss, "the connection is lost");
        drop(taken);
    }

    async fn open(
        &self,
        patience: Patience,
    ) -> Result<(Arc<IggyClient>, Option<RemoteAddress>), MessagingError> {
        let mut lifecycle = self.lifecycle.subscribe();
        tokio::select! {
            opened = self.open_with_backoff(patience) => opened,
            // An error means that the sender is gone, and with it who waits here.
            _ = lifecycle.wait_for(|it| *it == Lifecycle::Closed) => Err(MessagingError::Closed),
        }
    }

    async fn open_with_backoff(
        &self,
        patience: Patience,
    ) -> Result<(Arc<IggyClient>, Option<RemoteAddress>), MessagingError> {
        let started = Instant::now();
        let mut attempts = 0;
        let mut pauses = self.settings.backoff.pauses();
        loop {
            let failure = match &self.origin {
                Origin::Hosts { hosts, credentials } => {
                    match self
                        .open_any(hosts, credentials.as_ref(), &mut attempts)
                        .await
                    {
                        Ok((client, address)) => return Ok((Arc::new(client), Some(address))),
                        Err(failure) => failure,
                    }
                }
                Origin::Brought(client) => {
                    match is_alive(client, self.settings.request_timeout).await {
                        Ok(()) => return Ok((Arc::clone(client), None)),
                        Err(reason) => RoundFailure {
                            error: MessagingError::OwnClient { reason },
                            may_pass: true,
                        },
                    }
                }
            };
            let error = match failure.error {
                MessagingError::Connect { source, .. } => MessagingError::Connect {
                    attempts,
                    waited: started.elapsed(),
                    source,
                },
                other => other,
            };
            let pause = pauses.next().unwrap_or(self.settings.backoff.max);
            let is_over = self
                .settings
                .backoff
                .give_up_after
                .is_some_and(|limit| started.elapsed() + pause > limit);
            if !failure.may_pass || is_over || patience == Patience::OneRound {
                return Err(error);
            }
            tracing::debug!(attempts, ?pause, %error, "no connection yet");
            self.state().last_error = Some(error.to_string());
            sleep(pause).await;
        }
    }

    /// Tries each host once, beginning with the last one that worked.
    async fn open_any(
        &self,
        hosts: &Hosts,
        credentials: Option<&Credentials>,
        attempts: &mut u32,
    ) -> Result<(IggyClient, RemoteAddress), RoundFailure> {
        let first = self.state().host;
        let mut may_pass = false;
        let mut last = None;
        for step in 0..hosts.len() {
            let host = (first + step) % hosts.len();
            *attempts += 1;
            match hosts.open(host, credentials).await {
                Ok(opened) => {
                    self.state().host = host;
                    return Ok(opened);
                }
                Err(OpenError::Embedded(error)) => last = Some(error),
                Err(OpenError::Connect(error)) => {
                    may_pass |= error.may_pass();
                    last = Some(not_connected(error));
                }
            }
        }
        Err(RoundFailure {
            error: last.unwrap_or(MessagingError::NoEndpoint),
            may_pass,
        })
    }

    pub(super) fn join(&self, participant: Weak<dyn Participant>) {
        let mut participants = self
            .participants
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        participants.retain(|participant| participant.strong_count() > 0);
        participants.push(participant);
    }

    /// Lets everybody finish, within the time for it, and closes the connection.
    pub(super) async fn shutdown(&self) {
        let begins = self.lifecycle.send_if_modified(|lifecycle| {
            let begins = *lifecycle == Lifecycle::Open;
            if begins {
                *lifecycle = Lifecycle::Closing;
            }
            begins
        });
        if begins {
            let participants: Vec<_> = {
                let mut participants = self
                    .participants
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                participants
                    .drain(..)
                    .filter_map(|it| it.upgrade())
                    .collect()
            };
            let finishing = participants.iter().map(|participant| participant.finish());
            let _ = timeout(
                self.settings.shutdown_timeout,
                futures::future::join_all(finishing),
            )
            .await;
        }
        self.lifecycle.send_replace(Lifecycle::Closed);
        let session = self.state().session.take();
        // A client that was brought along stays its owner's.
        if let Some(session) = session.filter(|session| session.address.is_some()) {
            let _ = timeout(FOR_CLOSING, session.client.shutdown()).await;
        }
    }
}

/// A logout is one round trip, and nothing depends on it.
const FOR_CLOSING: Duration = Duration::from_secs(1);

/// Why no host gave a connection in one round.
struct RoundFailure {
    error: MessagingError,
    /// Whether another round may do better.
    may_pass: bool,
}

fn not_connected(source: ConnectError) -> MessagingError {
    MessagingError::Connect {
        attempts: 1,
        waited: Duration::ZERO,
        source: Box::new(source),
    }
}

/// Whether a client of somebody else answers. The SDK reconnects it by itself, as it
/// was told to when it was made.
async fn is_alive(client: &IggyClient, limit: Duration) -> Result<(), String> {
    match timeout(limit, client.ping()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(words(error.as_code())),
        Err(_) => Err("no answer in time".to_owned()),
    }
}
