//! The binary protocol over QUIC: each request and its answer on a stream of their own, as
//! the SDK's client opens them (`iggy` 0.11.0, `quic/quic_client.rs`).

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, Incoming, ServerConfig};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connection::{self, Ends, Transport};
use crate::listener::HANDSHAKE_DEADLINE;
use crate::shared::Shared;
use crate::tls::TlsIdentity;

/// What a client hears when the server stops; it has no meaning to the SDK.
const STOPPED: u32 = 0;

/// Listens; there is no QUIC without TLS.
pub(crate) fn bind(
    address: SocketAddr,
    identity: &TlsIdentity,
) -> std::io::Result<(Endpoint, SocketAddr)> {
    let crypto = QuicServerConfig::try_from(identity.config())
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))?;
    let config = ServerConfig::with_crypto(Arc::new(crypto));
    let endpoint = Endpoint::server(config, address)?;
    let bound = endpoint.local_addr()?;
    Ok((endpoint, bound))
}

/// Serves the clients of an endpoint until `stopped`.
pub(crate) async fn serve(
    endpoint: Endpoint,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            // An error means that the server is gone, which is a reason to stop, too.
            _ = stopped.wait_for(|stopped| *stopped) => break,
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => {
                    clients.spawn(client(incoming, Arc::clone(&shared)));
                }
                None => break,
            },
            Some(_) = clients.join_next() => {}
        }
    }
    endpoint.close(STOPPED.into(), b"the server stops");
    clients.shutdown().await;
    endpoint.wait_idle().await;
}

async fn client(incoming: Incoming, shared: Arc<Shared>) {
    let peer = incoming.remote_address();
    let reached = incoming.local_ip();
    let reached = reached.map(|ip| SocketAddr::new(ip, shared.address.port()));
    let ends = Ends::new(peer, reached, Transport::Quic, &shared);
    match tokio::time::timeout(HANDSHAKE_DEADLINE, incoming).await {
        Ok(Ok(client)) => connection::serve_streams(client, ends, shared).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no QUIC with a client"),
        Err(_) => tracing::debug!(%peer, "a QUIC client that does not go on"),
    }
}
