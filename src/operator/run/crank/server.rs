//! What is written of the server object.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::metrics::Outcome;
use super::super::server_status::{Look, server_status};
use super::Crank;
use crate::operator::cluster::{ServerObject, WriteError};
use crate::operator::model::EventReason;
use crate::operator::resources::status::ServerStatus;
use crate::operator::round::{Happening, Health, turns_to};

impl Crank {
    pub(super) async fn write_server(
        &self,
        server: &Arc<ServerObject>,
        look: Look,
        needs_finalizer: bool,
        orphan_after: Duration,
        now: Timestamp,
    ) -> bool {
        let cluster = &self.shared.cluster;
        let waited = server.deleted_at.is_some_and(|deleted| {
            let waited = now.duration_since(deleted);
            jiff::SignedDuration::try_from(orphan_after).is_ok_and(|most| waited >= most)
        });
        let keeps = needs_finalizer && !waited && !server.requests.force_release;
        let mut all = true;
        // With the marks that it has got meanwhile.
        let newest = self.shared.world.server(&self.key);
        let newest = newest.filter(|it| it.uid == server.uid);
        let mut server = newest.unwrap_or_else(|| Arc::clone(server));
        let answered = look.latency.is_some();
        let news = news_of_server(&server, &look);
        let status: ServerStatus = server_status(&server, look, now);
        let outcome = Outcome::of_conditions(&status.conditions);
        let metrics = &self.shared.metrics;
        metrics.reconciled(self.key.object_kind(), outcome, self.began.elapsed());
        metrics.answered(&self.key, answered);
        if status != server.status && (keeps || server.deleted_at.is_none()) {
            let written = cluster.write_server_status(&server, &status).await;
            match self.took_in_server(&server, written) {
                Some(written) => {
                    server = written;
                    if let Some(news) = &news {
                        self.shared.events.tell(server.as_ref(), news).await;
                    }
                }
                None => all = false,
            }
        }
        let has = server.has_finalizer();
        if has != keeps && (has || server.deleted_at.is_none()) {
            let written = cluster.set_server_finalizer(&server, keeps).await;
            all &= self.took_in_server(&server, written).is_some();
        }
        all
    }

    /// As [`Self::took_in`], of the server object.
    pub(super) fn took_in_server(
        &self,
        server: &Arc<ServerObject>,
        result: Result<ServerObject, WriteError>,
    ) -> Option<Arc<ServerObject>> {
        match result {
            Ok(written) => {
                let written = Arc::new(written);
                if self.shared.world.wrote_server(Arc::clone(&written)) {
                    self.notify.notify_one();
                }
                Some(written)
            }
            Err(WriteError::Gone) => Some(Arc::clone(server)),
            Err(error) => {
                tracing::warn!(server = %server.key, %error, "not written; it is tried again");
                None
            }
        }
    }
}

/// What people are told of a server object: that it cannot be used any more, and that it can be
/// again. That it could be from the first is no news.
fn news_of_server(server: &ServerObject, look: &Look) -> Option<Happening> {
    let before = &server.status.conditions;
    let is_ready = look.health == Health::Ready;
    if !turns_to(before, look.reason) || is_ready && before.is_empty() {
        return None;
    }
    let reason = EventReason::of_server(look.reason)?;
    Some(match is_ready {
        true => Happening::normal(reason, "the server can be used again".to_owned()),
        false => Happening::warning(reason, look.message.clone()),
    })
}
