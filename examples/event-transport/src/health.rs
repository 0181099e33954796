//! Whether the service has its server, for those who watch it.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use iggyctl_messaging::Connection;
use iggyctl_messaging::connection::Health;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Answers `GET /health` until the connection is shut down.
///
/// # Errors
/// What the system says.
pub async fn serve(listener: TcpListener, connection: Connection) -> std::io::Result<()> {
    let closing = connection.clone();
    let router = Router::new()
        .route("/health", get(health))
        .with_state(connection);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { closing.closing().await })
        .await
}

/// 200 when the server answers, 503 when it does not.
async fn health(State(connection): State<Connection>) -> (StatusCode, Json<Value>) {
    // Members of groups have sessions of their own. Nobody else may have needed this
    // one, and `health` does not connect.
    let _ = tokio::time::timeout(Duration::from_secs(1), connection.session()).await;
    let Health {
        connected,
        address,
        latency,
        server_version,
        last_error,
    } = connection.health().await;
    let code = match connected {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({
        "connected": connected,
        "address": address,
        "latency_micros": latency.map(|it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX)),
        "server_version": server_version,
        "last_error": last_error,
    });
    (code, Json(body))
}
