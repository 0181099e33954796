//! The SDK's own producers and consumers.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use iggy::consumer_ext::{IggyConsumerMessageExt as _, MessageConsumer};
use iggy::prelude::{
    AutoCommit, AutoCommitWhen, ConsumerKind, DirectConfig, IggyConsumer, IggyConsumerConfig,
    IggyDuration, IggyError, IggyMessage, IggyProducer, IggyProducerConfig, IggyStream,
    IggyStreamConfig, NonZeroIggyDuration, Partitioning, PollingStrategy, ReceivedMessage,
};
use tokio::sync::{mpsc, oneshot};

use super::{CallError, Client, Received, Sent, named};
use crate::smoke::recorder::Recorder;

/// How long a message that is there may take to come.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the SDK waits before it looks again.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The SDK's producer.
pub(crate) struct HighLevelProducer {
    producer: IggyProducer,
    recorder: Recorder,
}

/// The SDK's consumer, in a group.
pub(crate) struct HighLevelConsumer {
    consumer: IggyConsumer,
    recorder: Recorder,
}

impl Client {
    /// The SDK's producer for a topic that is there: to one partition, or to all in turn.
    pub(crate) async fn high_level_producer(
        &self,
        stream: &str,
        topic: &str,
        partition: Option<u32>,
    ) -> Result<HighLevelProducer, CallError> {
        let session = self.connection.session().await?;
        let config = DirectConfig::builder().batch_length(1000).build();
        let producer = session
            .client()
            .producer(stream, topic)?
            .direct(config)
            .partitioning(partition.map_or_else(Partitioning::balanced, Partitioning::partition_id))
            .build();
        producer.init().await?;
        Ok(HighLevelProducer {
            producer,
            recorder: self.recorder.clone(),
        })
    }

    /// The SDK's consumer in a group, which it makes and joins; the server stores offsets
    /// as it polls.
    pub(crate) async fn high_level_consumer(
        &self,
        stream: &str,
        topic: &str,
        group: &str,
        batch: u32,
    ) -> Result<HighLevelConsumer, CallError> {
        let session = self.connection.session().await?;
        let mut consumer = session
            .client()
            .consumer_group(group, stream, topic)?
            .auto_commit(AutoCommit::When(AutoCommitWhen::PollingMessages))
            .create_consumer_group_if_not_exists()
            .auto_join_consumer_group()
            .polling_strategy(PollingStrategy::next())
            .poll_interval(IggyDuration::from(POLL_INTERVAL))
            .batch_length(batch)
            .build();
        consumer.init().await?;
        Ok(HighLevelConsumer {
            consumer,
            recorder: self.recorder.clone(),
        })
    }

    /// Sends messages one by one with the producer of the SDK's stream builder, and
    /// reads them with its consumer, which hands them to a callback until it is told to
    /// stop.
    pub(crate) async fn stream_builder(
        &self,
        stream: &str,
        topic: &str,
        messages: &[Sent],
    ) -> Result<Vec<Received>, CallError> {
        let session = self.connection.session().await?;
        let (stream_id, topic_id) = (named(stream)?, named(topic)?);
        let interval = IggyDuration::from(POLL_INTERVAL);
        let consumer = IggyConsumerConfig::builder()
            .stream_id(stream_id)
            .stream_name(stream)
            .topic_id(topic_id)
            .topic_name(topic)
            .auto_commit(AutoCommit::When(AutoCommitWhen::PollingMessages))
            .batch_length(100)
            .create_stream_if_not_exists(false)
            .create_topic_if_not_exists(false)
            .consumer_name("test_consumer".to_owned())
            .consumer_kind(ConsumerKind::ConsumerGroup)
            .partitions_count(1)
            .polling_interval(interval)
            .polling_strategy(PollingStrategy::next())
            .polling_retry_interval(NonZeroIggyDuration::ONE_SECOND)
            .init_interval(NonZeroIggyDuration::ONE_SECOND)
            .build();
        let producer = IggyProducerConfig::from_stream_topic(stream, topic, 100, interval)?;
        let config = IggyStreamConfig::new(consumer, producer);
        let (producer, mut consumer) = IggyStream::build(session.client(), &config).await?;

        let (forward, mut received) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let reading = tokio::spawn(async move {
            let callback = Forward(forward);
            consumer.consume_messages(&callback, stopped).await
        });
        for message in messages {
            let started = Instant::now();
            producer.send_one(message.to_sdk()?).await?;
            let sizes = std::iter::once(message.payload.len());
            self.recorder.request(started.elapsed(), sizes);
        }
        let mut read = Vec::new();
        for _ in messages {
            let next = tokio::time::timeout(PATIENCE, received.recv()).await;
            let Ok(Some(message)) = next else { break };
            self.recorder.messages(1, message.message.payload.len());
            read.push(to_received(message)?);
        }
        // When it has ended by itself, it says why below.
        let _ = stop.send(());
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(ended)) => ended?,
            Ok(Err(_)) => return Err(CallError::Message("the SDK's consumer panicked".to_owned())),
            Err(_) => {
                let reason = "the SDK's consumer does not stop when it is told to";
                return Err(CallError::Message(reason.to_owned()));
            }
        }
        // What came although it was not sent.
        while let Ok(message) = received.try_recv() {
            read.push(to_received(message)?);
        }
        Ok(read)
    }
}

/// Hands messages on.
struct Forward(mpsc::UnboundedSender<ReceivedMessage>);

impl MessageConsumer for Forward {
    async fn consume(&self, message: ReceivedMessage) -> Result<(), IggyError> {
        self.0.send(message).map_err(|_| IggyError::ClientShutdown)
    }
}

fn to_received(message: ReceivedMessage) -> Result<Received, CallError> {
    Received::new(message.message)
}

impl HighLevelProducer {
    pub(crate) async fn send(&self, messages: &[Sent]) -> Result<(), CallError> {
        let built = messages
            .iter()
            .map(Sent::to_sdk)
            .collect::<Result<Vec<IggyMessage>, _>>()?;
        let started = Instant::now();
        self.producer.send(built).await?;
        let sizes = messages.iter().map(|message| message.payload.len());
        self.recorder.request(started.elapsed(), sizes);
        Ok(())
    }

    pub(crate) async fn shutdown(self) {
        self.producer.shutdown().await;
    }
}

impl HighLevelConsumer {
    /// The next message; an error when none comes.
    pub(crate) async fn next(&mut self) -> Result<Received, CallError> {
        match tokio::time::timeout(PATIENCE, self.consumer.next()).await {
            Ok(Some(message)) => {
                let message = message?;
                let size = message.message.payload.len();
                self.recorder.messages(1, size);
                to_received(message)
            }
            Ok(None) => Err(CallError::Message("the consumer ended".to_owned())),
            Err(_) => {
                let reason = format!("no message within {PATIENCE:?}");
                Err(CallError::Message(reason))
            }
        }
    }

    /// Leaves the group.
    pub(crate) async fn shutdown(mut self) {
        // What it could not tell the server ends with the connection.
        let _ = self.consumer.shutdown().await;
    }
}
