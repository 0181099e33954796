//! One server object and its objects: round after round, one at a time.
//!
//! ```text
//!  look: connecting ─▶ members ─▶ round: read, decide, announce, apply, read again, conclude,
//!                                        writes ─▶ server
//!  without (a server that can be used):  writes ─▶ server
//! ```

mod announce;
mod backoff;
mod connecting;
mod look;
mod members;
mod round;
mod server;
mod tokens;
mod without;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use iggyctl_core::address::Address;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired_user::SecretReference;
use iggyctl_engine::broker::ServerProcess;
use iggyctl_engine::connect::ConnectError;
use iggyctl_engine::observe::ReadError;
use tokio::sync::Notify;

use self::backoff::{Backoffs, Failing};
use self::tokens::Seen;
use super::Shared;
use super::connection::{Connection, MadeFrom, NoConnection, Said, refusal};
use crate::operator::model::{Declared, Defaults, Object, Reason, Refused, ServerKey};
use crate::operator::round::NoServer;

/// How long one round may take, whatever hangs.
const LONGEST_ROUND: Duration = Duration::from_secs(10 * 60);

/// Turns rounds for one server object.
pub(super) struct Crank {
    key: ServerKey,
    shared: Arc<Shared>,
    notify: Arc<Notify>,
    connection: Option<Connection>,
    /// What the former connection was used instead of, in vain.
    tried_formerly: Option<MadeFrom>,
    /// Since when the Secret of the connection is gone.
    secret_gone: Option<Instant>,
    /// Objects that are gone, until a round has told it.
    departed: Vec<Arc<Object>>,
    /// What the server was called in the last round.
    identity: Option<String>,
    /// Specs that were read, by the uid of their objects.
    declared: BTreeMap<String, (i64, Result<Arc<Declared>, Refused>)>,
    /// Passwords that a login showed to be live.
    verified: BTreeMap<SecretReference, Secret>,
    /// What was kept of the passwords that were applied last, by the uid of the object.
    kept: BTreeMap<String, BTreeMap<String, Secret>>,
    /// Tokens that were as they should be.
    tokens: BTreeMap<Address, Seen>,
    /// The process of the server that had what is held.
    process: Option<ServerProcess>,
    backoffs: Backoffs,
    /// When the present round began.
    began: Instant,
}

/// When to look again.
enum Next {
    /// After the interval of the objects.
    After(Duration),
    /// Soon: these failed, which may pass; and not later than this.
    Retry(BTreeSet<Failing>, Duration),
    /// Only when somebody asks.
    Asked,
}

impl Next {
    /// Something failed that is for all objects of the server.
    fn of_server() -> Self {
        Self::Retry([Failing::Server].into(), Duration::MAX)
    }
}

impl Crank {
    pub(super) fn new(key: ServerKey, shared: Arc<Shared>, notify: Arc<Notify>) -> Self {
        Self {
            key,
            shared,
            notify,
            connection: None,
            tried_formerly: None,
            secret_gone: None,
            departed: Vec::new(),
            identity: None,
            declared: BTreeMap::new(),
            verified: BTreeMap::new(),
            kept: BTreeMap::new(),
            tokens: BTreeMap::new(),
            process: None,
            backoffs: Backoffs::default(),
            began: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut wait = None;
        loop {
            match wait {
                None => self.notify.notified().await,
                Some(wait) => {
                    tokio::select! {
                        () = self.shared.clock.pass(wait) => {}
                        () = self.notify.notified() => {}
                    }
                }
            }
            self.began = Instant::now();
            self.shared.health.begins(&self.key, LONGEST_ROUND);
            let next = tokio::time::timeout(LONGEST_ROUND, self.turn()).await;
            self.shared.health.ends(&self.key);
            let next = next.unwrap_or_else(|_| Next::of_server());
            wait = match next {
                Next::After(interval) => {
                    self.backoffs.clear();
                    Some(jittered(interval))
                }
                Next::Retry(failing, most) => {
                    let now = self.shared.clock.now();
                    Some(self.backoffs.failed(failing, now).min(most))
                }
                Next::Asked => None,
            };
        }
    }

    async fn turn(&mut self) -> Next {
        let view = self.shared.world.view(&self.key, self.identity.as_deref());
        if view.server.is_none() && view.objects.is_empty() {
            self.disconnect().await;
            // Whoever comes later under these names is another one.
            self.shared.world.take_departed(&self.key);
            let (key, shared, notify) = (&self.key, &self.shared, &self.notify);
            *self = Self::new(key.clone(), Arc::clone(shared), Arc::clone(notify));
            return Next::Asked;
        }
        self.departed
            .extend(self.shared.world.take_departed(&self.key));
        self.forget_specs(&view);
        let Some(server) = view.server.clone() else {
            self.departed.clear();
            self.disconnect().await;
            let why = NoServer {
                reason: Reason::ServerNotFound,
                message: format!("there is no {}", self.key),
                // Nothing could be done for it any more, whatever one waits for.
                orphan_after: None,
            };
            return self.without(&view, &why, Defaults::default()).await;
        };
        let spec = match &server.spec {
            Ok(spec) => spec.clone(),
            Err(error) => {
                let why = NoConnection {
                    reason: Reason::InvalidSpec,
                    message: error.clone(),
                };
                return self.no_connection(&view, &server, why, None).await;
            }
        };
        let said = Said::of(&server, &spec);
        match self.look(&view, &server, &said).await {
            Ok(next) => next,
            Err(why) => {
                // What was written down before it went wrong must not be written over.
                let view = self.shared.world.view(&self.key, self.identity.as_deref());
                self.no_connection(&view, &server, why, Some(&said)).await
            }
        }
    }
}

/// What became of a round, as far as it decides about the next one.
#[derive(Debug, Default)]
struct Rounded {
    /// Whoever failed in a way that may pass.
    failing: BTreeSet<Failing>,
    is_replaced: bool,
    /// Whether an object needs the server to be let go.
    needs_server: bool,
    /// The objects whose status could not be written.
    unwritten: BTreeSet<String>,
    /// The marks on the server object that still tell something.
    marks: BTreeSet<String>,
}

/// By up to a tenth, so that what began together does not go on together.
fn jittered(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let part = u32::try_from(random % 201).unwrap_or(0);
    wait.saturating_mul(900 + part) / 1000
}

fn no_server(error: ReadError) -> NoConnection {
    let reason = match &error {
        ReadError::Connect(ConnectError::CredentialsRefused { .. }) => Reason::CredentialsRefused,
        _ => Reason::ServerUnavailable,
    };
    let message = match &error {
        ReadError::Connect(error) => refusal(error),
        ReadError::Broker(error) => error.to_string(),
    };
    NoConnection { reason, message }
}
