use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iggy::prelude::Consumer as SdkConsumer;
use tokio::runtime::Handle;

use super::Consumer;
use super::assignment::{Assignment, Source};
use super::batch_limit::BatchLimit;
use super::board::Board;
use super::incoming::Opening;
use super::policy::{Commit, DeadLetters, RedeliveryPolicy};
use super::requests::Requests;
use super::shared::Shared;
use super::start::Start;
use super::worker::{Graveyard, Worker};
use crate::codec::Codec;
use crate::connection::{Connection, Participant};
use crate::encryption::Encryption;
use crate::ensure::Manifest;
use crate::error::MessagingError;
use crate::names::named;
use crate::observe::consume::Observer;

/// How to make a [`Consumer`].
pub struct ConsumerBuilder<T> {
    connection: Connection,
    stream: String,
    topic: String,
    name: String,
    source: Source,
    start: Start,
    batch_length: u32,
    batch_bytes: usize,
    poll_interval: Duration,
    commit: Commit,
    commit_interval: Duration,
    redelivery: RedeliveryPolicy,
    dead_letters: DeadLetters,
    encryption: Option<Encryption>,
    drain_timeout: Duration,
    ensure: Option<Manifest>,
    ends: bool,
    reports_unreadable: bool,
    value: PhantomData<fn() -> T>,
}

/// Two batches of a thousand: one to work on, and one on its way.
const BATCH_LENGTH: u32 = 2000;

/// Enough for these at a usual size; with what the SDK needs to take a
/// reply apart, some 30 MiB.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

impl<T: Send + 'static> ConsumerBuilder<T> {
    pub(super) fn new(
        connection: &Connection,
        name: &str,
        source: Source,
        stream: &str,
        topic: &str,
    ) -> Self {
        Self {
            connection: connection.clone(),
            stream: stream.to_owned(),
            topic: topic.to_owned(),
            name: name.to_owned(),
            source,
            start: Start::default(),
            batch_length: BATCH_LENGTH,
            batch_bytes: BATCH_BYTES,
            poll_interval: Duration::from_millis(100),
            commit: Commit::default(),
            commit_interval: Duration::from_millis(200),
            redelivery: RedeliveryPolicy::default(),
            dead_letters: DeadLetters::default(),
            encryption: None,
            drain_timeout: Duration::from_secs(5),
            ensure: None,
            ends: false,
            reports_unreadable: false,
            value: PhantomData,
        }
    }

    /// Reads only this partition, which needs no right to read the topic; default: all
    /// there are. Not for groups, where the server says which.
    #[must_use]
    pub fn partition(mut self, partition: u32) -> Self {
        if !matches!(self.source, Source::Group { .. }) {
            self.source = Source::Partition(partition);
        }
        self
    }

    /// Does not make the group when it is not there: waits for it.
    #[must_use]
    pub fn do_not_create_group(mut self) -> Self {
        if let Source::Group { name: _, creates } = &mut self.source {
            *creates = false;
        }
        self
    }

    /// Where to begin; default [`Start::Next`].
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// How many messages are here at most that are not done with: fetched, in the
    /// caller's hands, or waiting to come again. Default 2000. A poll asks for
    /// half of them, which come while the other half is worked on.
    #[must_use]
    pub fn batch_length(mut self, messages: u32) -> Self {
        self.batch_length = messages;
        self
    }

    /// How many bytes of payloads and headers are here at most that are not done with;
    /// default 8 MiB. The server counts messages and not bytes, so this is kept by
    /// asking for fewer of them when they are large: from 16 on, twice as many with
    /// each poll, as many as fit by the size of those that came. A single message may
    /// be larger.
    #[must_use]
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// How long to wait before asking again when there was nothing; default 100 ms.
    /// While there are messages, it asks as soon as there is room.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// When messages count as handled; default [`Commit::Manual`].
    #[must_use]
    pub fn commit(mut self, commit: Commit) -> Self {
        self.commit = commit;
        self
    }

    /// How long a handled message may wait until its offset is stored, while others of
    /// its partition are in hand; default 200 ms. When all that were fetched are
    /// handled, it is stored at once.
    #[must_use]
    pub fn commit_interval(mut self, interval: Duration) -> Self {
        self.commit_interval = interval;
        self
    }

    /// How often a message that was not acknowledged comes again.
    #[must_use]
    pub fn redelivery(mut self, policy: RedeliveryPolicy) -> Self {
        self.redelivery = policy;
        self
    }

    /// What becomes of messages that were given up, and of those that cannot be
    /// decrypted, decompressed or decoded; default [`DeadLetters::Skip`].
    #[must_use]
    pub fn dead_letters(mut self, dead_letters: DeadLetters) -> Self {
        self.dead_letters = dead_letters;
        self
    }

    /// How payloads and headers were encrypted; default not at all. Needed also with a
    /// client that was brought along: its own encryptor is not asked.
    #[must_use]
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// How long a shutdown waits for messages that are in hand; default 5 s.
    #[must_use]
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Makes what a manifest declares and the server lacks of streams, topics and
    /// partitions, such as a topic for dead letters, before the first poll. Without it,
    /// a topic that does not exist is waited for.
    #[must_use]
    pub fn ensure(mut self, manifest: Manifest) -> Self {
        self.ensure = Some(manifest);
        self
    }

    /// Ends when everything has been handed over and answered that was there when each
    /// partition was asked first: [`Consumer::next`] gives none then. A member of a group
    /// reads what is its own; one that is given no partition ends after 3 s. A topic that
    /// does not exist is an error of `next` then.
    #[must_use]
    pub fn until_end(mut self) -> Self {
        self.ends = true;
        self
    }

    /// A message that cannot be decrypted, decompressed or decoded is an error of
    /// [`Consumer::next`], [`MessagingError::Unreadable`], and counts as not acknowledged;
    /// default: it becomes a dead letter at once. For those who stop then, to come back
    /// with the right key.
    #[must_use]
    pub fn report_unreadable(mut self) -> Self {
        self.reports_unreadable = true;
        self
    }

    /// Makes it, with how payloads become values, and begins to fetch messages in a
    /// task of the tokio runtime around.
    ///
    /// # Errors
    /// Names that the server does not take, a batch of nothing, and no tokio runtime
    /// around.
    pub fn build(self, codec: impl Codec<T>) -> Result<Consumer<T>, MessagingError> {
        let Self {
            connection,
            stream,
            topic,
            name,
            source,
            start,
            batch_length,
            batch_bytes,
            poll_interval,
            commit,
            commit_interval,
            redelivery,
            dead_letters,
            encryption,
            drain_timeout,
            ensure,
            ends,
            reports_unreadable,
            value: _,
        } = self;
        if batch_length == 0 {
            return Err(MessagingError::Setting {
                setting: "batch_length",
                expected: "needs at least one message",
            });
        }
        let id = named(&name, "the consumer")?;
        let is_group = matches!(source, Source::Group { .. });
        // A session is one member of a group, however many consumers share it.
        let own = connection.separate().filter(|_| is_group);
        let owns_connection = own.is_some();
        let requests = Requests {
            connection: own.unwrap_or_else(|| connection.clone()),
            stream: named(&stream, "the stream")?,
            topic: named(&topic, "the topic")?,
            consumer: match is_group {
                true => SdkConsumer::group(id),
                false => SdkConsumer::new(id),
            },
        };
        let graveyard = match dead_letters {
            DeadLetters::Skip => None,
            DeadLetters::Topic { stream, topic } => Some(Graveyard {
                stream_id: named(&stream, "the stream of dead letters")?,
                topic_id: named(&topic, "the topic of dead letters")?,
                stream,
                topic,
            }),
        };
        let runtime = Handle::try_current().map_err(|_| MessagingError::NoRuntime)?;
        let limit = BatchLimit::new(batch_length, batch_bytes);
        let shared = Arc::new(Shared::new(
            Board::new(commit, redelivery, limit),
            Observer::new(&stream, &topic, &name),
            runtime.clone(),
        ));
        let worker = Worker {
            shared: Arc::clone(&shared),
            requests,
            assignment: Assignment::new(source, start),
            commit,
            poll_interval,
            commit_interval,
            drain_timeout,
            graveyard,
            encryption: encryption.clone(),
            ensure,
            ends,
            idle_since: None,
            owns_connection,
            poll_at: Instant::now(),
            // The first round begins with the first partition.
            turn: usize::MAX,
            session: None,
        };
        runtime.spawn(worker.run());
        let participant: Arc<dyn Participant> = shared.clone();
        connection.join(Arc::downgrade(&participant));
        // Also when the shutdown began before that.
        let watched = Arc::clone(&shared);
        runtime.spawn(async move {
            tokio::select! {
                () = connection.closing() => watched.close(),
                () = watched.end() => {}
            }
        });
        Ok(Consumer {
            shared,
            reports_unreadable,
            opening: Opening {
                codec: Box::new(codec),
                encryption,
            },
        })
    }
}

impl<T> fmt::Debug for ConsumerBuilder<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConsumerBuilder")
            .field("stream", &self.stream)
            .field("topic", &self.topic)
            .field("name", &self.name)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
