use std::sync::Arc;
use std::time::Duration;

use iggy::prelude::SystemClient as _;
use iggy::prelude::locking::IggyRwLockFn as _;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::link::Link;
use super::session::{Loss, Session};
use crate::error::{Reaction, classify};

/// As often as the SDK's own. A member of a group that is silent for 36 s is put out
/// of it (`consumer_group` and `heartbeat` of the server's configuration, 0.9).
const PERIOD: Duration = Duration::from_secs(5);

/// Says every few seconds that we are alive, and lets the SDK ask which partitions
/// its groups have. Ends with the session.
pub(super) fn start(link: &Arc<Link>, session: &Session) {
    let generation = session.generation;
    let link = Arc::downgrade(link);
    tokio::spawn(async move {
        let mut ticks = interval(PERIOD);
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
            match timeout(link.request_timeout, session.client.ping()).await {
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
