use std::collections::BTreeMap;
use std::future::Future;

use iggyctl_core::name::ResourceName;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::{ObservedConsumerGroup, ObservedStream, ObservedTopic};

use super::BrokerError;
use super::user_port::{UserRead, UserWrite};

/// The consumer groups of one topic by name.
pub type ConsumerGroups = BTreeMap<ResourceName, ObservedConsumerGroup>;

/// A stream as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSummary {
    /// Its name.
    pub name: ResourceName,
    /// Numeric id; the server gives a freed one to the next stream.
    pub id: u32,
    /// Creation time in microseconds since the Unix epoch.
    pub created_at_micros: u64,
    /// Number of topics.
    pub topics: u32,
    /// Bytes stored, eventually consistent.
    pub size_bytes: u64,
    /// Messages stored, eventually consistent.
    pub messages: u64,
}

/// What tells a process of a server from the one before it. The server counts the start in whole
/// seconds (`get_stats` of 0.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerProcess {
    /// Its number, on the host or in the container.
    pub id: u32,
    /// When it began, in microseconds since 1970.
    pub started_at_micros: u64,
}

/// What a server says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStats {
    /// The version it reports.
    pub version: String,
    /// The host it runs on.
    pub hostname: String,
    /// How long it has been running, in microseconds.
    pub uptime_micros: u64,
    /// Which process it is.
    pub process: ServerProcess,
    /// Number of streams.
    pub streams: u32,
    /// Number of topics in all streams.
    pub topics: u32,
    /// Number of partitions in all topics.
    pub partitions: u32,
    /// Number of consumer groups on all topics.
    pub consumer_groups: u32,
    /// Number of messages.
    pub messages: u64,
    /// Bytes of messages.
    pub size_bytes: u64,
    /// Connected clients.
    pub clients: u32,
}

/// The session that a connection has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Numeric id of the client.
    pub client_id: u32,
    /// Numeric id of the user it is logged in as.
    pub user_id: Option<u32>,
    /// The transport as the server names it.
    pub transport: String,
    /// The client's address as the server sees it.
    pub address: String,
}

/// Reading a server, its users included.
pub trait BrokerRead: UserRead {
    /// Asks for a sign of life.
    ///
    /// # Errors
    /// When none comes.
    fn ping(&self) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// The own session.
    ///
    /// # Errors
    /// When it cannot be read.
    fn me(&self) -> impl Future<Output = Result<SessionInfo, BrokerError>> + Send;

    /// The server's own figures; needs the right to read servers.
    ///
    /// # Errors
    /// When they cannot be read.
    fn stats(&self) -> impl Future<Output = Result<ServerStats, BrokerError>> + Send;

    /// All streams, without their topics, by name.
    ///
    /// # Errors
    /// When they cannot be read; a login with rights on single streams only may
    /// not call this.
    fn list_streams(&self) -> impl Future<Output = Result<Vec<StreamSummary>, BrokerError>> + Send;

    /// One stream with the headers of all its topics, settings included; their
    /// consumer groups are not part of it. `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get_stream(
        &self,
        stream: &ResourceName,
    ) -> impl Future<Output = Result<Option<ObservedStream>, BrokerError>> + Send;

    /// One topic, without its consumer groups. `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
    ) -> impl Future<Output = Result<Option<ObservedTopic>, BrokerError>> + Send;

    /// The consumer groups of one topic. No listing across topics exists.
    ///
    /// # Errors
    /// When they cannot be read, or the topic is not there.
    fn consumer_groups(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
    ) -> impl Future<Output = Result<ConsumerGroups, BrokerError>> + Send;
}

/// Changing a server, its users included. Every method is one request on the wire.
///
/// An error of kind [`OutcomeUnknown`](super::BrokerErrorKind::OutcomeUnknown)
/// means that the change may have been made, or may still be; any other error
/// means that it was not.
pub trait BrokerWrite: BrokerRead + UserWrite {
    /// Creates a stream.
    ///
    /// # Errors
    /// When it is not known to be created.
    fn create_stream(
        &self,
        stream: &ResourceName,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Gives a stream another name.
    ///
    /// # Errors
    /// When it is not known to be renamed.
    fn rename_stream(
        &self,
        from: &ResourceName,
        to: &ResourceName,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Creates a topic with 0 to 1000 partitions. Only the settings that are
    /// present are sent; the server derives the others.
    ///
    /// # Errors
    /// When it is not known to be created.
    fn create_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        partitions: u32,
        settings: &TopicSettings,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Changes the name and the updatable settings that are present.
    ///
    /// # Errors
    /// When it is not known to be changed; before sending, when a setting is
    /// present that the server takes only at creation.
    fn update_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        rename_to: Option<&ResourceName>,
        settings: &TopicSettings,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Adds this many partitions at the end (1 to 1000). Relative: never send it
    /// again without reading the count.
    ///
    /// # Errors
    /// When they are not known to be added.
    fn create_partitions(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        count: u32,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Removes this many partitions with the highest ids (1 to 1000), with their
    /// data. Relative: never send it again in one run, since a request whose
    /// reply was lost may still commit.
    ///
    /// # Errors
    /// When they are not known to be removed.
    fn delete_partitions(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        count: u32,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Creates a consumer group. Gives its id, which no other group of this topic had or
    /// will have.
    ///
    /// # Errors
    /// When it is not known to be created.
    fn create_consumer_group(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        group: &ResourceName,
    ) -> impl Future<Output = Result<u32, BrokerError>> + Send;

    /// Deletes a stream with everything in it.
    ///
    /// # Errors
    /// When it is not known to be deleted.
    fn delete_stream(
        &self,
        stream: &ResourceName,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Deletes a topic with everything in it.
    ///
    /// # Errors
    /// When it is not known to be deleted.
    fn delete_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;

    /// Deletes the consumer group with this id, whatever it is called: the server never
    /// gives the id to another one of the topic, so one that was created again stays.
    ///
    /// # Errors
    /// When it is not known to be deleted.
    fn delete_consumer_group(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        id: u32,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;
}
