//! One attempt to send, through the SDK's producer.

use std::sync::Arc;

use iggy::prelude::{
    DirectConfig, Identifier, IggyError, IggyMessage, IggyProducer,
    Partitioning as SdkPartitioning, SendMessagesResponse,
};
use tokio::time::timeout;

use crate::connection::{Connection, Loss, Session};
use crate::error::{MessagingError, Reaction, classify, words};
use crate::readdressed::is_sent;

/// What one request is about.
pub(super) const SEND: &str = "send messages";

/// Why one attempt did not succeed.
pub(super) enum Failure {
    /// Another attempt may.
    MayPass(String),
    /// The partition is not there (any more), or its topic; with the code.
    NoPartition(u32),
    /// No attempt will.
    Final(MessagingError),
}

/// Sends to one topic.
pub(super) struct Sender {
    pub(super) connection: Connection,
    pub(super) stream: String,
    pub(super) topic: String,
    pub(super) stream_id: Identifier,
    pub(super) topic_id: Identifier,
    /// Whether the encryptor of a client that was brought along is left out.
    pub(super) encrypts: bool,
    /// The SDK's producer, and the generation of its client.
    pub(super) sdk: Option<(u64, IggyProducer)>,
}

impl Sender {
    /// One attempt, with a connection if there is none.
    pub(super) async fn send(
        &mut self,
        partition: u32,
        messages: Vec<IggyMessage>,
    ) -> Result<Option<u64>, Failure> {
        let session = self.connection.session().await.map_err(Failure::Final)?;
        let limit = self.connection.request_timeout();
        let sdk = self.sdk(&session)?;
        match timeout(limit, request(sdk, partition, messages)).await {
            Ok(Ok(response)) => Ok(response.confirmations.first().map(|it| it.base_offset)),
            Ok(Err(error)) => self.failed(&session, error),
            Err(_) => {
                self.connection.lost(&session, Loss::NoAnswer);
                Err(Failure::MayPass(Loss::NoAnswer.to_string()))
            }
        }
    }

    fn failed(&self, session: &Session, error: IggyError) -> Result<Option<u64>, Failure> {
        let error = match error {
            IggyError::ProducerSendFailed { cause, .. } => *cause,
            other => other,
        };
        let code = error.as_code();
        if is_sent(&error) {
            return Ok(None);
        }
        if NOT_THERE.contains(&code) {
            return Err(Failure::NoPartition(code));
        }
        Err(match classify(&error) {
            Reaction::Accept => return Ok(None),
            Reaction::Retry => Failure::MayPass(words(code)),
            Reaction::Reconnect => {
                let loss = Loss::Error(error);
                let said = loss.to_string();
                self.connection.lost(session, loss);
                Failure::MayPass(said)
            }
            Reaction::DeadLetter | Reaction::Stop => Failure::Final(MessagingError::Refused {
                operation: SEND,
                code,
            }),
        })
    }

    /// The SDK's producer of this session.
    fn sdk(&mut self, session: &Session) -> Result<&IggyProducer, Failure> {
        let generation = session.generation();
        if self.sdk.as_ref().is_none_or(|(its, _)| *its != generation) {
            let impossible = |error: IggyError| {
                Failure::Final(MessagingError::Refused {
                    operation: SEND,
                    code: error.as_code(),
                })
            };
            let builder = session
                .client()
                .producer(&self.stream, &self.topic)
                .map_err(impossible)?
                // The SDK takes a name such as `123` for a numeric id.
                .stream(self.stream_id.clone())
                .topic(self.topic_id.clone())
                .do_not_create_stream_if_not_exists()
                .do_not_create_topic_if_not_exists()
                // Retries are ours: its own know neither backoff nor reconnection, and
                // encrypt again what is encrypted.
                .send_retries(None, None)
                .direct(DirectConfig::builder().batch_length(0).build());
            let builder = match self.encrypts {
                true => builder.without_encryptor(),
                false => builder,
            };
            // Without `init`, which reads the stream only to fail earlier: that needs
            // more rights than sending does.
            self.sdk = Some((generation, builder.build()));
        }
        match &self.sdk {
            Some((_, producer)) => Ok(producer),
            None => Err(Failure::Final(MessagingError::Closed)),
        }
    }
}

/// How a server says that there is no such partition: 20 as measured on 0.9, 3007 by
/// its name in `iggy_common` 0.11.0, `error/iggy_error.rs`.
const NOT_THERE: [u32; 2] = [20, 3007];

async fn request(
    producer: &IggyProducer,
    partition: u32,
    messages: Vec<IggyMessage>,
) -> Result<SendMessagesResponse, IggyError> {
    let partitioning = Arc::new(SdkPartitioning::partition_id(partition));
    producer
        .send_with_partitioning(messages, Some(partitioning))
        .await
}
