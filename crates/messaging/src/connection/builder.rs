use std::sync::Arc;
use std::time::Duration;

use iggyctl_engine::connect::Credentials;

use super::backoff::Backoff;
use super::endpoint::{Endpoint, TlsSettings};
use super::hosts::Hosts;
use super::{Connection, Settings};
use crate::error::MessagingError;

/// How to make a [`Connection`].
#[derive(Debug, Clone)]
pub struct ConnectionBuilder {
    endpoints: Vec<Endpoint>,
    credentials: Option<Credentials>,
    tls: Option<TlsSettings>,
    connect_timeout: Duration,
    settings: Settings,
}

impl Default for ConnectionBuilder {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            credentials: None,
            tls: None,
            // As the command line: a login costs 30 to 60 ms of hashing.
            connect_timeout: Duration::from_secs(5),
            settings: Settings::default(),
        }
    }
}

impl ConnectionBuilder {
    /// Adds a server by its address: `embedded`, `embedded:DIR`, or a URI such as
    /// `iggy://user:password@host:8090`. Of several the first that answers is taken,
    /// and the next one in this order when its connection is lost and it does not
    /// come back.
    ///
    /// # Errors
    /// A text that is not an address.
    pub fn address(self, address: &str) -> Result<Self, MessagingError> {
        Ok(self.endpoint(address.parse::<Endpoint>()?))
    }

    /// Adds a server, as [`address`](Self::address).
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoints.push(endpoint.into());
        self
    }

    /// As whom to log in, everywhere; default: as each address says.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// TLS for addresses that say nothing about it; default: as each address says.
    #[must_use]
    pub fn tls(mut self, tls: TlsSettings) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How to wait between attempts to connect.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    /// How long one attempt to connect and log in may take; default 5 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one request may take before its connection is given up; default
    /// 35 s, which is a little more than the SDK's own limit.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// How long [`Connection::shutdown`] waits for producers and consumers to
    /// finish; default 30 s.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.settings.shutdown_timeout = timeout;
        self
    }

    /// How often to tell the server that we are alive, and to notice that it is gone;
    /// default 5 s. A member of a consumer group has to do so within 36 s. 1 ms to
    /// 1 h.
    #[must_use]
    pub fn heartbeat(mut self, period: Duration) -> Self {
        self.settings.heartbeat = period.clamp(Duration::from_millis(1), Duration::from_secs(3600));
        self
    }

    /// Makes it. Nothing is connected until it is needed.
    ///
    /// # Errors
    /// Without an address.
    pub fn build(self) -> Result<Connection, MessagingError> {
        let Self {
            mut endpoints,
            credentials,
            tls,
            connect_timeout,
            settings,
        } = self;
        if endpoints.is_empty() {
            return Err(MessagingError::NoEndpoint);
        }
        if let Some(tls) = &tls {
            for endpoint in &mut endpoints {
                if let Endpoint::Remote(remote) = endpoint {
                    tls.apply_to(remote);
                }
            }
        }
        let hosts = Arc::new(Hosts::new(endpoints, connect_timeout));
        Ok(Connection::to_hosts(hosts, credentials, settings))
    }
}
