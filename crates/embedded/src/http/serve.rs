//! Taking in HTTP connections.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::error::Unsent;
use super::identity::Reached;
use super::router;
use crate::listener::{each_connection, handshake};
use crate::shared::Shared;

/// Ends a connection without an answer.
#[derive(Debug, Error)]
#[error("the connection ends without an answer")]
struct HungUp;

/// Serves HTTP until `stopped`.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) {
    let fallback = shared.address;
    let router = router(shared);
    each_connection(listener, stopped, |stream, peer| {
        let (router, tls) = (router.clone(), tls.clone());
        async move {
            let _ = stream.set_nodelay(true);
            let reached = Reached(stream.local_addr().unwrap_or(fallback));
            match tls {
                None => connection(stream, router, reached).await,
                Some(acceptor) => match handshake(&acceptor, stream).await {
                    Ok(stream) => connection(stream, router, reached).await,
                    Err(error) => tracing::debug!(%peer, %error, "no TLS with an HTTP client"),
                },
            }
        }
    })
    .await;
}

async fn connection<Stream>(stream: Stream, router: Router, reached: Reached)
where
    Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(reached);
        let answer = router.call(request);
        async move {
            let response: Response<Body> = answer.await.map_err(|_| HungUp)?;
            // The only way to close without an answer is an error in its place.
            if response.extensions().get::<Unsent>().is_some() {
                return Err(HungUp);
            }
            Ok(response)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}
