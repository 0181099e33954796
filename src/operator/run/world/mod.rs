//! What the cluster has, as far as it was seen.

mod census;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

pub(crate) use self::census::Census;
use self::state::{State, is_older, is_older_server};
use crate::operator::cluster::{Seen, ServerObject};
use crate::operator::model::{Object, ObjectKey, ServerKey, SmokeTest};

/// The newest that was seen of everything.
#[derive(Default)]
pub(crate) struct World {
    state: Mutex<State>,
    /// Changes with everything that is seen.
    seen: watch::Sender<()>,
}

/// What concerns one server object.
pub(crate) struct View {
    pub(crate) server: Option<Arc<ServerObject>>,
    /// Its objects, in the order of their keys.
    pub(crate) objects: Vec<Arc<Object>>,
    /// Objects of other server objects.
    pub(crate) others: Vec<(Arc<ServerObject>, Vec<Arc<Object>>)>,
}

impl View {
    /// The marks of what was about to be created.
    pub(crate) fn creating(&self) -> BTreeSet<String> {
        let others = self.others.iter().map(|(server, _)| server);
        let servers = self.server.iter().chain(others);
        let marks = servers.flat_map(|server| &server.status.creating);
        marks.cloned().collect()
    }
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere ends the process anyway; what was seen is whole.
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Everything is listed anew, and nothing of before counts.
    pub(crate) fn forget(&self) {
        *self.state() = State::default();
    }

    /// An object as it was seen or written last, unless it is gone, or another one by now.
    pub(crate) fn newest(&self, object: &Object) -> Option<Arc<Object>> {
        let newest = self.object(&object.key);
        newest.filter(|it| it.uid == object.uid)
    }

    /// Waits until an object is seen in another version; nothing where it is gone.
    pub(crate) async fn in_another_version(
        &self,
        object: &Object,
        version: &str,
    ) -> Option<Arc<Object>> {
        let mut seen = self.seen.subscribe();
        loop {
            let newest = self.newest(object)?;
            if newest.resource_version != version {
                return Some(newest);
            }
            // The sender is this one's own.
            let _ = seen.changed().await;
        }
    }

    /// All of them, in the order of their keys.
    pub(crate) fn smoke_tests(&self) -> Vec<Arc<SmokeTest>> {
        self.state().smoke_tests.values().cloned().collect()
    }

    /// An object that declares something.
    pub(crate) fn object(&self, key: &ObjectKey) -> Option<Arc<Object>> {
        self.state().objects.get(key).cloned()
    }

    /// A server object.
    pub(crate) fn server(&self, key: &ServerKey) -> Option<Arc<ServerObject>> {
        self.state().servers.get(key).cloned()
    }

    /// Every server that has objects or is there.
    pub(crate) fn servers_in_use(&self) -> Vec<ServerKey> {
        let state = self.state();
        let keys: BTreeSet<&ServerKey> = state.users.keys().chain(state.servers.keys()).collect();
        keys.into_iter().cloned().collect()
    }

    /// The version of a Secret with the label.
    pub(crate) fn secret_version(&self, namespace: &str, name: &str) -> Option<String> {
        let key = (namespace.to_owned(), name.to_owned());
        self.state().secrets.get(&key).cloned()
    }

    /// The labels of a namespace.
    pub(crate) fn labels(&self, namespace: &str) -> Option<BTreeMap<String, String>> {
        self.state().namespaces.get(namespace).cloned()
    }

    /// What concerns a server object; `identity` tells which others are the same server.
    pub(crate) fn view(&self, key: &ServerKey, identity: Option<&str>) -> View {
        let state = self.state();
        let objects = |key: &ServerKey| -> Vec<Arc<Object>> {
            let keys = state.users.get(key).into_iter().flatten();
            keys.filter_map(|it| state.objects.get(it).cloned())
                .collect()
        };
        let others = state.same_server(key, identity);
        View {
            server: state.servers.get(key).cloned(),
            objects: objects(key),
            others: others
                .map(|other| (Arc::clone(other), objects(&other.key)))
                .collect(),
        }
    }

    /// Objects that went since this was asked before, and that nothing kept.
    pub(crate) fn take_departed(&self, key: &ServerKey) -> Vec<Arc<Object>> {
        self.state().departed.remove(key).unwrap_or_default()
    }

    /// Whoever does not write tells nothing of them.
    pub(crate) fn forget_departed(&self) {
        self.state().departed.clear();
    }

    /// Takes in what was written: a watch may tell it only after the next round began, which
    /// would then not know what it holds. Returns whether somebody else wrote something before
    /// it, which the watch does not tell any more.
    pub(crate) fn wrote(&self, object: Arc<Object>) -> bool {
        let mut state = self.state();
        let key = object.key.clone();
        match state.objects.get_mut(&key) {
            Some(known) if known.uid == object.uid && !is_older(&object, known) => {
                let is_news = object.is_asked_again(known);
                *known = object;
                for written in state.written_during.values_mut() {
                    written.objects.insert(key.clone());
                }
                is_news
            }
            _ => false,
        }
    }

    /// As [`Self::wrote`], of a server object.
    pub(crate) fn wrote_server(&self, server: Arc<ServerObject>) -> bool {
        let mut state = self.state();
        let key = server.key.clone();
        match state.servers.get_mut(&key) {
            Some(known) if known.uid == server.uid && !is_older_server(&server, known) => {
                let is_news = server.is_asked_again(known);
                *known = server;
                for written in state.written_during.values_mut() {
                    written.servers.insert(key.clone());
                }
                is_news
            }
            _ => false,
        }
    }

    /// Takes in what was seen; returns the servers to look at because of it. The own writes
    /// of a status are seen, too, and are no reason.
    pub(crate) fn saw(&self, seen: Seen) -> Vec<ServerKey> {
        let asked = self.state().saw(seen);
        self.seen.send_replace(());
        asked
    }
}
