//! What a saved plan speaks of, and nothing else.

use std::collections::BTreeSet;

use iggyctl_core::saved::Touched;
use iggyctl_core::state::observed::ObservedState;

use super::reads::{Question, ReadError, read_all};
use super::state::record;
use super::users::read_access;
use crate::connect::{Connect, ConnectionPool};

/// Reads again what the steps of a saved plan speak of: a request for each stream, one for
/// each topic whose consumer groups matter, and all users with the list of streams where
/// some of them matter.
///
/// A read that the server refuses is a gap in the result, not an error.
///
/// # Errors
/// When there is no connection, or a read fails on several.
pub async fn observe_touched<C: Connect>(
    pool: &ConnectionPool<C>,
    touched: &Touched,
) -> Result<ObservedState, ReadError> {
    let mut observed = ObservedState::default();
    let streams = touched.streams().into_iter().map(Question::Stream);
    for answer in read_all(pool, streams.collect()).await? {
        record(&mut observed, answer)?;
    }
    let groups = touched.topics_with_groups().into_iter();
    let groups = groups.filter(|(stream, topic)| {
        let stream = observed.streams.get(stream);
        stream.is_some_and(|stream| stream.topics.contains_key(topic))
    });
    let groups = groups.map(|(stream, topic)| Question::Groups(stream, topic));
    for answer in read_all(pool, groups.collect()).await? {
        record(&mut observed, answer)?;
    }
    if touched.needs_users() {
        let nothing_more = BTreeSet::new();
        observed.access = read_access(pool, &observed.streams, &nothing_more, false).await?;
    }
    Ok(observed)
}
