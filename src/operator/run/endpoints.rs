//! What Kubernetes and Prometheus ask the operator.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::metrics::Metrics;
use super::world::World;
use super::{Pages, RunError};
use crate::operator::model::ServerKey;

/// How long the loop may be silent: it makes a sign of life every few seconds, whatever the
/// API server does.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// How long a round may go on after it should have been given up.
const GRACE: Duration = Duration::from_secs(60);

/// Whether the operator can do its work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health(Arc<Mutex<Signs>>);

#[derive(Debug, Default)]
struct Signs {
    synced: BTreeSet<usize>,
    is_synced: bool,
    leads: bool,
    /// The last sign of life of the loop that watches; none before it began.
    watched: Option<Instant>,
    /// When the round of each server that has one now has to be over.
    rounds: BTreeMap<ServerKey, Instant>,
}

impl Signs {
    /// What hangs.
    fn hanging(&self, now: Instant) -> Option<String> {
        let silence = self.watched.map(|at| now.saturating_duration_since(at));
        if silence.is_some_and(|silence| silence > LONGEST_SILENCE) {
            return Some("the loop that watches hangs".to_owned());
        }
        let mut rounds = self.rounds.iter();
        let (server, _) = rounds.find(|(_, over)| now > **over + GRACE)?;
        Some(format!("the round of {server} hangs"))
    }
}

impl Health {
    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A watch has listed all there is; returns whether it was the last one of all.
    pub(crate) fn synced(&self, number: usize, of: usize) -> bool {
        let mut signs = self.signs();
        signs.synced.insert(number);
        let is_last = !signs.is_synced && signs.synced.len() == of;
        signs.is_synced |= is_last;
        is_last
    }

    /// All is listed anew.
    pub(super) fn forgets_what_was_seen(&self) {
        let mut signs = self.signs();
        signs.synced.clear();
        signs.is_synced = false;
    }

    /// Whether all that there is was seen once.
    pub(crate) fn is_synced(&self) -> bool {
        self.signs().is_synced
    }

    /// From now on this operator writes.
    pub(crate) fn leads(&self) {
        self.signs().leads = true;
    }

    /// The loop that watches goes on.
    pub(super) fn watches(&self) {
        self.signs().watched = Some(Instant::now());
    }

    /// A round begins, and is over within `longest`.
    pub(super) fn begins(&self, server: &ServerKey, longest: Duration) {
        let over = Instant::now() + longest;
        self.signs().rounds.insert(server.clone(), over);
    }

    /// It is over.
    pub(super) fn ends(&self, server: &ServerKey) {
        self.signs().rounds.remove(server);
    }
}

/// Serves until the process ends.
///
/// # Errors
/// When the address is taken or not there.
pub(super) async fn serve(address: SocketAddr, pages: Pages) -> Result<SocketAddr, RunError> {
    let failed = |error| RunError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(pages);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "probes and metrics are not served any more");
        }
    });
    Ok(bound)
}

/// Where this fails, Kubernetes starts the operator anew. A server or an API server that does
/// not answer is no reason: that would not help.
async fn healthz(State(pages): State<Pages>) -> (StatusCode, String) {
    match pages.health.signs().hanging(Instant::now()) {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(what) => (StatusCode::INTERNAL_SERVER_ERROR, what + "\n"),
    }
}

/// Whoever waits for the lease is ready, too: it takes over at once.
async fn readyz(State(pages): State<Pages>) -> (StatusCode, &'static str) {
    match pages.health.is_synced() {
        true => (StatusCode::OK, "ok\n"),
        false => (
            StatusCode::SERVICE_UNAVAILABLE,
            "not all objects were seen yet\n",
        ),
    }
}

async fn metrics(State(pages): State<Pages>) -> Response {
    let leads = pages.health.signs().leads;
    match page(&pages.metrics, &pages.world, leads) {
        Ok(page) => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], page).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
    }
}

fn page(metrics: &Metrics, world: &World, leads: bool) -> Result<String, String> {
    let census = leads.then(|| world.census());
    let page = metrics.page(census.as_ref());
    page.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use iggyctl_core::api::v1alpha1::ServerKind;

    use super::*;

    fn server() -> ServerKey {
        ServerKey::new(ServerKind::IggyServer, "shop", "default".to_owned())
    }

    #[test]
    fn whoever_has_not_begun_does_not_hang() {
        assert_eq!(Signs::default().hanging(Instant::now()), None);
    }

    #[test]
    fn a_loop_that_is_silent_hangs() {
        let now = Instant::now();
        let signs = Signs {
            watched: Some(now),
            ..Signs::default()
        };
        assert_eq!(signs.hanging(now + LONGEST_SILENCE), None);
        let later = now + LONGEST_SILENCE + Duration::from_secs(1);
        assert!(signs.hanging(later).unwrap().contains("watches"));
    }

    #[test]
    fn a_round_hangs_that_is_not_over_when_it_had_to_be() {
        let health = Health::default();
        let longest = Duration::from_secs(10);
        health.begins(&server(), longest);
        let hanging = |after| health.signs().hanging(Instant::now() + after);
        assert_eq!(hanging(longest), None);
        let late = hanging(longest + GRACE + Duration::from_secs(1));
        assert!(late.unwrap().contains("IggyServer shop/default"));
        health.ends(&server());
        assert_eq!(hanging(longest * 100), None);
    }
}
