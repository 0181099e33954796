//! A round with the server, and what is said of the server object after it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use iggyctl_engine::ReadOnly;
use iggyctl_engine::connect::{ConnectionPool, ServerConnector};
use iggyctl_engine::ledger::{LedgerFailure, describe};
use iggyctl_engine::observe::ReadError;
use jiff::Timestamp;

use super::super::connection::{NoConnection, Said};
use super::super::passwords::{add_previous, gather};
use super::super::server_status::Look;
use super::super::world::View;
use super::backoff::{FIRST, Failing};
use super::{Crank, Next, no_server};
use crate::operator::cluster::ServerObject;
use crate::operator::model::{Defaults, Object, Reason};
use crate::operator::resources::status::{Claim, ConditionStatus};
use crate::operator::round::{Health, Member, Subject, time};

impl Crank {
    /// A round with the server.
    pub(super) async fn look(
        &mut self,
        view: &View,
        server: &Arc<ServerObject>,
        said: &Said<'_>,
    ) -> Result<Next, NoConnection> {
        let wanted = self.made_from(server, said);
        self.connect(view, server, said, wanted.clone()).await?;
        let Some(connection) = &self.connection else {
            return Ok(Next::of_server());
        };
        let started = Instant::now();
        let own_identity = ledger_identity(&connection.pool).await.map_err(no_server)?;
        let latency = started.elapsed();
        let address = connection.address.clone();
        let identity = own_identity.clone().unwrap_or_else(|| address.clone());
        let rounds = self.shared.rounds_with(&identity);
        let _round = rounds.lock().await;
        // Which other server objects are for the same server shows only now, and what their
        // objects have by now.
        self.identity = Some(identity.clone());
        let shared = &self.shared;
        let view = &shared.world.view(&self.key, Some(&identity));
        self.departed.extend(shared.world.take_departed(&self.key));
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
            let is_foreign = object.server() != self.key;
            members.push(Member {
                is_foreign,
                ..Member::departed(&object, declared, &subject)
            });
        }
        let cluster = &self.shared.cluster;
        let mut gathered = gather(cluster, &members).await;
        add_previous(cluster, &mut members, &mut gathered, &self.verified).await;
        let round = self.round(&members, &gathered, &subject).await?;
        if !round.is_replaced {
            self.process = process;
        }
        let departed = std::mem::take(&mut self.departed);
        let has_departed = departed.iter().any(|it| it.server() == self.key);
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
        if round.failing.is_empty() {
            self.tried_formerly = Some(wanted.clone());
        }
        let is_former = self
            .connection
            .as_ref()
            .is_some_and(|it| it.made_from != wanted);
        let interval = interval(&members, &subject);
        let mut failing = round.failing;
        if !written || is_former {
            failing.insert(Failing::Server);
        }
        if !failing.is_empty() {
            // What fails for one of them is no reason to look less often for the others.
            return Ok(Next::Retry(failing, interval));
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

/// How long what was asked to be deleted may still be waited for; to the second, as the time of
/// deletion is.
fn rest(deleted: Timestamp, said: &Said<'_>, now: Timestamp) -> Duration {
    let waited = Duration::try_from(now.duration_since(deleted)).unwrap_or_default();
    said.orphan_after.saturating_sub(waited) + FIRST
}

/// The shortest interval of all: one read is for all of them.
fn interval(members: &[Member], subject: &Subject) -> Duration {
    let own = members.iter().filter(|member| !member.is_foreign);
    let intervals = own.map(|member| member.policies.interval);
    intervals.min().unwrap_or(subject.defaults.interval)
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
