//! What is written below the name of a user.

use super::selection::{SelectedUser, Selection};
use crate::access::Scope;
use crate::name::ResourceName;
use crate::wording::counted;

/// What is not a line: rights on the whole server, and lines that are left out.
pub(super) fn note_of(
    user: &SelectedUser<'_>,
    selection: &Selection<'_>,
    lines: usize,
) -> Option<String> {
    if user.user.is_root {
        return Some("may do everything".to_owned());
    }
    let Some(reach) = &user.user.reach else {
        return Some("permissions not known".to_owned());
    };
    let is_drawn = |scope: &Scope<ResourceName>| match scope {
        Scope::Server => false,
        Scope::Stream(name) => selection.streams.iter().any(|stream| stream.name == name),
        Scope::Topic(name, topic) => selection
            .streams
            .iter()
            .any(|stream| stream.name == name && stream.topics.iter().any(|it| it.name == topic)),
    };
    let everywhere = reach.get(&Scope::Server).map(|reach| {
        let mut words = Vec::new();
        words.extend(reach.sends.then_some("sends"));
        words.extend(reach.polls.then_some("polls"));
        words.extend(reach.administers.then_some("administers"));
        format!("everywhere: {}", words.join(", "))
    });
    let places = reach.keys().filter(|scope| **scope != Scope::Server);
    let (there, elsewhere): (Vec<_>, Vec<_>) = places.partition(|scope| is_drawn(scope));
    let left_out = elsewhere.len() + there.len().saturating_sub(lines);
    let more = (left_out > 0).then(|| counted(left_out, "more place"));
    let parts: Vec<String> = everywhere.into_iter().chain(more).collect();
    if parts.is_empty() {
        return reach.is_empty().then(|| "may do nothing".to_owned());
    }
    Some(parts.join("; "))
}
