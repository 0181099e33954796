//! What the cluster has, as far as it was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use iggyctl_core::api::v1alpha1::{Kind, ServerKind};
use tokio::sync::watch;

use crate::operator::cluster::{DECLARING, Seen, ServerObject};
use crate::operator::model::{Object, ObjectKey, ServerKey, SmokeTest};
use crate::operator::resources::status::{Condition, ConditionStatus};

/// The newest that was seen of everything.
#[derive(Default)]
pub(crate) struct World {
    state: Mutex<State>,
    /// Changes with everything that is seen.
    seen: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<ObjectKey, Arc<Object>>,
    /// The objects of each server.
    users: BTreeMap<ServerKey, BTreeSet<ObjectKey>>,
    servers: BTreeMap<ServerKey, Arc<ServerObject>>,
    /// Objects that are gone, and that nothing kept, until a round knows it.
    departed: BTreeMap<ServerKey, Vec<Arc<Object>>>,
    smoke_tests: BTreeMap<ObjectKey, Arc<SmokeTest>>,
    /// Versions of the Secrets with the label.
    secrets: BTreeMap<(String, String), String>,
    /// Labels of the namespaces, where they are watched.
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// What was written while a watch lists what there is, by the number of the watch: the
    /// list may be from before that.
    written_during: BTreeMap<usize, Written>,
}

#[derive(Default)]
struct Written {
    objects: BTreeSet<ObjectKey>,
    servers: BTreeSet<ServerKey>,
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

/// How many there are of what.
pub(crate) struct Census {
    objects: BTreeMap<(Kind, &'static str), usize>,
    conflicts: BTreeMap<Kind, usize>,
    /// The server objects.
    pub(crate) servers: BTreeSet<ServerKey>,
}

impl Census {
    /// The kinds that are counted.
    pub(crate) const KINDS: [Kind; 9] = [
        Kind::IggySmokeTest,
        Kind::IggyServer,
        Kind::ClusterIggyServer,
        Kind::IggyTopology,
        Kind::IggyStream,
        Kind::IggyTopic,
        Kind::IggyConsumerGroup,
        Kind::IggyUser,
        Kind::IggyAccessToken,
    ];

    /// By kind and condition `Ready`, also where there are none.
    pub(crate) fn objects(&self) -> impl Iterator<Item = ((Kind, &'static str), usize)> {
        let all = Self::KINDS.into_iter();
        let all = all.flat_map(|kind| ["true", "false", "unknown"].map(|ready| (kind, ready)));
        all.map(|key| (key, self.objects.get(&key).copied().unwrap_or(0)))
    }

    /// Objects that declare what another one holds, of each kind that declares something.
    pub(crate) fn conflicts(&self) -> impl Iterator<Item = (Kind, usize)> {
        let kinds = DECLARING.into_iter();
        kinds.map(|kind| (kind, self.conflicts.get(&kind).copied().unwrap_or(0)))
    }

    fn add(&mut self, kind: Kind, conditions: &[Condition]) {
        let status = |asked: &str| {
            let found = conditions.iter().find(|it| it.kind == asked);
            found.map_or(ConditionStatus::Unknown, |it| it.status)
        };
        let ready = match status("Ready") {
            ConditionStatus::True => "true",
            ConditionStatus::False => "false",
            ConditionStatus::Unknown => "unknown",
        };
        *self.objects.entry((kind, ready)).or_default() += 1;
        if status("Conflicted") == ConditionStatus::True {
            *self.conflicts.entry(kind).or_default() += 1;
        }
    }
}

impl World {
    /// Counts what there is.
    pub(crate) fn census(&self) -> Census {
        let state = self.state();
        let mut census = Census {
            objects: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            servers: state.servers.keys().cloned().collect(),
        };
        for object in state.objects.values() {
            census.add(object.key.kind, &object.status.conditions);
        }
        for test in state.smoke_tests.values() {
            census.add(test.object.key.kind, &test.status.conditions);
        }
        for server in state.servers.values() {
            census.add(server.key.object_kind(), &server.status.conditions);
        }
        census
    }

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
        let address = state.servers.get(key).and_then(|server| server.address());
        let others = state.servers.values().filter(|other| {
            let is_same = match other.status.server_identity.as_deref() {
                Some(theirs) => identity == Some(theirs),
                // It was not asked yet. One that was, and was not let in, has no say in what is
                // on the server.
                None => {
                    other.status.conditions.is_empty()
                        && address.is_some()
                        && other.address() == address
                }
            };
            other.key != *key && is_same
        });
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

/// Whether this version of an object is from before the known one.
fn is_older(object: &Object, known: &Object) -> bool {
    object.uid == known.uid && is_before(&object.resource_version, &known.resource_version)
}

fn is_older_server(server: &ServerObject, known: &ServerObject) -> bool {
    server.uid == known.uid && is_before(&server.resource_version, &known.resource_version)
}

/// Versions of one resource are numbers that grow.
fn is_before(version: &str, known: &str) -> bool {
    let number = |text: &str| text.parse::<u64>().ok();
    number(version)
        .zip(number(known))
        .is_some_and(|(version, known)| version < known)
}

impl State {
    fn saw(&mut self, seen: Seen) -> Vec<ServerKey> {
        match seen {
            Seen::Object(object) => self.saw_object(*object),
            Seen::ListBegins(number) => {
                self.written_during.insert(number, Written::default());
                Vec::new()
            }
            Seen::Listed(number, seen) => {
                let was_rewound = self.forget_later(number, &seen);
                let mut asked = self.saw(*seen);
                asked.extend(was_rewound);
                asked
            }
            Seen::Synced(number) => {
                self.written_during.remove(&number);
                Vec::new()
            }
            Seen::NoObject(key) => {
                let Some(object) = self.objects.remove(&key) else {
                    return Vec::new();
                };
                let server = object.server();
                self.forget(&server, &key);
                // What it held may go to another one.
                if !object.has_finalizer && !object.status.claims.is_empty() {
                    let departed = self.departed.entry(server.clone()).or_default();
                    departed.push(object);
                }
                vec![server]
            }
            Seen::Server(server) => {
                let key = server.key.clone();
                let server = Arc::new(*server);
                if let Some(known) = self.servers.get(&key)
                    && is_older_server(&server, known)
                {
                    return Vec::new();
                }
                let before = self.servers.insert(key.clone(), Arc::clone(&server));
                let is_new = before.is_none_or(|before| server.is_asked_again(&before));
                is_new.then_some(key).into_iter().collect()
            }
            Seen::NoServer(key) => {
                self.servers.remove(&key);
                vec![key]
            }
            Seen::Secret(key, version) => {
                let before = self.secrets.insert(key.clone(), version.clone());
                match before == Some(version) {
                    true => Vec::new(),
                    false => self.users_of_secret(&key),
                }
            }
            Seen::NoSecret(key) => {
                self.secrets.remove(&key);
                self.users_of_secret(&key)
            }
            Seen::Namespace(name, labels) => {
                let before = self.namespaces.insert(name, labels.clone());
                match before == Some(labels) {
                    true => Vec::new(),
                    false => self.shared_servers(),
                }
            }
            Seen::NoNamespace(name) => {
                self.namespaces.remove(&name);
                self.shared_servers()
            }
            Seen::SmokeTest(test) => {
                let key = test.object.key.clone();
                self.smoke_tests.insert(key, Arc::new(*test));
                Vec::new()
            }
            Seen::NoSmokeTest(key) => {
                self.smoke_tests.remove(&key);
                Vec::new()
            }
            Seen::Trouble(_) => Vec::new(),
        }
    }

    /// A list is at least as new as everything that was seen or written before it began, so
    /// what was known of a later version is of a time that the API server has no more: it was
    /// restored from a backup. Returns the server that this is about.
    fn forget_later(&mut self, number: usize, listed: &Seen) -> Option<ServerKey> {
        let written = self.written_during.get(&number);
        match listed {
            Seen::Object(object) => {
                let known = self.objects.get(&object.key)?;
                let is_written = written.is_some_and(|it| it.objects.contains(&object.key));
                if is_written || !is_older(object, known) {
                    return None;
                }
                let key = object.key.clone();
                let server = known.server();
                self.objects.remove(&key);
                self.forget(&server, &key);
                Some(server)
            }
            Seen::Server(server) => {
                let known = self.servers.get(&server.key)?;
                let is_written = written.is_some_and(|it| it.servers.contains(&server.key));
                if is_written || !is_older_server(server, known) {
                    return None;
                }
                self.servers.remove(&server.key);
                Some(server.key.clone())
            }
            _ => None,
        }
    }

    fn saw_object(&mut self, object: Object) -> Vec<ServerKey> {
        let server = object.server();
        let key = object.key.clone();
        let object = Arc::new(object);
        if let Some(known) = self.objects.get(&key)
            && is_older(&object, known)
        {
            return Vec::new();
        }
        let before = self.objects.insert(key.clone(), Arc::clone(&object));
        let mut asked = Vec::new();
        if let Some(before) = &before {
            let former = before.server();
            if former != server {
                self.forget(&former, &key);
                asked.push(former);
            }
        }
        if before.is_none_or(|before| object.is_asked_again(&before)) {
            asked.push(server.clone());
        }
        self.users.entry(server).or_default().insert(key);
        asked
    }

    /// Those that are for namespaces by their labels.
    fn shared_servers(&self) -> Vec<ServerKey> {
        let servers = self.servers.keys();
        let shared = servers.filter(|it| it.kind() == ServerKind::ClusterIggyServer);
        shared.cloned().collect()
    }

    fn forget(&mut self, server: &ServerKey, object: &ObjectKey) {
        if let Some(users) = self.users.get_mut(server) {
            users.remove(object);
            if users.is_empty() {
                self.users.remove(server);
            }
        }
    }

    /// Servers that log in with it, or that have objects in its namespace, which may take
    /// passwords from it.
    fn users_of_secret(&self, (namespace, _): &(String, String)) -> Vec<ServerKey> {
        let of_objects = self
            .users
            .iter()
            .filter(|(_, objects)| objects.iter().any(|object| object.namespace == *namespace));
        let mut servers: BTreeSet<ServerKey> =
            of_objects.map(|(server, _)| server.clone()).collect();
        let there = self.servers.keys().filter(|server| match server.kind() {
            ServerKind::IggyServer => server.namespace.as_deref() == Some(namespace),
            ServerKind::ClusterIggyServer => true,
        });
        servers.extend(there.cloned());
        servers.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
