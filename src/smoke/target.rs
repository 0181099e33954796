//! The server that is tested, and how to reach it.

use std::collections::BTreeMap;
use std::time::Duration;

use iggyctl_engine::connect::{ConnectionPool, RemoteAddress, ServerConnector, Transport};
use iggyctl_messaging::connection::{Backoff, Connection, Credentials};

/// Connections of the administrator.
pub(crate) type AdminPool = ConnectionPool<ServerConnector>;

/// The server that is tested.
pub(crate) struct Target {
    /// What to call it.
    pub(crate) name: String,
    /// As whom everything is made and removed.
    pub(crate) admin: AdminPool,
    /// Where it is, as the administrator; by transport in the words of the report.
    pub(crate) addresses: BTreeMap<&'static str, RemoteAddress>,
    /// The transport that the server was named with.
    pub(crate) main: Transport,
    /// How long connecting may take.
    pub(crate) connect_timeout: Duration,
}

/// Why there is no connection to it.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum TargetError {
    /// It was not found out how to reach it over a transport.
    #[error("the server has no {transport}")]
    NoTransport {
        /// Which.
        transport: &'static str,
    },
    /// The SDK or the server says no.
    #[error(transparent)]
    Messaging(#[from] iggyctl_messaging::MessagingError),
}

impl Target {
    /// One that is reached over the transport of its address only.
    pub(crate) fn new(
        name: String,
        admin: AdminPool,
        address: RemoteAddress,
        connect_timeout: Duration,
    ) -> Self {
        let main = address.transport;
        Self {
            name,
            admin,
            addresses: BTreeMap::from([(transport_name(main), address)]),
            main,
            connect_timeout,
        }
    }

    /// A new connection as the administrator, with a session of its own.
    pub(crate) fn connection(&self, transport: Transport) -> Result<Connection, TargetError> {
        self.open(transport, None)
    }

    /// A new connection as somebody else.
    pub(crate) fn connection_as(
        &self,
        transport: Transport,
        credentials: Credentials,
    ) -> Result<Connection, TargetError> {
        self.open(transport, Some(credentials))
    }

    fn open(
        &self,
        transport: Transport,
        credentials: Option<Credentials>,
    ) -> Result<Connection, TargetError> {
        let name = transport_name(transport);
        let Some(address) = self.addresses.get(name) else {
            return Err(TargetError::NoTransport { transport: name });
        };
        let mut builder = Connection::builder()
            .endpoint(address.clone())
            .connect_timeout(self.connect_timeout)
            .backoff(Backoff {
                base: Duration::from_millis(20),
                max: Duration::from_millis(500),
                give_up_after: Some(self.connect_timeout * 3),
            })
            .shutdown_timeout(Duration::from_secs(2));
        if let Some(credentials) = credentials {
            builder = builder.credentials(credentials);
        }
        Ok(builder.build()?)
    }
}

/// As the report and `--transport` call it.
pub(crate) fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Quic => "quic",
        Transport::Http => "http",
        Transport::WebSocket => "websocket",
    }
}
