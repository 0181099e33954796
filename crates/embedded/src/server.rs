//! Starting and stopping the server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use crate::access::{AccessMoment, AccessSnapshot};
use crate::cleaner;
use crate::clock::now_micros;
use crate::connection::{self, Clients};
use crate::credentials::{Credentials, CredentialsError};
use crate::dispatch::ServerFacts;
use crate::fault::{FaultHandle, FaultPlan};
use crate::password::PasswordHashing;
use crate::request_log::RequestLog;
use crate::state::Metadata;
use crate::store::{DataFolder, StoreError, StoreWriter};
use crate::testing::Testing;

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
            faults,
        } = self;
        if !listen.ip().is_loopback() && credentials.is_none() {
            return Err(StartError::CredentialsRequired { address: listen });
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
        let listen_error = |source| StartError::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let store = match folder {
            Some(folder) => {
                folder.publish_address(address)?;
                Some(folder.into_writer()?)
            }
            None => None,
        };

        let faults_handle = FaultHandle::default();
        faults_handle.set(faults);
        let shared = Arc::new(Shared {
            address,
            facts: ServerFacts {
                started_at: now_micros(),
                hostname: hostname(),
            },
            credentials,
            metadata: Mutex::new(metadata),
            clients: Mutex::new(Clients::default()),
            hashing: password_hashing,
            access_moments: records_access.then(Mutex::default),
            hashing_threads: Semaphore::new(
                std::thread::available_parallelism().map_or(1, NonZero::get),
            ),
            log: AtomicU64::new(0),
            last_tick: AtomicU64::new(0),
            store,
            faults: faults_handle,
            requests: RequestLog::default(),
        });
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared), stopped));
        let cleaning = tokio::spawn(cleaner::run(Arc::clone(&shared)));
        Ok(EmbeddedServer {
            shared,
            stop,
            cleaning: cleaning.abort_handle(),
            accepting: Some(accepting),
        })
    }
}

/// A running server. Dropping it stops it as [`shutdown`](Self::shutdown) does,
/// but without waiting for its connections to end.
#[derive(Debug)]
pub struct EmbeddedServer {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    cleaning: AbortHandle,
    accepting: Option<JoinHandle<()>>,
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
            faults: FaultPlan::none(),
        }
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// What an Iggy client takes to connect: `iggy://user:password@host:port`.
    ///
    /// It holds the password in clear, as the server was started with it: a client that
    /// changes root's name or password makes it useless. Characters outside the unreserved ones of
    /// RFC 3986 are percent-encoded in name and password; the official clients do
    /// not decode them, so they can be used only with plain ones.
    #[must_use]
    pub fn connection_string(&self) -> String {
        let Credentials { username, password } = &self.shared.credentials;
        format!(
            "iggy://{}:{}@{}",
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
        self.shared
            .access_moments
            .as_ref()
            .map(|moments| {
                std::mem::take(&mut *moments.lock().unwrap_or_else(PoisonError::into_inner))
            })
            .unwrap_or_default()
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
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.await;
        }
        let shared = Arc::clone(&self.shared);
        // Ending the store joins a thread that may be flushing.
        let _ = tokio::task::spawn_blocking(move || shared.close_store()).await;
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        self.cleaning.abort();
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
        self.shared.close_store();
    }
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) address: SocketAddr,
    pub(crate) facts: ServerFacts,
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
    pub(crate) fn metadata(&self) -> MutexGuard<'_, Metadata> {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Microseconds since the Unix epoch.
    pub(crate) fn now(&self) -> u64 {
        now_micros()
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

    /// Adds an entry to the log; its position, from 1 on.
    pub(crate) fn advance_log(&self) -> u64 {
        self.log.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn log_position(&self) -> u64 {
        self.log.load(Ordering::Relaxed)
    }

    fn close_store(&self) {
        if let Some(store) = &self.store {
            store.close();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    // Dropping the set, at the end or when this task is aborted, ends them all.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection::serve(stream, peer, Arc::clone(&shared)));
                }
                Err(error) => {
                    // Mostly a lack of file descriptors: others may free some.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = stopped.changed() => break,
        }
    }
    connections.shutdown().await;
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

/// For the stats only.
fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown_hostname".to_owned())
}
