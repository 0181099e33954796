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
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::error::Unsent;
use super::identity::Reached;
use super::router;
use crate::listener::{Client, each_client};
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
    each_client(listener, tls, stopped, move |client, _, reached| {
        connection(client, router.clone(), Reached(reached.unwrap_or(fallback)))
    })
    .await;
}

async fn connection(stream: Client, router: Router, reached: Reached) {
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
