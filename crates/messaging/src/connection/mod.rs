//! Connections to servers: lazy, shared, and found again when they are lost.
//!
//! A [`Connection`] is a cheap handle. Producers and consumers that are made from it
//! or from its clones share one connection of the SDK; it is opened when the first of
//! them needs it.

mod backoff;
mod builder;
mod endpoint;
mod health;
mod heartbeat;
mod hosts;
mod link;
mod session;
mod topic;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use iggy::prelude::IggyClient;
pub use iggyctl_engine::connect::{Credentials, RemoteAddress, Transport};

pub use backoff::Backoff;
pub(crate) use backoff::exponential;
pub use builder::ConnectionBuilder;
pub use endpoint::{Endpoint, TlsSettings};
pub use health::Health;
use hosts::Hosts;
use link::Lifecycle;
pub(crate) use link::Participant;
use link::{Link, Origin, Patience};
pub use session::{Loss, Session};

use crate::error::MessagingError;

/// A connection to one of several servers, as one user.
///
/// ```
/// use iggyctl_messaging::Connection;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), iggyctl_messaging::MessagingError> {
/// let connection = Connection::open("embedded")?;
/// connection.session().await?;
/// assert!(connection.health().await.connected);
/// connection.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connection {
    link: Arc<Link>,
    family: Arc<Family>,
}

/// The connections of several users to the same servers.
struct Family {
    /// None for a client that the caller brought along.
    hosts: Option<Arc<Hosts>>,
    settings: Settings,
    links: Mutex<Vec<Weak<Link>>>,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    backoff: Backoff,
    request_timeout: Duration,
    shutdown_timeout: Duration,
    heartbeat: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            backoff: Backoff::default(),
            // A little more than the SDK's own 30 s, so that its answer, which says
            // more, comes first.
            request_timeout: Duration::from_secs(35),
            shutdown_timeout: Duration::from_secs(30),
            // As often as the SDK's own. A member of a group that is silent for 36 s
            // is put out of it (the server's configuration, 0.9: `heartbeat`).
            heartbeat: Duration::from_secs(5),
        }
    }
}

impl Connection {
    /// How to make one.
    #[must_use]
    pub fn builder() -> ConnectionBuilder {
        ConnectionBuilder::default()
    }

    /// One to a single server, with the defaults: `embedded`, `embedded:DIR`, or a
    /// URI such as `iggy://user:password@host:8090`. Nothing is connected yet.
    ///
    /// # Errors
    /// A text that is not an address.
    pub fn open(address: &str) -> Result<Self, MessagingError> {
        Self::builder().address(address)?.build()
    }

    /// One with a client that the caller made, connected and logged in. How it
    /// reconnects is as it was made; shutting this down leaves it connected. An
    /// encryptor in it encrypts what producers send.
    #[must_use]
    pub fn from_client(client: IggyClient) -> Self {
        Self::of(Origin::Brought(Arc::new(client)), None, Settings::default())
    }

    fn to_hosts(hosts: Arc<Hosts>, credentials: Option<Credentials>, settings: Settings) -> Self {
        let origin = Origin::Hosts {
            hosts: Arc::clone(&hosts),
            credentials,
        };
        Self::of(origin, Some(hosts), settings)
    }

    fn of(origin: Origin, hosts: Option<Arc<Hosts>>, settings: Settings) -> Self {
        let link = Link::new(origin, settings);
        let family = Family {
            hosts,
            settings,
            links: Mutex::new(vec![Arc::downgrade(&link)]),
        };
        Self {
            link,
            family: Arc::new(family),
        }
    }

    /// One to the same servers as somebody else; the same one each time it is asked
    /// for, while the former is in use. A server in this process is shared, too.
    ///
    /// # Errors
    /// When the caller brought the client along: then nobody knows its address.
    pub fn with_credentials(&self, credentials: Credentials) -> Result<Self, MessagingError> {
        let Some(hosts) = &self.family.hosts else {
            return Err(MessagingError::NoEndpoint);
        };
        let mut links = self
            .family
            .links
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.strong_count() > 0);
        let same = links
            .iter()
            .filter_map(Weak::upgrade)
            .find(|link| match &link.origin {
                Origin::Hosts {
                    hosts: _,
                    credentials: Some(its),
                } => *its == credentials && !link.is_closed(),
                Origin::Hosts { .. } | Origin::Brought(_) => false,
            });
        let link = same.unwrap_or_else(|| {
            let origin = Origin::Hosts {
                hosts: Arc::clone(hosts),
                credentials: Some(credentials),
            };
            let link = Link::new(origin, self.family.settings);
            links.push(Arc::downgrade(&link));
            link
        });
        Ok(Self {
            link,
            family: Arc::clone(&self.family),
        })
    }

    /// One to the same servers as the same user, with a session of its own; none when
    /// the caller brought the client along. Not found by
    /// [`with_credentials`](Self::with_credentials); who makes it shuts it down.
    #[must_use]
    pub fn separate(&self) -> Option<Self> {
        let origin = match &self.link.origin {
            Origin::Hosts { hosts, credentials } => Origin::Hosts {
                hosts: Arc::clone(hosts),
                credentials: credentials.clone(),
            },
            Origin::Brought(_) => return None,
        };
        Some(Self {
            link: Link::new(origin, self.family.settings),
            family: Arc::clone(&self.family),
        })
    }

    /// The SDK's client: the one there is, or a new one after all the waiting that
    /// the [`Backoff`] allows. Only one at a time connects; the others wait for it.
    ///
    /// # Errors
    /// [`MessagingError::Connect`] when no server lets us in,
    /// [`MessagingError::Closed`] after [`shutdown`](Self::shutdown).
    pub async fn session(&self) -> Result<Session, MessagingError> {
        self.link.session(Patience::Backoff).await
    }

    /// Connects now, unless it is connected: each server is tried once, without
    /// waiting for one that may come. For programs that want to say at their start
    /// what is wrong.
    ///
    /// # Errors
    /// As [`session`](Self::session).
    pub async fn connect(&self) -> Result<(), MessagingError> {
        self.link.session(Patience::OneRound).await.map(drop)
    }

    /// Says that the connection of a session is lost: the next
    /// [`session`](Self::session) is a new one. Says nothing about later ones, so
    /// everybody who sees the same loss may report it.
    pub fn lost(&self, session: &Session, loss: impl Into<Loss>) {
        self.link.lost(session.generation, &loss.into());
    }

    /// How it is. Asks the server, for 5 s at most; does not connect.
    pub async fn health(&self) -> Health {
        health::of(&self.link).await
    }

    /// Lets producers send what they hold and consumers store what was acknowledged,
    /// then logs out and closes. Servers in this process stop with the last of the
    /// connections to them. Clones of this one are closed with it; called again it
    /// only waits.
    pub async fn shutdown(&self) {
        self.link.shutdown().await;
        let in_use = {
            let links = self
                .family
                .links
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            links
                .iter()
                .filter_map(Weak::upgrade)
                .any(|link| !link.is_closed())
        };
        if let Some(hosts) = self.family.hosts.as_ref().filter(|_| !in_use) {
            hosts.stop().await;
        }
    }

    /// Comes back when a shutdown begins, at once after it began: what works with this
    /// connection begins nothing new from then on.
    pub async fn closing(&self) {
        let mut lifecycle = self.link.lifecycle.subscribe();
        // An error would mean that the connection is gone, and we hold it.
        let _ = lifecycle.wait_for(|it| *it >= Lifecycle::Closing).await;
    }

    /// How long one request may take.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.family.settings.request_timeout
    }

    /// Whether messages may go over HTTP, where ids have 64 bits.
    pub(crate) fn may_be_http(&self) -> bool {
        self.link.may_be_http()
    }

    /// Registers what has to finish before this closes.
    pub(crate) fn join(&self, participant: Weak<dyn Participant>) {
        self.link.join(participant);
    }
}

impl fmt::Debug for Connection {
    /// Without clients and credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("session", &self.link.snapshot().session)
            .field("lifecycle", &*self.link.lifecycle.borrow())
            .finish_non_exhaustive()
    }
}
