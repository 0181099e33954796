//! Who may join the groups of a topic.

use std::collections::BTreeMap;

use super::access::granted;
use super::{CopiedTopic, Copy};
use crate::access::{EffectiveRights, Right, Scope};
use crate::name::ResourceName;

/// The temporary users that may join groups, by topic. Made once for all topics: the
/// rights of a user are as long as the topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    users: Vec<ResourceName>,
    first: FirstAllowed<ResourceName>,
}

impl Copy {
    /// Who may join the groups of which topic.
    #[must_use]
    pub fn members(&self) -> Members {
        let mut first = FirstAllowed::default();
        for (place, user) in self.desired.users.values().enumerate() {
            let grants = granted(user, &self.desired).unwrap_or_default();
            first.add(place, Right::ReadTopic, &grants.effective());
        }
        Members {
            users: self.desired.users.keys().cloned().collect(),
            first,
        }
    }
}

impl Members {
    /// A temporary user that may join the groups of a topic, if there is one.
    #[must_use]
    pub fn of(&self, topic: &CopiedTopic) -> Option<&ResourceName> {
        let place = self.first.on(&topic.copy.stream, &topic.copy.topic)?;
        self.users.get(place)
    }
}

/// The first of several to whom a right is given, by where it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FirstAllowed<K> {
    server: Option<usize>,
    streams: BTreeMap<K, OnStream<K>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OnStream<K> {
    whole: Option<usize>,
    topics: BTreeMap<K, usize>,
}

impl<K> Default for FirstAllowed<K> {
    fn default() -> Self {
        Self {
            server: None,
            streams: BTreeMap::new(),
        }
    }
}

impl<K> Default for OnStream<K> {
    fn default() -> Self {
        Self {
            whole: None,
            topics: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> FirstAllowed<K> {
    /// The rights of the next one; places grow.
    fn add(&mut self, place: usize, right: Right, rights: &EffectiveRights<K>) {
        let given = rights.iter().filter(|(_, given)| given.contains(right));
        for (scope, _) in given {
            match scope {
                Scope::Server => {
                    self.server.get_or_insert(place);
                }
                Scope::Stream(stream) => {
                    let stream = self.streams.entry(stream.clone()).or_default();
                    stream.whole.get_or_insert(place);
                }
                Scope::Topic(stream, topic) => {
                    let stream = self.streams.entry(stream.clone()).or_default();
                    stream.topics.entry(topic.clone()).or_insert(place);
                }
            }
        }
    }

    fn on(&self, stream: &K, topic: &K) -> Option<usize> {
        let stream = self.streams.get(stream);
        let whole = stream.and_then(|it| it.whole);
        let topic = stream.and_then(|it| it.topics.get(topic)).copied();
        [self.server, whole, topic].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Ordering;

    use super::*;
    use crate::access::{Grants, StreamGrants, TopicPermission};

    thread_local! {
        static COMPARISONS: Cell<u64> = const { Cell::new(0) };
    }

    /// A name that counts how often names are compared.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Counted(u32);

    impl Ord for Counted {
        fn cmp(&self, other: &Self) -> Ordering {
            COMPARISONS.set(COMPARISONS.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Counted {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    /// Comparisons until each of so many topics has its member; the one before the last
    /// user may read none of them.
    fn comparisons(topics: u32) -> u64 {
        let granted = |allow: TopicPermission| -> Grants<Counted> {
            let topics = (0..topics).map(|topic| (Counted(topic), [allow].into()));
            let stream = StreamGrants {
                topics: topics.collect(),
                ..StreamGrants::default()
            };
            Grants {
                streams: [(Counted(0), stream)].into(),
                ..Grants::default()
            }
        };
        COMPARISONS.set(0);
        let mut first = FirstAllowed::default();
        for (place, allow) in [TopicPermission::SendMessages, TopicPermission::ReadTopic]
            .into_iter()
            .enumerate()
        {
            first.add(place, Right::ReadTopic, &granted(allow).effective());
        }
        for topic in 0..topics {
            assert_eq!(first.on(&Counted(0), &Counted(topic)), Some(1));
        }
        COMPARISONS.get()
    }

    #[test]
    fn ten_times_as_many_topics_take_little_more_than_ten_times_as_long() {
        let (few, many) = (comparisons(1_000), comparisons(10_000));
        assert!(many < 20 * few, "{few} comparisons, then {many}");
    }
}
