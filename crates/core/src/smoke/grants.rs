//! What a user is granted, moved from the real streams to their copies.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{
    Grants, Right, Scope, ServerPermission, StreamGrants, StreamPermission, TopicPermission,
};
use crate::name::ResourceName;

/// Grants on copies, and what was not mapped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mapped {
    pub(super) grants: Grants<ResourceName>,
    /// Rights on the whole server that stand for messages: given on each copied stream.
    pub(super) narrowed: BTreeSet<ServerPermission>,
    /// Rights on the whole server that no check needs: given to nobody.
    pub(super) dropped: BTreeSet<ServerPermission>,
    /// Streams that are not copied, on which something is granted.
    pub(super) elsewhere: BTreeSet<ResourceName>,
}

/// The same rights to read and send on the copies, and none on the whole server: there
/// a temporary user would have them on streams of others, too.
pub(super) fn map(
    grants: &Grants<ResourceName>,
    copies: &BTreeMap<ResourceName, ResourceName>,
    copied_topics: &BTreeMap<ResourceName, BTreeSet<ResourceName>>,
) -> Mapped {
    let Grants { server, streams } = grants;
    let mut mapped = Mapped::default();
    for word in server {
        let is_needed = word
            .rights()
            .iter()
            .any(|right| STAND_IN.iter().any(|(it, _)| *it == right));
        match is_needed {
            true => mapped.narrowed.insert(*word),
            false => mapped.dropped.insert(*word),
        };
    }
    let everywhere = stand_ins(server);
    for copy in copies.values().filter(|_| !everywhere.is_empty()) {
        let granted: &mut StreamGrants<ResourceName> =
            mapped.grants.streams.entry(copy.clone()).or_default();
        granted.allow.extend(everywhere.iter().copied());
    }
    for (stream, StreamGrants { allow, topics }) in streams {
        let Some(copy) = copies.get(stream) else {
            mapped.elsewhere.insert(stream.clone());
            continue;
        };
        let granted = mapped.grants.streams.entry(copy.clone()).or_default();
        granted.allow.extend(allow.iter().copied());
        let there = copied_topics.get(stream);
        for (topic, allow) in topics {
            if there.is_some_and(|there| there.contains(topic)) {
                let granted: &mut BTreeSet<TopicPermission> =
                    granted.topics.entry(topic.clone()).or_default();
                granted.extend(allow.iter().copied());
            }
        }
    }
    mapped.grants = mapped.grants.normal();
    mapped
}

/// What stands for a right on the server in each copied stream: no more than the right.
const STAND_IN: [(Right, StreamPermission); 3] = [
    (Right::ReadTopic, StreamPermission::ReadTopics),
    (Right::PollMessages, StreamPermission::PollMessages),
    (Right::SendMessages, StreamPermission::SendMessages),
];

fn stand_ins(server: &BTreeSet<ServerPermission>) -> BTreeSet<StreamPermission> {
    let grants: Grants<ResourceName> = Grants {
        server: server.clone(),
        ..Grants::default()
    };
    let rights = grants.effective().at(Scope::Server);
    let needed = STAND_IN.iter().filter(|(right, _)| rights.contains(*right));
    needed.map(|(_, word)| *word).collect()
}
