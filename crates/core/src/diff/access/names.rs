use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Grants, StreamGrants, TopicPermission};
use crate::name::ResourceName;
use crate::state::observed_access::KnownStream;

/// What the ids of the server are called: on the server, and in the manifests,
/// where a rename makes the two differ.
pub(in crate::diff) struct Names<'a> {
    streams: &'a BTreeMap<u32, KnownStream>,
    /// What is there, by declared names; made when somebody asks, since most comparisons of
    /// little with a large server never do.
    there: OnceCell<There<'a>>,
    /// Declared names of streams that are called otherwise on the server.
    declared_streams: BTreeMap<&'a ResourceName, &'a ResourceName>,
    /// The same of topics, by their stream on the server.
    declared_topics: BTreeMap<(&'a ResourceName, &'a ResourceName), &'a ResourceName>,
}

/// The topics of each stream.
type There<'a> = BTreeMap<&'a ResourceName, BTreeSet<&'a ResourceName>>;

/// Which names are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    /// As the server calls them now.
    Live,
    /// As the manifests call them.
    Declared,
}

/// Grants by name, and what names nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// On what is there.
    pub grants: Grants<ResourceName>,
    /// On streams that are no longer there, by their ids.
    pub gone_streams: BTreeMap<u32, StreamGrants<u32>>,
    /// On topics that are no longer there, by their stream and their ids.
    pub gone_topics: BTreeMap<(u32, u32), BTreeSet<TopicPermission>>,
}

impl Resolved {
    /// How many streams and topics that are no longer there it speaks of.
    #[must_use]
    pub fn gone(&self) -> usize {
        self.gone_streams.len() + self.gone_topics.len()
    }
}

/// The topics of a stream that grants speak of could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it has grants on topics of the stream `{0}`, which could not be read")]
pub struct TopicsUnread(pub ResourceName);

impl<'a> Names<'a> {
    pub(in crate::diff) fn new(
        streams: &'a BTreeMap<u32, KnownStream>,
        stream_renames: impl Iterator<Item = (&'a ResourceName, &'a ResourceName)>,
        topic_renames: impl Iterator<Item = (&'a ResourceName, &'a ResourceName, &'a ResourceName)>,
    ) -> Self {
        let declared_streams: BTreeMap<_, _> = stream_renames
            .map(|(declared, live)| (live, declared))
            .collect();
        let declared_topics: BTreeMap<_, _> = topic_renames
            .map(|(stream, declared, live)| ((stream, live), declared))
            .collect();
        Self {
            there: OnceCell::new(),
            streams,
            declared_streams,
            declared_topics,
        }
    }

    fn there(&self) -> &There<'a> {
        self.there.get_or_init(|| {
            let there = self.streams.values().map(|known| {
                let stream = self.declared_streams.get(&known.name).copied();
                let topics = known.topics.iter().flat_map(BTreeMap::values);
                let topics = topics.map(|live| {
                    let topic = self.declared_topics.get(&(&known.name, live)).copied();
                    topic.unwrap_or(live)
                });
                (stream.unwrap_or(&known.name), topics.collect())
            });
            there.collect()
        })
    }

    /// Whether the server has the stream that is declared by this name.
    pub(super) fn has_stream(&self, declared: &ResourceName) -> bool {
        self.there().contains_key(declared)
    }

    /// Whether the server has the topic that is declared by these names.
    pub(super) fn has_topic(&self, stream: &ResourceName, topic: &ResourceName) -> bool {
        self.there()
            .get(stream)
            .is_some_and(|topics| topics.contains(topic))
    }

    /// The ids that the server has given out: of streams, and of the topics of
    /// one of them.
    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        self.streams.keys().copied()
    }

    fn stream<'n>(&'n self, live: &'n ResourceName, called: Called) -> &'n ResourceName {
        match called {
            Called::Live => live,
            Called::Declared => self.declared_streams.get(live).copied().unwrap_or(live),
        }
    }

    fn topic<'n>(
        &'n self,
        stream: &'n ResourceName,
        live: &'n ResourceName,
        called: Called,
    ) -> &'n ResourceName {
        match called {
            Called::Live => live,
            Called::Declared => self
                .declared_topics
                .get(&(stream, live))
                .copied()
                .unwrap_or(live),
        }
    }

    /// Grants by declared names as grants by the names that the server has now;
    /// what is not there yet is left out.
    pub(super) fn live(&self, declared: &Grants<ResourceName>) -> Grants<ResourceName> {
        let mut live = Grants {
            server: declared.server.clone(),
            ..Grants::default()
        };
        for known in self.streams.values() {
            let name = self.stream(&known.name, Called::Declared);
            let Some(StreamGrants { allow, topics }) = declared.streams.get(name) else {
                continue;
            };
            let mut granted = StreamGrants {
                allow: allow.clone(),
                ..StreamGrants::default()
            };
            for topic in known.topics.iter().flat_map(BTreeMap::values) {
                let name = self.topic(&known.name, topic, Called::Declared);
                if let Some(allow) = topics.get(name) {
                    granted.topics.insert(topic.clone(), allow.clone());
                }
            }
            live.streams.insert(known.name.clone(), granted);
        }
        live.normal()
    }

    /// The grants of the server by name.
    pub(super) fn resolve(
        &self,
        grants: &Grants<u32>,
        called: Called,
    ) -> Result<Resolved, TopicsUnread> {
        let Grants { server, streams } = grants;
        let mut resolved = Resolved::default();
        resolved.grants.server.clone_from(server);
        for (id, granted) in streams {
            let Some(known) = self.streams.get(id) else {
                resolved.gone_streams.insert(*id, granted.clone());
                continue;
            };
            let StreamGrants { allow, topics } = granted;
            let mut by_name = StreamGrants {
                allow: allow.clone(),
                topics: BTreeMap::new(),
            };
            for (topic, allow) in topics {
                let Some(known_topics) = &known.topics else {
                    return Err(TopicsUnread(known.name.clone()));
                };
                match known_topics.get(topic) {
                    Some(name) => {
                        let name = self.topic(&known.name, name, called).clone();
                        by_name.topics.insert(name, allow.clone());
                    }
                    None => {
                        resolved.gone_topics.insert((*id, *topic), allow.clone());
                    }
                }
            }
            let name = self.stream(&known.name, called).clone();
            resolved.grants.streams.insert(name, by_name);
        }
        resolved.grants = resolved.grants.normal();
        Ok(resolved)
    }
}
