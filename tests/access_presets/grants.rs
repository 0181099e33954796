//! Grants as the SDK sends them, and as those that are almost enough.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use iggy::prelude::*;
use iggyctl_core::access::{
    Grants, ServerPermission, StreamGrants, StreamPermission, TopicPermission,
};

/// The server's flags by the words, which are their names.
pub(crate) fn permissions(grants: &Grants<u32>) -> Permissions {
    let Grants { server, streams } = grants;
    let streams = streams.iter();
    let streams = streams.map(|(stream, StreamGrants { allow, topics })| {
        let topics = topics.iter();
        let topics = topics.map(|(topic, allow)| (*topic as usize, topic_flags(allow)));
        let mut granted = stream_flags(allow);
        granted.topics = Some(topics.collect());
        (*stream as usize, granted)
    });
    Permissions {
        global: serde_json::from_value(flags(ServerPermission::ALL, server)).unwrap(),
        streams: Some(streams.collect()),
    }
}

fn stream_flags(allow: &BTreeSet<StreamPermission>) -> StreamPermissions {
    serde_json::from_value(flags(StreamPermission::ALL, allow)).unwrap()
}

fn topic_flags(allow: &BTreeSet<TopicPermission>) -> TopicPermissions {
    serde_json::from_value(flags(TopicPermission::ALL, allow)).unwrap()
}

fn flags<W: Ord + Display>(all: &[W], allow: &BTreeSet<W>) -> serde_json::Value {
    let flags = all
        .iter()
        .map(|word| (word.to_string(), allow.contains(word)));
    serde_json::to_value(flags.collect::<BTreeMap<_, _>>()).unwrap()
}

/// The grants without one word, for each word they have.
pub(crate) fn with_one_word_less(grants: &Grants<u32>) -> Vec<Grants<u32>> {
    let mut all = Vec::new();
    for word in &grants.server {
        let mut less = grants.clone();
        less.server.remove(word);
        all.push(less);
    }
    for (stream, granted) in &grants.streams {
        for word in &granted.allow {
            let mut less = grants.clone();
            less.streams.get_mut(stream).unwrap().allow.remove(word);
            all.push(less);
        }
        for (topic, words) in &granted.topics {
            for word in words {
                let mut less = grants.clone();
                let stream = less.streams.get_mut(stream).unwrap();
                stream.topics.get_mut(topic).unwrap().remove(word);
                all.push(less);
            }
        }
    }
    all
}
