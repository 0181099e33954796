//! Taking in connections, and TLS on them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::connection::{self, Ends, Transport};
use crate::shared::Shared;

/// A client that wants no TLS says nothing that makes sense as a handshake, and may wait
/// for an answer for ever.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// Serves the clients of the binary protocol until `stopped`.
pub(crate) async fn serve_frames(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) {
    each_connection(listener, stopped, |stream, peer| {
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        async move {
            // Small replies must not wait for more.
            let _ = stream.set_nodelay(true);
            let ends = Ends {
                peer,
                reached: stream.local_addr().unwrap_or(shared.address),
                transport: Transport::Tcp,
            };
            match acceptor {
                None => connection::serve(stream, ends, shared).await,
                Some(acceptor) => match handshake(&acceptor, stream).await {
                    Ok(stream) => connection::serve(stream, ends, shared).await,
                    Err(error) => tracing::debug!(%peer, %error, "no TLS with a client"),
                },
            }
        }
    })
    .await;
}

/// Runs `serve` for every connection, all at once, until `stopped`; then ends them.
pub(crate) async fn each_connection<Serving>(
    listener: TcpListener,
    mut stopped: watch::Receiver<bool>,
    serve: impl Fn(TcpStream, SocketAddr) -> Serving,
) where
    Serving: Future<Output = ()> + Send + 'static,
{
    // Dropping the set, at the end or when this task is aborted, ends them all.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer));
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

/// Agrees on keys with a client.
pub(crate) async fn handshake(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    tokio::time::timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream))
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?
}
