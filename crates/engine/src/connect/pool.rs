use std::future::Future;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use tokio::time::Instant;

use super::address::Credentials;
use super::error::ConnectError;
use super::server::ConnectSettings;
use crate::broker::BrokerWrite;

/// Opens connections, all to the same server as the same user.
pub trait Connect: Send + Sync {
    /// What a connection is.
    type Broker: BrokerWrite;

    /// Opens one.
    ///
    /// # Errors
    /// When there is none within the connector's own deadline.
    fn connect(&self) -> impl Future<Output = Result<Self::Broker, ConnectError>> + Send;

    /// Opens one to the same server as somebody else, within the same deadline.
    /// It is for one piece of work, so it never gets into a pool.
    ///
    /// # Errors
    /// [`ConnectError::CredentialsRefused`] when the server does not let them
    /// in; the others are about the server and not about them.
    fn log_in_as(
        &self,
        credentials: &Credentials,
    ) -> impl Future<Output = Result<Self::Broker, ConnectError>> + Send;

    /// Closes a connection that is in no pool. Dropping one cuts it off, which a
    /// server survives, too.
    fn close(&self, broker: Self::Broker) -> impl Future<Output = ()> + Send {
        drop(broker);
        std::future::ready(())
    }

    /// A user has another password or another name from now on: if it is the one
    /// that connections are opened as, the next ones are opened with it.
    fn login_changed(&self, change: LoginChange<'_>) {
        let _ = change;
    }

    /// The time limits of its connections: what is repeated when one is lost is
    /// repeated within them.
    fn settings(&self) -> ConnectSettings {
        ConnectSettings::default()
    }
}

/// What changed about how a user logs in.
#[derive(Debug, Clone, Copy)]
pub enum LoginChange<'a> {
    /// Its password.
    Password {
        /// The user.
        user: &'a ResourceName,
        /// The new one.
        password: &'a Secret,
    },
    /// Its access token was replaced.
    Token {
        /// The value before.
        from: &'a Secret,
        /// The new one.
        to: &'a Secret,
    },
    /// Its name.
    Name {
        /// The one before.
        from: &'a ResourceName,
        /// The new one.
        to: &'a ResourceName,
    },
}

/// Connections that are opened when they are needed and kept for later.
///
/// How many are opened is decided where the work is, see `Fleet`; the pool only
/// holds the idle ones and never opens more than its limit at once.
#[derive(Debug)]
pub struct ConnectionPool<C: Connect> {
    connector: C,
    limit: usize,
    state: Mutex<State<C::Broker>>,
}

#[derive(Debug)]
struct State<B> {
    idle: Vec<B>,
    /// How long the last login took, to weigh another one.
    connect_time: Option<Duration>,
}

/// Most connections of one run. The server keeps 8192 sessions for everybody,
/// and 8 connections already made 800 reads four times as fast as one did.
const DEFAULT_LIMIT: usize = 8;

impl<C: Connect> ConnectionPool<C> {
    /// A pool with the usual limit. Opens nothing yet.
    #[must_use]
    pub fn new(connector: C) -> Self {
        Self::with_limit(connector, DEFAULT_LIMIT)
    }

    /// A pool with at most `limit` connections for one piece of work (at least
    /// one).
    #[must_use]
    pub fn with_limit(connector: C, limit: usize) -> Self {
        Self {
            connector,
            limit: limit.max(1),
            state: Mutex::new(State {
                idle: Vec::new(),
                connect_time: None,
            }),
        }
    }

    /// An idle connection, or a new one.
    ///
    /// # Errors
    /// When none is idle and none can be opened.
    pub async fn acquire(&self) -> Result<Lease<'_, C>, ConnectError> {
        if let Some(lease) = self.take_idle() {
            return Ok(lease);
        }
        let started = Instant::now();
        let broker = self.connector.connect().await?;
        self.lock().connect_time = Some(started.elapsed());
        Ok(Lease {
            pool: self,
            broker: Some(broker),
        })
    }

    /// What opens the connections; also for those of somebody else.
    pub fn connector(&self) -> &C {
        &self.connector
    }

    pub(super) fn take_idle(&self) -> Option<Lease<'_, C>> {
        let broker = self.lock().idle.pop()?;
        Some(Lease {
            pool: self,
            broker: Some(broker),
        })
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn settings(&self) -> ConnectSettings {
        self.connector.settings()
    }

    pub(crate) fn connect_time(&self) -> Option<Duration> {
        self.lock().connect_time
    }

    /// Takes the idle connections out.
    pub(super) fn drain(&self) -> Vec<C::Broker> {
        std::mem::take(&mut self.lock().idle)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<C::Broker>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use; goes back to its pool when it is dropped.
#[derive(Debug)]
pub struct Lease<'pool, C: Connect> {
    pool: &'pool ConnectionPool<C>,
    broker: Option<C::Broker>,
}

impl<C: Connect> Lease<'_, C> {
    /// Drops the connection instead of giving it back: after an error about the
    /// connection nothing is known about it.
    pub fn discard(mut self) {
        self.broker = None;
    }
}

impl<C: Connect> Deref for Lease<'_, C> {
    type Target = C::Broker;

    fn deref(&self) -> &C::Broker {
        match &self.broker {
            Some(broker) => broker,
            // Only `discard` and `drop` take it, and both consume the lease.
            None => unreachable!("a lease without a connection"),
        }
    }
}

impl<C: Connect> Drop for Lease<'_, C> {
    fn drop(&mut self) {
        if let Some(broker) = self.broker.take() {
            self.pool.lock().idle.push(broker);
        }
    }
}
