use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::permission::{ServerPermission, StreamPermission, TopicPermission};

/// What a user is granted, by the names of streams and topics or by the
/// server's numeric ids.
///
/// One form for one meaning: no entry without a right in it, so that the
/// server's "none", "all false" and empty maps are the same value. Make it
/// through [`Grants::normal`] wherever entries may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize + Ord",
    deserialize = "K: Deserialize<'de> + Ord"
))]
pub struct Grants<K> {
    /// On the whole server.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub server: BTreeSet<ServerPermission>,
    /// On single streams and their topics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub streams: BTreeMap<K, StreamGrants<K>>,
}

/// What a user is granted on one stream and on single topics of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize + Ord",
    deserialize = "K: Deserialize<'de> + Ord"
))]
pub struct StreamGrants<K> {
    /// On the stream and all its topics.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub allow: BTreeSet<StreamPermission>,
    /// On single topics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub topics: BTreeMap<K, BTreeSet<TopicPermission>>,
}

impl<K> Default for Grants<K> {
    fn default() -> Self {
        Self {
            server: BTreeSet::new(),
            streams: BTreeMap::new(),
        }
    }
}

impl<K> Default for StreamGrants<K> {
    fn default() -> Self {
        Self {
            allow: BTreeSet::new(),
            topics: BTreeMap::new(),
        }
    }
}

impl<K: Ord> Grants<K> {
    /// Without the entries that grant nothing.
    #[must_use]
    pub fn normal(mut self) -> Self {
        for stream in self.streams.values_mut() {
            stream.topics.retain(|_, allow| !allow.is_empty());
        }
        self.streams.retain(|_, stream| !stream.is_empty());
        self
    }

    /// The words of both: a preset beside permissions, a pattern beside a name.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        let Self { server, streams } = other;
        self.server.extend(server);
        for (stream, StreamGrants { allow, topics }) in streams {
            let granted = self.streams.entry(stream).or_default();
            granted.allow.extend(allow);
            for (topic, allow) in topics {
                granted.topics.entry(topic).or_default().extend(allow);
            }
        }
        self
    }

    /// Whether nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.server.is_empty() && self.streams.values().all(StreamGrants::is_empty)
    }
}

impl<K> StreamGrants<K> {
    /// Whether nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.topics.values().all(BTreeSet::is_empty)
    }
}

// Written by hand: a derived schema would ask the same of the keys, and names
// are texts.
impl<K> JsonSchema for Grants<K> {
    fn schema_name() -> Cow<'static, str> {
        "Grants".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let server = generator.subschema_for::<BTreeSet<ServerPermission>>();
        let stream = generator.subschema_for::<BTreeSet<StreamPermission>>();
        let topic = generator.subschema_for::<BTreeSet<TopicPermission>>();
        json_schema!({
            "type": "object",
            "properties": {
                "server": server,
                "streams": {
                    "description": "By the name of the stream.",
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {
                            "allow": stream,
                            "topics": {
                                "description": "By the name of the topic.",
                                "type": "object",
                                "additionalProperties": topic,
                            },
                        },
                        "additionalProperties": false,
                    },
                },
            },
            "additionalProperties": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_nothing_however_it_is_said() {
        let mut grants: Grants<u32> = Grants::default();
        let stream = grants.streams.entry(7).or_default();
        stream.topics.insert(1, BTreeSet::new());
        assert!(grants.is_empty());
        assert_eq!(grants.normal(), Grants::default());
    }

    #[test]
    fn what_is_granted_stays() {
        let mut grants: Grants<u32> = Grants::default();
        let stream = grants.streams.entry(7).or_default();
        stream.topics.insert(1, BTreeSet::new());
        stream.topics.insert(2, [TopicPermission::ReadTopic].into());
        assert!(!grants.is_empty());
        let normal = grants.normal();
        assert_eq!(normal.streams[&7].topics.len(), 1);
    }
}
