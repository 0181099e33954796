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
mod spans;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use iggy::prelude::locking::IggyRwLockFn as _;
use iggy::prelude::{
    Consumer as SdkConsumer, IggyError, IggyMessage, IggyMessageHeader, MessageClient as _,
    Partitioning as SdkPartitioning,
};

use copy::{Copied, Copying, Origin};
pub use copy::{OFFSET, PARTITION, STREAM, TOPIC};
pub use spans::{From, Progress, Span, Until};

use crate::connection::Connection;
use crate::consumer::start::Position;
use crate::encryption::Encryption;
use crate::error::MessagingError;
use crate::headers::Headers;
use crate::names::named;
use crate::observe::emit::Emitter;
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

    /// The next batch, of this many messages at most, until it is confirmed. None when
    /// nothing is left. When only a part of it can be done, that is it, and the next step
    /// begins with what cannot; after an error nothing has changed, and the same step can
    /// be tried again.
    ///
    /// # Errors
    /// What cannot be read or sent.
    pub async fn step(
        &mut self,
        progress: &mut Progress,
        messages: u32,
    ) -> Result<Option<Step>, MessagingError> {
        let Some(partition) = progress.whose_turn() else {
            return Ok(None);
        };
        let mut step = Step {
            partition,
            sent: Vec::new(),
            latency: Duration::ZERO,
        };
        let Some(span) = progress.partitions.get(&partition).copied() else {
            return Ok(None);
        };
        let count = u32::try_from(span.left()).map_or(messages, |left| left.min(messages));
        let position = Position::Offset(span.next);
        let polled = self
            .source()?
            .poll(partition, position, count.max(1))
            .await?;
        let batch: Vec<IggyMessage> = polled
            .messages
            .into_iter()
            .filter(|it| (span.next..span.end).contains(&it.header.offset))
            .collect();
        progress.last = Some(partition);
        if batch.is_empty() {
            progress.gone(partition);
            return Ok(Some(step));
        }
        match self.work(&batch, progress, &mut step).await {
            // What is done counts; the next step begins with what failed.
            Err(_) if progress.partitions.get(&partition) != Some(&span) => {}
            ended => ended?,
        }
        progress.turn = progress.turn.wrapping_add(1);
        Ok(Some(step))
    }

    /// As much of a batch as can be done.
    async fn work(
        &mut self,
        batch: &[IggyMessage],
        progress: &mut Progress,
        step: &mut Step,
    ) -> Result<(), MessagingError> {
        let mut run = Run::default();
        for message in batch {
            let draft = match self.draft(message, step.partition, progress.turn).await {
                Ok(draft) => draft,
                Err(error) => {
                    self.send(&mut run, progress, step).await?;
                    return Err(error);
                }
            };
            let is_full = run.bytes + message.payload.len() > MOST_BYTES;
            if let Some((place, _)) = draft.parts()
                && (is_full || run.place.as_ref().is_some_and(|its| its != place))
            {
                self.send(&mut run, progress, step).await?;
            }
            run.add(draft, message);
        }
        self.send(&mut run, progress, step).await
    }

    /// What becomes of a message.
    async fn draft(
        &mut self,
        message: &IggyMessage,
        partition: u32,
        turn: u32,
    ) -> Result<Draft, MessagingError> {
        let headers = self.copying.headers(message);
        let matches = |headers: &Headers| self.filter.iter().all(|it| headers.has(it));
        let needs_headers = !self.filter.is_empty() || self.to == Destination::WhereTheyDied;
        if headers.is_none() && needs_headers && !self.skips_unreadable {
            return Err(MessagingError::Unreadable {
                partition,
                offset: message.header.offset,
                reason: "its headers are encrypted with another key, or are none".to_owned(),
            });
        }
        if !self.filter.is_empty() && !headers.as_ref().is_some_and(matches) {
            return Ok(Draft::Filtered);
        }
        let (from_stream, from_topic) = (self.stream.clone(), self.topic.clone());
        let origin = Origin {
            stream: &from_stream,
            topic: &from_topic,
            partition,
        };
        match self.to.clone() {
            Destination::Topic {
                stream,
                topic,
                spread,
            } => {
                let partition = match spread {
                    Spread::Keep => partition,
                    Spread::Balanced => turn % self.count(&stream, &topic).await?,
                };
                let Copied { message, is_marked } = self.copying.copy(message, headers, origin);
                let place = Place {
                    stream,
                    topic,
                    partition,
                };
                Ok(Draft::Send(place, message, is_marked))
            }
            Destination::WhereTheyDied => {
                let Some((letter, message)) = self.copying.resurrect(message, origin) else {
                    return Ok(Draft::Unaddressed);
                };
                let goes_to = (letter.stream.clone(), letter.topic.clone());
                if letter.stream != self.stream && !self.into.contains(&goes_to) {
                    return Err(MessagingError::Elsewhere {
                        partition,
                        offset: message.header.offset,
                        stream: letter.stream,
                        topic: letter.topic,
                    });
                }
                let count = self.count(&letter.stream, &letter.topic).await?;
                let place = Place {
                    // There may be fewer than there were.
                    partition: letter.partition % count,
                    stream: letter.stream,
                    topic: letter.topic,
                };
                Ok(Draft::Send(place, message, true))
            }
        }
    }

    /// Sends what was collected, until it is confirmed.
    async fn send(
        &self,
        run: &mut Run,
        progress: &mut Progress,
        step: &mut Step,
    ) -> Result<(), MessagingError> {
        let run = std::mem::take(run);
        if let Some(place) = run.place.as_ref().filter(|_| self.sends) {
            let begun = Instant::now();
            self.send_to(place, &run.messages).await?;
            let latency = begun.elapsed();
            step.latency += latency;
            let latencies = std::iter::repeat_n(latency, run.messages.len());
            Emitter::new(&place.stream, &place.topic).sent(place.partition, None, 1, latencies);
        }
        step.sent
            .extend(run.messages.iter().map(|it| it.payload.len()));
        progress.read += run.read;
        progress.sent += run.messages.len() as u64;
        progress.filtered += run.filtered;
        progress.unmarked += run.unmarked;
        progress.unaddressed += run.unaddressed;
        if let Some(upto) = run.upto {
            progress.passed(step.partition, upto);
        }
        Ok(())
    }

    async fn send_to(&self, place: &Place, messages: &[IggyMessage]) -> Result<(), MessagingError> {
        let Place {
            stream,
            topic,
            partition,
        } = place;
        let nobody = SdkConsumer::new(named("iggyctl-replay", "the consumer")?);
        let target = TopicReader::new(&self.connection, stream, topic, nobody)?;
        let requests = &target.requests;
        let to = &SdkPartitioning::partition_id(*partition);
        target
            .patiently("send messages", |session| async move {
                let client = session.client().client();
                let mut messages: Vec<IggyMessage> = messages.iter().map(shared).collect();
                // Past the encryptor of a client that was brought along: what is
                // encrypted is so already.
                let request = async {
                    let sent = client
                        .read()
                        .await
                        .send_messages(&requests.stream, &requests.topic, to, &mut messages)
                        .await;
                    match sent {
                        Ok(_)
                        | Err(
                            IggyError::RequestAlreadyApplied
                            | IggyError::InvalidBytesResponse
                            | IggyError::InvalidJsonResponse,
                        ) => Ok(()),
                        Err(error) => Err(error),
                    }
                };
                requests.ask(&session, "send messages", request).await
            })
            .await
    }
}

/// One request stays far below the 64 MiB of a frame, a single message apart.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The same message; the bytes are shared.
fn shared(message: &IggyMessage) -> IggyMessage {
    IggyMessage {
        header: IggyMessageHeader {
            id: message.header.id,
            origin_timestamp: message.header.origin_timestamp,
            user_headers_length: message.header.user_headers_length,
            payload_length: message.header.payload_length,
            ..IggyMessageHeader::default()
        },
        payload: message.payload.clone(),
        user_headers: message.user_headers.clone(),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    stream: String,
    topic: String,
    partition: u32,
}

enum Draft {
    /// Where to, what, and whether it says where it comes from.
    Send(Place, IggyMessage, bool),
    Filtered,
    Unaddressed,
}

impl Draft {
    fn parts(&self) -> Option<(&Place, &IggyMessage)> {
        match self {
            Self::Send(place, message, _) => Some((place, message)),
            Self::Filtered | Self::Unaddressed => None,
        }
    }
}

/// Messages that follow one another and go to the same place, and what lies between.
#[derive(Default)]
struct Run {
    place: Option<Place>,
    messages: Vec<IggyMessage>,
    bytes: usize,
    read: u64,
    filtered: u64,
    unmarked: u64,
    unaddressed: u64,
    upto: Option<u64>,
}

impl Run {
    fn add(&mut self, draft: Draft, message: &IggyMessage) {
        self.read += 1;
        self.upto = Some(message.header.offset);
        match draft {
            Draft::Send(place, copy, is_marked) => {
                self.place = Some(place);
                self.bytes += copy.payload.len();
                self.unmarked += u64::from(!is_marked);
                self.messages.push(copy);
            }
            Draft::Filtered => self.filtered += 1,
            Draft::Unaddressed => self.unaddressed += 1,
        }
    }
}
