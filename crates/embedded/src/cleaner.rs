//! Deleting tokens that have expired, now and then: until then they keep their names
//! taken, as on the real server.

use std::sync::Arc;
use std::time::Duration;

use crate::shared::Shared;
use crate::store::Row;

/// The real server's `personal_access_token.cleaner.interval`.
const INTERVAL: Duration = Duration::from_secs(60);
/// What the real server deletes before it lets others go on.
const AT_MOST_IN_ONE_PASS: usize = 256;

/// Cleans up until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut interval = tokio::time::interval(INTERVAL);
    // The first one is at once; what has expired before a start stays a while too.
    interval.tick().await;
    loop {
        interval.tick().await;
        while pass(&shared) == AT_MOST_IN_ONE_PASS {
            tokio::task::yield_now().await;
        }
    }
}

/// One pass; how many tokens went.
pub(crate) fn pass(shared: &Shared) -> usize {
    let mut metadata = shared.metadata();
    let now = shared.now();
    let changes = metadata
        .users
        .delete_expired_tokens(now, AT_MOST_IN_ONE_PASS);
    let deleted = changes.len();
    for change in changes {
        shared.advance_log();
        if let (Some(store), Some(row)) = (&shared.store, Row::of(change, &metadata)) {
            // Nobody waits for it: if it is lost, the token has expired all the same.
            drop(store.write(row));
        }
    }
    deleted
}
