//! Sending messages again: a range of a topic to another one or to itself, or dead
//! letters back to where they came from.
//!
//! ```text
//!  From, Until ──Replay::spans──▶ Progress ──▶ step ──▶ Progress ──▶ step ──▶ … is_done
//!                (once: the end is fixed)        └─ poll, filter, copy, send, confirmed
//! ```
//!
//! Who keeps the [`Progress`] after each step can go on after a crash; what was on its
//! way then, one batch at most, comes twice, with the same ids.

mod copy;
mod run;
mod spans;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use iggy::prelude::Consumer as SdkConsumer;

use copy::Copying;
pub use copy::{OFFSET, PARTITION, STREAM, TOPIC};
pub use spans::{From, Progress, Span, Until};

use crate::connection::Connection;
use crate::encryption::Encryption;
use crate::error::MessagingError;
use crate::headers::Headers;
use crate::names::named;
use crate::topic_reader::TopicReader;

/// Which partition of the target a message goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spread {
    /// The one of the same number, so that order by key stays.
    #[default]
    Keep,
    /// Each batch to the next one in turn.
    Balanced,
}

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To one topic, with headers that say where they come from.
    Topic {
        /// Its stream.
        stream: String,
        /// Its name.
        topic: String,
        /// Which partition.
        spread: Spread,
    },
    /// Of [dead letters](crate::DeadLetters): where each of them comes from.
    WhereTheyDied,
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The partition of the source.
    pub partition: u32,
    /// The bytes of the payloads that were sent, message by message.
    pub sent: Vec<usize>,
    /// How long it took until they were confirmed, reading apart.
    pub latency: Duration,
}

/// Sends what is in one topic again.
///
/// ```
/// use iggyctl_messaging::codec::Json;
/// use iggyctl_messaging::replay::{Destination, From, Progress, Replay, Spread, Until};
/// use iggyctl_messaging::{Connection, Manifest, Producer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), iggyctl_messaging::MessagingError> {
/// let connection = Connection::open("embedded")?;
/// let producer = Producer::<u32>::builder(&connection, "orders", "events")
///     .ensure(Manifest::topic("orders", "events", 1)?)
///     .build(Json)?;
/// producer.send(7).await?;
///
/// // To itself: what it sends comes after the end.
/// let to = Destination::Topic {
///     stream: "orders".to_owned(),
///     topic: "events".to_owned(),
///     spread: Spread::Keep,
/// };
/// let mut replay = Replay::new(&connection, "orders", "events", to)?;
/// let spans = replay.spans(From::Oldest, Until::Now, None).await?;
/// let mut progress = Progress::over(spans);
/// while replay.step(&mut progress, 1000).await?.is_some() {}
/// assert_eq!(progress.sent, 1);
/// # connection.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Replay {
    connection: Connection,
    stream: String,
    topic: String,
    to: Destination,
    filter: Headers,
    copying: Copying,
    skips_unreadable: bool,
    /// Where dead letters may go beside their own stream.
    into: BTreeSet<(String, String)>,
    sends: bool,
    /// How many partitions topics have that messages go to.
    counts: BTreeMap<(String, String), u32>,
}

impl Replay {
    /// Of this topic. Nothing is asked yet.
    ///
    /// # Errors
    /// Names that the server does not take.
    pub fn new(
        connection: &Connection,
        stream: &str,
        topic: &str,
        to: Destination,
    ) -> Result<Self, MessagingError> {
        let replay = Self {
            connection: connection.clone(),
            stream: stream.to_owned(),
            topic: topic.to_owned(),
            to,
            filter: Headers::new(),
            copying: Copying {
                encryption: None,
                has_short_ids: connection.may_be_http(),
            },
            skips_unreadable: false,
            into: BTreeSet::new(),
            sends: true,
            counts: BTreeMap::new(),
        };
        replay.source()?;
        Ok(replay)
    }

    /// Only messages that have all of these headers, of the same kind and value.
    #[must_use]
    pub fn filter(mut self, headers: Headers) -> Self {
        self.filter = headers;
        self
    }

    /// Leaves out messages whose headers cannot be read, where they are needed: for a
    /// filter, or to know where a dead letter belongs. By default they are an error,
    /// since what is passed over is not looked at again.
    #[must_use]
    pub fn skip_unreadable(mut self) -> Self {
        self.skips_unreadable = true;
        self
    }

    /// Lets dead letters go to this topic, too. By default they go only to topics of the
    /// stream that they are in: whoever may write there says in headers where they
    /// belong, and is not to write elsewhere with somebody else's rights.
    #[must_use]
    pub fn into_topic(mut self, stream: &str, topic: &str) -> Self {
        self.into.insert((stream.to_owned(), topic.to_owned()));
        self
    }

    /// How headers are encrypted; without it those of encrypted messages cannot be
    /// read, and where they are not needed they stay as they are.
    #[must_use]
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.copying.encryption = Some(encryption);
        self
    }

    /// Sends nothing, and counts what would be sent.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.sends = false;
        self
    }

    fn source(&self) -> Result<TopicReader, MessagingError> {
        let nobody = SdkConsumer::new(named("iggyctl-replay", "the consumer")?);
        TopicReader::new(&self.connection, &self.stream, &self.topic, nobody)
    }

    /// What there is to do, as of now, in all partitions or in one.
    ///
    /// # Errors
    /// When it cannot be read; [`MessagingError::NoTopic`], also for a partition that is
    /// not there.
    pub async fn spans(
        &self,
        from: From,
        until: Until,
        only: Option<u32>,
    ) -> Result<BTreeMap<u32, Span>, MessagingError> {
        let source = self.source()?;
        let mut spans = BTreeMap::new();
        for partition in source.partitions().await? {
            let id = partition.id;
            if only.is_some_and(|only| only != id) {
                continue;
            }
            let last = source.last(id).await?;
            let end = last.map_or(0, |last| last.saturating_add(1));
            let next = match from {
                From::Oldest => source.first(id).await?,
                From::Offset(offset) => source.first(id).await?.map(|it| it.max(offset)),
                From::Time(micros) => source.first_since(id, micros).await?,
            };
            let until = match until {
                Until::Now => end,
                Until::Offset(offset) => end.min(offset.saturating_add(1)),
                Until::Time(micros) => {
                    let first_after = source.first_since(id, micros).await?;
                    end.min(first_after.unwrap_or(end))
                }
            };
            let next = next.unwrap_or(until).min(until);
            spans.insert(id, Span { next, end: until });
        }
        if only.is_some() && spans.is_empty() {
            return Err(source.no_topic());
        }
        Ok(spans)
    }

    /// Whether the target can take what there is to do: with [`Spread::Keep`] it needs
    /// the partitions. Gives the number that it has, and the highest that is needed.
    ///
    /// # Errors
    /// When it cannot be read; [`MessagingError::NoTopic`].
    pub async fn lacks_partitions(
        &mut self,
        progress: &Progress,
    ) -> Result<Option<(u32, u32)>, MessagingError> {
        let Destination::Topic {
            stream,
            topic,
            spread,
        } = self.to.clone()
        else {
            return Ok(None);
        };
        let count = self.count(&stream, &topic).await?;
        let open = progress.partitions.iter().filter(|(_, it)| it.left() > 0);
        let highest = open.map(|(id, _)| *id).max();
        Ok(match (spread, highest) {
            (Spread::Keep, Some(highest)) if highest >= count => Some((count, highest)),
            _ => None,
        })
    }

    async fn count(&mut self, stream: &str, topic: &str) -> Result<u32, MessagingError> {
        let key = (stream.to_owned(), topic.to_owned());
        if let Some(count) = self.counts.get(&key) {
            return Ok(*count);
        }
        let count = self.connection.partitions(stream, topic).await?;
        if count == 0 {
            return Err(MessagingError::NoPartitions {
                stream: stream.to_owned(),
                topic: topic.to_owned(),
            });
        }
        self.counts.insert(key, count);
        Ok(count)
    }
}
