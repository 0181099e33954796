//! What is written of objects when a round is over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use iggyctl_core::state::DeletionPolicy;

use super::backoff::Failing;
use super::{Crank, Rounded};
use crate::operator::cluster::WriteError;
use crate::operator::model::Object;
use crate::operator::resources::status::TopologyStatus;
use crate::operator::round::{Conclusion, Happening, Member};

/// Statuses written at once: the API server is shared with others.
pub(super) const WRITES_AT_ONCE: usize = 16;

/// How often a status is written while others change the rest of its object.
const MOST_ATTEMPTS: usize = 5;

/// How long a change that the API server has may take until it is seen.
const UNTIL_SEEN: Duration = Duration::from_secs(5);

/// What is told once all statuses are written.
struct Untold {
    object: Arc<Object>,
    happenings: Vec<Happening>,
}

impl Crank {
    /// Writes what is new.
    pub(super) async fn write_all(
        &self,
        members: &[Member],
        conclusions: Vec<Option<Conclusion>>,
        needs_finalizer: impl Fn(usize) -> bool,
    ) -> Rounded {
        let mut rounded = Rounded::default();
        // Told when all statuses are written: who waits for one waits for no event of another.
        let mut later = Vec::new();
        let mut add = |(one, untold): (Rounded, Option<Untold>)| {
            later.extend(untold);
            rounded.failing.extend(one.failing);
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
        for Untold { object, happenings } in later {
            for happening in &happenings {
                self.shared.events.tell_later(object.as_ref(), happening);
            }
        }
        rounded
    }

    async fn write(
        &self,
        member: &Member,
        mut conclusion: Conclusion,
        needs: bool,
    ) -> (Rounded, Option<Untold>) {
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
            return (Rounded::default(), self.tell(object, happenings).await);
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
        let untold = self.tell(Arc::clone(&object), happenings).await;
        let keeps = match member.is_deleting() {
            true => !releases,
            // What it held before its spec meant nothing, or is still to remove, counts, too.
            false => needs || holds_until_deleted,
        };
        if object.has_finalizer && !keeps && !member.is_paused() {
            let taken = cluster.set_finalizer(&object, false).await;
            retries |= self.took_in(&object, taken).is_none();
        }
        let rounded = Rounded {
            failing: retries.then(|| Failing::of(before)).into_iter().collect(),
            needs_server: keeps && (object.has_finalizer || !member.is_deleting()),
            unwritten,
            ..Rounded::default()
        };
        (rounded, untold)
    }

    /// Tells what somebody has to do something about, or what nobody would tell once the object is
    /// gone; all the rest is for later.
    async fn tell(&self, object: Arc<Object>, happenings: Vec<Happening>) -> Option<Untold> {
        let is_going = object.deleted_at.is_some();
        let (now, later): (Vec<_>, Vec<_>) = happenings
            .into_iter()
            .partition(|it| is_going || it.is_warning);
        for happening in &now {
            self.shared.events.tell(object.as_ref(), happening).await;
        }
        (!later.is_empty()).then_some(Untold {
            object,
            happenings: later,
        })
    }

    /// Writes a status over the version that was seen last. Where somebody changed another part of
    /// the object meanwhile, it is written over that, too, as soon as that is seen: what was
    /// found out must not be lost. Whoever wrote another status is another operator.
    pub(super) async fn write_status(
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
    pub(super) fn took_in(
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
}
