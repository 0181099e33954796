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
/// How long a partition may wait for its next owner beyond its time.
const HAND_OVER_INTERVAL: Duration = Duration::from_secs(1);

/// Works until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut cleaning = tokio::time::interval(CLEANING_INTERVAL);
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
            _ = handing_over.tick() => hand_over(&shared),
        }
    }
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
