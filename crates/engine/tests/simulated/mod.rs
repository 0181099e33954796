//! A server in memory behind the ports, that can lose what a network loses at
//! exactly the write that a test names.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod turns;
pub(crate) mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::{ObservedConsumerGroup, ObservedStream, ObservedTopic};
use iggyctl_engine::broker::{
    BrokerError, BrokerErrorKind, BrokerRead, BrokerWrite, ConsumerGroups, Operation,
    ServerProcess, ServerStats, SessionInfo, StreamSummary,
};
use iggyctl_engine::connect::{Connect, ConnectError, Credentials};

use users::{ROOT, UserChange, Users};

/// What happens to one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Done, and the reply is lost.
    LostReply,
    /// Lost on the way there.
    LostRequest,
    /// Looks lost, and is done when the second request after it arrives.
    LateCommit,
    /// Never sent.
    NotSent,
    /// The server says no.
    Refused,
    /// The reply is lost, and no connection can be opened from then on.
    Gone,
    /// Lost on the way there, with its connection, and no other one can be
    /// opened from then on; those that there are go on.
    Closed,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Topic {
    pub(crate) id: u32,
    pub(crate) partitions: u32,
    pub(crate) settings: TopicSettings,
    pub(crate) groups: BTreeSet<ResourceName>,
}

impl Topic {
    /// With one partition and settings that nobody chose.
    pub(crate) fn plain(id: u32, groups: &[&str]) -> Self {
        Self {
            id,
            partitions: 1,
            settings: defaults(),
            groups: groups
                .iter()
                .map(|group| iggyctl_core::testing::name(group))
                .collect(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Stream {
    pub(crate) id: u32,
    pub(crate) topics: BTreeMap<ResourceName, Topic>,
}

pub(crate) type Streams = BTreeMap<ResourceName, Stream>;

#[derive(Debug, Clone)]
enum Write {
    CreateStream(ResourceName),
    RenameStream(ResourceName, ResourceName),
    CreateTopic(ResourceName, ResourceName, u32, TopicSettings),
    UpdateTopic(ResourceName, ResourceName, ResourceName, TopicSettings),
    Partitions(ResourceName, ResourceName, i64),
    CreateGroup(ResourceName, ResourceName, ResourceName),
    DeleteStream(ResourceName),
    DeleteTopic(ResourceName, ResourceName),
    DeleteGroup(ResourceName, ResourceName, u32),
    User(UserChange),
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) streams: Streams,
    pub(crate) users: Users,
    /// Every request in words, in order.
    pub(crate) requests: Vec<String>,
    /// By the number of the write, from 0.
    pub(crate) faults: BTreeMap<usize, Fault>,
    /// Reads of these are refused.
    pub(crate) unreadable: BTreeSet<ResourceName>,
    pub(crate) logins: usize,
    /// Of streams, topics and groups; a login takes no time.
    pub(crate) latency_of_writes: Duration,
    writes: usize,
    late: Option<(u32, Write)>,
    gone: bool,
    closed: bool,
    next_id: u32,
    ticks: u64,
}

/// The server; clones are the same one. Every connection is a clone too, logged
/// in as one user.
#[derive(Debug, Clone, Default)]
pub(crate) struct Simulated {
    world: Arc<Mutex<World>>,
    /// The id; root's unless another logs in.
    user: u32,
}

pub(crate) fn defaults() -> TopicSettings {
    TopicSettings {
        message_expiry: Some(MessageExpiry::NEVER),
        max_topic_size: Some(MaxTopicSize::UNLIMITED),
        compression: Some(Compression::None),
        segment_size: Some(ByteSize::GIB),
        durability: Some(Durability::Replicated),
        consumer_offset_durability: Some(Durability::Replicated),
        messages_required_to_save: Some(1024),
        size_of_messages_required_to_save: Some(ByteSize::MIB),
        preallocate_segments: Some(false),
    }
}

fn merge(below: TopicSettings, above: &TopicSettings) -> TopicSettings {
    TopicSettings {
        message_expiry: above.message_expiry.or(below.message_expiry),
        max_topic_size: above.max_topic_size.or(below.max_topic_size),
        compression: above.compression.or(below.compression),
        segment_size: above.segment_size.or(below.segment_size),
        durability: above.durability.or(below.durability),
        consumer_offset_durability: above
            .consumer_offset_durability
            .or(below.consumer_offset_durability),
        messages_required_to_save: above
            .messages_required_to_save
            .or(below.messages_required_to_save),
        size_of_messages_required_to_save: above
            .size_of_messages_required_to_save
            .or(below.size_of_messages_required_to_save),
        preallocate_segments: above.preallocate_segments.or(below.preallocate_segments),
    }
}

/// A number of its own for each name.
fn group_id(group: &ResourceName) -> u32 {
    let bytes = group.as_str().bytes();
    bytes.fold(7, |id, byte| {
        id.wrapping_mul(31).wrapping_add(u32::from(byte))
    })
}

impl World {
    fn commit(&mut self, write: Write) -> Result<(), BrokerErrorKind> {
        match write {
            Write::CreateStream(name) => {
                if self.streams.contains_key(&name) {
                    return Err(BrokerErrorKind::AlreadyExists);
                }
                self.next_id += 1;
                let id = self.next_id;
                self.streams.insert(
                    name,
                    Stream {
                        id,
                        topics: BTreeMap::new(),
                    },
                );
            }
            Write::RenameStream(from, to) => {
                if !self.streams.contains_key(&from) {
                    return Err(BrokerErrorKind::NotFound);
                }
                if self.streams.contains_key(&to) {
                    return Err(BrokerErrorKind::AlreadyExists);
                }
                let stream = self.streams.remove(&from).unwrap();
                self.streams.insert(to, stream);
            }
            Write::CreateTopic(stream, name, partitions, settings) => {
                self.next_id += 1;
                let id = self.next_id;
                let stream = self
                    .streams
                    .get_mut(&stream)
                    .ok_or(BrokerErrorKind::NotFound)?;
                if stream.topics.contains_key(&name) {
                    return Err(BrokerErrorKind::AlreadyExists);
                }
                stream.topics.insert(
                    name,
                    Topic {
                        id,
                        partitions,
                        settings: merge(defaults(), &settings),
                        groups: BTreeSet::new(),
                    },
                );
            }
            Write::UpdateTopic(stream, from, to, settings) => {
                let stream = self
                    .streams
                    .get_mut(&stream)
                    .ok_or(BrokerErrorKind::NotFound)?;
                if !stream.topics.contains_key(&from) {
                    return Err(BrokerErrorKind::NotFound);
                }
                if from != to && stream.topics.contains_key(&to) {
                    return Err(BrokerErrorKind::AlreadyExists);
                }
                let mut topic = stream.topics.remove(&from).unwrap();
                topic.settings = merge(topic.settings, &settings);
                stream.topics.insert(to, topic);
            }
            Write::Partitions(stream, topic, change) => {
                let topic = self.topic(&stream, &topic)?;
                let count = i64::from(topic.partitions) + change;
                topic.partitions = u32::try_from(count).map_err(|_| BrokerErrorKind::Refused {
                    reason: "invalid partitions count".to_owned(),
                })?;
            }
            Write::CreateGroup(stream, topic, group) => {
                if !self.topic(&stream, &topic)?.groups.insert(group) {
                    return Err(BrokerErrorKind::AlreadyExists);
                }
            }
            Write::DeleteStream(stream) => {
                let deleted = self.streams.remove(&stream);
                deleted.ok_or(BrokerErrorKind::NotFound)?;
            }
            Write::DeleteTopic(stream, topic) => {
                let stream = self.streams.get_mut(&stream);
                let deleted = stream.and_then(|stream| stream.topics.remove(&topic));
                deleted.ok_or(BrokerErrorKind::NotFound)?;
            }
            Write::DeleteGroup(stream, topic, id) => {
                let groups = &mut self.topic(&stream, &topic)?.groups;
                let count = groups.len();
                groups.retain(|group| group_id(group) != id);
                if groups.len() == count {
                    return Err(BrokerErrorKind::NotFound);
                }
            }
            Write::User(change) => self.commit_user(change)?,
        }
        Ok(())
    }

    fn topic(
        &mut self,
        stream: &ResourceName,
        topic: &ResourceName,
    ) -> Result<&mut Topic, BrokerErrorKind> {
        self.streams
            .get_mut(stream)
            .and_then(|stream| stream.topics.get_mut(topic))
            .ok_or(BrokerErrorKind::NotFound)
    }

    fn arrives(&mut self, request: String) {
        self.requests.push(request);
        if let Some((after, write)) = self.late.take() {
            if after == 0 {
                let _ = self.commit(write);
            } else {
                self.late = Some((after - 1, write));
            }
        }
    }
}

impl Simulated {
    pub(crate) fn new(streams: Streams) -> Self {
        let next_id = streams.len() as u32 + 1000;
        let world = World {
            streams,
            next_id,
            ..World::default()
        };
        Self {
            world: Arc::new(Mutex::new(world)),
            user: ROOT,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The next `n`-th write, from 0, meets this.
    pub(crate) fn fault(&self, n: usize, fault: Fault) {
        let mut world = self.world();
        let at = world.writes + n;
        world.faults.insert(at, fault);
    }

    pub(crate) fn heal(&self) {
        let mut world = self.world();
        world.gone = false;
        world.closed = false;
        world.faults.clear();
        if let Some((_, write)) = world.late.take() {
            let _ = world.commit(write);
        }
    }

    fn read<T>(
        &self,
        operation: Operation,
        address: Address,
        read: impl FnOnce(&Streams) -> Result<T, BrokerErrorKind>,
    ) -> Result<T, BrokerError> {
        let mut world = self.world();
        world.arrives(format!("{operation} {address}"));
        let kind = if world.gone {
            BrokerErrorKind::Unreachable {
                reason: "gone".to_owned(),
            }
        } else if address
            .stream()
            .is_some_and(|stream| world.unreadable.contains(stream))
        {
            BrokerErrorKind::Unauthorized
        } else {
            match read(&world.streams) {
                Ok(value) => return Ok(value),
                Err(kind) => kind,
            }
        };
        Err(BrokerError {
            kind,
            code: None,
            operation,
            address: Some(address),
        })
    }

    async fn write(
        &self,
        operation: Operation,
        address: Address,
        write: Write,
    ) -> Result<(), BrokerError> {
        let latency = self.world().latency_of_writes;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let result = self.write_kind(format!("{operation} {address}"), write);
        result.map_err(|kind| BrokerError {
            kind,
            code: None,
            operation,
            address: Some(address),
        })
    }

    fn write_kind(&self, request: String, write: Write) -> Result<(), BrokerErrorKind> {
        let mut world = self.world();
        world.arrives(request);
        let number = world.writes;
        world.writes += 1;
        let unknown = || BrokerErrorKind::OutcomeUnknown {
            reason: "lost".to_owned(),
        };
        if world.gone {
            Err(BrokerErrorKind::Unreachable {
                reason: "gone".to_owned(),
            })
        } else {
            match world.faults.remove(&number) {
                None => world.commit(write),
                Some(Fault::LostReply) => {
                    let _ = world.commit(write);
                    Err(unknown())
                }
                Some(Fault::Gone) => {
                    let _ = world.commit(write);
                    world.gone = true;
                    Err(unknown())
                }
                Some(Fault::LostRequest) => Err(unknown()),
                Some(Fault::Closed) => {
                    world.closed = true;
                    Err(BrokerErrorKind::Unreachable {
                        reason: "not connected".to_owned(),
                    })
                }
                Some(Fault::LateCommit) => {
                    world.late = Some((1, write));
                    Err(unknown())
                }
                Some(Fault::NotSent) => Err(BrokerErrorKind::Unreachable {
                    reason: "not connected".to_owned(),
                }),
                Some(Fault::Refused) => Err(BrokerErrorKind::Refused {
                    reason: "no".to_owned(),
                }),
            }
        }
    }
}

fn observed(topic: &Topic) -> ObservedTopic {
    ObservedTopic {
        id: topic.id,
        created_at_micros: 1,
        partitions: topic.partitions,
        settings: topic.settings,
        size_bytes: 0,
        messages: 0,
        groups: None,
    }
}

fn stream_address(stream: &ResourceName) -> Address {
    Address::Stream(stream.clone())
}

fn topic_address(stream: &ResourceName, topic: &ResourceName) -> Address {
    Address::Topic(stream.clone(), topic.clone())
}

impl Connect for Simulated {
    type Broker = Simulated;

    async fn connect(&self) -> Result<Simulated, ConnectError> {
        let mut world = self.world();
        if world.gone || world.closed {
            return Err(ConnectError::NothingListens {
                address: "simulated".to_owned(),
            });
        }
        world.logins += 1;
        Ok(self.clone())
    }

    async fn log_in_as(&self, credentials: &Credentials) -> Result<Simulated, ConnectError> {
        let mut connection = self.connect().await?;
        connection.user = self.world().log_in(credentials)?;
        Ok(connection)
    }
}

impl BrokerRead for Simulated {
    async fn ping(&self) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn me(&self) -> Result<SessionInfo, BrokerError> {
        Ok(SessionInfo {
            client_id: 1,
            user_id: Some(self.user),
            transport: "simulated".to_owned(),
            address: "simulated".to_owned(),
        })
    }

    async fn stats(&self) -> Result<ServerStats, BrokerError> {
        let world = self.world();
        let topics = || {
            world
                .streams
                .values()
                .flat_map(|stream| stream.topics.values())
        };
        Ok(ServerStats {
            version: "simulated".to_owned(),
            hostname: "simulated".to_owned(),
            uptime_micros: 0,
            process: ServerProcess {
                id: 1,
                started_at_micros: 0,
            },
            streams: world.streams.len() as u32,
            topics: topics().count() as u32,
            partitions: topics().map(|topic| topic.partitions).sum(),
            consumer_groups: topics().map(|topic| topic.groups.len() as u32).sum(),
            messages: 0,
            size_bytes: 0,
            clients: 1,
        })
    }

    async fn list_streams(&self) -> Result<Vec<StreamSummary>, BrokerError> {
        let mut world = self.world();
        world.arrives("list the streams".to_owned());
        Ok(world
            .streams
            .iter()
            .map(|(name, stream)| StreamSummary {
                name: name.clone(),
                id: stream.id,
                created_at_micros: 1,
                topics: stream.topics.len() as u32,
                size_bytes: 0,
                messages: 0,
            })
            .collect())
    }

    async fn get_stream(
        &self,
        stream: &ResourceName,
    ) -> Result<Option<ObservedStream>, BrokerError> {
        self.read(Operation::GetStream, stream_address(stream), |streams| {
            Ok(streams.get(stream).map(|stream| ObservedStream {
                id: stream.id,
                created_at_micros: 1,
                size_bytes: 0,
                messages: 0,
                topics: stream
                    .topics
                    .iter()
                    .map(|(name, topic)| (name.clone(), observed(topic)))
                    .collect(),
            }))
        })
    }

    async fn get_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
    ) -> Result<Option<ObservedTopic>, BrokerError> {
        self.read(
            Operation::GetTopic,
            topic_address(stream, topic),
            |streams| {
                Ok(streams
                    .get(stream)
                    .and_then(|stream| stream.topics.get(topic))
                    .map(observed))
            },
        )
    }

    async fn consumer_groups(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
    ) -> Result<ConsumerGroups, BrokerError> {
        self.read(
            Operation::ListConsumerGroups,
            topic_address(stream, topic),
            |streams| {
                let topic = streams
                    .get(stream)
                    .and_then(|stream| stream.topics.get(topic))
                    .ok_or(BrokerErrorKind::NotFound)?;
                Ok(topic
                    .groups
                    .iter()
                    .map(|name| {
                        let id = group_id(name);
                        (name.clone(), ObservedConsumerGroup { id, members: 0 })
                    })
                    .collect())
            },
        )
    }
}

impl BrokerWrite for Simulated {
    async fn create_stream(&self, stream: &ResourceName) -> Result<(), BrokerError> {
        self.write(
            Operation::CreateStream,
            stream_address(stream),
            Write::CreateStream(stream.clone()),
        )
        .await
    }

    async fn rename_stream(
        &self,
        from: &ResourceName,
        to: &ResourceName,
    ) -> Result<(), BrokerError> {
        self.write(
            Operation::RenameStream,
            stream_address(from),
            Write::RenameStream(from.clone(), to.clone()),
        )
        .await
    }

    async fn create_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        partitions: u32,
        settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        self.write(
            Operation::CreateTopic,
            topic_address(stream, topic),
            Write::CreateTopic(stream.clone(), topic.clone(), partitions, *settings),
        )
        .await
    }

    async fn update_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        rename_to: Option<&ResourceName>,
        settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        let to = rename_to.unwrap_or(topic);
        self.write(
            Operation::UpdateTopic,
            topic_address(stream, topic),
            Write::UpdateTopic(stream.clone(), topic.clone(), to.clone(), *settings),
        )
        .await
    }

    async fn create_partitions(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        count: u32,
    ) -> Result<(), BrokerError> {
        self.write(
            Operation::CreatePartitions,
            topic_address(stream, topic),
            Write::Partitions(stream.clone(), topic.clone(), i64::from(count)),
        )
        .await
    }

    async fn delete_partitions(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        count: u32,
    ) -> Result<(), BrokerError> {
        self.write(
            Operation::DeletePartitions,
            topic_address(stream, topic),
            Write::Partitions(stream.clone(), topic.clone(), -i64::from(count)),
        )
        .await
    }

    async fn create_consumer_group(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        group: &ResourceName,
    ) -> Result<u32, BrokerError> {
        self.write(
            Operation::CreateConsumerGroup,
            Address::ConsumerGroup(stream.clone(), topic.clone(), group.clone()),
            Write::CreateGroup(stream.clone(), topic.clone(), group.clone()),
        )
        .await
        .map(|()| group_id(group))
    }

    async fn delete_stream(&self, stream: &ResourceName) -> Result<(), BrokerError> {
        self.write(
            Operation::DeleteStream,
            stream_address(stream),
            Write::DeleteStream(stream.clone()),
        )
        .await
    }

    async fn delete_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
    ) -> Result<(), BrokerError> {
        self.write(
            Operation::DeleteTopic,
            topic_address(stream, topic),
            Write::DeleteTopic(stream.clone(), topic.clone()),
        )
        .await
    }

    async fn delete_consumer_group(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        id: u32,
    ) -> Result<(), BrokerError> {
        self.write(
            Operation::DeleteConsumerGroup,
            topic_address(stream, topic),
            Write::DeleteGroup(stream.clone(), topic.clone(), id),
        )
        .await
    }
}
