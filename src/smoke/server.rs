//! Servers in this process, and how others are restarted.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;

use iggyctl_embedded::{
    EmbeddedServer, EmbeddedServerBuilder, PasswordHashing, StartError, TlsIdentity,
};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// A server in this process, on every transport it has, and with a folder, so that it
/// can be restarted.
pub(crate) struct OwnServer {
    folder: PathBuf,
    /// Removed with everything in it, unless the folder is the caller's.
    temporary: Option<TempDir>,
    /// Kept over a restart.
    listen: SocketAddr,
    http: Option<SocketAddr>,
    websocket: Option<SocketAddr>,
    quic: Option<SocketAddr>,
    running: Mutex<Option<EmbeddedServer>>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnServerError {
    /// Nowhere to keep its data.
    #[error("cannot make a temporary folder: {0}")]
    Folder(#[from] std::io::Error),
    /// It does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It has no certificate.
    #[error(transparent)]
    Certificate(#[from] iggyctl_embedded::TlsError),
}

const FREE_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl OwnServer {
    /// Starts one in a folder, or in a temporary one.
    pub(crate) async fn start(folder: Option<PathBuf>) -> Result<Self, OwnServerError> {
        let (folder, temporary) = match folder {
            Some(folder) => (folder, None),
            None => {
                let temporary = tempfile::tempdir()?;
                (temporary.path().to_path_buf(), Some(temporary))
            }
        };
        let mut own = Self {
            folder,
            temporary,
            listen: FREE_PORT,
            http: Some(FREE_PORT),
            websocket: Some(FREE_PORT),
            quic: Some(FREE_PORT),
            running: Mutex::new(None),
        };
        let server = own.builder().start().await?;
        own.listen = server.address();
        own.http = server.http_address();
        own.websocket = server.websocket_address();
        own.quic = server.quic_address();
        own.running = Mutex::new(Some(server));
        Ok(own)
    }

    fn builder(&self) -> EmbeddedServerBuilder {
        let mut builder = EmbeddedServer::builder()
            .data_dir(&self.folder)
            .listen(self.listen);
        if self.temporary.is_some() {
            // Nobody's passwords are in it.
            builder = builder.password_hashing(PasswordHashing::Fast);
        }
        if let Some(http) = self.http {
            builder = builder.http(http);
        }
        if let Some(websocket) = self.websocket {
            builder = builder.websocket(websocket);
        }
        if let Some(quic) = self.quic {
            builder = builder.quic(quic);
        }
        builder
    }

    /// What a client takes to connect.
    pub(crate) async fn connection_string(&self) -> String {
        let running = self.running.lock().await;
        let server = running.as_ref();
        server.map_or_else(String::new, EmbeddedServer::connection_string)
    }

    /// Stops it and starts it again at the same addresses.
    pub(crate) async fn restart(&self) -> Result<(), OwnServerError> {
        let mut running = self.running.lock().await;
        if let Some(server) = running.take() {
            server.shutdown().await;
        }
        *running = Some(self.builder().start().await?);
        Ok(())
    }

    /// Stops it for good.
    pub(crate) async fn shutdown(&self) {
        if let Some(server) = self.running.lock().await.take() {
            server.shutdown().await;
        }
    }
}

/// A server in this process that speaks TLS, and a file with the authority to trust.
pub(crate) struct OwnTlsServer {
    running: Mutex<Option<EmbeddedServer>>,
    /// What a client takes to connect.
    pub(crate) connection_string: String,
    _authority: TempDir,
}

impl OwnTlsServer {
    /// Starts one in memory, with a certificate that was made for it.
    pub(crate) async fn start() -> Result<Self, OwnServerError> {
        let identity = TlsIdentity::self_signed(std::iter::empty::<String>())?;
        let authority = tempfile::tempdir()?;
        let file = authority.path().join("authority.pem");
        std::fs::write(&file, identity.authority_pem().unwrap_or_default())?;
        let server = EmbeddedServer::builder()
            .password_hashing(PasswordHashing::Fast)
            .tls(identity)
            .start()
            .await?;
        let connection_string = format!(
            "{}&tls_ca_file={}",
            server.connection_string(),
            file.display()
        );
        Ok(Self {
            running: Mutex::new(Some(server)),
            connection_string,
            _authority: authority,
        })
    }

    /// Stops it.
    pub(crate) async fn shutdown(&self) {
        if let Some(server) = self.running.lock().await.take() {
            server.shutdown().await;
        }
    }
}

/// Runs a command of the user's by the shell, and waits for its end. Tells what went
/// wrong.
pub(crate) async fn run_command(command: &str) -> Result<(), String> {
    let ended = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        // Standard output is for the report.
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| format!("it cannot be run: {error}"))?;
    if ended.success() {
        return Ok(());
    }
    Err(match ended.code() {
        Some(code) => format!("it ended with exit code {code}"),
        None => "it was ended by a signal".to_owned(),
    })
}
