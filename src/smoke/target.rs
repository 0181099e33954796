//! The server that is tested, and how to reach it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use iggyctl_engine::broker::BrokerRead as _;
use iggyctl_engine::connect::{
    ConnectSettings, ConnectionPool, RemoteAddress, ServerAddress, ServerConnector, TlsOptions,
    Transport,
};
use iggyctl_messaging::connection::{Backoff, Connection, Credentials};

use super::failure::{Failure, Step as _, Stop};
use super::recorder::Recorder;
use super::sdk::Client;
use super::server::{OwnServer, OwnTlsServer, run_command};

/// Connections of the administrator.
pub(crate) type AdminPool = ConnectionPool<ServerConnector>;

/// The server that is tested.
pub(crate) struct Target {
    /// What to call it.
    pub(crate) name: String,
    /// As whom everything is made and removed.
    pub(crate) admin: AdminPool,
    /// Where it is, as the administrator; by transport in the words of the report.
    addresses: RefCell<BTreeMap<&'static str, RemoteAddress>>,
    /// The transport that the server was named with.
    pub(crate) main: Transport,
    /// How long connecting may take.
    connect_timeout: Duration,
    restart: Restart,
    /// One that speaks TLS, once it was needed.
    tls: tokio::sync::Mutex<Option<(OwnTlsServer, Rc<Target>)>>,
}

/// How the server is restarted.
pub(crate) enum Restart {
    /// By ourselves: it runs in this process.
    Own(Rc<OwnServer>),
    /// By a command of the user's.
    Command(String),
    /// Nobody can.
    Nobody,
}

/// Between attempts to reach a server that was restarted.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);
/// How long it may take to answer again.
const UNTIL_IT_ANSWERS: Duration = Duration::from_secs(45);

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
        restart: Restart,
    ) -> Self {
        let main = address.transport;
        let addresses = BTreeMap::from([(transport_name(main), address)]);
        Self {
            name,
            admin,
            addresses: RefCell::new(addresses),
            main,
            connect_timeout,
            restart,
            tls: tokio::sync::Mutex::default(),
        }
    }

    /// Asks the server what else it listens on: the same host, at the ports it gives.
    pub(crate) async fn discover(&self) -> Result<(), Failure> {
        let connection = self.connection(self.main).step("connect")?;
        let client = Client::new(connection.clone(), Recorder::default());
        let ports = client.ports().await;
        connection.shutdown().await;
        let main = self.address(self.main).step("connect")?;
        for (transport, port) in ports.step("ask the server for its ports")? {
            let mut address = main.clone();
            (address.transport, address.port) = (transport, port);
            if transport == Transport::Quic && matches!(self.restart, Restart::Own(_)) {
                // It is this process that listens there, with a certificate of the moment.
                address.options.tls = Some(TlsOptions {
                    domain: None,
                    ca_file: None,
                    validate_certificate: false,
                });
            }
            let mut addresses = self.addresses.borrow_mut();
            addresses
                .entry(transport_name(transport))
                .or_insert(address);
        }
        Ok(())
    }

    /// Where it is, as the administrator.
    pub(crate) fn address(&self, transport: Transport) -> Result<RemoteAddress, TargetError> {
        let transport = transport_name(transport);
        let found = self.addresses.borrow().get(transport).cloned();
        found.ok_or(TargetError::NoTransport { transport })
    }

    /// Whether somebody can restart it.
    pub(crate) fn can_restart(&self) -> bool {
        match self.restart {
            Restart::Own(_) | Restart::Command(_) => true,
            Restart::Nobody => false,
        }
    }

    /// Restarts it, and waits until it answers.
    pub(crate) async fn restart(&self) -> Result<(), Failure> {
        match &self.restart {
            Restart::Own(server) => server.restart().await.step("restart the server")?,
            Restart::Command(command) => run_command(command)
                .await
                // Its text may hold a secret, and reports are shown to others.
                .step("restart the server with the command of --restart-command")?,
            Restart::Nobody => {
                let step = "restart the server";
                return Err(Failure::new(step, "somebody who can", "nobody"));
            }
        }
        let step = "reach the server after its restart";
        let mut last = String::new();
        let answers = async {
            loop {
                // What was open before leads nowhere any more.
                self.admin.forget_idle();
                let asked = match self.admin.acquire().await {
                    Ok(admin) => admin.ping().await.map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                match asked {
                    Ok(()) => return,
                    Err(error) => last = error,
                }
                tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            }
        };
        let ended = tokio::time::timeout(UNTIL_IT_ANSWERS, answers).await;
        ended.map_err(|_| Failure::new(step, "an answer", last))
    }

    /// The same server where it speaks TLS: this one if it does; of an own one another,
    /// which is started for it.
    pub(crate) async fn secured(self: &Rc<Self>) -> Result<Rc<Self>, Stop> {
        let address = self.address(self.main).step("connect")?;
        if self.main == Transport::Tcp && address.options.tls.is_some() {
            return Ok(Rc::clone(self));
        }
        if !matches!(self.restart, Restart::Own(_)) {
            let reason = "the server is not reached by TLS: name its address with `?tls=true`";
            return Err(Stop::Skipped(reason.to_owned()));
        }
        let mut tls = self.tls.lock().await;
        if let Some((_, target)) = &*tls {
            return Ok(Rc::clone(target));
        }
        let step = "start a server with TLS";
        let server = OwnTlsServer::start().await.step(step)?;
        let Ok(ServerAddress::Remote(address)) = server.connection_string.parse() else {
            return Err(Failure::new(step, "an address", "none").into());
        };
        let settings = ConnectSettings {
            deadline: self.connect_timeout,
            ..ConnectSettings::default()
        };
        let admin = ConnectionPool::new(ServerConnector::new(address.clone(), settings));
        let name = "an embedded server with TLS".to_owned();
        let target = Self::new(name, admin, address, self.connect_timeout, Restart::Nobody);
        let target = Rc::new(target);
        *tls = Some((server, Rc::clone(&target)));
        Ok(target)
    }

    /// Closes what it opened, and ends the servers that it started.
    pub(crate) async fn close(&self) {
        if let Some((server, target)) = self.tls.lock().await.take() {
            target.admin.close().await;
            server.shutdown().await;
        }
        self.admin.close().await;
        if let Restart::Own(server) = &self.restart {
            server.shutdown().await;
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

    /// A new connection to somewhere else, or in another way.
    pub(crate) fn connection_at(&self, address: RemoteAddress) -> Result<Connection, TargetError> {
        Ok(Connection::builder()
            .endpoint(address)
            .connect_timeout(self.connect_timeout)
            .backoff(Backoff {
                base: Duration::from_millis(20),
                max: Duration::from_millis(500),
                give_up_after: Some(self.connect_timeout),
            })
            .shutdown_timeout(Duration::from_secs(2))
            .build()?)
    }

    fn open(
        &self,
        transport: Transport,
        credentials: Option<Credentials>,
    ) -> Result<Connection, TargetError> {
        let mut address = self.address(transport)?;
        if let Some(credentials) = credentials {
            address.credentials = Some(credentials);
        }
        self.connection_at(address)
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
