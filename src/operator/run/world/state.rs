//! What is known, and whom what is seen concerns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use iggyctl_core::api::v1alpha1::ServerKind;

use crate::operator::cluster::{Seen, ServerObject};
use crate::operator::model::{Object, ObjectKey, ServerKey, SmokeTest};

#[derive(Default)]
pub(super) struct State {
    pub(super) objects: BTreeMap<ObjectKey, Arc<Object>>,
    /// The objects of each server.
    pub(super) users: BTreeMap<ServerKey, BTreeSet<ObjectKey>>,
    pub(super) servers: BTreeMap<ServerKey, Arc<ServerObject>>,
    /// Objects that are gone, and that nothing kept, until a round knows it.
    pub(super) departed: BTreeMap<ServerKey, Vec<Arc<Object>>>,
    pub(super) smoke_tests: BTreeMap<ObjectKey, Arc<SmokeTest>>,
    /// Versions of the Secrets with the label.
    pub(super) secrets: BTreeMap<(String, String), String>,
    /// Labels of the namespaces, where they are watched.
    pub(super) namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// What was written while a watch lists what there is, by the number of the watch: the
    /// list may be from before that.
    pub(super) written_during: BTreeMap<usize, Written>,
}

#[derive(Default)]
pub(super) struct Written {
    pub(super) objects: BTreeSet<ObjectKey>,
    pub(super) servers: BTreeSet<ServerKey>,
}

/// Whether this version of an object is from before the known one.
pub(super) fn is_older(object: &Object, known: &Object) -> bool {
    object.uid == known.uid && is_before(&object.resource_version, &known.resource_version)
}

pub(super) fn is_older_server(server: &ServerObject, known: &ServerObject) -> bool {
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
    pub(super) fn saw(&mut self, seen: Seen) -> Vec<ServerKey> {
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
            Seen::NoObject(key) => self.saw_no_object(&key),
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

    fn saw_no_object(&mut self, key: &ObjectKey) -> Vec<ServerKey> {
        let Some(object) = self.objects.remove(key) else {
            return Vec::new();
        };
        let server = object.server();
        self.forget(&server, key);
        if object.status.claims.is_empty() {
            return vec![server];
        }
        // What it held may go to another one on the same server, be it by another server object.
        let known = self.servers.get(&server);
        let identity = known.and_then(|it| it.status.server_identity.clone());
        let others = self.same_server(&server, identity.as_deref());
        let mut servers: Vec<ServerKey> = others.map(|it| it.key.clone()).collect();
        // The round that took its finalizer away looked at all of its own server object, and at
        // no other. That it is gone may be seen before the answer to that.
        if !object.has_finalizer {
            servers.push(server.clone());
        }
        for server in &servers {
            let departed = self.departed.entry(server.clone()).or_default();
            departed.push(Arc::clone(&object));
        }
        if object.has_finalizer {
            servers.push(server);
        }
        servers
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
        let mut asked = Vec::new();
        let known = self.objects.get(&key);
        if known.is_some_and(|known| known.uid != object.uid) {
            // Deleted and created anew while nobody watched: the end of the former one is only
            // seen so.
            asked.extend(self.saw_no_object(&key));
        }
        let before = self.objects.insert(key.clone(), Arc::clone(&object));
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

    /// Other server objects that are for the same server; `identity` is what that is called, where
    /// it was asked.
    pub(super) fn same_server<'a>(
        &'a self,
        key: &'a ServerKey,
        identity: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<ServerObject>> {
        let address = self.servers.get(key).and_then(|server| server.address());
        self.servers.values().filter(move |other| {
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
        })
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
