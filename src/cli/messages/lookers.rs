//! Asking a server about many things, over a few connections.

use std::sync::{Mutex, PoisonError};

use futures::future::{join_all, try_join_all};
use iggyctl_messaging::Connection;

/// Each has one request on its way: the SDK's client waits for an answer before it sends
/// the next request (`iggy` 0.11.0, `tcp/tcp_client.rs`).
pub(super) struct Lookers {
    /// One at least.
    connections: Vec<Connection>,
}

/// As many connections at most, so that a look is no load.
const MOST: usize = 8;

/// For fewer than that a login takes longer than it saves.
const WORTH_ONE: usize = 16;

impl Lookers {
    /// The connection that there is; more are opened when there is much to ask.
    pub(super) fn new(connection: &Connection) -> Self {
        Self {
            connections: vec![connection.clone()],
        }
    }

    /// Asks about each; answers come in the order of the items. The first error ends it.
    pub(super) async fn each<I, O, E>(
        &mut self,
        items: Vec<I>,
        ask: impl AsyncFn(&Connection, I) -> Result<O, E>,
    ) -> Result<Vec<O>, E> {
        self.widen(items.len()).await;
        let waiting = Mutex::new(items.into_iter().enumerate());
        let next = || {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.next()
        };
        let lookers = self.connections.iter().map(async |connection| {
            let mut found = Vec::new();
            while let Some((number, item)) = next() {
                found.push((number, ask(connection, item).await?));
            }
            Ok(found)
        });
        let mut found: Vec<(usize, O)> =
            try_join_all(lookers).await?.into_iter().flatten().collect();
        found.sort_by_key(|(number, _)| *number);
        Ok(found.into_iter().map(|(_, answer)| answer).collect())
    }

    /// Where another one is not let in, those that there are do.
    async fn widen(&mut self, items: usize) {
        let wanted = (items / WORTH_ONE).clamp(1, MOST);
        let more = wanted.saturating_sub(self.connections.len());
        let opened = (0..more).filter_map(|_| self.connections[0].separate());
        let opened = opened.map(async |connection| match connection.connect().await {
            Ok(()) => Some(connection),
            Err(_) => {
                connection.shutdown().await;
                None
            }
        });
        let opened = join_all(opened).await;
        self.connections.extend(opened.into_iter().flatten());
    }

    /// Closes those that were opened here.
    pub(super) async fn close(self) {
        let opened = self.connections.iter().skip(1);
        join_all(opened.map(Connection::shutdown)).await;
    }
}
