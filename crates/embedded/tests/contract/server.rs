//! The servers a scenario can run against.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};

/// How long a real server may take to listen; debug builds need a quarter of a second.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// The credentials of every server a scenario runs against.
pub(crate) const USERNAME: &str = "iggy";
/// See [`USERNAME`].
pub(crate) const PASSWORD: &str = "iggy";

/// Where a real server comes from.
#[derive(Debug, Clone)]
pub(crate) enum RealServer {
    /// A program, started once for every scenario.
    Binary(PathBuf),
    /// A server that runs already; it must be empty, and is left empty by every scenario.
    Address(SocketAddr),
}

impl RealServer {
    /// `IGGYCTL_TEST_SERVER`, or `iggy-server` on the path; otherwise why there is none.
    pub(crate) fn find() -> Result<Self, String> {
        match std::env::var("IGGYCTL_TEST_SERVER") {
            Ok(value) if value.contains("://") => Self::from_uri(&value).map(Self::Address),
            Ok(value) if Path::new(&value).is_file() => Ok(Self::Binary(value.into())),
            Ok(value) => Err(format!("IGGYCTL_TEST_SERVER={value} is no file and no URI")),
            Err(_) => std::env::var_os("PATH")
                .iter()
                .flat_map(std::env::split_paths)
                .map(|folder| folder.join("iggy-server"))
                .find(|candidate| candidate.is_file())
                .map(Self::Binary)
                .ok_or_else(|| {
                    "no iggy-server on the PATH and IGGYCTL_TEST_SERVER is not set".to_owned()
                }),
        }
    }

    /// Only the credentials the scenarios are written for are accepted: they are in the record.
    fn from_uri(uri: &str) -> Result<SocketAddr, String> {
        let credentials = format!("{USERNAME}:{PASSWORD}@");
        let rest = uri
            .split_once("://")
            .and_then(|(scheme, rest)| ["iggy", "iggy+tcp"].contains(&scheme).then_some(rest))
            .and_then(|rest| rest.strip_prefix(&credentials))
            .ok_or_else(|| {
                format!("IGGYCTL_TEST_SERVER has to be iggy://{credentials}HOST:PORT")
            })?;
        rest.parse()
            .map_err(|error| format!("IGGYCTL_TEST_SERVER: {rest}: {error}"))
    }
}

/// A server for one scenario; ends with the value.
pub(crate) enum RunningServer {
    /// A process of ours.
    Process {
        /// Where it listens.
        address: SocketAddr,
        /// Where it answers HTTP.
        http: SocketAddr,
        /// Killed on drop.
        child: Child,
        /// Removed on drop, after the process.
        _folder: tempfile::TempDir,
    },
    /// Somebody else's.
    Shared(SocketAddr),
}

impl RunningServer {
    /// Starts a real server, or makes sure that a shared one is empty.
    pub(crate) async fn real(server: &RealServer) -> Result<Self, String> {
        match server {
            RealServer::Binary(binary) => start(binary).await,
            RealServer::Address(address) => {
                require_empty(*address).await?;
                Ok(Self::Shared(*address))
            }
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Process { address, .. } | Self::Shared(address) => *address,
        }
    }
}

impl RunningServer {
    /// Where it answers HTTP, if that is known.
    pub(crate) fn http(&self) -> Option<SocketAddr> {
        match self {
            Self::Process { http, .. } => Some(*http),
            Self::Shared(_) => None,
        }
    }
}

/// Unlike that of its other ports, the server does not say which port for HTTP it was
/// given; so it is one that was free a moment ago.
fn free_port() -> Result<SocketAddr, String> {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|error| error.to_string())
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        if let Self::Process { child, .. } = self {
            // Already gone is as good as killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The variables that 0.9.0 moved to the root level, and the names they had before. A debug
/// build refuses names it does not know, so it is one spelling or the other.
const SPELLINGS: [[&str; 3]; 2] = [
    [
        "IGGY_PATH",
        "IGGY_SHARDING_CPU_ALLOCATION",
        "IGGY_MEMORY_POOL_SIZE",
    ],
    [
        "IGGY_SYSTEM_PATH",
        "IGGY_SYSTEM_SHARDING_CPU_ALLOCATION",
        "IGGY_SYSTEM_MEMORY_POOL_SIZE",
    ],
];

async fn start(binary: &Path) -> Result<RunningServer, String> {
    let mut failures = Vec::new();
    for [path, shards, memory] in SPELLINGS {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let data = folder.path().join("data");
        let http = free_port()?;
        let log = fs::File::create(folder.path().join("log")).map_err(|error| error.to_string())?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let mut child = Command::new(binary)
            .env_clear()
            .envs(
                std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("IGGY")),
            )
            .env("IGGY_ROOT_USERNAME", USERNAME)
            .env("IGGY_ROOT_PASSWORD", PASSWORD)
            .env(path, &data)
            .env(shards, "1")
            .env(memory, "512MiB")
            .env("IGGY_TCP_ADDRESS", "127.0.0.1:0")
            .env("IGGY_HTTP_ENABLED", "true")
            .env("IGGY_HTTP_ADDRESS", http.to_string())
            .env("IGGY_QUIC_ENABLED", "false")
            .env("IGGY_WEBSOCKET_ENABLED", "false")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        match listening(&mut child, &data, http).await {
            Ok(address) => {
                return Ok(RunningServer::Process {
                    address,
                    http,
                    child,
                    _folder: folder,
                });
            }
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                failures.push(format!("with {path}: {error}: {}", tail.join(" / ")));
            }
        }
    }
    Err(format!(
        "{} does not start: {}",
        binary.display(),
        failures.join("; ")
    ))
}

/// Waits until the server has written down which port it got, and accepts on it.
async fn listening(child: &mut Child, data: &Path, http: SocketAddr) -> Result<SocketAddr, String> {
    let config = data.join("runtime/current_config.toml");
    let began = Instant::now();
    while began.elapsed() < START_DEADLINE {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("exited with {status}"));
        }
        if let Some(address) = bound_address(&config)
            && tokio::net::TcpStream::connect(address).await.is_ok()
            && tokio::net::TcpStream::connect(http).await.is_ok()
        {
            return Ok(address);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(format!("not listening after {START_DEADLINE:?}"))
}

/// The bound TCP address, once the file is there and whole.
fn bound_address(config: &Path) -> Option<SocketAddr> {
    let text = fs::read_to_string(config).ok()?;
    let table: toml::Table = text.parse().ok()?;
    let address: SocketAddr = table.get("tcp")?.get("address")?.as_str()?.parse().ok()?;
    (address.port() != 0).then_some(address)
}

/// Deletes every stream and user of a shared server, and root's tokens; it was empty when
/// the scenario began.
pub(crate) async fn clean(address: SocketAddr) -> Result<(), String> {
    with_client(address, async |client| {
        for stream in client.get_streams().await? {
            client
                .delete_stream(&Identifier::numeric(stream.id)?)
                .await?;
        }
        for user in client.get_users().await? {
            if user.id != 0 {
                client.delete_user(&Identifier::numeric(user.id)?).await?;
            }
        }
        for token in client.get_personal_access_tokens().await? {
            client.delete_personal_access_token(&token.name).await?;
        }
        Ok(())
    })
    .await
}

/// Refuses a server with streams, users or tokens: they are somebody's, and a scenario
/// begins empty.
async fn require_empty(address: SocketAddr) -> Result<(), String> {
    let (streams, users, tokens) = with_client(address, async |client| {
        Ok((
            client.get_streams().await?.len(),
            client.get_users().await?.len(),
            client.get_personal_access_tokens().await?.len(),
        ))
    })
    .await?;
    if (streams, users, tokens) == (0, 1, 0) {
        Ok(())
    } else {
        Err(format!(
            "{address} has {streams} streams, {users} users and {tokens} tokens; the contract \
             needs an empty server with nobody but root"
        ))
    }
}

async fn with_client<T>(
    address: SocketAddr,
    work: impl AsyncFnOnce(&IggyClient) -> Result<T, IggyError>,
) -> Result<T, String> {
    let uri = format!("iggy://{USERNAME}:{PASSWORD}@{address}?reconnection_retries=0");
    let run = async {
        let client = IggyClient::from_connection_string(&uri)?;
        client.connect().await?;
        let result = work(&client).await;
        client.shutdown().await?;
        result
    };
    run.await.map_err(|error| format!("{address}: {error}"))
}

/// The version a server reports for itself.
pub(crate) async fn version(address: SocketAddr) -> Result<String, String> {
    let stats = with_client(address, async |client| client.get_stats().await).await?;
    Ok(stats.iggy_server_version)
}

/// Starts an embedded server with the credentials of [`USERNAME`], in memory.
pub(crate) async fn embedded() -> Result<EmbeddedServer, String> {
    EmbeddedServer::builder()
        .credentials(USERNAME, PASSWORD)
        .password_hashing(PasswordHashing::Fast)
        .http(SocketAddr::from(([127, 0, 0, 1], 0)))
        .start()
        .await
        .map_err(|error| error.to_string())
}
