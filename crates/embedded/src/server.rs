//! Starting and stopping the server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::access::{AccessMoment, AccessSnapshot};
use crate::cleaner;
use crate::credentials::{Credentials, CredentialsError};
use crate::fault::{FaultHandle, FaultPlan};
use crate::http;
use crate::listener;
use crate::password::PasswordHashing;
use crate::quic;
use crate::request_log::RequestLog;
use crate::shared::{Beginning, Shared};
use crate::state::Metadata;
use crate::store::{DataFolder, StoreError};
use crate::testing::Testing;
use crate::tls::{TlsError, TlsIdentity};
use crate::websocket;

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The listener would be reachable from elsewhere with the well-known
    /// credentials.
    #[error("listening on {address}, beyond loopback, needs explicit credentials")]
    CredentialsRequired {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The credentials are none the real server would take.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// No certificate can be made for QUIC.
    #[error(transparent)]
    Certificate(#[from] TlsError),
    /// The data folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How to start an [`EmbeddedServer`].
#[derive(Debug)]
pub struct EmbeddedServerBuilder {
    listen: SocketAddr,
    credentials: Option<(String, SecretString)>,
    password_hashing: PasswordHashing,
    records_access: bool,
    data_dir: Option<PathBuf>,
    tls: Option<TlsIdentity>,
    http: Option<SocketAddr>,
    quic: Option<SocketAddr>,
    websocket: Option<SocketAddr>,
    faults: FaultPlan,
}

impl EmbeddedServerBuilder {
    /// Where to listen; default 127.0.0.1 on a free port (port 0). An address
    /// beyond loopback needs [`credentials`](Self::credentials).
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Name and password of root, 3–50 and 3–100 bytes; default iggy/iggy. They
    /// are not kept in the data folder: each start brings its own. What a client changed
    /// of them is kept, and wins over what a later start brings, as on the real server.
    #[must_use]
    pub fn credentials(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((username.into(), SecretString::from(password.into())));
        self
    }

    /// What a password costs; default as on the real server. Hashes that are there
    /// already keep their cost. The password that root is started with is not hashed but
    /// compared in constant time, until a client changes it: so a start takes no time.
    #[must_use]
    pub fn password_hashing(mut self, hashing: PasswordHashing) -> Self {
        self.password_hashing = hashing;
        self
    }

    /// Test kit: keeps a snapshot of who may do what after every write that was executed,
    /// also of one whose reply was lost; default no. Memory grows with every write. See
    /// [`EmbeddedServer::access_moments`].
    #[must_use]
    pub fn record_access(mut self) -> Self {
        self.records_access = true;
        self
    }

    /// Keeps the state in this folder, made if need be; default: in memory only.
    /// Every acknowledged write survives the death of the process.
    #[must_use]
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(directory.into());
        self
    }

    /// Answers the official HTTP routes there, too; port 0 takes a free one; default: no HTTP.
    /// An address beyond loopback needs [`credentials`](Self::credentials).
    #[must_use]
    pub fn http(mut self, address: SocketAddr) -> Self {
        self.http = Some(address);
        self
    }

    /// Speaks the binary protocol over QUIC there, too; port 0 takes a free one; default: no
    /// QUIC. Without [`tls`](Self::tls) the certificate is one that is made at the start and
    /// that no client knows; the official ones ask for none unless told to. An address beyond
    /// loopback needs [`credentials`](Self::credentials).
    #[must_use]
    pub fn quic(mut self, address: SocketAddr) -> Self {
        self.quic = Some(address);
        self
    }

    /// Speaks the binary protocol over WebSocket there, too; port 0 takes a free one;
    /// default: no WebSocket. An address beyond loopback needs
    /// [`credentials`](Self::credentials).
    #[must_use]
    pub fn websocket(mut self, address: SocketAddr) -> Self {
        self.websocket = Some(address);
        self
    }

    /// Speaks TLS, and nothing else, with this certificate, on all its ports; default: no
    /// TLS, except over QUIC.
    #[must_use]
    pub fn tls(mut self, identity: TlsIdentity) -> Self {
        self.tls = Some(identity);
        self
    }

    /// Faults to inject from the start; default none. They can be changed while
    /// the server runs, see [`EmbeddedServer::faults`].
    #[must_use]
    pub fn faults(mut self, plan: FaultPlan) -> Self {
        self.faults = plan;
        self
    }

    /// Starts the server on the current tokio runtime; when this returns, it
    /// accepts connections.
    ///
    /// # Errors
    /// [`StartError`]: the address, the credentials or the data folder cannot be
    /// used.
    pub async fn start(self) -> Result<EmbeddedServer, StartError> {
        let Self {
            listen,
            credentials,
            password_hashing,
            records_access,
            data_dir,
            tls,
            http,
            quic,
            websocket,
            faults,
        } = self;
        let reachable = [Some(listen), http, quic, websocket]
            .into_iter()
            .flatten()
            .find(|address| !address.ip().is_loopback());
        if let (Some(address), None) = (reachable, &credentials) {
            return Err(StartError::CredentialsRequired { address });
        }
        let credentials = match credentials {
            Some((username, password)) => Credentials::new(username, password)?,
            None => Credentials::default_root()?,
        };

        // The folder first: who finds it in use is told where its server listens,
        // which is more help than that the port is taken.
        let folder = data_dir
            .map(|directory| DataFolder::open(&directory))
            .transpose()?;
        let metadata = match &folder {
            Some(folder) => folder.load(&credentials)?,
            None => Metadata::with_root(&credentials),
        };
        let (listener, address) = bind(listen).await?;
        let http = match http {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let quic = match quic {
            Some(address) => Some(bind_quic(address, tls.as_ref())?),
            None => None,
        };
        let websocket = match websocket {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let websocket_address = websocket.as_ref().map(|(_, address)| *address);
        let quic_address = quic.as_ref().map(|(_, address)| *address);
        let http_address = http.as_ref().map(|(_, address)| *address);
        let store = match folder {
            Some(folder) => {
                folder.publish_address(address)?;
                Some(folder.into_writer()?)
            }
            None => None,
        };

        let acceptor = tls
            .as_ref()
            .map(|identity| TlsAcceptor::from(identity.config()));
        let shared = Arc::new(Shared::new(Beginning {
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
        }));
        let (stop, stopped) = watch::channel(false);
        let mut accepting = JoinSet::new();
        if let Some((http, _)) = http {
            accepting.spawn(http::serve(
                http,
                acceptor.clone(),
                Arc::clone(&shared),
                stopped.clone(),
            ));
        }
        if let Some((endpoint, _)) = quic {
            accepting.spawn(quic::serve(endpoint, Arc::clone(&shared), stopped.clone()));
        }
        if let Some((websocket, _)) = websocket {
            accepting.spawn(websocket::serve(
                websocket,
                acceptor.clone(),
                Arc::clone(&shared),
                stopped.clone(),
            ));
        }
        accepting.spawn(listener::serve_frames(
            listener,
            acceptor,
            Arc::clone(&shared),
            stopped,
        ));
        let cleaning = tokio::spawn(cleaner::run(Arc::clone(&shared)));
        Ok(EmbeddedServer {
            shared,
            tls,
            stop,
            cleaning: cleaning.abort_handle(),
            accepting,
        })
    }
}

/// A running server. Dropping it stops it as [`shutdown`](Self::shutdown) does,
/// but without waiting for its connections to end.
#[derive(Debug)]
pub struct EmbeddedServer {
    shared: Arc<Shared>,
    tls: Option<TlsIdentity>,
    stop: watch::Sender<bool>,
    cleaning: AbortHandle,
    /// Dropping it stops listening, and ends all connections.
    accepting: JoinSet<()>,
}

impl EmbeddedServer {
    /// How to start a server.
    #[must_use]
    pub fn builder() -> EmbeddedServerBuilder {
        EmbeddedServerBuilder {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            credentials: None,
            password_hashing: PasswordHashing::default(),
            records_access: false,
            data_dir: None,
            tls: None,
            http: None,
            quic: None,
            websocket: None,
            faults: FaultPlan::none(),
        }
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Where it answers HTTP, with the real port, if it does.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.shared.facts.http
    }

    /// Where it speaks QUIC, with the real port, if it does.
    #[must_use]
    pub fn quic_address(&self) -> Option<SocketAddr> {
        self.shared.facts.quic
    }

    /// Where it accepts WebSockets, with the real port, if it does.
    #[must_use]
    pub fn websocket_address(&self) -> Option<SocketAddr> {
        self.shared.facts.websocket
    }

    /// The certificate it shows, if it speaks TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsIdentity> {
        self.tls.as_ref()
    }

    /// What an Iggy client takes to connect: `iggy://user:password@host:port`, and
    /// `?tls=true` if it speaks TLS; then add `&tls_ca_file=…` for a client that does not
    /// know the certificate's authority.
    ///
    /// It holds the password in clear, as the server was started with it: a client that
    /// changes root's name or password makes it useless. Characters outside the unreserved ones of
    /// RFC 3986 are percent-encoded in name and password; the official clients do
    /// not decode them, so they can be used only with plain ones.
    #[must_use]
    pub fn connection_string(&self) -> String {
        let Credentials { username, password } = &self.shared.credentials;
        let options = if self.tls.is_some() { "?tls=true" } else { "" };
        format!(
            "iggy://{}:{}@{}{options}",
            percent_encoded(username),
            percent_encoded(secrecy::ExposeSecret::expose_secret(password)),
            self.shared.address
        )
    }

    /// Counts of the requests it got.
    #[must_use]
    pub fn requests(&self) -> RequestLog {
        self.shared.requests.clone()
    }

    /// Changes the injected faults while it runs.
    #[must_use]
    pub fn faults(&self) -> FaultHandle {
        self.shared.faults.clone()
    }

    /// Test kit: who may do what right now, and which stream or topic has which id.
    #[must_use]
    pub fn access(&self) -> AccessSnapshot {
        AccessSnapshot::of(&self.shared.metadata())
    }

    /// Test kit: takes out the snapshots after every write since the start or the last call,
    /// in order; none unless [`record_access`](EmbeddedServerBuilder::record_access) was
    /// asked for. Between two of them nothing changed but that tokens
    /// expired, and were cleaned up.
    #[must_use]
    pub fn access_moments(&self) -> Vec<AccessMoment> {
        self.shared.take_access_moments()
    }

    /// Test kit: sets what clients cannot set quickly, or at all.
    #[must_use]
    pub fn testing(&self) -> Testing {
        Testing::new(Arc::clone(&self.shared))
    }

    /// Stops listening, closes all connections, and frees the data folder.
    pub async fn shutdown(mut self) {
        self.cleaning.abort();
        self.stop.send_replace(true);
        while self.accepting.join_next().await.is_some() {}
        let shared = Arc::clone(&self.shared);
        // Ending the store joins a thread that may be flushing.
        let _ = tokio::task::spawn_blocking(move || shared.close_store()).await;
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        self.cleaning.abort();
        self.accepting.abort_all();
        self.shared.close_store();
    }
}

/// A listener, and its address with the real port.
async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen_error = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let bound = listener.local_addr().map_err(listen_error)?;
    Ok((listener, bound))
}

fn bind_quic(
    address: SocketAddr,
    tls: Option<&TlsIdentity>,
) -> Result<(quinn::Endpoint, SocketAddr), StartError> {
    let made;
    let identity = match tls {
        Some(identity) => identity,
        None => {
            made = TlsIdentity::self_signed([address.ip().to_string()])?;
            &made
        }
    };
    quic::bind(address, identity).map_err(|source| StartError::Listen { address, source })
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
