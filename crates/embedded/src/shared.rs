//! What all connections share: the state, who is connected, and the clock.

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::access::{AccessMoment, AccessSnapshot};
use crate::clock::Clock;
use crate::connection::Clients;
use crate::credentials::Credentials;
use crate::dispatch::ServerFacts;
use crate::fault::{FaultHandle, FaultPlan};
use crate::password::PasswordHashing;
use crate::request_log::RequestLog;
use crate::state::{Change, Metadata};
use crate::store::{Committed, Row, StoreWriter};

/// What a server begins with.
pub(crate) struct Beginning {
    pub(crate) address: SocketAddr,
    /// Where HTTP is answered.
    pub(crate) http_address: Option<SocketAddr>,
    /// Where QUIC is spoken.
    pub(crate) quic_address: Option<SocketAddr>,
    /// Where WebSockets are accepted.
    pub(crate) websocket_address: Option<SocketAddr>,
    pub(crate) credentials: Credentials,
    pub(crate) metadata: Metadata,
    pub(crate) store: Option<StoreWriter>,
    pub(crate) password_hashing: PasswordHashing,
    pub(crate) records_access: bool,
    pub(crate) faults: FaultPlan,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) address: SocketAddr,
    pub(crate) facts: ServerFacts,
    pub(crate) clock: Clock,
    pub(crate) credentials: Credentials,
    metadata: Mutex<Metadata>,
    clients: Mutex<Clients>,
    hashing: PasswordHashing,
    access_moments: Option<Mutex<Vec<AccessMoment>>>,
    /// One hash takes 19 MiB: no more at a time than there are processors.
    hashing_threads: Semaphore,
    last_tick: AtomicU64,
    /// Position of the log: logins, logouts and writes.
    log: AtomicU64,
    pub(crate) store: Option<StoreWriter>,
    pub(crate) faults: FaultHandle,
    pub(crate) requests: RequestLog,
}

impl Shared {
    pub(crate) fn new(beginning: Beginning) -> Self {
        let Beginning {
            address,
            http_address,
            quic_address,
            websocket_address,
            credentials,
            metadata,
            store,
            password_hashing,
            records_access,
            faults,
        } = beginning;
        let clock = Clock::default();
        let faults_handle = FaultHandle::default();
        faults_handle.set(faults);
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            address,
            facts: ServerFacts {
                started_at: clock.now(),
                hostname: hostname(),
                http: http_address,
                quic: quic_address,
                websocket: websocket_address,
            },
            clock,
            credentials,
            metadata: Mutex::new(metadata),
            clients: Mutex::new(Clients::default()),
            hashing: password_hashing,
            access_moments: records_access.then(Mutex::default),
            hashing_threads: Semaphore::new(processors),
            last_tick: AtomicU64::new(0),
            log: AtomicU64::new(0),
            store,
            faults: faults_handle,
            requests: RequestLog::default(),
        }
    }

    pub(crate) fn metadata(&self) -> MutexGuard<'_, Metadata> {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a client that reached the server over any transport would reach it over TCP.
    pub(crate) fn reached_over_tcp(&self, reached: SocketAddr) -> SocketAddr {
        SocketAddr::new(reached.ip(), self.address.port())
    }

    /// Microseconds since the Unix epoch.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// The time of a write, in microseconds since the Unix epoch, and later than that of
    /// every write before: creation times tell apart what had an id one after the other.
    pub(crate) fn tick(&self) -> u64 {
        let now = self.now();
        let mut tick = now;
        let _ = self
            .last_tick
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                tick = now.max(last + 1);
                Some(tick)
            });
        tick
    }

    /// Notes what a write left; called while the state is locked, so in order.
    pub(crate) fn note_access(&self, command: u32, by: u32, metadata: &Metadata) {
        if let Some(moments) = &self.access_moments {
            let moment = AccessMoment {
                command,
                by,
                access: AccessSnapshot::of(metadata),
            };
            moments
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(moment);
        }
    }

    /// Takes out what was noted.
    pub(crate) fn take_access_moments(&self) -> Vec<AccessMoment> {
        self.access_moments
            .as_ref()
            .map(|moments| {
                std::mem::take(&mut *moments.lock().unwrap_or_else(PoisonError::into_inner))
            })
            .unwrap_or_default()
    }

    /// What hashing a password costs here.
    pub(crate) fn hashing(&self) -> PasswordHashing {
        self.hashing
    }

    /// Does the work of a password where nobody waits for the thread. `None` when the
    /// server is going down.
    pub(crate) async fn on_hashing_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _permit = self.hashing_threads.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }

    /// Hands a change to the store, while the state is locked, so in order; resolves when
    /// it is on disk. `None` when there is nothing to wait for.
    pub(crate) fn keep(&self, change: Change, metadata: &Metadata) -> Option<Committed> {
        let row = Row::of(change, metadata)?;
        match &self.store {
            Some(store) => Some(store.write(row)),
            None => {
                row.settle();
                None
            }
        }
    }

    /// Adds an entry to the log; its position, from 1 on.
    pub(crate) fn advance_log(&self) -> u64 {
        self.log.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn log_position(&self) -> u64 {
        self.log.load(Ordering::Relaxed)
    }

    pub(crate) fn close_store(&self) {
        if let Some(store) = &self.store {
            store.close();
        }
    }
}

/// For the stats only.
fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown_hostname".to_owned())
}
