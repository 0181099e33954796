//! How clients may talk to the server of `iggyctl dev`, beside plain TCP.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use iggyctl_embedded::{EmbeddedServer, EmbeddedServerBuilder, TlsError, TlsIdentity};
use tempfile::NamedTempFile;

use crate::command_error::CommandError;

#[derive(Debug, clap::Args)]
pub(super) struct ListenerArguments {
    /// Answer the official HTTP routes there, too (the real server's port is 3000); port 0
    /// takes a free one
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Speak QUIC there, too (the real server's port is 8080); port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    quic: Option<SocketAddr>,
    /// Accept WebSockets there, too (the real server's port is 8092); port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    websocket: Option<SocketAddr>,
    /// Speak TLS, with a certificate made at the start; clients trust it by the file that
    /// is named then
    #[arg(long, conflicts_with = "tls_certificate")]
    tls: bool,
    /// Speak TLS, with this certificate (PEM, with its intermediate ones)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
}

impl ListenerArguments {
    /// The flag that asked for an address.
    pub(super) fn flag_of(&self, address: SocketAddr) -> &'static str {
        if self.http == Some(address) {
            "--http"
        } else if self.quic == Some(address) {
            "--quic"
        } else if self.websocket == Some(address) {
            "--websocket"
        } else {
            "--listen"
        }
    }
}

/// What was asked for, read and made.
pub(super) struct Listeners {
    http: Option<SocketAddr>,
    quic: Option<SocketAddr>,
    websocket: Option<SocketAddr>,
    tls: Option<TlsIdentity>,
    /// The authority of a certificate made here; the file ends with the command.
    authority: Option<NamedTempFile>,
}

impl Listeners {
    /// Reads the certificate, or makes one for `listen`.
    pub(super) fn of(
        arguments: &ListenerArguments,
        listen: SocketAddr,
    ) -> Result<Self, CommandError> {
        let ListenerArguments {
            http,
            quic,
            websocket,
            tls,
            tls_certificate,
            tls_key,
        } = arguments;
        let tls = match (tls_certificate, tls_key) {
            (Some(certificate), Some(key)) => Some(TlsIdentity::from_files(certificate, key)),
            _ if *tls => Some(TlsIdentity::self_signed(
                [Some(listen), *http, *quic, *websocket]
                    .into_iter()
                    .flatten()
                    .map(|address| address.ip().to_string()),
            )),
            _ => None,
        }
        .transpose()
        .map_err(|error| no_certificate(&error))?;
        let authority = tls
            .as_ref()
            .and_then(TlsIdentity::authority_pem)
            .map(kept)
            .transpose()
            .map_err(|error| {
                CommandError::other(format!("cannot write the file that clients trust: {error}"))
            })?;
        Ok(Self {
            http: *http,
            quic: *quic,
            websocket: *websocket,
            tls,
            authority,
        })
    }

    pub(super) fn add_to(&self, mut builder: EmbeddedServerBuilder) -> EmbeddedServerBuilder {
        if let Some(http) = self.http {
            builder = builder.http(http);
        }
        if let Some(quic) = self.quic {
            builder = builder.quic(quic);
        }
        if let Some(websocket) = self.websocket {
            builder = builder.websocket(websocket);
        }
        match &self.tls {
            Some(identity) => builder.tls(identity.clone()),
            None => builder,
        }
    }

    /// What a connection string needs besides what the server says of itself. As it is:
    /// the official clients decode nothing.
    pub(super) fn client_options(&self) -> String {
        self.authority_path()
            .map(|path| format!("&tls_ca_file={path}"))
            .unwrap_or_default()
    }

    /// For people, a line each.
    pub(super) fn explained(&self, server: &EmbeddedServer) -> Vec<String> {
        let trust = self.authority_path().map(|path| {
            format!("TLS with a certificate made just now; clients trust it by {path}.")
        });
        let http = server.http_address().map(|address| {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            format!("HTTP on {scheme}://{address}.")
        });
        let quic = server
            .quic_address()
            .map(|address| format!("QUIC on {address}."));
        let websocket = server
            .websocket_address()
            .map(|address| format!("WebSocket on {address}."));
        [trust, http, quic, websocket]
            .into_iter()
            .flatten()
            .collect()
    }

    fn authority_path(&self) -> Option<String> {
        let file = self.authority.as_ref()?;
        Some(file.path().to_string_lossy().into_owned())
    }
}

fn kept(authority: &str) -> std::io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix("iggyctl-dev-ca-")
        .suffix(".pem")
        .tempfile()?;
    file.write_all(authority.as_bytes())?;
    Ok(file)
}

fn no_certificate(error: &TlsError) -> CommandError {
    let cause = std::error::Error::source(error).map_or_else(String::new, |it| format!(": {it}"));
    CommandError::invalid_input(format!("{error}{cause}"))
}
