//! What the server does by itself, now and then.

mod segments;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use crate::shared::Shared;

pub(crate) use segments::pass as clean_segments;
pub(crate) use tokens::pass as delete_expired_tokens;

/// The real server's `personal_access_token.cleaner.interval`, and its
/// `data_maintenance.messages.interval`.
const CLEANING_INTERVAL: Duration = Duration::from_secs(60);
/// The real server's `heartbeat.interval`: how often it looks for members that are silent.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30);
/// After how long one is: 1.2 times that interval.
const SILENCE_MICROS: u64 = 36_000_000;
/// How long a partition may wait for its next owner beyond its time.
const HAND_OVER_INTERVAL: Duration = Duration::from_secs(1);

/// Works until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut cleaning = tokio::time::interval(CLEANING_INTERVAL);
    let mut heartbeat = tokio::time::interval(HEARTBEAT_INTERVAL);
    let mut handing_over = tokio::time::interval(HAND_OVER_INTERVAL);
    // The first one is at once; what has expired before a start stays a while too.
    cleaning.tick().await;
    loop {
        tokio::select! {
            _ = cleaning.tick() => {
                while delete_expired_tokens(&shared) == tokens::AT_MOST_IN_ONE_PASS {
                    tokio::task::yield_now().await;
                }
                clean_segments(&shared);
            }
            _ = heartbeat.tick() => {
                evict_silent_members(&shared);
            }
            _ = handing_over.tick() => hand_over(&shared),
        }
    }
}

/// Members of groups that are silent for too long lose their sessions, so that others get
/// their partitions; how many. Who is in no group may be silent.
pub(crate) fn evict_silent_members(shared: &Shared) -> usize {
    let since = shared.now().saturating_sub(SILENCE_MICROS);
    // Always in this order: metadata, then clients.
    let metadata = shared.metadata();
    let is_member = |client| !metadata.memberships(client).is_empty();
    shared.clients().evict_silent_since(since, is_member)
}

/// Partitions go to their next owners when their time is up.
pub(crate) fn hand_over(shared: &Shared) {
    let now = shared.now();
    let mut metadata = shared.metadata();
    for (_, stream) in metadata.streams.iter_mut() {
        for (_, topic) in stream.topics.iter_mut() {
            topic.hand_over(now);
        }
    }
}
