//! One server object and its objects: round after round, one at a time.
//!
//! ```text
//!  members ─┐
//!           ├─▶ round: read, decide, announce, apply, read again, conclude ─▶ writes
//!  connecting ┘
//! ```

mod connecting;
mod members;
mod round;
mod tokens;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use iggyctl_core::address::Address;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired_user::SecretReference;
use iggyctl_engine::ReadOnly;
use iggyctl_engine::broker::ServerProcess;
use iggyctl_engine::connect::{ConnectError, ConnectionPool, ServerConnector};
use iggyctl_engine::ledger::{LedgerFailure, describe};
use iggyctl_engine::observe::ReadError;
use jiff::Timestamp;
use tokio::sync::Notify;

use self::tokens::Seen;
use super::Shared;
use super::connection::{Connection, MadeFrom, NoConnection, ORPHAN_AFTER, Said, refusal};
use super::passwords::{add_previous, gather};
use super::server_status::Look;
use super::world::View;
use crate::operator::cluster::ServerObject;
use crate::operator::model::{Declared, Defaults, Object, Reason, Refused, ServerKey};
use crate::operator::resources::status::{Claim, ConditionStatus};
use crate::operator::round::{
    Health, Member, NoServer, Subject, rest_of_wait, time, without_server,
};

/// How long one round may take, whatever hangs.
const LONGEST_ROUND: Duration = Duration::from_secs(10 * 60);

/// The first wait after a failure; it doubles up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest wait after a failure.
const LAST_RETRY: Duration = Duration::from_secs(5 * 60);

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
    failures: u32,
    /// When the present round began.
    began: Instant,
}

/// When to look again.
enum Next {
    /// After the interval of the objects.
    After(Duration),
    /// Soon: something failed that may pass.
    Retry,
    /// As [`Self::Retry`], and not later than this.
    RetryWithin(Duration),
    /// Only when somebody asks.
    Asked,
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
            failures: 0,
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
            wait = match next.unwrap_or(Next::Retry) {
                Next::After(interval) => {
                    self.failures = 0;
                    Some(jittered(interval))
                }
                Next::Retry => Some(self.backoff()),
                Next::RetryWithin(most) => Some(self.backoff().min(most)),
                Next::Asked => None,
            };
        }
    }

    fn backoff(&mut self) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        jittered(doubled.min(LAST_RETRY))
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

    /// A round with the server.
    async fn look(
        &mut self,
        view: &View,
        server: &Arc<ServerObject>,
        said: &Said<'_>,
    ) -> Result<Next, NoConnection> {
        let wanted = self.made_from(server, said);
        self.connect(view, server, said, wanted.clone()).await?;
        let Some(connection) = &self.connection else {
            return Ok(Next::Retry);
        };
        let started = Instant::now();
        let own_identity = ledger_identity(&connection.pool).await.map_err(no_server)?;
        let latency = started.elapsed();
        let address = connection.address.clone();
        let identity = own_identity.clone().unwrap_or_else(|| address.clone());
        let mut view = view;
        let viewed_anew;
        if self.identity.as_ref() != Some(&identity) {
            // Which other server objects are for the same server shows only now.
            self.identity = Some(identity.clone());
            viewed_anew = self.shared.world.view(&self.key, Some(&identity));
            view = &viewed_anew;
        }
        let before = server.status.server_identity.clone();
        let had_own = before.as_ref().is_some_and(|before| *before != address);
        let is_another = had_own && before.as_ref() != Some(&identity);
        let stats = self.stats().await;
        let process = stats.as_ref().map(|stats| stats.process);
        // A process that goes on is still the same server, whatever is gone from it. One that
        // does not may have been given what it had at another time: nothing is known of it.
        let goes_on = process.is_some() && process == self.process;
        if !goes_on {
            self.verified.clear();
            self.tokens.clear();
        }
        let is_the_same = own_identity.is_some() && before == own_identity || goes_on;
        let now = self.shared.clock.now();
        let replacement = replacement_token(server, now);
        let subject = Subject {
            is_another,
            is_the_same,
            identity: identity.clone(),
            // What it was called before counts even if it is another one: that is how it shows.
            aliases: Some(before.into_iter().chain([address]).collect()),
            defaults: Defaults::of(&said.defaults),
            creating: Arc::new(view.creating()),
            replacement_acknowledged: server.acknowledged.as_ref() == Some(&replacement),
            login_namespace: (self.key.namespace.is_none()).then(|| said.namespace.clone()),
            now,
        };
        let mut members = self.members(view, &subject);
        for object in self.departed.clone() {
            let declared = self.permitted(view.server.as_deref(), &object);
            members.push(Member::departed(&object, declared, &subject));
        }
        let cluster = &self.shared.cluster;
        let mut gathered = gather(cluster, &members).await;
        add_previous(cluster, &mut members, &mut gathered, &self.verified).await;
        let round = self.round(&members, &gathered, &subject).await?;
        if !round.is_replaced {
            self.process = process;
        }
        let has_departed = !std::mem::take(&mut self.departed).is_empty();
        let version = stats.map(|stats| stats.version);
        let look = match round.is_replaced {
            false => Look {
                health: Health::Ready,
                reason: Reason::Applied,
                message: String::new(),
                version,
                identity: Some(identity),
                latency: Some(latency),
                dependants: view.objects.len(),
                creating: round.marks,
            },
            true => Look {
                health: Health::Stalled,
                reason: Reason::ServerReplaced,
                message: format!(
                    "nothing of what was held is there any more: the server was emptied, or it is \
                     another one. Nothing is changed. To create all that is declared anew, \
                     annotate this object with iggyctl.dev/acknowledge-replaced={replacement}"
                ),
                version,
                // The former one is remembered until somebody says that it may be gone.
                identity: None,
                latency: Some(latency),
                dependants: view.objects.len(),
                creating: round.marks,
            },
        };
        let needs_finalizer = round.needs_server;
        // At the very time that its message names.
        let written = self
            .write_server(server, look, needs_finalizer, said.orphan_after, now)
            .await;
        self.tell_others(view, has_departed);
        // With the former credentials only for as long as it takes: a round that has nothing
        // left to do did not change the password, and nobody will.
        if !round.retries {
            self.tried_formerly = Some(wanted.clone());
        }
        let is_former = self
            .connection
            .as_ref()
            .is_some_and(|it| it.made_from != wanted);
        let interval = interval(&members, &subject);
        if round.retries || !written || is_former {
            // What fails for one of them is no reason to look less often for the others.
            return Ok(Next::RetryWithin(interval));
        }
        // A server object that waits for its objects waits no longer than it has to.
        let waiting = server.deleted_at.filter(|_| server.has_finalizer());
        let rest = waiting.map(|deleted| rest(deleted, said, now));
        Ok(Next::After(
            rest.map_or(interval, |rest| interval.min(rest)),
        ))
    }

    /// Other server objects for the same server share what is claimed. Rounds of two of them
    /// may overlap, so each has to look again after the other one took or let go something.
    fn tell_others(&self, before: &View, has_departed: bool) {
        let after = self.shared.world.view(&self.key, self.identity.as_deref());
        if after.others.is_empty() {
            return;
        }
        let mut own = after.objects.iter();
        let is_gone = own.any(|it| it.deleted_at.is_some() && !it.has_finalizer);
        if is_gone || has_departed || claims(&before.objects) != claims(&after.objects) {
            for (other, _) in &after.others {
                self.shared.turn(&other.key);
            }
        }
        if claims_of_others(before) != claims_of_others(&after) {
            self.notify.notify_one();
        }
    }

    /// A round without a server.
    async fn without(&mut self, view: &View, why: &NoServer, defaults: Defaults) -> Next {
        let subject = Subject {
            identity: String::new(),
            aliases: None,
            defaults,
            creating: Arc::new(view.creating()),
            is_another: false,
            is_the_same: false,
            replacement_acknowledged: false,
            login_namespace: None,
            now: self.shared.clock.now(),
        };
        let members = self.members(view, &subject);
        let conclusions = without_server(&members, why, &subject);
        let has: Vec<bool> = members.iter().map(|it| it.object.has_finalizer).collect();
        let needs = |place: usize| has.get(place).copied().unwrap_or(false);
        let rounded = self.write_all(&members, conclusions, needs).await;
        // Whoever waits to be let go waits no longer than it has to.
        let rest = rest_of_wait(&members, why, &subject);
        match (rest, why.reason, rounded.retries) {
            // To the second, as the time of deletion is.
            (Some(rest), _, _) => Next::RetryWithin(rest + FIRST_RETRY),
            // That one appears is seen.
            (None, Reason::ServerNotFound, false) => Next::Asked,
            (None, _, _) => Next::Retry,
        }
    }

    async fn no_connection(
        &mut self,
        view: &View,
        server: &Arc<ServerObject>,
        why: NoConnection,
        said: Option<&Said<'_>>,
    ) -> Next {
        if self.secret_gone.is_none() {
            self.disconnect().await;
        }
        let orphan_after = said.map_or(ORPHAN_AFTER, |said| said.orphan_after);
        let no_server = NoServer {
            reason: why.reason,
            message: format!("{}: {}", self.key, why.message),
            orphan_after: Some(orphan_after),
        };
        let defaults = said.map_or_else(Defaults::default, |said| Defaults::of(&said.defaults));
        let next = self.without(view, &no_server, defaults).await;
        let health = match why.reason {
            Reason::ServerUnavailable => Health::Reconciling,
            _ => Health::Stalled,
        };
        let look = Look {
            health,
            reason: why.reason,
            message: why.message,
            version: None,
            identity: None,
            latency: None,
            dependants: view.objects.len(),
            creating: self.marks(),
        };
        let needs = view.objects.iter().any(|object| object.has_finalizer);
        let now = self.shared.clock.now();
        self.write_server(server, look, needs, orphan_after, now)
            .await;
        next
    }
}

/// What each of the objects holds.
fn claims(objects: &[Arc<Object>]) -> Vec<(&str, &[Claim])> {
    let objects = objects.iter();
    let claims = objects.map(|object| (object.uid.as_str(), object.status.claims.as_slice()));
    claims.collect()
}

fn claims_of_others(view: &View) -> Vec<Vec<(&str, &[Claim])>> {
    let others = view.others.iter();
    others.map(|(_, objects)| claims(objects)).collect()
}

/// What became of a round, as far as it decides about the next one.
#[derive(Debug, Default)]
struct Rounded {
    retries: bool,
    is_replaced: bool,
    /// Whether an object needs the server to be let go.
    needs_server: bool,
    /// The objects whose status could not be written.
    unwritten: BTreeSet<String>,
    /// The marks on the server object that still tell something.
    marks: BTreeSet<String>,
}

/// How long what was asked to be deleted may still be waited for; to the second, as the time of
/// deletion is.
fn rest(deleted: Timestamp, said: &Said<'_>, now: Timestamp) -> Duration {
    let waited = Duration::try_from(now.duration_since(deleted)).unwrap_or_default();
    said.orphan_after.saturating_sub(waited) + FIRST_RETRY
}

/// The shortest interval of all: one read is for all of them.
fn interval(members: &[Member], subject: &Subject) -> Duration {
    let own = members.iter().filter(|member| !member.is_foreign);
    let intervals = own.map(|member| member.policies.interval);
    intervals.min().unwrap_or(subject.defaults.interval)
}

/// By up to a tenth, so that what began together does not go on together.
fn jittered(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let part = u32::try_from(random % 201).unwrap_or(0);
    wait.saturating_mul(900 + part) / 1000
}

/// What somebody has to write to go on with a server that was replaced: since when the server
/// object is stalled, so that what was acknowledged once is not acknowledged for ever. That
/// time stays while the reason changes.
fn replacement_token(server: &ServerObject, now: Timestamp) -> String {
    let mut conditions = server.status.conditions.iter();
    let stalled = conditions.find(|it| it.kind == "Stalled" && it.status == ConditionStatus::True);
    stalled.map_or_else(|| time(now).0, |it| it.last_transition_time.0.clone())
}

async fn ledger_identity(
    pool: &ConnectionPool<ServerConnector>,
) -> Result<Option<String>, ReadError> {
    match describe(&ReadOnly::new(pool)).await {
        Ok(identity) => Ok(identity.map(|it| it.to_string())),
        Err(LedgerFailure::Broker(error)) => Err(error),
        // Whoever may not see it goes by the address.
        Err(_) => Ok(None),
    }
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
