//! Stored offsets: how far readers are, and how to move them.
//!
//! A stored offset is that of the last message that is handled: 4 means that 0 to 4 are
//! done, and that the reader goes on with 5.
//!
//! ```text
//!  observe ──▶ ObservedOffsets ──┐
//!                                ├─ OffsetPlan::new ──▶ OffsetPlan ──▶ carry_out
//!                     Target ────┘      (pure)                          (looks again)
//! ```
//!
//! The offsets of a group the server takes only from a member, of a partition that is
//! its own. So they are moved while nobody else is in the group: by a member that joins,
//! sees that it is alone, stores, and leaves.

mod carry_out;
mod facts;
mod plan;

use std::collections::BTreeMap;

use iggy::prelude::{
    Consumer as SdkConsumer, ConsumerGroupClient as _, Identifier, StreamClient as _,
};

pub use carry_out::{Ended, Outcome};
pub use facts::{Lag, Member, ObservedOffsets, PartitionOffsets, Reader};
pub use plan::{Effect, OffsetChange, OffsetPlan, PlanError, Target};

use crate::connection::Connection;
use crate::consumer::requests::Failure;
use crate::error::MessagingError;
use crate::names::named;
use crate::topic_reader::TopicReader;

/// Looks at the offsets of one topic, and moves them.
///
/// ```
/// use iggyctl_messaging::offsets::{OffsetPlan, Reader, Target, TopicOffsets};
/// use iggyctl_messaging::{Connection, Manifest};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::open("embedded")?;
/// connection.ensure(&Manifest::topic("orders", "events", 3)?).await?;
/// let offsets = TopicOffsets::new(&connection, "orders", "events")?;
/// let seen = offsets.observe(&Reader::Consumer("audit".to_owned())).await?;
/// let plan = OffsetPlan::new(&seen, &Target::Earliest, None)?;
/// assert!(plan.changes().is_empty());
/// let outcome = offsets.carry_out(&plan).await?;
/// assert!(outcome.is_complete());
/// # connection.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TopicOffsets {
    connection: Connection,
    stream: String,
    topic: String,
}

impl TopicOffsets {
    /// Those of this topic. Nothing is asked yet.
    ///
    /// # Errors
    /// Names that the server does not take.
    pub fn new(connection: &Connection, stream: &str, topic: &str) -> Result<Self, MessagingError> {
        let offsets = Self {
            connection: connection.clone(),
            stream: stream.to_owned(),
            topic: topic.to_owned(),
        };
        offsets.looking()?;
        Ok(offsets)
    }

    /// In the name of nobody: polls only.
    fn looking(&self) -> Result<TopicReader, MessagingError> {
        let nobody = SdkConsumer::new(named("iggyctl", "the consumer")?);
        TopicReader::new(&self.connection, &self.stream, &self.topic, nobody)
    }

    fn reading(
        &self,
        connection: &Connection,
        reader: &Reader,
    ) -> Result<TopicReader, MessagingError> {
        let consumer = match reader {
            Reader::Consumer(name) => SdkConsumer::new(named(name, "the consumer")?),
            Reader::Group(name) => SdkConsumer::group(named(name, "the group")?),
        };
        TopicReader::new(connection, &self.stream, &self.topic, consumer)
    }

    /// The groups of the topic, by name. The server has no list of consumers that read
    /// by themselves.
    ///
    /// # Errors
    /// When they cannot be read, or the topic is not there.
    pub async fn groups(&self) -> Result<Vec<String>, MessagingError> {
        let topic = self.looking()?;
        let requests = &topic.requests;
        let groups = topic
            .patiently("read the groups", |session| async move {
                let client = session.client();
                let request = client.get_consumer_groups(&requests.stream, &requests.topic);
                requests.ask(&session, "read the groups", request).await
            })
            .await?;
        let mut names: Vec<String> = groups.into_iter().map(|group| group.name).collect();
        names.sort();
        Ok(names)
    }

    /// The offsets of a reader in all partitions. Of a consumer by itself that has none
    /// the server cannot say whether it exists; the oldest messages are counted back
    /// from the newest, which a server may be late to count.
    ///
    /// # Errors
    /// When they cannot be read; [`MessagingError::NoTopic`] and
    /// [`MessagingError::NoGroup`].
    pub async fn observe(&self, reader: &Reader) -> Result<ObservedOffsets, MessagingError> {
        let topic = self.reading(&self.connection, reader)?;
        let listed = topic.partitions().await?;
        let members = match reader {
            Reader::Consumer(_) => Vec::new(),
            Reader::Group(name) => self.members(&topic, name).await?,
        };
        let mut partitions = BTreeMap::new();
        for partition in listed {
            let end = partition.last.map_or(0, |last| last.saturating_add(1));
            let seen = PartitionOffsets {
                stored: topic.stored(partition.id).await?,
                first: (partition.messages > 0).then(|| end.saturating_sub(partition.messages)),
                last: partition.last,
            };
            partitions.insert(partition.id, seen);
        }
        Ok(ObservedOffsets {
            reader: reader.clone(),
            members,
            partitions,
        })
    }

    /// As [`observe`](Self::observe), and the oldest and the newest messages are really
    /// looked for: two more requests for each partition. What a plan is made of.
    ///
    /// # Errors
    /// As [`observe`](Self::observe).
    pub async fn observe_closely(
        &self,
        reader: &Reader,
    ) -> Result<ObservedOffsets, MessagingError> {
        let mut seen = self.observe(reader).await?;
        let topic = self.looking()?;
        for (&partition, offsets) in &mut seen.partitions {
            offsets.first = topic.first(partition).await?;
            if let Some(last) = topic.last(partition).await? {
                offsets.last = Some(last);
            }
        }
        Ok(seen)
    }

    /// The first message of each partition that the server got at this time
    /// (microseconds since the Unix epoch) or later.
    ///
    /// # Errors
    /// When they cannot be read, or the topic is not there.
    pub async fn since(&self, micros: u64) -> Result<Target, MessagingError> {
        let topic = self.looking()?;
        let mut found = BTreeMap::new();
        for partition in topic.partitions().await? {
            let offset = topic.first_since(partition.id, micros).await?;
            found.insert(partition.id, offset);
        }
        Ok(Target::Since(found))
    }

    async fn members(
        &self,
        topic: &TopicReader,
        group: &str,
    ) -> Result<Vec<Member>, MessagingError> {
        let requests = &topic.requests;
        let found = topic
            .patiently("read the group", |session| async move {
                let client = session.client();
                let (stream, its_topic) = (&requests.stream, &requests.topic);
                let request = client.get_consumer_group(stream, its_topic, &requests.consumer.id);
                match requests.ask(&session, "read the group", request).await {
                    // The topic was there a moment ago.
                    Err(Failure::NotThere) => Ok(None),
                    other => other,
                }
            })
            .await?;
        let Some(found) = found else {
            return Err(MessagingError::NoGroup {
                stream: self.stream.clone(),
                topic: self.topic.clone(),
                group: group.to_owned(),
            });
        };
        let mut members: Vec<Member> = found
            .members
            .into_iter()
            .map(|member| Member {
                id: member.id,
                partitions: member.partitions,
            })
            .collect();
        members.sort_by_key(|member| member.id);
        Ok(members)
    }
}

/// All topics, or those of one stream: stream and topic, by name.
///
/// # Errors
/// When they cannot be read, which for all streams takes the right to read all;
/// [`MessagingError::NoStream`].
pub async fn topics(
    connection: &Connection,
    stream: Option<&str>,
) -> Result<Vec<(String, String)>, MessagingError> {
    // What is asked of no topic in particular has the patience of one all the same.
    let anywhere = SdkConsumer::new(named("iggyctl", "the consumer")?);
    let asking = TopicReader::new(connection, stream.unwrap_or("-"), "-", anywhere)?;
    let requests = &asking.requests;
    let streams = match stream {
        Some(stream) => vec![stream.to_owned()],
        None => {
            let streams = asking.patiently("read the streams", |session| async move {
                let request = session.client().get_streams();
                requests.ask(&session, "read the streams", request).await
            });
            let streams = streams.await?;
            streams.into_iter().map(|stream| stream.name).collect()
        }
    };
    let mut topics = Vec::new();
    for name in streams {
        let id: &Identifier = &named(&name, "the stream")?;
        let found = asking
            .patiently("read the stream", |session| async move {
                let request = session.client().get_stream(id);
                match requests.ask(&session, "read the stream", request).await {
                    Err(Failure::NotThere) => Ok(None),
                    other => other,
                }
            })
            .await?;
        match found {
            Some(found) => {
                topics.extend(found.topics.into_iter().map(|it| (name.clone(), it.name)));
            }
            // One that was listed, and is gone since, is of no interest.
            None if stream.is_none() => {}
            None => return Err(MessagingError::NoStream { stream: name }),
        }
    }
    topics.sort();
    Ok(topics)
}
