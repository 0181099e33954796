//! Which smoke tests are to be run, one after the other on each server.
//!
//! ```text
//!  when something was seen ─▶ turn (of each test): is it to be run? ─▶ run, in a thread
//!                                                                  └─▶ said (its status)
//! ```

mod run;
mod said;
mod turn;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;

use self::turn::{Ended, FOR_CLEANING, timeout, turn};
use super::Shared;
use crate::operator::model::ServerKey;

/// How often is looked again without being told to: for what failed and may pass.
const AGAIN: Duration = Duration::from_secs(30);

/// How long a turn may take beside its run: for what it reads and writes in the cluster.
const BESIDE: Duration = Duration::from_secs(2 * 60);

/// Looks at all smoke tests each time that something was seen, until it is dropped. Those of one
/// server are run one after the other, and no server waits for another one.
pub(super) async fn run(shared: Arc<Shared>, look: Arc<Notify>) {
    let mut ended: BTreeMap<String, Ended> = BTreeMap::new();
    let mut turns = FuturesUnordered::new();
    // Whether something was seen since the turn of a test began.
    let mut turning: BTreeMap<String, bool> = BTreeMap::new();
    let busy = Busy::default();
    loop {
        tokio::select! {
            () = shared.clock.pass(AGAIN) => {}
            () = look.notified() => {}
            Some((uid, now)) = turns.next() => {
                let now: Option<Ended> = now;
                let has_run = now.as_ref() != ended.get(&uid);
                let was_seen = turning.remove(&uid).unwrap_or_default();
                ended.extend(now.map(|now| (uid, now)));
                // Others may have waited for the server, and what was seen of this one
                // meanwhile was not looked at.
                if !has_run && !was_seen {
                    continue;
                }
            }
        }
        // Before all is known, what a test is about may not have been seen.
        if !shared.health.is_synced() {
            continue;
        }
        let tests = shared.world.smoke_tests();
        ended.retain(|uid, _| tests.iter().any(|test| test.object.uid == *uid));
        for test in tests {
            let uid = test.object.uid.clone();
            match turning.entry(uid.clone()) {
                Entry::Occupied(mut turning) => {
                    turning.insert(true);
                    continue;
                }
                Entry::Vacant(turning) => turning.insert(false),
            };
            let last = ended.get(&uid).cloned();
            let (shared, busy) = (Arc::clone(&shared), busy.clone());
            turns.push(async move {
                let longest = timeout(&test) + FOR_CLEANING + BESIDE;
                let turn = turn(&shared, &test, last.clone(), &busy);
                let now = tokio::time::timeout(longest, turn).await;
                (uid, now.unwrap_or(last))
            });
        }
    }
}

/// The servers that a test is run on.
#[derive(Clone, Default)]
struct Busy(Arc<Mutex<BTreeSet<ServerKey>>>);

/// That a test is run on a server, as long as this is there.
struct Running<'a> {
    busy: &'a Busy,
    key: ServerKey,
}

impl Busy {
    /// Nothing where one is run already.
    fn begin(&self, key: &ServerKey) -> Option<Running<'_>> {
        let key = key.clone();
        let is_free = self.servers().insert(key.clone());
        is_free.then_some(Running { busy: self, key })
    }

    fn servers(&self) -> MutexGuard<'_, BTreeSet<ServerKey>> {
        // Nothing that is done with it can be cut off in the middle.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.busy.servers().remove(&self.key);
    }
}
