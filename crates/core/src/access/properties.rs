//! What holds for all grants, on random ones.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;
use proptest::sample::select;

use super::{
    Grants, Right, Scope, ServerPermission, StreamGrants, StreamPermission, TopicPermission, common,
};

/// Few streams and topics, so that two grants meet, and seldom a word on the
/// server, which would hide the rest.
fn grants() -> impl Strategy<Value = Grants<u8>> {
    let on_server = prop_oneof![
        3 => Just(BTreeSet::new()),
        2 => btree_set(select(ServerPermission::ALL), 0..3),
    ];
    let on_topic = btree_set(select(TopicPermission::ALL), 0..3);
    let stream = (
        btree_set(select(StreamPermission::ALL), 0..3),
        btree_map(0..3_u8, on_topic, 0..3),
    );
    let streams = btree_map(0..3_u8, stream, 0..3);
    (on_server, streams).prop_map(|(server, streams)| {
        let streams = streams.into_iter();
        let streams = streams.map(|(id, (allow, topics))| (id, StreamGrants { allow, topics }));
        Grants {
            server,
            streams: streams.collect::<BTreeMap<_, _>>(),
        }
    })
}

/// Each scope that a test can look at: those that grants may mention, and a
/// stream and a topic that none mentions.
fn scopes() -> Vec<Scope<u8>> {
    let mut scopes = vec![Scope::Server];
    for stream in 0..4 {
        scopes.push(Scope::Stream(stream));
        scopes.extend((0..4).map(|topic| Scope::Topic(stream, topic)));
    }
    scopes
}

/// The grants with one word more, for each word that is legal at the scope.
fn with_one_word_more(grants: &Grants<u8>, scope: Scope<u8>) -> Vec<Grants<u8>> {
    let mut all = Vec::new();
    match scope {
        Scope::Server => {
            for word in ServerPermission::ALL {
                let mut more = grants.clone();
                more.server.insert(*word);
                all.push(more);
            }
        }
        Scope::Stream(stream) => {
            for word in StreamPermission::ALL {
                let mut more = grants.clone();
                more.streams.entry(stream).or_default().allow.insert(*word);
                all.push(more);
            }
        }
        Scope::Topic(stream, topic) => {
            for word in TopicPermission::ALL {
                let mut more = grants.clone();
                let stream = more.streams.entry(stream).or_default();
                stream.topics.entry(topic).or_default().insert(*word);
                all.push(more);
            }
        }
    }
    all
}

/// Whether the server would allow it, word by word as its rules read, without
/// the sets that the module computes with.
fn server_allows(grants: &Grants<u8>, right: Right, scope: Scope<u8>) -> bool {
    let row = right.any_of();
    let (stream, topic) = match scope {
        Scope::Server => (None, None),
        Scope::Stream(stream) => (Some(stream), None),
        Scope::Topic(stream, topic) => (Some(stream), Some(topic)),
    };
    let on_stream = stream.and_then(|stream| grants.streams.get(&stream));
    let on_topic = topic.and_then(|topic| on_stream.and_then(|stream| stream.topics.get(&topic)));
    row.server.iter().any(|word| grants.server.contains(word))
        || row
            .stream
            .iter()
            .any(|word| on_stream.is_some_and(|stream| stream.allow.contains(word)))
        || row
            .topic
            .iter()
            .any(|word| on_topic.is_some_and(|topic| topic.contains(word)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn effective_rights_are_what_the_server_would_allow(grants in grants()) {
        let rights = grants.effective();
        for scope in scopes() {
            for right in Right::ALL.iter().copied() {
                prop_assert_eq!(
                    rights.allows(right, &scope),
                    server_allows(&grants, right, scope),
                    "{} on {:?}", right, scope
                );
                prop_assert_eq!(
                    rights.allows(right, &scope),
                    !grants.that_allow(right, &scope).is_empty()
                );
            }
        }
        prop_assert_eq!(&grants.clone().normal().effective(), &rights);
    }

    #[test]
    fn rights_are_a_lattice(one in grants(), other in grants()) {
        let (one, other) = (one.effective(), other.effective());
        let both = one.intersection(&other);
        prop_assert_eq!(&both, &other.intersection(&one));
        for scope in scopes() {
            prop_assert_eq!(
                both.at(scope.as_ref()),
                one.at(scope.as_ref()).intersection(other.at(scope.as_ref()))
            );
        }
        let pointwise = scopes().iter().all(|scope| {
            one.at(scope.as_ref()).is_subset_of(other.at(scope.as_ref()))
        });
        prop_assert_eq!(one.is_subset_of(&other), pointwise);
        prop_assert_eq!(one.minus(&other).is_empty(), pointwise);
        prop_assert_eq!(one.intersection(&one), one);
    }

    #[test]
    fn joined_grants_allow_what_one_of_them_allows(one in grants(), other in grants()) {
        let joined = one.clone().join(other.clone());
        let (one, other, joined) = (one.effective(), other.effective(), joined.effective());
        for scope in scopes() {
            prop_assert_eq!(
                joined.at(scope.as_ref()),
                one.at(scope.as_ref()).union(other.at(scope.as_ref()))
            );
        }
    }

    #[test]
    fn common_grants_allow_exactly_what_both_allow(old in grants(), new in grants()) {
        let both = old.effective().intersection(&new.effective());
        let common_grants = common(&old, &new);
        prop_assert_eq!(&common_grants.effective(), &both);
        prop_assert_eq!(&common(&new, &old).effective(), &both);
        for scope in scopes() {
            for more in with_one_word_more(&common_grants, scope) {
                let more = more.effective();
                prop_assert!(
                    more == both || !more.is_subset_of(&both),
                    "one more word fits on {:?}", scope
                );
            }
        }
    }

    #[test]
    fn common_grants_are_settled_at_once(old in grants(), new in grants()) {
        let between = common(&old, &new);
        prop_assert_eq!(&common(&between, &new), &between);
        prop_assert_eq!(&common(&old, &between), &between);
        prop_assert_eq!(&common(&old, &old), &old);
        // No word too many, unless the words are those of a manifest or server.
        if between != old && between != new {
            for line in between.lines() {
                let without = without_one_word(&between, line.scope);
                for less in without {
                    prop_assert_ne!(less.effective(), between.effective());
                }
            }
        }
    }
}

/// The grants without one word of the scope, for each word it has there.
fn without_one_word(grants: &Grants<u8>, scope: Scope<&u8>) -> Vec<Grants<u8>> {
    let mut all = Vec::new();
    match scope {
        Scope::Server => {
            for word in &grants.server {
                let mut less = grants.clone();
                less.server.remove(word);
                all.push(less);
            }
        }
        Scope::Stream(stream) => {
            for word in &grants.streams[stream].allow {
                let mut less = grants.clone();
                less.streams.entry(*stream).or_default().allow.remove(word);
                all.push(less);
            }
        }
        Scope::Topic(stream, topic) => {
            for word in &grants.streams[stream].topics[topic] {
                let mut less = grants.clone();
                let stream = less.streams.entry(*stream).or_default();
                stream.topics.entry(*topic).or_default().remove(word);
                all.push(less);
            }
        }
    }
    all
}
