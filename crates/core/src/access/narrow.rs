use std::collections::BTreeSet;

use super::grants::Grants;
use super::permission::{StreamPermission, TopicPermission};
use super::right_set::{Permission, RightSet, rights_of};
use super::scope::Scope;

/// The most that a user may be granted without being able to do anything that
/// either `old` or `new` does not allow: what is written before resources are
/// deleted and created, since the server replaces permissions as a whole.
///
/// Where one of the two allows no more than the other, it is the answer as it
/// is written, `old` first: then there is nothing to write. Otherwise words
/// that others imply are left out, and those that `new` has are preferred,
/// then those that `old` has.
///
/// The answer allows *exactly* what both allow: what two combinations of the
/// server's words have in common can be said with its words.
#[must_use]
pub fn common<K: Ord + Clone>(old: &Grants<K>, new: &Grants<K>) -> Grants<K> {
    let (old_rights, new_rights) = (old.effective(), new.effective());
    if old_rights.is_subset_of(&new_rights) {
        return old.clone();
    }
    if new_rights.is_subset_of(&old_rights) {
        return new.clone();
    }
    let both = old_rights.intersection(&new_rights);
    let mut common = Grants::default();
    for (scope, missing) in both.iter() {
        let wanted = Wanted {
            missing,
            within: both.at(scope),
        };
        match scope {
            Scope::Server => {
                common.server = wanted.words(&new.server, &old.server);
            }
            Scope::Stream(stream) => {
                let (of_new, of_old) = (on_stream(new, stream), on_stream(old, stream));
                let words = wanted.words(&of_new, &of_old);
                common.streams.entry(stream.clone()).or_default().allow = words;
            }
            Scope::Topic(stream, topic) => {
                let (of_new, of_old) = (on_topic(new, stream, topic), on_topic(old, stream, topic));
                let words = wanted.words(&of_new, &of_old);
                let stream = common.streams.entry(stream.clone()).or_default();
                stream.topics.insert(topic.clone(), words);
            }
        }
    }
    common.normal()
}

fn on_stream<K: Ord>(grants: &Grants<K>, stream: &K) -> BTreeSet<StreamPermission> {
    let stream = grants.streams.get(stream);
    stream
        .map(|stream| stream.allow.clone())
        .unwrap_or_default()
}

fn on_topic<K: Ord>(grants: &Grants<K>, stream: &K, topic: &K) -> BTreeSet<TopicPermission> {
    let stream = grants.streams.get(stream);
    let topic = stream.and_then(|stream| stream.topics.get(topic));
    topic.cloned().unwrap_or_default()
}

/// What the words of one scope have to give.
struct Wanted {
    /// What wider scopes do not give.
    missing: RightSet,
    /// All that may be given.
    within: RightSet,
}

impl Wanted {
    fn words<W: Permission>(&self, new: &BTreeSet<W>, old: &BTreeSet<W>) -> BTreeSet<W> {
        let allowed = |word: &W| word.rights().is_subset_of(self.within);
        let mut least_wanted_first: Vec<W> = W::WORDS.iter().copied().filter(allowed).collect();
        least_wanted_first.sort_by_key(|word| {
            (
                new.contains(word),
                old.contains(word),
                word.rights().len(),
                *word,
            )
        });
        let mut kept: BTreeSet<W> = least_wanted_first.iter().copied().collect();
        for word in least_wanted_first {
            let others = rights_of(kept.iter().copied().filter(|other| *other != word));
            if self.missing.is_subset_of(others) {
                kept.remove(&word);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::super::permission::ServerPermission;
    use super::*;

    fn server(words: &[ServerPermission]) -> Grants<u32> {
        Grants {
            server: words.iter().copied().collect(),
            ..Grants::default()
        }
    }

    fn stream(words: &[StreamPermission], topics: &[(u32, &[TopicPermission])]) -> Grants<u32> {
        let mut grants = Grants::default();
        let stream: &mut super::super::StreamGrants<u32> = grants.streams.entry(1).or_default();
        stream.allow = words.iter().copied().collect();
        for (topic, words) in topics {
            let words = words.iter().copied().collect();
            stream.topics.insert(*topic, words);
        }
        grants
    }

    #[test]
    fn nothing_is_rewritten_where_one_of_the_two_is_within_the_other() {
        let wide = server(&[ServerPermission::ManageStreams]);
        // Said at length: it stays as it is.
        let narrow = stream(
            &[StreamPermission::ReadStream, StreamPermission::PollMessages],
            &[(4, &[TopicPermission::PollMessages])],
        );
        assert_eq!(common(&wide, &narrow), narrow);
        assert_eq!(common(&narrow, &wide), narrow);
        let other_words = server(&[ServerPermission::ReadServers]);
        let same_meaning = server(&[ServerPermission::ManageServers]);
        assert_eq!(common(&other_words, &same_meaning), other_words);
    }

    #[test]
    fn strangers_have_nothing_in_common() {
        let send = stream(&[], &[(4, &[TopicPermission::SendMessages])]);
        let other_topic = stream(&[], &[(5, &[TopicPermission::ManageTopic])]);
        assert_eq!(common(&send, &other_topic), Grants::default());
    }

    #[test]
    fn what_the_words_imply_is_common_though_no_word_is() {
        let old = server(&[ServerPermission::ReadStreams]);
        let new = stream(
            &[],
            &[
                (4, &[TopicPermission::ManageTopic]),
                (5, &[TopicPermission::SendMessages]),
            ],
        );
        let read = stream(&[], &[(4, &[TopicPermission::ReadTopic])]);
        assert_eq!(common(&old, &new), read);
        assert_eq!(common(&new, &old), read);
    }

    #[test]
    fn the_words_of_the_new_grants_are_preferred() {
        // Both read the server's figures, each with its own word.
        let old = server(&[ServerPermission::ManageServers, ServerPermission::ReadUsers]);
        let new = server(&[
            ServerPermission::ReadServers,
            ServerPermission::PollMessages,
        ]);
        assert_eq!(common(&old, &new), server(&[ServerPermission::ReadServers]));
        assert_eq!(
            common(&new, &old),
            server(&[ServerPermission::ManageServers])
        );
    }
}
