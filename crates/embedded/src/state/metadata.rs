//! The writes of the state machine, each with the error codes of the real server.

use iggy_binary_protocol::requests::consumer_groups::{
    CreateConsumerGroupRequest, DeleteConsumerGroupRequest,
};
use iggy_binary_protocol::requests::partitions::{
    CreatePartitionsRequest, DeletePartitionsRequest,
};
use iggy_binary_protocol::requests::topics::{CreateTopicRequest, UpdateTopicRequest};
use iggy_binary_protocol::{WireIdentifier, WireName};

use super::{Change, Group, Partition, Slots, Stream, Topic, Users};
use crate::credentials::Credentials;
use crate::rules::topic_options::TopicSettings;
use crate::rules::{Rejection, limits};

/// Everything the server knows but its clients.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) streams: Slots<Stream>,
    pub(crate) users: Users,
}

/// Counts over the whole server.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) streams: u32,
    pub(crate) topics: u32,
    pub(crate) partitions: u32,
    pub(crate) segments: u32,
    pub(crate) groups: u32,
    pub(crate) messages: u64,
    pub(crate) size_bytes: u64,
}

impl Metadata {
    /// A new server: nothing but root.
    pub(crate) fn with_root(credentials: &Credentials) -> Self {
        Self {
            streams: Slots::default(),
            users: Users::with_root(credentials),
        }
    }

    /// Creates a stream. 1012, 1020.
    pub(crate) fn create_stream(
        &mut self,
        name: WireName,
        now: u64,
    ) -> Result<(u32, Change), Rejection> {
        if self.streams.id_of(name.as_str()).is_some() {
            return Err(Rejection::StreamNameTaken);
        }
        if self.streams.len() >= limits::MAX_STREAMS {
            return Err(Rejection::TooManyStreams);
        }
        let stream = self.streams.insert(Stream {
            name,
            created_at: now,
            topics: Slots::default(),
        });
        Ok((stream, Change::StreamPut { stream }))
    }

    /// Renames a stream; its own name is fine. 1009, 1012.
    pub(crate) fn rename_stream(
        &mut self,
        stream: &WireIdentifier,
        name: WireName,
    ) -> Result<Change, Rejection> {
        let stream = self.stream_id(stream)?;
        if self
            .streams
            .id_of(name.as_str())
            .is_some_and(|holder| holder != stream)
        {
            return Err(Rejection::StreamNameTaken);
        }
        self.streams.update(stream, |entry| entry.name = name);
        Ok(Change::StreamPut { stream })
    }

    /// Removes a stream with all that is in it. 1009.
    pub(crate) fn delete_stream(&mut self, stream: &WireIdentifier) -> Result<Change, Rejection> {
        let stream = self.stream_id(stream)?;
        self.streams.remove(stream);
        Ok(Change::StreamRemoved { stream })
    }

    /// Empties all topics of a stream. 1009.
    pub(crate) fn purge_stream(&mut self, stream: &WireIdentifier) -> Result<Change, Rejection> {
        let stream = self.stream_id(stream)?;
        if let Some(stream) = self.streams.get_mut(stream) {
            for (_, topic) in stream.topics.iter_mut() {
                topic.purge();
            }
        }
        Ok(Change::Purged {
            stream,
            topic: None,
        })
    }

    /// Creates a topic with settings that were admitted. 1009, 2013, 2021.
    pub(crate) fn create_topic(
        &mut self,
        request: CreateTopicRequest,
        settings: TopicSettings,
        now: u64,
    ) -> Result<(u32, u32, Change), Rejection> {
        let CreateTopicRequest {
            stream_id,
            partitions_count,
            name,
            options: _,
        } = request;
        let stream = self.stream_id(&stream_id)?;
        let topics = &mut self
            .streams
            .get_mut(stream)
            .ok_or(Rejection::StreamNotFound)?
            .topics;
        if topics.id_of(name.as_str()).is_some() {
            return Err(Rejection::TopicNameTaken);
        }
        if topics.len() >= limits::MAX_TOPICS {
            return Err(Rejection::TooManyTopics);
        }
        let mut topic = Topic::new(name, now, settings);
        topic.add_partitions(partitions_count, now);
        let topic = topics.insert(topic);
        Ok((stream, topic, Change::TopicPut { stream, topic }))
    }

    /// Renames a topic and patches its settings. 1009, 2010, 2013, 4042.
    pub(crate) fn update_topic(
        &mut self,
        request: UpdateTopicRequest,
    ) -> Result<Change, Rejection> {
        let UpdateTopicRequest {
            stream_id,
            topic_id,
            name,
            options,
        } = request;
        let (stream, topic) = self.topic_ids(&stream_id, &topic_id)?;
        let topics = &mut self
            .streams
            .get_mut(stream)
            .ok_or(Rejection::StreamNotFound)?
            .topics;
        if topics
            .id_of(name.as_str())
            .is_some_and(|holder| holder != topic)
        {
            return Err(Rejection::TopicNameTaken);
        }
        let settings = topics
            .get(topic)
            .ok_or(Rejection::TopicNotFound)?
            .settings
            .updated(&options)?;
        topics.update(topic, |entry| {
            entry.name = name;
            entry.settings = settings;
        });
        Ok(Change::TopicPut { stream, topic })
    }

    /// Removes a topic with all that is in it. 1009, 2010.
    pub(crate) fn delete_topic(
        &mut self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
    ) -> Result<Change, Rejection> {
        let (stream, topic) = self.topic_ids(stream, topic)?;
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.topics.remove(topic);
        }
        Ok(Change::TopicRemoved { stream, topic })
    }

    /// Empties a topic; its shape and its groups stay. 1009, 2010.
    pub(crate) fn purge_topic(
        &mut self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
    ) -> Result<Change, Rejection> {
        let (stream, topic) = self.topic_ids(stream, topic)?;
        self.topic_mut(stream, topic)?.purge();
        Ok(Change::Purged {
            stream,
            topic: Some(topic),
        })
    }

    /// Appends partitions. 1009, 2010, 3013.
    pub(crate) fn create_partitions(
        &mut self,
        request: &CreatePartitionsRequest,
        now: u64,
    ) -> Result<Change, Rejection> {
        let (stream, topic) = self.topic_ids(&request.stream_id, &request.topic_id)?;
        let entry = self.topic_mut(stream, topic)?;
        let total = entry.partitions.len() + request.partitions_count as usize;
        if total > limits::MAX_PARTITIONS {
            return Err(Rejection::TooManyPartitionsInTopic);
        }
        entry.add_partitions(request.partitions_count, now);
        entry.groups.rebalance(entry.partitions_count());
        Ok(Change::TopicPut { stream, topic })
    }

    /// Removes the partitions with the highest ids, or none when there are fewer.
    /// 1009, 2010, 2019.
    pub(crate) fn delete_partitions(
        &mut self,
        request: &DeletePartitionsRequest,
    ) -> Result<Change, Rejection> {
        let (stream, topic) = self.topic_ids(&request.stream_id, &request.topic_id)?;
        let entry = self.topic_mut(stream, topic)?;
        let kept = entry
            .partitions
            .len()
            .checked_sub(request.partitions_count as usize)
            .ok_or(Rejection::InvalidPartitionsCount)?;
        entry.partitions.truncate(kept);
        entry.groups.rebalance(entry.partitions_count());
        Ok(Change::PartitionsRemoved { stream, topic })
    }

    /// Creates a consumer group. 1009, 2010, 5004.
    pub(crate) fn create_group(
        &mut self,
        request: CreateConsumerGroupRequest,
    ) -> Result<(u32, u32, u32, Change), Rejection> {
        let (stream, topic) = self.topic_ids(&request.stream_id, &request.topic_id)?;
        let groups = &mut self.topic_mut(stream, topic)?.groups;
        if groups.contains(request.name.as_str()) {
            return Err(Rejection::GroupNameTaken);
        }
        let group = groups.insert(request.name);
        let change = Change::GroupPut {
            stream,
            topic,
            group,
        };
        Ok((stream, topic, group, change))
    }

    /// Removes a consumer group, also one with members. 1009, 2010, 5000.
    pub(crate) fn delete_group(
        &mut self,
        request: &DeleteConsumerGroupRequest,
    ) -> Result<Change, Rejection> {
        let (stream, topic) = self.topic_ids(&request.stream_id, &request.topic_id)?;
        let entry = self.topic_mut(stream, topic)?;
        let group = entry
            .groups
            .resolve(&request.group_id)
            .ok_or(Rejection::GroupNotFound)?;
        entry.groups.remove(group);
        entry.forget_group_offsets(group);
        Ok(Change::GroupRemoved {
            stream,
            topic,
            group,
        })
    }

    /// Makes a client a member of a group. 1009, 2010, 5000.
    pub(crate) fn join_group(
        &mut self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        group: &WireIdentifier,
        client: u128,
        now: u64,
    ) -> Result<Change, Rejection> {
        let (stream, topic) = self.topic_ids(stream, topic)?;
        let topic = self.topic_mut(stream, topic)?;
        let group = topic
            .groups
            .resolve(group)
            .ok_or(Rejection::GroupNotFound)?;
        let in_flight = topic.in_flight(group);
        let partitions = topic.partitions_count();
        topic
            .groups
            .get_mut(group)
            .ok_or(Rejection::GroupNotFound)?
            .join(client, partitions, &in_flight, now);
        Ok(Change::Volatile)
    }

    /// Ends the membership of a client. 1009, 2010, 5000, 5006.
    pub(crate) fn leave_group(
        &mut self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        group: &WireIdentifier,
        client: u128,
    ) -> Result<Change, Rejection> {
        let (group, partitions) = self.group_mut(stream, topic, group)?;
        if group.leave(client, partitions) {
            Ok(Change::Volatile)
        } else {
            Err(Rejection::GroupMemberNotFound)
        }
    }

    /// Takes a client that is gone out of all groups.
    pub(crate) fn forget_client(&mut self, client: u128) {
        for (_, stream) in self.streams.iter_mut() {
            for (_, topic) in stream.topics.iter_mut() {
                let partitions = topic.partitions_count();
                topic.groups.remove_client(client, partitions);
            }
        }
    }

    /// The groups a client is a member of: stream, topic and group ids.
    pub(crate) fn memberships(&self, client: u128) -> Vec<(u32, u32, u32)> {
        let mut found = Vec::new();
        for (stream_id, stream) in self.streams.iter() {
            for (topic_id, topic) in stream.topics.iter() {
                for (group_id, group) in topic.groups.iter() {
                    if group.assignment_of(client).is_some() {
                        found.push((stream_id, topic_id, group_id));
                    }
                }
            }
        }
        found
    }

    /// Counts over the whole server.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (_, stream) in self.streams.iter() {
            totals.streams += 1;
            for (_, topic) in stream.topics.iter() {
                let counters = topic.counters();
                totals.topics += 1;
                totals.partitions += topic.partitions_count();
                totals.segments += topic
                    .partitions
                    .iter()
                    .map(Partition::segments_count)
                    .sum::<u32>();
                totals.groups += u32::try_from(topic.groups.len()).unwrap_or(u32::MAX);
                totals.messages = totals.messages.saturating_add(counters.messages);
                totals.size_bytes = totals.size_bytes.saturating_add(counters.size_bytes);
            }
        }
        totals
    }

    /// The id behind what a client named. 1009.
    pub(crate) fn stream_id(&self, stream: &WireIdentifier) -> Result<u32, Rejection> {
        self.streams
            .resolve(stream)
            .ok_or(Rejection::StreamNotFound)
    }

    /// The ids behind what a client named; the level that is missing decides the
    /// code. 1009, 2010.
    pub(crate) fn topic_ids(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
    ) -> Result<(u32, u32), Rejection> {
        let stream = self.stream_id(stream)?;
        let topic = self
            .streams
            .get(stream)
            .and_then(|entry| entry.topics.resolve(topic))
            .ok_or(Rejection::TopicNotFound)?;
        Ok((stream, topic))
    }

    pub(crate) fn topic(&self, stream: u32, topic: u32) -> Option<&Topic> {
        self.streams.get(stream)?.topics.get(topic)
    }

    pub(crate) fn topic_mut(&mut self, stream: u32, topic: u32) -> Result<&mut Topic, Rejection> {
        self.streams
            .get_mut(stream)
            .ok_or(Rejection::StreamNotFound)?
            .topics
            .get_mut(topic)
            .ok_or(Rejection::TopicNotFound)
    }

    /// A group, and the number of partitions of its topic. 1009, 2010, 5000.
    pub(crate) fn group_mut(
        &mut self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        group: &WireIdentifier,
    ) -> Result<(&mut Group, u32), Rejection> {
        let (stream, topic) = self.topic_ids(stream, topic)?;
        let topic = self.topic_mut(stream, topic)?;
        let partitions = topic.partitions_count();
        let group = topic
            .groups
            .resolve(group)
            .and_then(|id| topic.groups.get_mut(id))
            .ok_or(Rejection::GroupNotFound)?;
        Ok((group, partitions))
    }
}

#[cfg(test)]
mod tests {
    use iggy_binary_protocol::WireOptions;

    use super::*;

    const NOW: u64 = 7;

    fn name(text: impl Into<String>) -> WireName {
        WireName::new(text).unwrap()
    }

    fn id(number: u32) -> WireIdentifier {
        WireIdentifier::Numeric(number)
    }

    fn create_topic(metadata: &mut Metadata, topic: impl Into<String>) -> Result<u32, Rejection> {
        let request = CreateTopicRequest {
            stream_id: id(0),
            partitions_count: 0,
            name: name(topic),
            options: WireOptions::empty(),
        };
        let settings = TopicSettings::for_new_topic(&request.options, 0).unwrap();
        metadata
            .create_topic(request, settings, NOW)
            .map(|(_, topic, _)| topic)
    }

    #[test]
    fn a_stream_holds_4096_topics() {
        let mut metadata = Metadata::with_root(&Credentials::default_root().unwrap());
        metadata.create_stream(name("s"), NOW).unwrap();
        for number in 0..4096 {
            assert_eq!(
                create_topic(&mut metadata, format!("t{number}")),
                Ok(number)
            );
        }
        let full = create_topic(&mut metadata, "more");
        assert_eq!(full.map_err(Rejection::code), Err(2021));
        metadata.delete_topic(&id(0), &id(17)).unwrap();
        assert_eq!(create_topic(&mut metadata, "more"), Ok(17));
    }

    #[test]
    fn a_topic_holds_a_million_partitions() {
        let mut metadata = Metadata::with_root(&Credentials::default_root().unwrap());
        metadata.create_stream(name("s"), NOW).unwrap();
        create_topic(&mut metadata, "t").unwrap();
        let mut add = |partitions_count| {
            let request = CreatePartitionsRequest {
                stream_id: id(0),
                topic_id: id(0),
                partitions_count,
            };
            metadata
                .create_partitions(&request, NOW)
                .map_err(Rejection::code)
        };
        for _ in 0..999 {
            add(1000).unwrap();
        }
        assert_eq!(add(1001), Err(3013));
        add(1000).unwrap();
        assert_eq!(add(1), Err(3013));
    }

    #[test]
    fn a_server_holds_2_to_the_20_streams() {
        let mut metadata = Metadata::with_root(&Credentials::default_root().unwrap());
        for number in 0..1_u32 << 20 {
            metadata
                .create_stream(name(number.to_string()), NOW)
                .unwrap();
        }
        let full = metadata.create_stream(name("more"), NOW);
        assert_eq!(full.map_err(Rejection::code), Err(1020));
    }
}
