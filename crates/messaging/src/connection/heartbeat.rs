use std::sync::Arc;

use iggy::prelude::SystemClient as _;
use iggy::prelude::locking::IggyRwLockFn as _;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::link::Link;
use super::session::{Loss, Session};
use crate::error::{Reaction, classify};

/// Says every few seconds that we are alive, and lets the SDK ask which partitions
/// its groups have. Ends with the session.
pub(super) fn start(link: &Arc<Link>, session: &Session) {
    let generation = session.generation;
    let mut ticks = interval(link.settings.heartbeat);
    let link = Arc::downgrade(link);
    tokio::spawn(async move {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once, and the login was a sign of life.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let Some(link) = link.upgrade() else { return };
            let Some(session) = link
                .snapshot()
                .session
                .filter(|session| session.generation == generation)
            else {
                return;
            };
            match timeout(link.settings.request_timeout, session.client.ping()).await {
                Ok(Ok(())) => {
                    let client = session.client.client();
                    client
                        .read()
                        .await
                        .refresh_consumer_group_assignments()
                        .await;
                }
                Ok(Err(error)) if classify(&error) == Reaction::Reconnect => {
                    link.lost(generation, &Loss::Error(error));
                    return;
                }
                Ok(Err(error)) => tracing::debug!(%error, "the server does not like a ping"),
                Err(_) => {
                    link.lost(generation, &Loss::NoAnswer);
                    return;
                }
            }
        }
    });
}
