//! What a project owns: nothing outside it is ever deleted.

use std::collections::{BTreeMap, BTreeSet};

use super::retained::Retained;
use crate::address::Address;
use crate::name::{NamePattern, NamePatternSet, RESERVED_STREAM_PREFIX, ResourceName};

/// The declared ownership (`spec.owns`): patterns in the manifest's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ownership {
    /// Stream names or patterns (`billing-*`).
    pub streams: Vec<String>,
    /// Topic patterns `stream/topic` in streams that belong to somebody else.
    pub topics: Vec<String>,
    /// User names or patterns.
    pub users: Vec<String>,
    /// Single resources, without what is inside them: what `destroy` is about. No
    /// manifest writes this.
    pub exactly: BTreeSet<Address>,
    /// What is removed only where somebody names it, since its `deletionPolicy` was `Retain`:
    /// of what `destroy` is about, or of what was last applied. No manifest writes this.
    pub retained: Retained,
}

impl Ownership {
    /// Whether users are owned.
    #[must_use]
    pub fn owns_users(&self) -> bool {
        !self.users.is_empty() || self.exactly.iter().any(|it| it.user().is_some())
    }

    /// The users that it covers.
    #[must_use]
    pub fn owned_users(&self) -> OwnedNames {
        let exactly = self.exactly.iter().filter_map(|address| match address {
            Address::User(user) => Some(user.to_string()),
            _ => None,
        });
        let mut users = OwnedNames::new(&self.users);
        users.names.extend(exactly);
        users
    }

    /// The streams, topics and consumer groups that it covers.
    #[must_use]
    pub fn scope(&self) -> Scope<'_> {
        let mut topics: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for text in &self.topics {
            if let Some((stream, topic)) = text.split_once('/') {
                topics.entry(stream).or_default().push(topic.to_owned());
            }
        }
        let mut scope = Scope {
            streams: OwnedNames::new(&self.streams),
            topics_of: BTreeMap::new(),
            topics_of_matching: Vec::new(),
            exactly: &self.exactly,
        };
        for (stream, topics) in topics {
            let topics = OwnedNames::new(&topics);
            if !NamePattern::is_pattern(stream) {
                scope.topics_of.insert(stream.to_owned(), topics);
            } else if let Ok(pattern) = stream.parse() {
                scope.topics_of_matching.push((pattern, topics));
            }
        }
        scope
    }
}

/// Names and patterns, asked about many names.
#[derive(Debug, Clone)]
pub struct OwnedNames {
    names: BTreeSet<String>,
    patterns: NamePatternSet,
}

impl OwnedNames {
    fn new(texts: &[String]) -> Self {
        let (patterns, names): (Vec<&String>, Vec<&String>) =
            texts.iter().partition(|text| NamePattern::is_pattern(text));
        Self {
            names: names.into_iter().cloned().collect(),
            // They were compiled when the manifests were validated; what cannot
            // be compiled owns nothing.
            patterns: NamePatternSet::new(patterns.into_iter().map(String::as_str))
                .unwrap_or_default(),
        }
    }

    /// Whether no name can be among them.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.names.is_empty() && self.patterns.is_empty()
    }

    /// Whether a name is one of them, or matches one of the patterns.
    #[must_use]
    pub fn contains(&self, name: &ResourceName) -> bool {
        self.names.contains(name.as_str()) || self.patterns.first_match(name.as_str()).is_some()
    }
}

/// What is owned of streams, topics and consumer groups, asked about many of them.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    streams: OwnedNames,
    topics_of: BTreeMap<String, OwnedNames>,
    topics_of_matching: Vec<(NamePattern, OwnedNames)>,
    exactly: &'a BTreeSet<Address>,
}

impl Scope<'_> {
    /// Whether nothing is owned.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.streams.is_nothing()
            && self.topics_of.is_empty()
            && self.topics_of_matching.is_empty()
            && self.exactly.is_empty()
    }

    /// Whether the stream is owned, with everything in it.
    #[must_use]
    pub fn owns_stream(&self, stream: &ResourceName) -> bool {
        !is_reserved(stream) && self.streams.contains(stream)
    }

    /// Whether the stream itself is to go, whatever is in it.
    #[must_use]
    pub fn names_stream(&self, stream: &ResourceName) -> bool {
        self.exactly.contains(&Address::Stream(stream.clone()))
    }

    /// Whether a topic is owned, by itself or with its stream.
    #[must_use]
    pub fn owns_topic(&self, stream: &ResourceName, topic: &ResourceName) -> bool {
        self.owns_stream(stream) || self.owns_topic_alone(stream, topic)
    }

    /// Whether a topic is owned in a stream that belongs to somebody else.
    #[must_use]
    pub fn owns_topic_alone(&self, stream: &ResourceName, topic: &ResourceName) -> bool {
        if is_reserved(stream) {
            return false;
        }
        let here = self.topics_of.get(stream.as_str());
        here.is_some_and(|topics| topics.contains(topic))
            || self
                .topics_of_matching
                .iter()
                .any(|(pattern, topics)| pattern.matches(stream.as_str()) && topics.contains(topic))
            || self
                .exactly
                .contains(&Address::Topic(stream.clone(), topic.clone()))
    }

    /// The topics of which a consumer group is owned by itself.
    #[must_use]
    pub fn topics_with_named_groups(&self) -> BTreeSet<Address> {
        let groups = self.exactly.iter();
        let groups = groups.filter(|owned| matches!(owned, Address::ConsumerGroup(..)));
        groups.filter_map(Address::parent).collect()
    }

    /// Whether a consumer group is owned by itself.
    #[must_use]
    pub fn names_group(&self, group: &Address) -> bool {
        self.exactly.contains(group)
    }

    /// The streams that are to be looked at and have no pattern in their names.
    #[must_use]
    pub fn named_streams(&self) -> BTreeSet<ResourceName> {
        let names = self.streams.names.iter().chain(self.topics_of.keys());
        let mut streams: BTreeSet<ResourceName> = names
            .filter_map(|name| name.parse().ok())
            .filter(|name| !is_reserved(name))
            .collect();
        streams.extend(self.exactly.iter().filter_map(Address::stream).cloned());
        streams
    }

    /// Whether only a list of all streams tells which ones are to be looked at.
    #[must_use]
    pub fn has_stream_patterns(&self) -> bool {
        !self.streams.patterns.is_empty() || !self.topics_of_matching.is_empty()
    }

    /// Whether a stream of such a list is to be looked at.
    #[must_use]
    pub fn may_reach_into(&self, stream: &ResourceName) -> bool {
        !is_reserved(stream)
            && (self.streams.contains(stream)
                || self.topics_of.contains_key(stream.as_str())
                || self
                    .topics_of_matching
                    .iter()
                    .any(|(pattern, _)| pattern.matches(stream.as_str())))
    }
}

fn is_reserved(stream: &ResourceName) -> bool {
    stream.as_str().starts_with(RESERVED_STREAM_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;

    fn owning(streams: &[&str], topics: &[&str]) -> Ownership {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Ownership {
            streams: texts(streams),
            topics: texts(topics),
            ..Ownership::default()
        }
    }

    #[test]
    fn no_pattern_reaches_what_is_the_tools_own() {
        let owns = owning(&["*"], &["*/*"]);
        let scope = owns.scope();
        for (stream, owned) in [
            ("orders", true),
            ("iggyctl", false),
            ("iggyctl-smoke", false),
        ] {
            assert_eq!(scope.owns_stream(&name(stream)), owned, "{stream}");
            assert_eq!(scope.may_reach_into(&name(stream)), owned, "{stream}");
            assert_eq!(
                scope.owns_topic(&name(stream), &name("a")),
                owned,
                "{stream}"
            );
        }
    }

    #[test]
    fn topics_are_owned_with_their_stream_or_alone() {
        let owns = owning(
            &["orders", "billing-*"],
            &["shared/orders-*", "team-*/inbox"],
        );
        let scope = owns.scope();
        let owned = |stream: &str, topic: &str| scope.owns_topic(&name(stream), &name(topic));
        assert!(owned("orders", "anything"));
        assert!(owned("billing-eu", "anything"));
        assert!(owned("shared", "orders-events"));
        assert!(owned("team-a", "inbox"));
        assert!(!owned("shared", "events"));
        assert!(!owned("team-a", "outbox"));
        assert!(!owned("other", "orders-events"));
        assert!(!scope.owns_stream(&name("shared")));
        assert_eq!(
            scope.named_streams(),
            [name("orders"), name("shared")].into()
        );
        assert!(scope.has_stream_patterns());
        assert!(owning(&[], &[]).scope().is_nothing());
    }

    #[test]
    fn a_resource_that_is_owned_exactly_owns_nothing_inside() {
        let owns = Ownership {
            exactly: [
                "stream/orders",
                "topic/shared/a",
                "group/far/b/c",
                "user/ann",
            ]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect(),
            ..Ownership::default()
        };
        let scope = owns.scope();
        assert!(scope.names_stream(&name("orders")));
        assert!(!scope.owns_topic(&name("orders"), &name("events")));
        assert!(scope.owns_topic(&name("shared"), &name("a")));
        assert!(scope.names_group(&"group/far/b/c".parse().unwrap()));
        assert!(owns.owned_users().contains(&name("ann")));
        let looked_at = [name("far"), name("orders"), name("shared")];
        assert_eq!(scope.named_streams(), looked_at.into());
    }
}
