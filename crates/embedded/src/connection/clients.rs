//! The connected clients, as `get_clients` lists them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Notify;

use super::{Ends, Transport};

/// Who is connected, by connection number.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    entries: BTreeMap<u32, ConnectedClient>,
    last_id: u32,
}

/// One connection.
#[derive(Debug, Clone)]
pub(crate) struct ConnectedClient {
    pub(crate) address: SocketAddr,
    pub(crate) transport: Transport,
    /// Set by a login.
    pub(crate) login: Option<ClientLogin>,
    /// Microseconds since the Unix epoch.
    last_request: u64,
    /// Tells the connection that its session is to end.
    evicted: Arc<Notify>,
}

/// Who logged in on a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientLogin {
    pub(crate) user_id: u32,
    /// The id the client chose; members of groups are known by it.
    pub(crate) client: u128,
    /// Whether it ever joined a consumer group: only then is a search for its
    /// memberships worth its cost.
    pub(crate) joined: bool,
}

impl Clients {
    /// Adds a connection and numbers it, from 1 on.
    pub(crate) fn connected(&mut self, ends: Ends, evicted: &Arc<Notify>, now: u64) -> u32 {
        self.last_id = self.last_id.wrapping_add(1);
        self.seen(self.last_id, ends, evicted, now);
        self.last_id
    }

    /// A connection made a request. Lists it again when a logout took it off the list.
    pub(crate) fn seen(&mut self, id: u32, ends: Ends, evicted: &Arc<Notify>, now: u64) {
        let entry = self.entries.entry(id).or_insert_with(|| ConnectedClient {
            address: ends.peer,
            transport: ends.transport,
            login: None,
            last_request: now,
            evicted: Arc::clone(evicted),
        });
        entry.last_request = now;
    }

    /// Ends the sessions of clients that made no request since a time, of those that are
    /// wanted; how many those are.
    pub(crate) fn evict_silent_since(&self, time: u64, wanted: impl Fn(u128) -> bool) -> usize {
        let silent = self.entries.values().filter(|entry| {
            entry.last_request <= time
                && entry
                    .login
                    .is_some_and(|login| login.joined && wanted(login.client))
        });
        silent.map(|entry| entry.evicted.notify_one()).count()
    }

    pub(crate) fn set_login(&mut self, id: u32, login: Option<ClientLogin>) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.login = login;
        }
    }

    /// Takes a connection off the list: it is gone, or it logged out. In the
    /// latter case the real server lists it again with its next request.
    pub(crate) fn remove(&mut self, id: u32) {
        self.entries.remove(&id);
    }

    pub(crate) fn get(&self, id: u32) -> Option<&ConnectedClient> {
        self.entries.get(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &ConnectedClient)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
