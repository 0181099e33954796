use std::collections::{BTreeMap, BTreeSet};

use super::names::{Called, Names};
use crate::access::Grants;
use crate::address::Address;
use crate::name::ResourceName;
use crate::state::observed_access::ObservedAccess;

/// A user with grants on something that pruning would delete. They would apply to
/// whatever gets its number next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The user by its declared name, if it has one.
    pub address: Address,
    /// All that it is granted, by the names that the server has now; `None` when that
    /// could not be read.
    pub grants: Option<Grants<ResourceName>>,
    /// How many streams and topics that are no longer there it has grants on.
    pub gone: u32,
    /// The streams that such topics were in. What gets the number of one of these gets
    /// topics with the numbers of those.
    pub gone_topics_of: BTreeSet<ResourceName>,
    /// Whether the manifests say what it may do.
    pub is_managed: bool,
    /// Whether it is the user that the connection is logged in as.
    pub is_me: bool,
}

impl Holder {
    /// Whether grants of it end with the resource; those that could not be read may.
    #[must_use]
    pub fn holds(&self, removed: &Address) -> bool {
        let has_had_topics = match removed {
            Address::Stream(stream) => self.gone_topics_of.contains(stream),
            _ => false,
        };
        let grants = self.grants.as_ref();
        has_had_topics || grants.is_none_or(|grants| grants_on(grants, removed))
    }

    /// What it keeps when all of these are gone.
    #[must_use]
    pub fn without(&self, removed: &BTreeSet<&Address>) -> Grants<ResourceName> {
        let mut kept = self.grants.clone().unwrap_or_default();
        kept.streams.retain(|stream, granted| {
            granted.topics.retain(|topic, _| {
                !removed.contains(&Address::Topic(stream.clone(), topic.clone()))
            });
            !removed.contains(&Address::Stream(stream.clone()))
        });
        kept.normal()
    }
}

/// Whether some of the grants are on it.
#[must_use]
pub fn grants_on(grants: &Grants<ResourceName>, resource: &Address) -> bool {
    match resource {
        Address::Stream(stream) => grants.streams.contains_key(stream),
        Address::Topic(stream, topic) => grants
            .streams
            .get(stream)
            .is_some_and(|granted| granted.topics.contains_key(topic)),
        Address::ConsumerGroup(..) | Address::User(_) | Address::Token(..) => false,
    }
}

/// Everybody with grants on one of these, by the name that the server has. Root is
/// nobody of them: it may do everything in any case.
pub(in crate::diff) fn holders(
    access: &ObservedAccess,
    names: &Names<'_>,
    live_names: &BTreeMap<&ResourceName, &ResourceName>,
    managed: &BTreeSet<ResourceName>,
    removed: &[Address],
) -> BTreeMap<ResourceName, Holder> {
    if removed.is_empty() {
        return BTreeMap::new();
    }
    let declared: BTreeMap<_, _> = live_names
        .iter()
        .map(|(declared, live)| (*live, *declared))
        .collect();
    let mut holders = BTreeMap::new();
    for (name, user) in access.users.iter().filter(|(_, user)| !user.is_root()) {
        let (grants, gone, gone_topics_of) = match names.resolve(&user.grants, Called::Live) {
            Ok(resolved) => {
                let gone = u32::try_from(resolved.gone()).unwrap_or(u32::MAX);
                let topics = resolved.gone_topics.keys();
                let streams = topics.filter_map(|(stream, _)| access.streams.get(stream));
                let streams = streams.map(|stream| stream.name.clone()).collect();
                (Some(resolved.grants), gone, streams)
            }
            Err(_) => (None, 0, BTreeSet::new()),
        };
        let address = declared.get(name).copied().unwrap_or(name);
        let holder = Holder {
            address: Address::User(address.clone()),
            grants,
            gone,
            gone_topics_of,
            is_managed: managed.contains(name),
            is_me: access.me.as_ref() == Some(name),
        };
        if removed.iter().any(|removed| holder.holds(removed)) {
            holders.insert(name.clone(), holder);
        }
    }
    holders
}
