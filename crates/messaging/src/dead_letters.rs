//! Topics of dead letters, as an operator sees them: what is in them, what was sent
//! back, and emptying them.
//!
//! A message is a dead letter when it has all [headers](crate::consumer::dead_letters)
//! of one. A topic has no mark of its own.
//!
//! What was sent back is remembered on the server, for everybody: as the stored offset
//! of the consumer [`REPLAYER`] on the topic of the dead letters.

use std::collections::BTreeMap;

use bytes::Bytes;
use iggy::prelude::{Consumer as SdkConsumer, IggyMessage, TopicClient as _};

use crate::codec::Raw;
use crate::connection::Connection;
pub use crate::consumer::dead_letters::DeadLetter;
use crate::consumer::incoming::{Opening, headers_of};
use crate::consumer::requests::Failure;
use crate::consumer::start::Position;
use crate::encryption::Encryption;
use crate::error::MessagingError;
use crate::headers::Headers;
use crate::names::named;
use crate::replay::Span;
use crate::topic_reader::TopicReader;

/// The consumer whose stored offsets say what was sent back.
pub const REPLAYER: &str = "iggyctl-dlq-replay";

/// A message of a topic of dead letters.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Letter {
    /// The partition it is in.
    pub partition: u32,
    /// Its offset there.
    pub offset: u64,
    /// Its id.
    pub id: u128,
    /// When the server got it, in microseconds since the Unix epoch.
    pub timestamp: u64,
    /// Its payload, decrypted and decompressed where that is possible.
    pub payload: Bytes,
    /// Whether it was not, so that the payload is as it was sent.
    pub is_sealed: bool,
    /// Its headers; none when they cannot be read.
    pub headers: Option<Headers>,
    /// Where it comes from, and why it is here; none when it does not say so.
    pub dead: Option<DeadLetter>,
}

/// Looks into one topic.
pub struct DeadLetterTopic {
    reader: TopicReader,
    opening: Opening<Bytes>,
}

impl std::fmt::Debug for DeadLetterTopic {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DeadLetterTopic")
            .field("stream", &self.reader.stream)
            .field("topic", &self.reader.topic)
            .finish_non_exhaustive()
    }
}

impl DeadLetterTopic {
    /// This one. Nothing is asked yet. With the encryption of the consumers, if they
    /// have any: without it their dead letters are not known to be some.
    ///
    /// # Errors
    /// Names that the server does not take.
    pub fn new(
        connection: &Connection,
        stream: &str,
        topic: &str,
        encryption: Option<Encryption>,
    ) -> Result<Self, MessagingError> {
        let replayer = SdkConsumer::new(named(REPLAYER, "the consumer")?);
        Ok(Self {
            reader: TopicReader::new(connection, stream, topic, replayer)?,
            opening: Opening {
                codec: Box::new(Raw),
                encryption,
            },
        })
    }

    /// What is there now, by partition.
    ///
    /// # Errors
    /// When it cannot be read; [`MessagingError::NoTopic`].
    pub async fn spans(&self) -> Result<BTreeMap<u32, Span>, MessagingError> {
        let mut spans = BTreeMap::new();
        for partition in self.reader.partitions().await? {
            let id = partition.id;
            let last = self.reader.last(id).await?;
            let end = last.map_or(0, |last| last.saturating_add(1));
            let next = self.reader.first(id).await?.unwrap_or(end).min(end);
            spans.insert(id, Span { next, end });
        }
        Ok(spans)
    }

    /// The part of these that was not sent back yet. An offset beyond the end is of
    /// before a purge, and says nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn pending(
        &self,
        spans: &BTreeMap<u32, Span>,
    ) -> Result<BTreeMap<u32, Span>, MessagingError> {
        let mut pending = BTreeMap::new();
        for (&partition, &span) in spans {
            let stored = self.reader.stored(partition).await?;
            let next = match stored {
                Some(stored) if stored < span.end => span.next.max(stored + 1),
                Some(_) | None => span.next,
            };
            pending.insert(partition, Span { next, ..span });
        }
        Ok(pending)
    }

    /// Messages from this offset on, this many at most; none when there are no more.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn read(
        &self,
        partition: u32,
        from: u64,
        count: u32,
    ) -> Result<Vec<Letter>, MessagingError> {
        let position = Position::Offset(from);
        let polled = self.reader.poll(partition, position, count).await?;
        let letter = |message: &IggyMessage| self.letter(partition, message);
        Ok(polled.messages.iter().map(letter).collect())
    }

    fn letter(&self, partition: u32, message: &IggyMessage) -> Letter {
        let headers = headers_of(message, self.opening.encryption.as_ref()).ok();
        let dead = headers.as_ref().and_then(DeadLetter::of);
        let opened = self.opening.open(message);
        let is_sealed = opened.is_err();
        Letter {
            partition,
            offset: message.header.offset,
            id: message.header.id,
            timestamp: message.header.timestamp,
            payload: match opened {
                Ok((payload, _)) => payload,
                Err(_) => message.payload.clone(),
            },
            is_sealed,
            headers,
            dead,
        }
    }

    /// Everything up to this offset was sent back.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn remember(&self, partition: u32, offset: u64) -> Result<(), MessagingError> {
        let requests = &self.reader.requests;
        self.reader
            .patiently("store the offset", |session| async move {
                requests.store(&session, partition, offset).await
            })
            .await
    }

    /// Removes all messages, and forgets what was sent back: offsets begin anew. Asked
    /// once: what came since must not go with a repetition.
    ///
    /// # Errors
    /// When it cannot be done; [`MessagingError::GaveUp`] when nobody knows whether it
    /// was.
    pub async fn purge(&self) -> Result<(), MessagingError> {
        let requests = &self.reader.requests;
        let partitions = self.reader.partitions().await?;
        let session = requests.connection.session().await?;
        let purge = session
            .client()
            .purge_topic(&requests.stream, &requests.topic);
        match requests.ask(&session, PURGE, purge).await {
            Ok(()) => {}
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::NotThere) => return Err(self.reader.no_topic()),
            Err(Failure::MayPass(last)) => {
                let spans = self.spans().await?;
                if spans.values().any(|span| span.left() > 0) {
                    return Err(MessagingError::GaveUp {
                        operation: PURGE,
                        attempts: 1,
                        last,
                    });
                }
            }
        }
        for partition in partitions {
            self.reader
                .patiently("delete the stored offset", |session| async move {
                    requests.delete(&session, partition.id).await
                })
                .await?;
        }
        Ok(())
    }
}

const PURGE: &str = "purge the topic";
