//! A round without the server: what becomes of the objects of one that is not there, or that cannot
//! be used.

use std::sync::Arc;

use super::super::connection::{NoConnection, ORPHAN_AFTER, Said};
use super::super::server_status::Look;
use super::super::world::View;
use super::backoff::{FIRST, Failing};
use super::{Crank, Next};
use crate::operator::cluster::ServerObject;
use crate::operator::model::{Defaults, Reason};
use crate::operator::round::{Health, NoServer, Subject, rest_of_wait, without_server};

impl Crank {
    /// A round without a server.
    pub(super) async fn without(
        &mut self,
        view: &View,
        why: &NoServer,
        defaults: Defaults,
    ) -> Next {
        let subject = Subject {
            identity: String::new(),
            aliases: None,
            defaults,
            creating: Arc::new(view.creating()),
            is_another: false,
            is_the_same: false,
            replacement_acknowledged: false,
            login_namespace: None,
            now: self.shared.clock.now(),
        };
        let members = self.members(view, &subject);
        let conclusions = without_server(&members, why, &subject);
        let has: Vec<bool> = members.iter().map(|it| it.object.has_finalizer).collect();
        let needs = |place: usize| has.get(place).copied().unwrap_or(false);
        let rounded = self.write_all(&members, conclusions, needs).await;
        // Whoever waits to be let go waits no longer than it has to.
        let rest = rest_of_wait(&members, why, &subject);
        match (rest, why.reason, rounded.failing.is_empty()) {
            // To the second, as the time of deletion is.
            (Some(rest), _, _) => Next::Retry([Failing::Server].into(), rest + FIRST),
            // That one appears is seen.
            (None, Reason::ServerNotFound, true) => Next::Asked,
            (None, _, _) => Next::of_server(),
        }
    }

    pub(super) async fn no_connection(
        &mut self,
        view: &View,
        server: &Arc<ServerObject>,
        why: NoConnection,
        said: Option<&Said<'_>>,
    ) -> Next {
        if self.secret_gone.is_none() {
            self.disconnect().await;
        }
        let orphan_after = said.map_or(ORPHAN_AFTER, |said| said.orphan_after);
        let no_server = NoServer {
            reason: why.reason,
            message: format!("{}: {}", self.key, why.message),
            orphan_after: Some(orphan_after),
        };
        let defaults = said.map_or_else(Defaults::default, |said| Defaults::of(&said.defaults));
        let next = self.without(view, &no_server, defaults).await;
        let health = match why.reason {
            Reason::ServerUnavailable => Health::Reconciling,
            _ => Health::Stalled,
        };
        let look = Look {
            health,
            reason: why.reason,
            message: why.message,
            version: None,
            identity: None,
            latency: None,
            dependants: view.objects.len(),
            creating: self.marks(),
        };
        let needs = view.objects.iter().any(|object| object.has_finalizer);
        let now = self.shared.clock.now();
        self.write_server(server, look, needs, orphan_after, now)
            .await;
        next
    }
}
