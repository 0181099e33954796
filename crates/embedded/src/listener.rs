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
use tokio_util::either::Either;

use crate::connection::{self, Ends, Transport};
use crate::shared::Shared;

/// A client that wants no TLS says nothing that makes sense as a handshake, and may wait
/// for an answer for ever.
pub(crate) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// A client's bytes, with TLS or without.
pub(crate) type Client = Either<TcpStream, TlsStream<TcpStream>>;

/// Serves the clients of the binary protocol until `stopped`.
pub(crate) async fn serve_frames(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) {
    each_client(listener, acceptor, stopped, move |client, peer, reached| {
        let ends = Ends::new(peer, reached, Transport::Tcp, &shared);
        connection::serve(client, ends, Arc::clone(&shared))
    })
    .await;
}

/// Runs `serve` for every client, all at once, until `stopped`; then ends them. It is given
/// the client's address, and the one that the client reached.
pub(crate) async fn each_client<Serving>(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    stopped: watch::Receiver<bool>,
    serve: impl Fn(Client, SocketAddr, Option<SocketAddr>) -> Serving + Clone + Send + 'static,
) where
    Serving: Future<Output = ()> + Send + 'static,
{
    each_connection(listener, stopped, |stream, peer| {
        let (acceptor, serve) = (acceptor.clone(), serve.clone());
        async move {
            // Small replies must not wait for more.
            let _ = stream.set_nodelay(true);
            let reached = stream.local_addr().ok();
            match secured(acceptor, stream).await {
                Ok(client) => serve(client, peer, reached).await,
                Err(error) => tracing::debug!(%peer, %error, "no TLS with a client"),
            }
        }
    })
    .await;
}

/// Runs `serve` for every connection, all at once, until `stopped`; then ends them.
async fn each_connection<Serving>(
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

/// Agrees on keys with a client, where there are to be some.
async fn secured(acceptor: Option<TlsAcceptor>, stream: TcpStream) -> io::Result<Client> {
    let Some(acceptor) = acceptor else {
        return Ok(Either::Left(stream));
    };
    let handshake = tokio::time::timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream)).await;
    let stream = handshake.map_err(|_| io::ErrorKind::TimedOut)??;
    Ok(Either::Right(stream))
}
