//! What is written of objects, before and after something is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use iggyctl_core::address::Address;
use iggyctl_core::state::DeletionPolicy;
use jiff::Timestamp;

use super::super::metrics::Outcome;
use super::super::server_status::{Look, server_status};
use super::{Crank, Rounded};
use crate::operator::cluster::{ServerObject, WriteError};
use crate::operator::model::{EventReason, Object};
use crate::operator::resources::status::{ServerStatus, TopologyStatus};
use crate::operator::round::{
    Announcement, Conclusion, Correction, Decision, FEWEST_MARKED, Happening, Health, Member,
    Subject, announcement, kept, marks, turns_to,
};

/// Statuses written at once: the API server is shared with others.
const WRITES_AT_ONCE: usize = 16;

/// How often a status is written while others change the rest of its object.
const MOST_ATTEMPTS: usize = 5;

/// How long a change that the API server has may take until it is seen.
const UNTIL_SEEN: Duration = Duration::from_secs(5);

impl Crank {
    /// Writes down what is about to be created and held, and what was found to differ and is
    /// about to be changed back, and makes sure that what may have to be deleted one day is not
    /// forgotten. Returns for which of them that could not be done: on the server nothing may be
    /// done for those.
    pub(super) async fn announce(
        &self,
        members: &[Member],
        decision: &Decision,
        creating: &BTreeSet<Address>,
        corrections: &BTreeMap<usize, Correction>,
        subject: &Subject,
    ) -> BTreeSet<usize> {
        let mut failed = BTreeSet::new();
        let marks = marks(members, decision, creating, corrections, FEWEST_MARKED);
        if !marks.all.is_empty() && !self.mark(marks.all).await {
            failed.clone_from(&marks.places);
        }
        let mut writing = FuturesUnordered::new();
        let announce = async |place| {
            let correction = corrections.get(&place);
            let is_done =
                self.announce_one(members, place, decision, creating, correction, subject);
            (!is_done.await).then_some(place)
        };
        for place in (0..members.len()).filter(|place| !marks.places.contains(place)) {
            // Each is begun only when there is room for it: thousands of them at rest would
            // take more memory than all that they write.
            if writing.len() == WRITES_AT_ONCE {
                failed.extend(writing.next().await.flatten());
            }
            writing.push(announce(place));
        }
        while let Some(one) = writing.next().await {
            failed.extend(one);
        }
        failed
    }

    /// Adds marks to the server object, and returns whether it has them.
    async fn mark(&self, marks: BTreeSet<String>) -> bool {
        let Some(server) = self.shared.world.server(&self.key) else {
            return false;
        };
        let mut status = server.status.clone();
        status.creating.extend(marks);
        let cluster = &self.shared.cluster;
        let written = cluster.write_server_status(&server, &status).await;
        !matches!(written, Err(WriteError::Gone)) && self.took_in_server(&server, written).is_some()
    }

    /// The marks that the server object has.
    pub(super) fn marks(&self) -> BTreeSet<String> {
        let server = self.shared.world.server(&self.key);
        server.map_or_else(BTreeSet::new, |server| server.status.creating.clone())
    }

    /// The marks that still tell something when a round is over: those of objects whose status
    /// does not say yet what they hold, since it could not be written, or was left as it was.
    pub(super) fn marks_left(
        &self,
        members: &[Member],
        decision: &Decision,
        unwritten: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let marks = self.marks();
        if decision.is_replaced || marks.is_empty() {
            return marks;
        }
        let is_left = |it: &&Member| {
            it.is_paused() || it.declared.is_err() || unwritten.contains(&it.object.uid)
        };
        let left = members.iter().filter(is_left);
        kept(&marks, left.map(|member| member.object.uid.as_str()))
    }

    async fn announce_one(
        &self,
        members: &[Member],
        place: usize,
        decision: &Decision,
        creating: &BTreeSet<Address>,
        correction: Option<&Correction>,
        subject: &Subject,
    ) -> bool {
        let member = &members[place];
        if member.is_foreign || member.is_deleting() || decision.is_replaced {
            return true;
        }
        let cluster = &self.shared.cluster;
        let object = &member.object;
        if decision.needs_finalizer(members, place, creating) && !object.has_finalizer {
            let added = cluster.set_finalizer(object, true).await;
            if self.took_in(object, added).is_none() {
                return false;
            }
        }
        match announcement(members, decision, place, creating, correction, subject) {
            None => true,
            Some(Announcement { status, happening }) => {
                if let Some(happening) = &happening {
                    self.shared.events.tell(object.as_ref(), happening).await;
                }
                let written = self.write_status(object, &status).await;
                self.took_in(object, written).is_some()
            }
        }
    }

    /// Writes what is new.
    pub(super) async fn write_all(
        &self,
        members: &[Member],
        conclusions: Vec<Option<Conclusion>>,
        needs_finalizer: impl Fn(usize) -> bool,
    ) -> Rounded {
        let mut rounded = Rounded::default();
        let mut add = |one: Rounded| {
            rounded.retries |= one.retries;
            rounded.needs_server |= one.needs_server;
            rounded.unwritten.extend(one.unwritten);
        };
        let mut writing = FuturesUnordered::new();
        for (place, (member, conclusion)) in members.iter().zip(conclusions).enumerate() {
            let Some(conclusion) = conclusion else {
                continue;
            };
            if writing.len() == WRITES_AT_ONCE
                && let Some(one) = writing.next().await
            {
                add(one);
            }
            writing.push(self.write(member, conclusion, needs_finalizer(place)));
        }
        while let Some(one) = writing.next().await {
            add(one);
        }
        rounded
    }

    async fn write(&self, member: &Member, mut conclusion: Conclusion, needs: bool) -> Rounded {
        let before = &member.object;
        // It was let go, and that was told: only the watch has not said yet that it is gone.
        if member.is_deleting() && !before.has_finalizer && !member.has_departed {
            conclusion.happenings.clear();
        }
        if !member.has_departed {
            let metrics = &self.shared.metrics;
            metrics.concluded(before, &conclusion, self.began.elapsed());
        }
        // As it was announced, and not as it was before the round: that may be what it is now.
        let newest = self.shared.world.newest(before);
        let mut object = newest.unwrap_or_else(|| Arc::clone(before));
        let Conclusion {
            status,
            happenings,
            releases,
            mut retries,
            drift_found: _,
            drift_corrected: _,
        } = conclusion;
        if member.has_departed {
            self.tell(&object, &happenings).await;
            return Rounded::default();
        }
        let mut claims = status.claims.iter();
        let holds_until_deleted = claims.any(|claim| {
            let policy = claim.deletion_policy;
            policy.is_some_and(|policy| policy != DeletionPolicy::Retain)
        });
        let cluster = &self.shared.cluster;
        let mut unwritten = BTreeSet::new();
        // What the object said of itself before it goes is of no use to anybody, unless
        // something else keeps it.
        let goes = releases && object.has_finalizer && object.finalizers.len() <= 1;
        if !goes && status != *object.status {
            let written = self.write_status(&object, &status).await;
            match self.took_in(&object, written) {
                Some(written) => object = written,
                None => {
                    retries = true;
                    unwritten.insert(object.uid.clone());
                }
            }
        }
        self.tell(&object, &happenings).await;
        let keeps = match member.is_deleting() {
            true => !releases,
            // What it held before its spec meant nothing, or is still to remove, counts, too.
            false => needs || holds_until_deleted,
        };
        if object.has_finalizer && !keeps && !member.is_paused() {
            let taken = cluster.set_finalizer(&object, false).await;
            retries |= self.took_in(&object, taken).is_none();
        }
        Rounded {
            retries,
            needs_server: keeps && (object.has_finalizer || !member.is_deleting()),
            unwritten,
            ..Rounded::default()
        }
    }

    /// Tells what happened: at once what somebody has to do something about, or what nobody would
    /// tell once the object is gone; all the rest beside everything else.
    async fn tell(&self, object: &Arc<Object>, happenings: &[Happening]) {
        let events = &self.shared.events;
        for happening in happenings {
            match happening.is_warning || object.deleted_at.is_some() {
                true => events.tell(object.as_ref(), happening).await,
                false => events.tell_later(object.as_ref(), happening),
            }
        }
    }

    /// Writes a status over the version that was seen last. Where somebody changed another part of
    /// the object meanwhile, it is written over that, too, as soon as that is seen: what was
    /// found out must not be lost. Whoever wrote another status is another operator.
    async fn write_status(
        &self,
        object: &Arc<Object>,
        status: &TopologyStatus,
    ) -> Result<Object, WriteError> {
        let (cluster, world) = (&self.shared.cluster, &self.shared.world);
        let mut known = world.newest(object).unwrap_or_else(|| Arc::clone(object));
        for _ in 0..MOST_ATTEMPTS {
            let version = &known.resource_version;
            match cluster.write_status(object, version, status).await {
                Err(WriteError::Moved) => {}
                result => return result,
            }
            let seen = world.in_another_version(object, version);
            let newer = tokio::time::timeout(UNTIL_SEEN, seen).await.ok().flatten();
            match newer {
                Some(newer) if newer.status == known.status => known = newer,
                _ => break,
            }
        }
        Err(WriteError::Moved)
    }

    /// Takes in what was written; `None` where it has to be tried again. What is gone needs
    /// nothing.
    fn took_in(
        &self,
        object: &Arc<Object>,
        result: Result<Object, WriteError>,
    ) -> Option<Arc<Object>> {
        match result {
            Ok(written) => {
                let written = Arc::new(written);
                if self.shared.world.wrote(Arc::clone(&written)) {
                    self.notify.notify_one();
                }
                Some(written)
            }
            Err(WriteError::Gone) => Some(Arc::clone(object)),
            Err(error) => {
                tracing::warn!(object = %object.key, %error, "not written; it is tried again");
                None
            }
        }
    }

    /// As [`Self::took_in`], of the server object.
    fn took_in_server(
        &self,
        server: &Arc<ServerObject>,
        result: Result<ServerObject, WriteError>,
    ) -> Option<Arc<ServerObject>> {
        match result {
            Ok(written) => {
                let written = Arc::new(written);
                if self.shared.world.wrote_server(Arc::clone(&written)) {
                    self.notify.notify_one();
                }
                Some(written)
            }
            Err(WriteError::Gone) => Some(Arc::clone(server)),
            Err(error) => {
                tracing::warn!(server = %server.key, %error, "not written; it is tried again");
                None
            }
        }
    }

    pub(super) async fn write_server(
        &self,
        server: &Arc<ServerObject>,
        look: Look,
        needs_finalizer: bool,
        orphan_after: Duration,
        now: Timestamp,
    ) -> bool {
        let cluster = &self.shared.cluster;
        let waited = server.deleted_at.is_some_and(|deleted| {
            let waited = now.duration_since(deleted);
            jiff::SignedDuration::try_from(orphan_after).is_ok_and(|most| waited >= most)
        });
        let keeps = needs_finalizer && !waited && !server.requests.force_release;
        let mut all = true;
        // With the marks that it has got meanwhile.
        let newest = self.shared.world.server(&self.key);
        let newest = newest.filter(|it| it.uid == server.uid);
        let mut server = newest.unwrap_or_else(|| Arc::clone(server));
        let answered = look.latency.is_some();
        let news = news_of_server(&server, &look);
        let status: ServerStatus = server_status(&server, look, now);
        let outcome = Outcome::of_conditions(&status.conditions);
        let metrics = &self.shared.metrics;
        metrics.reconciled(self.key.object_kind(), outcome, self.began.elapsed());
        metrics.answered(&self.key, answered);
        if status != server.status && (keeps || server.deleted_at.is_none()) {
            let written = cluster.write_server_status(&server, &status).await;
            match self.took_in_server(&server, written) {
                Some(written) => {
                    server = written;
                    if let Some(news) = &news {
                        self.shared.events.tell(server.as_ref(), news).await;
                    }
                }
                None => all = false,
            }
        }
        let has = server.has_finalizer();
        if has != keeps && (has || server.deleted_at.is_none()) {
            let written = cluster.set_server_finalizer(&server, keeps).await;
            all &= self.took_in_server(&server, written).is_some();
        }
        all
    }
}

/// What people are told of a server object: that it cannot be used any more, and that it can be
/// again. That it could be from the first is no news.
fn news_of_server(server: &ServerObject, look: &Look) -> Option<Happening> {
    let before = &server.status.conditions;
    let is_ready = look.health == Health::Ready;
    if !turns_to(before, look.reason) || is_ready && before.is_empty() {
        return None;
    }
    let reason = EventReason::of_server(look.reason)?;
    Some(match is_ready {
        true => Happening::normal(reason, "the server can be used again".to_owned()),
        false => Happening::warning(reason, look.message.clone()),
    })
}
