use std::collections::{BTreeMap, BTreeSet};

use super::grants::{Grants, StreamGrants};
use super::permission::{ServerPermission, StreamPermission, TopicPermission};
use super::right::Right;
use super::right_set::{RightSet, rights_of};
use super::scope::Scope;

/// What somebody is able to do, and where. One form for one meaning: a right
/// that is given for a wider scope is not repeated for one inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveRights<K> {
    server: RightSet,
    streams: BTreeMap<K, StreamRights<K>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct StreamRights<K> {
    whole: RightSet,
    topics: BTreeMap<K, RightSet>,
}

impl<K> Default for EffectiveRights<K> {
    fn default() -> Self {
        Self {
            server: RightSet::EMPTY,
            streams: BTreeMap::new(),
        }
    }
}

impl<K> Default for StreamRights<K> {
    fn default() -> Self {
        Self {
            whole: RightSet::EMPTY,
            topics: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Grants<K> {
    /// What the words effectively allow.
    #[must_use]
    pub fn effective(&self) -> EffectiveRights<K> {
        let Self { server, streams } = self;
        let mut rights = EffectiveRights {
            server: of_server(server),
            streams: BTreeMap::new(),
        };
        for (stream, StreamGrants { allow, topics }) in streams {
            rights.add(Scope::Stream(stream), of_stream(allow));
            for (topic, allow) in topics {
                rights.add(Scope::Topic(stream, topic), of_topic(allow));
            }
        }
        rights
    }
}

fn of_server(words: &BTreeSet<ServerPermission>) -> RightSet {
    rights_of(words.iter().copied())
}

fn of_stream(words: &BTreeSet<StreamPermission>) -> RightSet {
    rights_of(words.iter().copied())
}

fn of_topic(words: &BTreeSet<TopicPermission>) -> RightSet {
    rights_of(words.iter().copied())
}

impl<K: Ord> EffectiveRights<K> {
    /// Whether nothing is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.server.is_empty() && self.streams.is_empty()
    }

    /// Whether this is allowed on all of that.
    #[must_use]
    pub fn allows(&self, right: Right, scope: &Scope<K>) -> bool {
        self.at(scope.as_ref()).contains(right)
    }

    /// All that is allowed there, what wider scopes give included.
    #[must_use]
    pub fn at(&self, scope: Scope<&K>) -> RightSet {
        let (stream, topic) = match scope {
            Scope::Server => return self.server,
            Scope::Stream(stream) => (stream, None),
            Scope::Topic(stream, topic) => (stream, Some(topic)),
        };
        let Some(StreamRights { whole, topics }) = self.streams.get(stream) else {
            return self.server;
        };
        let topic = topic.and_then(|topic| topics.get(topic)).copied();
        let inside = whole.union(topic.unwrap_or_default());
        self.server.union(inside)
    }

    /// Each scope with the rights that no wider one gives: the server, then
    /// each stream before its topics.
    pub fn iter(&self) -> impl Iterator<Item = (Scope<&K>, RightSet)> {
        let streams = self.streams.iter().flat_map(|(stream, rights)| {
            let topics = rights.topics.iter();
            let topics = topics.map(move |(topic, rights)| (Scope::Topic(stream, topic), *rights));
            std::iter::once((Scope::Stream(stream), rights.whole)).chain(topics)
        });
        std::iter::once((Scope::Server, self.server))
            .chain(streams)
            .filter(|(_, rights)| !rights.is_empty())
    }

    /// Whether the other one allows all that this one allows.
    #[must_use]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter()
            .all(|(scope, rights)| rights.is_subset_of(other.at(scope)))
    }
}

impl<K: Ord + Clone> EffectiveRights<K> {
    /// What both allow.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut common = Self {
            server: self.server.intersection(other.server),
            streams: BTreeMap::new(),
        };
        // A right that one gives for a whole stream and the other for a topic
        // of it is common for the topic: so the scopes of both count.
        for (scope, _) in self.iter().chain(other.iter()) {
            common.add(scope, self.at(scope).intersection(other.at(scope)));
        }
        common.without_repetitions()
    }

    /// What this one allows and the other one does not allow to the same extent.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut rest = Self::default();
        for (scope, rights) in self.iter() {
            rest.add(scope, rights.minus(other.at(scope)));
        }
        rest
    }

    /// With one right more.
    #[must_use]
    pub fn with(mut self, right: Right, scope: &Scope<K>) -> Self {
        self.add(scope.as_ref(), std::iter::once(right).collect());
        self.without_repetitions()
    }

    /// Adds rights. Those that a wider scope has already are not repeated;
    /// whoever adds to a wider scope *after* a narrower one calls
    /// [`Self::without_repetitions`] at the end.
    fn add(&mut self, scope: Scope<&K>, rights: RightSet) {
        let more = rights.minus(self.at(scope));
        if more.is_empty() {
            return;
        }
        match scope {
            Scope::Server => self.server = self.server.union(more),
            Scope::Stream(stream) => {
                let stream = self.streams.entry(stream.clone()).or_default();
                stream.whole = stream.whole.union(more);
            }
            Scope::Topic(stream, topic) => {
                let stream = self.streams.entry(stream.clone()).or_default();
                let topic = stream.topics.entry(topic.clone()).or_default();
                *topic = topic.union(more);
            }
        }
    }

    fn without_repetitions(mut self) -> Self {
        let server = self.server;
        self.streams.retain(|_, stream| {
            stream.whole = stream.whole.minus(server);
            let wider = server.union(stream.whole);
            stream.topics.retain(|_, topic| {
                *topic = topic.minus(wider);
                !topic.is_empty()
            });
            !(stream.whole.is_empty() && stream.topics.is_empty())
        });
        self
    }
}

impl<K: Ord + Clone> FromIterator<(Right, Scope<K>)> for EffectiveRights<K> {
    fn from_iter<I: IntoIterator<Item = (Right, Scope<K>)>>(rights: I) -> Self {
        let mut all = Self::default();
        for (right, scope) in rights {
            all.add(scope.as_ref(), std::iter::once(right).collect());
        }
        all.without_repetitions()
    }
}

#[cfg(test)]
mod tests {
    use super::super::permission::{StreamPermission, TopicPermission};
    use super::*;

    const STREAM: u32 = 7;
    const TOPIC: u32 = 3;

    fn server(word: ServerPermission) -> Grants<u32> {
        let mut grants = Grants::default();
        grants.server.insert(word);
        grants
    }

    fn stream(word: StreamPermission) -> Grants<u32> {
        let mut grants = Grants::default();
        let stream: &mut StreamGrants<u32> = grants.streams.entry(STREAM).or_default();
        stream.allow.insert(word);
        grants
    }

    fn topic(word: TopicPermission) -> Grants<u32> {
        let mut grants = Grants::default();
        let stream: &mut StreamGrants<u32> = grants.streams.entry(STREAM).or_default();
        stream.topics.insert(TOPIC, [word].into());
        grants
    }

    /// Each row of the server's rules with each single word: allowed where the
    /// row has the word, refused otherwise, and nowhere beyond its scope.
    #[test]
    fn each_right_is_given_by_the_words_of_its_row_alone() {
        let mut allowed = 0;
        for right in Right::ALL.iter().copied() {
            let row = right.any_of();
            for word in ServerPermission::ALL.iter().copied() {
                let rights = server(word).effective();
                let expected = row.server.contains(&word);
                allowed += usize::from(expected);
                for scope in [
                    Scope::Server,
                    Scope::Stream(STREAM),
                    Scope::Topic(STREAM, TOPIC),
                ] {
                    assert_eq!(rights.allows(right, &scope), expected, "{right} {word}");
                }
            }
            for word in StreamPermission::ALL.iter().copied() {
                let rights = stream(word).effective();
                let expected = row.stream.contains(&word);
                allowed += usize::from(expected);
                for scope in [Scope::Stream(STREAM), Scope::Topic(STREAM, TOPIC)] {
                    assert_eq!(rights.allows(right, &scope), expected, "{right} {word}");
                }
                for beyond in [Scope::Server, Scope::Stream(1), Scope::Topic(1, TOPIC)] {
                    assert!(!rights.allows(right, &beyond), "{right} {word}");
                }
            }
            for word in TopicPermission::ALL.iter().copied() {
                let rights = topic(word).effective();
                let expected = row.topic.contains(&word);
                allowed += usize::from(expected);
                let here = Scope::Topic(STREAM, TOPIC);
                assert_eq!(rights.allows(right, &here), expected, "{right} {word}");
                for beyond in [
                    Scope::Server,
                    Scope::Stream(STREAM),
                    Scope::Topic(STREAM, 1),
                    Scope::Topic(1, TOPIC),
                ] {
                    assert!(!rights.allows(right, &beyond), "{right} {word}");
                }
            }
        }
        // A row that lost its words would agree with itself.
        assert_eq!(allowed, 31 + 23 + 8, "on the server, a stream, a topic");
    }

    #[test]
    fn a_right_of_a_wider_scope_is_said_once() {
        let mut grants = stream(StreamPermission::ReadTopics);
        let inside = &mut grants.streams.get_mut(&STREAM).unwrap().topics;
        inside.insert(TOPIC, [TopicPermission::PollMessages].into());
        assert_eq!(
            grants.effective(),
            stream(StreamPermission::ReadTopics).effective()
        );
        grants.server.insert(ServerPermission::ReadTopics);
        assert_eq!(
            grants.effective(),
            server(ServerPermission::ReadTopics).effective()
        );
        assert!(!grants.effective().is_empty());
        assert!(Grants::<u32>::default().effective().is_empty());
    }

    #[test]
    fn the_order_in_which_rights_are_collected_does_not_matter() {
        let rights = [
            (Right::PollMessages, Scope::Topic(STREAM, TOPIC)),
            (Right::SendMessages, Scope::Topic(STREAM, TOPIC)),
            (Right::PollMessages, Scope::Stream(STREAM)),
        ];
        let forwards: EffectiveRights<u32> = rights.into_iter().collect();
        let backwards: EffectiveRights<u32> = rights.into_iter().rev().collect();
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.iter().count(), 2);
    }

    #[test]
    fn a_topic_is_common_where_the_other_has_its_whole_stream() {
        let whole = stream(StreamPermission::ReadTopics).effective();
        let one = topic(TopicPermission::ManageTopic).effective();
        let read = topic(TopicPermission::ReadTopic).effective();
        assert_eq!(whole.intersection(&one), read);
        assert_eq!(one.intersection(&whole), read);
        assert!(read.is_subset_of(&whole) && read.is_subset_of(&one));
        assert!(!one.is_subset_of(&whole));
        let rest: Vec<Right> = one
            .minus(&whole)
            .iter()
            .flat_map(|(_, rights)| rights.iter())
            .collect();
        assert_eq!(rest, [Right::ChangeTopic, Right::SendMessages]);
    }
}
