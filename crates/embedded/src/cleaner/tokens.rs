//! Deleting tokens that have expired, now and then: until then they keep their names
//! taken, as on the real server.

use crate::shared::Shared;

/// What the real server deletes before it lets others go on.
pub(super) const AT_MOST_IN_ONE_PASS: usize = 256;

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
        // Nobody waits for it: if it is lost, the token has expired all the same.
        drop(shared.keep(change, &metadata));
    }
    deleted
}
