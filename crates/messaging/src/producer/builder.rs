use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Producer;
use super::partitioning::Partitioning;
use super::partitions::Partitions;
use super::prepare::Preparation;
use super::queue::Intake;
use super::retry::RetryPolicy;
use super::sender::Sender;
use super::worker::Worker;
use crate::codec::Codec;
use crate::compression::Compression;
use crate::connection::Connection;
use crate::encryption::Encryption;
use crate::ensure::Manifest;
use crate::error::MessagingError;
use crate::names::named;
use crate::observe::emit::Emitter;

/// How to make a [`Producer`].
#[derive(Debug)]
pub struct ProducerBuilder<T> {
    connection: Connection,
    stream: String,
    topic: String,
    partitioning: Partitioning<T>,
    batch_messages: usize,
    batch_bytes: usize,
    linger: Duration,
    buffer_bytes: u32,
    retry: RetryPolicy,
    compression: Compression,
    encryption: Option<Encryption>,
    ensure: Option<Manifest>,
}

/// As the SDK's background producer (`iggy` 0.11.0, `clients/producer_config.rs`).
const BATCH_MESSAGES: usize = 1000;
const BATCH_BYTES: usize = 1024 * 1024;
const BUFFER_BYTES: u32 = 32 * 1024 * 1024;

/// The server reads frames of at most 64 MiB; a batch stays far below, since one
/// message more may be as big as that.
const MOST_BATCH_BYTES: usize = 32 * 1024 * 1024;

impl<T: Send + Sync + 'static> ProducerBuilder<T> {
    pub(super) fn new(connection: &Connection, stream: &str, topic: &str) -> Self {
        Self {
            connection: connection.clone(),
            stream: stream.to_owned(),
            topic: topic.to_owned(),
            partitioning: Partitioning::Balanced,
            batch_messages: BATCH_MESSAGES,
            batch_bytes: BATCH_BYTES,
            linger: Duration::ZERO,
            buffer_bytes: BUFFER_BYTES,
            retry: RetryPolicy::default(),
            compression: Compression::None,
            encryption: None,
            ensure: None,
        }
    }

    /// Which partition messages go to; default [`Partitioning::Balanced`].
    #[must_use]
    pub fn partitioning(mut self, partitioning: Partitioning<T>) -> Self {
        self.partitioning = partitioning;
        self
    }

    /// How many messages go together at most; default 1000. Over all partitions:
    /// what belongs to several goes in one request for each.
    #[must_use]
    pub fn batch_messages(mut self, messages: usize) -> Self {
        self.batch_messages = messages;
        self
    }

    /// How many bytes go together at most, a single message apart; default 1 MiB, at
    /// most 32 MiB.
    #[must_use]
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// How long a message waits for others to go with; default not at all: what came
    /// while the batch before was on its way goes together. An hour at most.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger.min(Duration::from_secs(3600));
        self
    }

    /// How many bytes may wait or be on their way; default 32 MiB. Whoever sends more
    /// waits.
    #[must_use]
    pub fn buffer_bytes(mut self, bytes: u32) -> Self {
        self.buffer_bytes = bytes;
        self
    }

    /// How often to try again.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// How payloads are compressed; default not at all.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// How payloads and headers are encrypted; default not at all. Takes the place of
    /// the encryptor of a client that was brought along.
    #[must_use]
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// Makes what a manifest declares and the server lacks of streams, topics and
    /// partitions, before the first message. What exists is not changed.
    #[must_use]
    pub fn ensure(mut self, manifest: Manifest) -> Self {
        self.ensure = Some(manifest);
        self
    }

    /// Makes it, with how values become payloads. Nothing is connected until the
    /// first message.
    ///
    /// # Errors
    /// Names that the server does not take, a batch of nothing, and no tokio runtime
    /// around.
    pub fn build(self, codec: impl Codec<T>) -> Result<Producer<T>, MessagingError> {
        let Self {
            connection,
            stream,
            topic,
            partitioning,
            batch_messages,
            batch_bytes,
            linger,
            buffer_bytes,
            retry,
            compression,
            encryption,
            ensure,
        } = self;
        let setting = |setting, expected| MessagingError::Setting { setting, expected };
        if batch_messages == 0 {
            return Err(setting("batch_messages", "needs at least one message"));
        }
        if !(1..=MOST_BATCH_BYTES).contains(&batch_bytes) {
            return Err(setting("batch_bytes", "needs 1 byte to 32 MiB"));
        }
        let stream_id = named(&stream, "the stream")?;
        let topic_id = named(&topic, "the topic")?;
        let runtime = Handle::try_current().map_err(|_| MessagingError::NoRuntime)?;
        let encrypts = encryption.is_some();
        let may_be_http = connection.may_be_http();
        let preparation = Preparation::new(
            Box::new(codec),
            partitioning,
            compression,
            encryption,
            may_be_http,
        )?;
        let (intake, orders) = Intake::new(buffer_bytes);
        let worker = Worker {
            emitter: Emitter::new(&stream, &topic),
            sender: Sender {
                connection: connection.clone(),
                stream,
                topic,
                stream_id,
                topic_id,
                encrypts,
                sdk: None,
            },
            batch_messages,
            batch_bytes,
            linger,
            retry,
            ensure,
            partitions: Partitions::default(),
        };
        runtime.spawn(worker.run(orders));
        let producer = Producer {
            preparation: Arc::new(preparation),
            intake: Arc::new(intake),
        };
        let participant: Arc<dyn crate::connection::Participant> = producer.intake.clone();
        connection.join(Arc::downgrade(&participant));
        Ok(producer)
    }
}
